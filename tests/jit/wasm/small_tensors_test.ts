/** Small tensors live outside the WebAssembly memory: the border must not show. */
import { assertEquals } from "@std/assert";
import { type DType, jit, shared, type Tensor, tensor } from "@damo/damo";
import { DTYPES, newTypedArray } from "../../../lib/trace/dtype.ts";
import { SMALL_BYTES } from "../../../lib/jit/wasm/storage.ts";

const LENGTHS = [0, 1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 260];

function values(dtype: DType, length: number): number[] {
  const data = newTypedArray(dtype, length);
  for (let i = 0; i < length; i++) {
    data[i] = dtype === "bool" ? i % 2 : i % 100 - (dtype.startsWith("u") ? 0 : 50);
  }
  return [...data];
}

Deno.test("tensors of every dtype and of sizes around the border keep their elements", () => {
  for (const dtype of DTYPES) {
    for (const length of LENGTHS) {
      const same = jit((x: Tensor) => [x.flip(0).flip(0), x]);
      const twice = jit((x: Tensor, y: Tensor) => x.eq(y));
      const expected = values(dtype, length);
      const x = tensor(expected, { dtype });
      const [copied, passed] = same(x);
      for (const y of [x, copied, passed, x.reshape([length])]) {
        assertEquals([...y.dataSync()], expected, `${dtype}[${length}]`);
      }
      assertEquals([...twice(x, copied).dataSync()].every((equal) => equal === 1), true);
    }
  }
});

Deno.test("donation and updates in place on both sides of the border", () => {
  for (const length of LENGTHS) {
    const start = values("float32", length);
    const w = shared(tensor(start, { dtype: "float32" }));
    const step = jit((x: Tensor) => {
      w.value = w.value.add(x);
    });
    const next = jit((x: Tensor) => x.add(1), { donate: [0] });
    const through = jit((x: Tensor) => ({ same: x, next: x.add(1) }), { donate: [0] });
    let d = tensor(start, { dtype: "float32" });
    for (let i = 0; i < 3; i++) {
      step(tensor(1));
      d = next(d);
    }
    const three = start.map((value) => value + 3);
    assertEquals([...w.value.dataSync()], three, `updated ${length}`);
    assertEquals([...d.dataSync()], three, `donated ${length}`);
    const { same, next: four } = through(d);
    assertEquals([...same.dataSync()], three);
    assertEquals([...four.dataSync()], three.map((value) => value + 1));
  }
});

Deno.test("the elements of special values survive bit by bit", () => {
  const bits = Uint32Array.of(0x7fc00001, 0xffc12345, 0x7f800000, 0x80000000, 0xff800000, 1, 0x7f7fffff);
  const x = tensor(new Float32Array(bits.buffer));
  assertEquals([...new Uint32Array(x.dataSync().buffer)], [...bits]);
  const kept = jit((x: Tensor) => x.reshape([7, 1]))(x);
  assertEquals([...new Uint32Array(kept.dataSync().buffer)], [...bits]);
  const wide = Float64Array.from({ length: SMALL_BYTES / 8 }, (_, i) => i % 2 ? -0 : Math.PI * i);
  assertEquals([...tensor(wide).dataSync()], [...wide]);
});

Deno.test("a spilled or disposed neighbour does not disturb small tensors", () => {
  const small = Array.from({ length: 2000 }, (_, i) => tensor([i, i + 1, i + 2]));
  const large = tensor(new Float32Array(1 << 16).fill(3));
  const sums = small.map((x) => x.add(large.at(0)).sum());
  large.dispose();
  sums.forEach((sum, i) => assertEquals(sum.itemSync(), 3 * i + 12));
});
