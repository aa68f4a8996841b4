import { assertEquals } from "@std/assert";
import type { DType, TypedArray } from "../../lib/trace/dtype.ts";
import type { FileArray } from "../../lib/io/file_array.ts";
import { decodeNpy, encodeNpy } from "../../lib/io/npy.ts";
import { decodeNpz, encodeNpz } from "../../lib/io/npz.ts";
import { decodeSafetensors, encodeSafetensors } from "../../lib/io/safetensors.ts";
import { assertArray, expected, golden } from "./golden.ts";

function array(dtype: DType, shape: number[], data: TypedArray): FileArray {
  return { dtype, shape, data };
}

/** The same arrays as `what_damo_writes` in tests/golden/io.py. */
function damoArrays(): Map<string, FileArray> {
  const index = Array.from({ length: 24 }, (_, i) => i);
  return new Map([
    ["params.0.weight", array("float32", [2, 3, 4], Float32Array.from(index, (i) => (i - 7) / 3))],
    ["params.0.bias", array("float64", [5], Float64Array.from(index.slice(0, 5), (i) => (i - 2) / 7))],
    ["params.1.half", array("float16", [3, 3], Float16Array.from(index.slice(0, 9), (i) => (i - 4) / 8))],
    ["counts.int32", array("int32", [3], Int32Array.of(0, -1000000, -2000000))],
    ["counts.uint32", array("uint32", [3], Uint32Array.of(0, 2000000000, 4000000000))],
    ["counts.int8", array("int8", [7], Int8Array.from(index.slice(0, 7), (i) => i * 9 - 30))],
    ["counts.uint8", array("uint8", [7], Uint8Array.from(index.slice(0, 7), (i) => i * 11))],
    ["mask", array("bool", [2, 3], Uint8Array.of(0, 1, 0, 1, 0, 1))],
    ["scalar", array("float32", [], Float32Array.of(42))],
    ["empty", array("float32", [0, 3], new Float32Array(0))],
  ]);
}

for (const name of Object.keys(expected).filter((name) => name.endsWith(".npy"))) {
  Deno.test(`NumPy's ${name} reads as NumPy reads it`, () => {
    assertArray(decodeNpy(golden(name)), name);
  });
}

for (const file of ["numpy.npz", "numpy_compressed.npz"]) {
  Deno.test(`NumPy's ${file} reads as NumPy reads it`, async () => {
    const { arrays } = await decodeNpz(golden(file));
    const names = Object.keys(expected).filter((name) => name.startsWith("numpy.npz/"));
    assertEquals(arrays.size, names.length + (file === "numpy.npz" ? 0 : 1));
    for (const name of names) assertArray(arrays.get(name.slice("numpy.npz/".length)), name);
    if (file === "numpy_compressed.npz") {
      assertEquals(arrays.get("zeros"), array("float32", [100, 100], new Float32Array(10000)));
    }
  });
}

Deno.test("A safetensors file by the specification reads in every dtype", () => {
  const { arrays, metadata } = decodeSafetensors(golden("spec.safetensors"));
  const names = Object.keys(expected).filter((name) => name.startsWith("spec.safetensors/"));
  assertEquals(arrays.size, names.length);
  for (const name of names) assertArray(arrays.get(name.slice("spec.safetensors/".length)), name);
  assertEquals(metadata, { format: "np", "made by": "the specification" });
});

Deno.test("A safetensors header of any length reads, though its arrays then lie unaligned", () => {
  const bytes = golden("spec_unpadded.safetensors");
  assertEquals((8 + bytes[0]) % 4 !== 0, true, "the file must be unaligned to test anything");
  assertEquals(decodeSafetensors(bytes).arrays.get("a"), array("float32", [2], Float32Array.of(1, 2)));
});

Deno.test("Bytes in the middle of a larger buffer read the same", async () => {
  for (const name of ["spec.safetensors", "numpy.npz", "f8.npy"]) {
    const bytes = golden(name);
    const larger = new Uint8Array(bytes.length + 30).fill(0x50);
    larger.set(bytes, 13);
    const view = larger.subarray(13, 13 + bytes.length);
    if (name.endsWith("npz")) assertEquals(await decodeNpz(view), await decodeNpz(bytes));
    else if (name.endsWith("npy")) assertEquals(decodeNpy(view), decodeNpy(bytes));
    else assertEquals(decodeSafetensors(view), decodeSafetensors(bytes));
  }
});

// io.py has read these files and found every array right.
Deno.test("Damo's files are, byte by byte, those that Python has read", async () => {
  assertEquals(encodeSafetensors(damoArrays(), { "made by": "damo" }), golden("damo.safetensors"));
  assertEquals(await encodeNpz(damoArrays()), golden("damo.npz"));
});

Deno.test("A compressed npz file comes back, and Python has read one", async () => {
  const written = await encodeNpz(damoArrays(), { compress: true });
  assertEquals((await decodeNpz(written)).arrays, damoArrays());
  assertEquals((await decodeNpz(golden("damo_compressed.npz"))).arrays, damoArrays());
  const plain = await encodeNpz(damoArrays());
  assertEquals(written.length < plain.length, true);
});

Deno.test("What is written comes back in every format, names in their order", async () => {
  const arrays = damoArrays();
  const again = decodeSafetensors(encodeSafetensors(arrays)).arrays;
  assertEquals(again, arrays);
  assertEquals([...again.keys()], [...arrays.keys()]);
  const npz = (await decodeNpz(await encodeNpz(arrays))).arrays;
  assertEquals([...npz], [...arrays]);
  for (const one of arrays.values()) assertEquals(decodeNpy(encodeNpy(one)), one);
  assertEquals(decodeSafetensors(encodeSafetensors(new Map())).arrays.size, 0);
  assertEquals((await decodeNpz(await encodeNpz(new Map()))).arrays.size, 0);
});

Deno.test("Names may be any text", async () => {
  const one = array("uint8", [1], Uint8Array.of(7));
  const names = ["__proto__", "constructor", 'a "quoted" \\ name', "größe/重み", "", " ", "10", "9"];
  const arrays = new Map(names.map((name) => [name, one]));
  assertEquals(new Set(decodeSafetensors(encodeSafetensors(arrays)).arrays.keys()), new Set(names));
  assertEquals([...(await decodeNpz(await encodeNpz(arrays))).arrays.keys()], names);
});

Deno.test("Every 16-bit pattern of a half float survives", () => {
  const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const halves = array("float16", [65536], new Float16Array(bits.buffer));
  const again = decodeNpy(encodeNpy(halves)).data;
  assertEquals(new Uint16Array(again.buffer, again.byteOffset, 65536), bits);
});
