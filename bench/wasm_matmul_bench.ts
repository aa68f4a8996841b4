/** `deno bench bench/wasm_matmul_bench.ts`: matrix products on one thread; 2 * rows * columns * depth operations each. */

import { ModuleBuilder } from "../lib/jit/wasm/assembler/mod.ts";
import { type ContractDType, type ContractSpec, emitContract } from "../lib/jit/wasm/contract/mod.ts";
import { DeviceMemory } from "../lib/jit/wasm/memory/mod.ts";

const memory = new DeviceMemory();

/** Compiles a product with random operands and gives a function that computes it. */
function prepare(spec: ContractSpec): () => void {
  const module = new ModuleBuilder();
  const { pages, shared } = memory;
  module.importMemory({ module: "env", name: "memory" }, { minimum: pages, maximum: pages, shared });
  const { index, plan } = emitContract(module, spec);
  module.exportFunction(index, "product");
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.build()), {
    env: { memory: memory.memory },
  });
  const product = instance.exports.product as (...numbers: number[]) => void;
  const bytes = spec.dtype === "float64" ? 8 : 4;
  const view = spec.dtype === "float64" ? memory.f64 : memory.f32;
  const place = (count: number): number => {
    const address = memory.allocate(count * bytes);
    for (let i = 0; i < count; i++) view[address / bytes + i] = Math.random() - 0.5;
    return address;
  };
  const { rows, columns, depth } = spec;
  const [a, b, c] = [place(rows * depth), place(depth * columns), place(rows * columns)];
  const scratch = memory.allocate(plan.scratchBytes);
  return () => product(a, b, c, scratch, 0, rows, 0, columns);
}

function benchProduct(
  group: string,
  sizes: readonly number[],
  transposes: string,
  dtype: ContractDType,
): void {
  const [rows, columns, depth] = sizes;
  const run = prepare({
    dtype,
    rows,
    columns,
    depth,
    a: transposes[0] === "T" ? { outer: 1, depth: rows } : { outer: depth, depth: 1 },
    b: transposes[1] === "T" ? { outer: depth, depth: 1 } : { outer: 1, depth: columns },
    rowStride: columns,
  });
  for (let i = 0; i < 20; i++) run();
  Deno.bench({ name: `${sizes.join("x")} ${transposes} ${dtype}`, group, fn: run });
}

for (const transposes of ["NN", "NT", "TN", "TT"]) {
  benchProduct("512", [512, 512, 512], transposes, "float32");
  benchProduct("odd", [1023, 1025, 999], transposes, "float32");
  benchProduct("narrow", [128, 10, 784], transposes, "float32");
  benchProduct("one row", [1, 1024, 1024], transposes, "float32");
  benchProduct("float64", [256, 256, 256], transposes, "float64");
}
for (const columns of [504, 509, 510, 512, 513, 520]) {
  benchProduct("near 512", [512, columns, 512], "NN", "float32");
}
benchProduct("flat", [128, 512, 784], "NN", "float32");
for (const size of [1, 2, 4, 8, 16]) benchProduct("tiny", [size, size, size], "NN", "float32");
