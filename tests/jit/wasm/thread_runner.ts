/** Runs a function on so many threads, which have a memory of their own, and gives the bits of its results. */
// For the methods of tensors.
import "@damo/damo";
import { assert, assertEquals } from "@std/assert";
import { distinctOutputs } from "../../../lib/jit/closed_graph.ts";
import { schedule, WASM_LIMITS } from "../../../lib/jit/schedule/schedule.ts";
import { WasmExecutable } from "../../../lib/jit/wasm/executable.ts";
import { WasmHeap } from "../../../lib/jit/wasm/heap.ts";
import { DeviceMemory } from "../../../lib/jit/wasm/memory/mod.ts";
import { WasmStorage } from "../../../lib/jit/wasm/storage.ts";
import type { TypedArray } from "../../../lib/trace/dtype.ts";
import type { Tensor } from "../../../lib/trace/tensor.ts";
import { traceFunction } from "../../../lib/trace/trace.ts";

/** An argument of the function. */
export interface Argument {
  readonly shape: readonly number[];
  readonly values: Float32Array | Float64Array | Int32Array;
}

/** The results when all threads have taken part. */
export function runOnThreads(
  threads: number,
  fn: (...inputs: Tensor[]) => Tensor[],
  args: readonly Argument[],
): TypedArray[] {
  const dtypeOf = ({ values }: Argument) =>
    values instanceof Float32Array ? "float32" : values instanceof Float64Array ? "float64" : "int32";
  const avals = args.map((argument) => ({ shape: argument.shape, dtype: dtypeOf(argument) } as const));
  const traced = traceFunction((inputs) => fn(...inputs), avals);
  const { program: graph } = distinctOutputs(traced.graph);
  // The threads of a memory belong to one heap.
  const heap = new WasmHeap(undefined, threads, new DeviceMemory(4096, 1024));
  const program = schedule(graph, { limits: WASM_LIMITS, donated: [], inPlace: [] });
  const executable = new WasmExecutable(heap, program, {
    name: "threads",
    scalars: [],
    donated: [],
    inPlace: [],
  });
  const inputs = args.map((argument) => {
    const storage = new WasmStorage(heap, dtypeOf(argument), argument.values.length);
    storage.write(argument.values);
    return storage;
  });
  // Threads start once there was work for them, and take a moment.
  const end = performance.now() + 30_000;
  let results = executable.run(inputs, null), together = 0;
  while (threads > 1 && together < 3 && performance.now() < end) {
    for (const result of results) (result as WasmStorage).release();
    results = executable.run(inputs, null);
    if (heap.threadsReady > 1) together++;
  }
  assert(threads === 1 || together === 3, "the threads did not start");
  return results.map((storage) => storage.read());
}

/** Asserts that the results have the same bits on one thread, two and three; gives them. */
export function sameOnThreads(
  fn: (...inputs: Tensor[]) => Tensor[],
  args: readonly Argument[],
): TypedArray[] {
  const bits = (x: TypedArray) => new Uint8Array(x.slice().buffer);
  const one = runOnThreads(1, fn, args);
  for (const threads of [2, 3]) {
    runOnThreads(threads, fn, args).forEach((result, k) => {
      assertEquals(bits(result), bits(one[k]), `result ${k} on ${threads} threads`);
    });
  }
  return one;
}
