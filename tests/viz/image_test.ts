import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { crc32 } from "node:zlib";
import type { DType, TypedArray } from "../../lib/trace/dtype.ts";
import { DamoError, DTypeError, ShapeError } from "../../lib/trace/errors.ts";
import { image, imagePng, type ImageSource } from "../../lib/viz/image.ts";
import { encodePng } from "../../lib/viz/png.ts";

function source(shape: number[], data: TypedArray, dtype: DType = "float32"): ImageSource {
  return { shape, dtype, dataSync: () => data };
}

interface Decoded {
  width: number;
  height: number;
  colorType: number;
  rows: number[][];
}

/** A decoder of its own, with the platform's decompression and checksum. */
async function decodePng(bytes: Uint8Array): Promise<Decoded> {
  assertEquals([...bytes.slice(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const chunks = new Map<string, Uint8Array<ArrayBuffer>>();
  for (let at = 8; at < bytes.length;) {
    const length = view.getUint32(at);
    const body = bytes.slice(at + 4, at + 8 + length);
    assertEquals(view.getUint32(at + 8 + length), crc32(body));
    chunks.set(new TextDecoder().decode(body.slice(0, 4)), body.slice(4));
    at += 12 + length;
  }
  assertEquals([...chunks.keys()], ["IHDR", "IDAT", "IEND"]);
  const header = new DataView(chunks.get("IHDR")!.buffer);
  const width = header.getUint32(0), height = header.getUint32(4), colorType = header.getUint8(9);
  const stream = new Blob([chunks.get("IDAT")!]).stream().pipeThrough(new DecompressionStream("deflate"));
  const pixels = new Uint8Array(await new Response(stream).arrayBuffer());
  const rowBytes = width * { 0: 1, 2: 3, 6: 4 }[colorType]! + 1;
  assertEquals(pixels.length, height * rowBytes);
  const rows = Array.from(
    { length: height },
    (_, row) => [...pixels.slice(row * rowBytes, (row + 1) * rowBytes)],
  );
  rows.forEach((row) => assertEquals(row.shift(), 0));
  return { width, height, colorType, rows };
}

Deno.test("PNG files hold their pixels, grey, coloured and with opacity", async () => {
  for (const channels of [1, 3, 4] as const) {
    const pixels = Uint8Array.from({ length: 2 * 3 * channels }, (_, i) => i * 10);
    const { width, height, colorType, rows } = await decodePng(
      encodePng({ width: 3, height: 2, channels, pixels }),
    );
    assertEquals([width, height, colorType], [3, 2, { 1: 0, 3: 2, 4: 6 }[channels]]);
    assertEquals(rows.flat(), [...pixels]);
  }
});

Deno.test("A PNG file of more than one block of 65535 bytes holds", async () => {
  for (const width of [65534, 65535, 200_001]) {
    const pixels = Uint8Array.from({ length: width }, (_, i) => i * 7);
    assertEquals((await decodePng(encodePng({ width, height: 1, channels: 1, pixels }))).rows[0], [
      ...pixels,
    ]);
  }
});

Deno.test("Bytes are shown from 0 to 255, floats from their least to their greatest value", async () => {
  const bytes = await decodePng(imagePng(source([1, 2], Uint8Array.of(10, 20), "uint8"), { scale: 1 }));
  assertEquals(bytes.rows, [[10, 10, 10, 20, 20, 20]]);
  const floats = await decodePng(imagePng(source([1, 3], Float32Array.of(-1, 0, 1)), { scale: 1 }));
  assertEquals(floats.rows, [[0, 0, 0, 128, 128, 128, 255, 255, 255]]);
  const ranged = await decodePng(
    imagePng(source([1, 2], Float32Array.of(-5, 5)), { scale: 1, range: [0, 10] }),
  );
  assertEquals(ranged.rows, [[0, 0, 0, 128, 128, 128]]);
  const flags = await decodePng(imagePng(source([1, 2], Uint8Array.of(0, 1), "bool"), { scale: 1 }));
  assertEquals(flags.rows, [[0, 0, 0, 255, 255, 255]]);
  const odd = await decodePng(imagePng(source([1, 3], Float32Array.of(NaN, Infinity, 3)), { scale: 1 }));
  assertEquals(odd.rows, [[255, 0, 255, 255, 255, 255, 128, 128, 128]]);
});

Deno.test("Several pictures make a grid with white between", async () => {
  const data = Uint8Array.of(1, 2, 3);
  const { width, height, rows } = await decodePng(
    imagePng(source([3, 1, 1], data, "uint8"), { columns: 2, scale: 2, gap: 1 }),
  );
  assertEquals([width, height], [5, 5]);
  const red = rows.map((row) => row.filter((_, i) => i % 3 === 0));
  assertEquals(red, [
    [1, 1, 255, 2, 2],
    [1, 1, 255, 2, 2],
    [255, 255, 255, 255, 255],
    [3, 3, 255, 255, 255],
    [3, 3, 255, 255, 255],
  ]);
});

Deno.test("Three channels are colours, first or last; other channels are pictures of their own", async () => {
  const first = source([1, 3, 1, 2], Uint8Array.of(1, 2, 3, 4, 5, 6), "uint8");
  assertEquals((await decodePng(imagePng(first, { scale: 1 }))).rows, [[1, 3, 5, 2, 4, 6]]);
  const last = source([1, 2, 3], Uint8Array.of(1, 3, 5, 2, 4, 6), "uint8");
  assertEquals((await decodePng(imagePng(last, { scale: 1 }))).rows, [[1, 3, 5, 2, 4, 6]]);
  const two = source([1, 2, 1, 1], Uint8Array.of(7, 8), "uint8");
  assertEquals((await decodePng(imagePng(two, { scale: 1, gap: 0 }))).rows, [[7, 7, 7, 8, 8, 8]]);
});

Deno.test("Diverging colours put 0 in the middle, and each picture may have its own range", async () => {
  const values = source([1, 3], Float32Array.of(-1, 0, 4));
  const { rows } = await decodePng(imagePng(values, { scale: 1, colors: "diverging" }));
  assertEquals(rows[0].slice(3, 6), [247, 247, 247]);
  assertEquals(rows[0].slice(6), [103, 0, 31]);
  const pair = source([2, 1, 2], Float32Array.of(0, 1, 0, 100));
  const own = await decodePng(imagePng(pair, { scale: 1, gap: 0, columns: 1, each: true }));
  assertEquals(own.rows, [[0, 0, 0, 255, 255, 255], [0, 0, 0, 255, 255, 255]]);
});

Deno.test("An SVG picture has an image and a label for each picture", () => {
  const svg = image(source([2, 2, 2], new Float32Array(8)), { labels: ["<first>"] });
  assertEquals(svg.match(/<image /g)?.length, 2);
  assertStringIncludes(svg, ">&#60;first&#62;</text>");
  assertMatch(svg, /href="data:image\/png;base64,[A-Za-z0-9+/=]+"/);
});

Deno.test("What is no picture is refused with the remedy", () => {
  assertThrows(() => image(source([4], new Float32Array(4))), ShapeError, "shape [4] is no picture");
  assertThrows(() => image(source([0, 2], new Float32Array(0))), ShapeError, "nothing to show");
  assertThrows(
    () => image(source([1, 1], new Float32Array(1)), { zoom: 2 } as never),
    DamoError,
    `unknown option "zoom"`,
  );
  assertThrows(
    () => image(source([1, 1], new Float32Array(1)), { colors: "jet" as never }),
    DTypeError,
    `no colors "jet"`,
  );
  assertThrows(() => image(source([1, 1], new Float32Array(1)), { scale: 0.5 }), ShapeError, "scale is 0.5");
});

Deno.test("What is no tensor is a DTypeError that says what to pass", () => {
  for (const wrong of [[[0, 1]], "picture", null, undefined, {}]) {
    assertThrows(() => image(wrong as never), DTypeError, "viz.image cannot draw");
  }
});
