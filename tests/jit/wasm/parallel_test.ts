import { assert, assertEquals } from "@std/assert";
import { distinctOutputs } from "../../../lib/jit/closed_graph.ts";
import { schedule, WASM_LIMITS } from "../../../lib/jit/schedule/schedule.ts";
import { WasmExecutable } from "../../../lib/jit/wasm/executable.ts";
import { WasmHeap } from "../../../lib/jit/wasm/heap.ts";
import { DeviceMemory } from "../../../lib/jit/wasm/memory/mod.ts";
import { WasmStorage } from "../../../lib/jit/wasm/storage.ts";
import {
  add,
  argmax,
  argsort,
  cumsum,
  exp,
  matmul,
  max,
  mul,
  round,
  sort,
  sqrt,
  sub,
  sum,
  tanh,
  transpose,
} from "../../../lib/trace/ops/mod.ts";
import type { Tensor } from "../../../lib/trace/tensor.ts";
import { convolvePrimitive } from "../../../lib/trace/primitives/convolve.ts";
import { padPrimitive } from "../../../lib/trace/primitives/move_slice.ts";
import { bindOne, traceFunction } from "../../../lib/trace/trace.ts";

const size = 700;

/** One in the form of windows, one in that of filters; each as it is and with work on its results. */
function convolutions(x: Tensor, y: Tensor): Tensor[] {
  const params = {
    strides: [1, 1],
    padding: [[1, 1], [1, 1]] as const,
    inputDilation: [1, 1],
    kernelDilation: [1, 1],
    groups: 1,
    batchGroups: 1,
  };
  const images = x.reshape([10, 10, 70, 70]), filters = y.reshape([10, 10, 70, 70]);
  const small = y.reshape([size * size]).narrow(0, 0, 720).reshape([8, 10, 3, 3]);
  // And both where much is padding, which is left out.
  const low = [10, 10, 7, 700];
  const cases = [[images, small], [images, filters], [x.reshape([100, 10, 7, 70]), small], [
    x.reshape(low),
    y.reshape(low),
  ]];
  return cases.flatMap((pair) => {
    const found = bindOne(convolvePrimitive, pair, params);
    return [found, tanh(add(found, y.at(0).narrow(0, 0, found.shape[1]).reshape([1, found.shape[1], 1, 1])))];
  });
}

/** Rows added to a few others, many to one. */
function scatter(x: Tensor, y: Tensor): Tensor {
  const rows = x.at(0).mul(50).add(60).cast("int32");
  return x.narrow(1, 0, 640).withAdded([rows], y.narrow(1, 0, 640));
}

/** Neighbours on both sides, with zeros beyond the edges: in pieces, of which the narrow ones have other units of work. */
function neighbours(x: Tensor): Tensor {
  const images = x.reshape([100, 70, 70]);
  const moved = (down: number, right: number) =>
    bindOne(padPrimitive, [images], {
      low: [0, down, right],
      high: [0, 0 - down, 0 - right],
      interior: [0, 0, 0],
      value: 0,
    });
  return add(add(moved(1, 1), moved(-1, -1)), mul(moved(0, -1), images));
}

/** Few long rows in order: with zeros of both signs, with NaN, and with digits that are alike in all keys. */
function sorted(x: Tensor, y: Tensor): Tensor[] {
  const whole = x.reshape([size * size]), halves = y.reshape([2, size * size / 2]);
  return [
    sort(round(mul(whole, 8))),
    sort(halves, { descending: true }),
    argsort(sqrt(whole)).cast("float32"),
    argsort(round(mul(halves, 30)), { descending: true }).cast("float32"),
  ];
}

/** One of each kind of kernel that is split. */
function everything(x: Tensor, y: Tensor): Tensor[] {
  const shifted = exp(sub(x, max(x, { axis: 1, keepDims: true })));
  return [
    tanh(add(matmul(x, y), y)),
    add(tanh(mul(x, 2)), exp(y)),
    mul(shifted, sum(shifted, { axis: 1, keepDims: true })),
    sum(exp(x), { axis: 0 }),
    sum(exp(x), { axis: 1 }),
    sum(x.narrow(0, 0, size - 1), { axis: 1 }),
    add(transpose(exp(x)), y),
    sum(exp(x)),
    max(mul(x, y)),
    argmax(mul(x, y)).cast("float32"),
    cumsum(mul(x, y).reshape([size * size])),
    ...convolutions(x, y),
    scatter(x, y),
    neighbours(x),
    ...sorted(x, y),
    sum(mul(x, y)),
    tanh(matmul(x.reshape([7, size * size / 7]), y.reshape([size * size / 7, 7]))),
  ];
}

function run(threads: number): Float32Array[] {
  const aval = { shape: [size, size], dtype: "float32" as const };
  const traced = traceFunction((inputs) => everything(inputs[0], inputs[1]), [aval, aval]);
  const { program: graph } = distinctOutputs(traced.graph);
  // The threads of a memory belong to one heap.
  const heap = new WasmHeap(undefined, threads, new DeviceMemory(4096, 1024));
  const program = schedule(graph, { limits: WASM_LIMITS, donated: [], inPlace: [] });
  const options = { name: "everything", scalars: [], donated: [], inPlace: [] };
  const executable = new WasmExecutable(heap, program, options);
  const upload = (shift: number): WasmStorage => {
    const storage = new WasmStorage(heap, "float32", size * size);
    storage.write(Float32Array.from({ length: size * size }, (_, i) => Math.sin(i * 0.37 + shift)));
    return storage;
  };
  const inputs = [upload(0), upload(1)];
  // Threads start once there was work for them, and take a moment.
  const end = performance.now() + 20_000;
  let results = executable.run(inputs, null), together = 0;
  while (threads > 1 && together < 3 && performance.now() < end) {
    results = executable.run(inputs, null);
    if (heap.threadsReady > 1) together++;
  }
  assert(threads === 1 || together === 3, "the threads did not start");
  return results.map((storage) => storage.read() as Float32Array);
}

Deno.test("every kind of kernel gives the same bits on one thread and on several", () => {
  const one = run(1);
  for (const threads of [2, 3]) {
    run(threads).forEach((result, k) => {
      assertEquals(new Uint32Array(result.buffer), new Uint32Array(one[k].buffer), `output ${k}`);
    });
  }
});
