/** Reductions of long rows, which are read several at a time. */
import { assert, assertEquals } from "@std/assert";
import { type DType, jit, max, min, sum, type Tensor, tensor } from "@damo/damo";
import { byteSize, newTypedArray, viewTypedArray } from "../../../lib/trace/dtype.ts";
import { emitRows, moduleImports, openModule } from "../../../lib/jit/wasm/nest/mod.ts";
import { memory } from "./nest_runner.ts";
import { rowSums } from "./row_sums.ts";

function rows(shape: readonly [number, number], dtype: DType): Tensor {
  const data = Array.from({ length: shape[0] * shape[1] }, (_, i) => {
    const value = Math.sin(1 + 3 * i) * 50;
    return dtype === "int32" ? Math.trunc(value) : value;
  });
  return tensor(data, { shape: [...shape], dtype });
}

const FUNCTIONS: { readonly [name: string]: (x: Tensor) => Tensor } = {
  sum: (x) => sum(x, { axis: 1 }),
  "sum of products": (x) => sum(x.mul(x.flip(0)), { axis: 1 }),
  "two at once, with what follows": (x) =>
    max(x, { axis: 1 }).sub(min(x, { axis: 1 })).mul(2).add(sum(x, { axis: 0 }).at(0)),
  "sum of all": (x) => x.sum(),
};

for (const [name, fn] of Object.entries(FUNCTIONS)) {
  Deno.test(`long rows side by side: ${name}`, () => {
    for (const dtype of ["float32", "float64", "int32"] as const) {
      for (const count of [7, 8, 9, 10, 11, 13]) {
        for (const length of [511, 512, 1023, 2050]) {
          const x = rows([count, length], dtype);
          const found = jit(fn)(x).dataSync(), wanted = jit(fn, { mode: "reference" })(x).dataSync();
          const relative = dtype === "float32" ? 1e-6 : dtype === "float64" ? 1e-13 : 0;
          found.forEach((value, i) => {
            const difference = Math.abs(value as number - (wanted[i] as number));
            const allowed = relative * Math.max(500, Math.abs(wanted[i] as number));
            assert(difference <= allowed, `${dtype} ${count}x${length} at ${i}: ${value}, not ${wanted[i]}`);
          });
        }
      }
    }
  });
}

Deno.test("NaN and infinities stay in their rows", () => {
  const x = rows([10, 600], "float32");
  const data = Float32Array.from(x.dataSync() as Float32Array);
  data[2 * 600 + 77] = NaN;
  data[5 * 600 + 599] = Infinity;
  data[9 * 600] = -Infinity;
  const y = tensor(data, { shape: [10, 600] });
  const found = [...jit((x: Tensor) => max(x, { axis: 1 }))(y).dataSync()] as number[];
  assertEquals(found.map((v) => Number.isNaN(v)), found.map((_, i) => i === 2));
  assertEquals(found[5], Infinity);
  const total = [...jit((x: Tensor) => sum(x, { axis: 1 }))(y).dataSync()] as number[];
  assertEquals([total[2], total[5], total[9]], [NaN, Infinity, -Infinity]);
  assert(total.every((v, i) => [2, 5, 9].includes(i) || Number.isFinite(v)));
});

Deno.test("rows come out the same however their units are split, and none is left out", () => {
  const length = 640;
  for (const count of [8, 11, 18]) {
    const open = openModule(memory);
    const kernel = emitRows(open, rowSums(count, length, "float32"));
    assertEquals(kernel.units, Math.floor(count / 4) + count % 4);
    open.module.exportFunction(kernel.index, "kernel");
    const { exports } = new WebAssembly.Instance(
      new WebAssembly.Module(open.module.build()),
      moduleImports(memory),
    );
    const run = exports.kernel as (...args: number[]) => void;
    const from = memory.allocate(count * length * byteSize("float32")), to = memory.allocate(4 * count);
    const source = viewTypedArray("float32", memory.memory.buffer, from, count * length) as Float32Array;
    source.set(Float32Array.from({ length: count * length }, (_, i) => Math.cos(i)));
    const results = [[kernel.units], [1, 3, kernel.units - 1, kernel.units]].map((ends) => {
      const out = viewTypedArray("float32", memory.memory.buffer, to, count) as Float32Array;
      out.fill(NaN);
      let begin = 0;
      for (const end of ends) {
        run(from, to, begin, end);
        begin = end;
      }
      return (newTypedArray("float32", count) as Float32Array).map((_, i) => out[i]);
    });
    assertEquals(results[1], results[0]);
    for (let row = 0; row < count; row++) {
      const truth = source.subarray(row * length, (row + 1) * length).reduce((a, b) => a + b, 0);
      assert(Math.abs(results[0][row] - truth) < 1e-4, `row ${row} of ${count}`);
    }
    memory.free(from);
    memory.free(to);
  }
});
