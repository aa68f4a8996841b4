import { assert, assertEquals } from "@std/assert";
import { cond, scan, type Tensor } from "@damo/damo";
import { distinctOutputs } from "../../../lib/jit/closed_graph.ts";
import { schedule, WASM_LIMITS } from "../../../lib/jit/schedule/schedule.ts";
import { WasmExecutable } from "../../../lib/jit/wasm/executable.ts";
import { WasmHeap } from "../../../lib/jit/wasm/heap.ts";
import { DeviceMemory } from "../../../lib/jit/wasm/memory/mod.ts";
import { assembleProgram } from "../../../lib/jit/wasm/program/mod.ts";
import { WasmStorage } from "../../../lib/jit/wasm/storage.ts";
import type { Program } from "../../../lib/jit/kernel/program.ts";
import { traceFunction } from "../../../lib/trace/trace.ts";

const SIZE = 128;
const matrix = { shape: [SIZE, SIZE], dtype: "float32" } as const;

function products(x: Tensor, w: Tensor, length: number): Tensor {
  return scan((c: Tensor) => [c.matmul(w).mul(0.5), undefined], x, undefined, { length })[0];
}

/** So many products one after the other, about 80 µs each on one thread, or none, by its third argument. */
function program(length: number): Program {
  const traced = traceFunction(
    ([x, w, go]) => [cond(go, (x: Tensor, w: Tensor) => products(x, w, length), (x: Tensor) => x, x, w)],
    [matrix, matrix, { shape: [], dtype: "bool" }],
  );
  const { program: graph } = distinctOutputs(traced.graph);
  return schedule(graph, { limits: WASM_LIMITS, donated: [], inPlace: [] });
}

Deno.test("the work that threads can share is counted once for each step of a loop", () => {
  const [short, long] = [10, 1000].map((length) => {
    const options = { scalars: [], threads: 2 };
    return assembleProgram(new DeviceMemory(4096, 1024), program(length), options).sharedWork;
  });
  assert(short > 0);
  assertEquals(long / short, 100);
});

/** Whether threads come up within so many milliseconds of a call that turned out to compute nothing. */
async function startsThreads(length: number, within: number): Promise<boolean> {
  const heap = new WasmHeap(undefined, 2, new DeviceMemory(4096, 1024));
  const options = { name: "products", scalars: [], donated: [], inPlace: [] };
  const executable = new WasmExecutable(heap, program(length), options);
  const inputs = [new Float32Array(SIZE * SIZE), new Float32Array(SIZE * SIZE), new Uint8Array(1)].map(
    (data, i) => {
      const storage = new WasmStorage(heap, i < 2 ? "float32" : "bool", data.length);
      storage.write(data);
      return storage;
    },
  );
  executable.run(inputs, null);
  const end = performance.now() + within;
  while (heap.threadsReady < 2 && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return heap.threadsReady === 2;
}

Deno.test("threads start before the first call of a program that may have long work", async () => {
  assert(await startsThreads(5000, 20_000));
  assert(!await startsThreads(10, 300));
});
