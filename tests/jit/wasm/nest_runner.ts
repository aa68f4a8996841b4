/** Compiles nests and runs them on arrays, with guard bytes around every operand. */
import { assertEquals } from "@std/assert";
import { byteSize, type DType, type TypedArray, viewTypedArray } from "../../../lib/trace/dtype.ts";
import type { Nest } from "../../../lib/jit/kernel/kernel.ts";
import { DeviceMemory } from "../../../lib/jit/wasm/memory/mod.ts";
import { emitNest, moduleImports, openModule, SCRATCH_EXPORT } from "../../../lib/jit/wasm/nest/mod.ts";

export const memory: DeviceMemory = new DeviceMemory(4096);

/** How a run is split: into calls over [0, a), [a, b), ... */
export type Split = (units: number) => readonly number[];

/** A compiled nest. */
export interface CompiledNest {
  readonly units: number;
  readonly bytes: Uint8Array;
  run(...args: number[]): void;
}

export function compileNest(nest: Nest): CompiledNest {
  const open = openModule(memory);
  const kernel = emitNest(open, nest);
  open.module.exportFunction(kernel.index, "kernel");
  const bytes = open.module.build();
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), moduleImports(memory));
  if (open.scratchBytes > 0) {
    (exports[SCRATCH_EXPORT] as WebAssembly.Global).value = memory.allocate(open.scratchBytes);
  }
  return { units: kernel.units, bytes, run: exports.kernel as CompiledNest["run"] };
}

const GUARD = 64;

/** Runs a nest on arrays, which are changed as the nest says; checks that nothing around them was. */
export function runCompiled(
  nest: Nest,
  arrays: readonly TypedArray[],
  split: Split = (units) => [units],
): void {
  const kernel = compileNest(nest);
  const places = arrays.map((array, i) => {
    const dtype = nest.operands[i].dtype;
    const bytes = array.length * byteSize(dtype);
    const block = memory.allocate(bytes + 2 * GUARD);
    memory.u8.fill(0xa5, block, block + bytes + 2 * GUARD);
    const view = viewTypedArray(dtype, memory.memory.buffer, block + GUARD, array.length);
    view.set(array as Float32Array);
    return { block, bytes, view };
  });
  let begin = 0;
  for (const end of split(kernel.units)) {
    kernel.run(...places.map(({ block }) => block + GUARD), begin, end);
    begin = end;
  }
  places.forEach(({ block, bytes, view }, i) => {
    const guards = [...memory.u8.subarray(block, block + GUARD)]
      .concat([...memory.u8.subarray(block + GUARD + bytes, block + bytes + 2 * GUARD)]);
    assertEquals(guards.every((byte) => byte === 0xa5), true, `operand ${i} was overrun`);
    (arrays[i] as Float32Array).set(view as Float32Array);
    memory.free(block);
  });
}

/** Numbers of a dtype from a small generator, with the awkward ones among them. */
export function samples(dtype: DType, length: number, seed: number, special = true): number[] {
  let state = seed * 2654435761 >>> 0 || 1;
  const random = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const awkward: { readonly [d: string]: readonly number[] } = {
    float: [0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, NaN, Infinity, -Infinity, 3, -2],
    int32: [0, 1, -1, 2147483647, -2147483648, 2, 7, -3],
    uint32: [0, 1, 2, 4294967295, 2147483648, 7],
    int8: [0, 1, -1, 127, -128, 2],
    uint8: [0, 1, 2, 255, 128, 7],
    bool: [0, 1],
  };
  const list = awkward[dtype] ?? awkward.float;
  return Array.from({ length }, () => {
    const x = random();
    if (special && random() < 0.4) return list[Math.floor(random() * list.length)];
    if (dtype === "bool") return x < 0.5 ? 0 : 1;
    if (dtype.startsWith("uint")) return Math.floor(x * 200);
    if (dtype.startsWith("int")) return Math.floor((x - 0.5) * 200);
    // Without special values multiples of a quarter, whose sums are exact in any order.
    const value = special ? (x - 0.5) * 8 : Math.floor(x * 33 - 16) / 4;
    return dtype === "float32" ? Math.fround(value) : dtype === "float16" ? Math.f16round(value) : value;
  });
}
