import { assert, assertEquals } from "@std/assert";
import { distinctOutputs } from "../../../lib/jit/closed_graph.ts";
import { IN_PLACE, KEEP } from "../../../lib/jit/backend.ts";
import { optimise } from "../../../lib/jit/passes/pipeline.ts";
import { schedule, WASM_LIMITS } from "../../../lib/jit/schedule/schedule.ts";
import { WasmExecutable } from "../../../lib/jit/wasm/executable.ts";
import { WasmHeap } from "../../../lib/jit/wasm/heap.ts";
import { DeviceMemory } from "../../../lib/jit/wasm/memory/mod.ts";
import { type PanelSlots, panelSlots } from "../../../lib/jit/wasm/program/panel_slots.ts";
import { WasmStorage } from "../../../lib/jit/wasm/storage.ts";
import { scan } from "../../../lib/loop/scan.ts";
import type { Program } from "../../../lib/jit/kernel/program.ts";
import { add, matmul, mul, tanh } from "../../../lib/trace/ops/mod.ts";
import type { TypedArray } from "../../../lib/trace/dtype.ts";
import type { Tensor } from "../../../lib/trace/tensor.ts";
import { traceFunction } from "../../../lib/trace/trace.ts";

type Body = (...inputs: Tensor[]) => Tensor | Tensor[];

function programOf(
  body: Body,
  shapes: readonly (readonly number[])[],
  inPlace: [number, number][] = [],
): Program {
  const avals = shapes.map((shape) => ({ shape, dtype: "float32" as const }));
  const traced = traceFunction((inputs) => [body(...inputs)].flat(), avals);
  const graph = optimise(distinctOutputs(traced.graph).program);
  return schedule(graph, { limits: WASM_LIMITS, donated: [], inPlace });
}

function slotsOf(body: Body, ...shapes: (readonly number[])[]): PanelSlots {
  return panelSlots(programOf(body, shapes));
}

/** The inputs that have slots, in order; -1 for temporaries. */
function inputsOf(body: Body, ...shapes: (readonly number[])[]): number[] {
  return slotsOf(body, ...shapes).slots.map(({ input }) => input).sort();
}

const product: Body = (x, w) => matmul(x, w), turned: Body = (x, w) => matmul(x, w.T);
const turnedLeft: Body = (x, w) => matmul(w.T, x);
const [few, square] = [[5, 300], [300, 300]];

Deno.test("right operands of large products of some rows have slots, others have none", () => {
  assertEquals(inputsOf(product, few, square), [1]);
  assertEquals(inputsOf(turned, few, square), [1]);
  assertEquals(inputsOf(turned, [5, 130], [130, 130]), [1]);
  // Read directly it lies in the cache.
  assertEquals(inputsOf(product, [5, 130], [130, 130]), []);
  assertEquals(inputsOf(turned, [5, 100], [100, 100]), []);
  for (const body of [product, turned]) {
    assertEquals(inputsOf(body, [1, 300], square), []);
    assertEquals(inputsOf(body, [300], square), []);
    assertEquals(inputsOf(body, [300, 300], square), []);
    // The left operand is read as it lies, or the product is long.
    assertEquals(inputsOf((x, w) => matmul(w, x), [300, 5], square), []);
    assertEquals(inputsOf((x, w) => matmul(w, x), [300, 270], square), []);
  }
  const lefts: [number, Body][] = [[20, turnedLeft], [100, turnedLeft], [100, (x, w) => matmul(w, x)]];
  for (const [columns, left] of lefts) {
    assertEquals(inputsOf(left, [300, columns], square), [1]);
  }
  assertEquals(inputsOf(product, [3, 5, 300], [3, 300, 300]), []);
  assertEquals(inputsOf(product, [3, 5, 300], square), [1]);
  assertEquals(inputsOf((x, w) => matmul(x, w.mul(2)), few, square), []);
  assertEquals(inputsOf((x, w) => [matmul(x, w), matmul(x.mul(2), w), matmul(x, w.T)], few, square), [1, 1]);
});

Deno.test("what stays as it is in a loop has a slot before it; what the loop changes or takes slices of has none", () => {
  const loop = (step: (h: Tensor, x: Tensor) => Tensor): (xs: Tensor, h: Tensor) => Tensor => (xs, h) =>
    scan((h: Tensor, x: Tensor) => [step(h, x), undefined], h, xs)[0];
  const kept = slotsOf(
    (xs, h, w) => loop((h, x) => tanh(add(matmul(h, w), x)))(xs, h),
    [10, 5, 300],
    few,
    square,
  );
  assertEquals(kept.slots.map(({ input, loop }) => [input, loop?.loop]), [[2, 0]]);
  assert(kept.loopBytes >= 300 * 300 * 4);
  const computed = slotsOf(
    (xs, h, w) => loop((h, x) => tanh(add(matmul(h, tanh(w)), x)))(xs, h),
    [10, 5, 300],
    few,
    square,
  );
  assertEquals(computed.slots.map(({ input }) => input), [-1]);
  const short = slotsOf(
    (xs, h, w) => loop((h, x) => tanh(add(matmul(h, w), x)))(xs, h),
    [2, 5, 300],
    few,
    square,
  );
  assertEquals(short.slots.map(({ input, loop }) => [input, loop]), [[2, null]]);
  assertEquals(short.loopBytes, 0);
  const carried = slotsOf(
    (xs, h, y) => loop((h) => tanh(matmul(y, h.T)))(xs, h),
    [10, 200, 200],
    [200, 200],
    [200, 200],
  );
  assertEquals(carried.slots.map(({ operand, input }) => [operand, input]), [["a", 2]]);
  const sliced = slotsOf((xs, h) => loop((h, x) => tanh(matmul(h, x)))(xs, h), [10, 300, 300], few);
  assertEquals(sliced.slots, []);
});

Deno.test("an operand that the program writes over in place has a slot, and its panels are gone after the run", () => {
  const heap = new WasmHeap(undefined, 1, new DeviceMemory(1024));
  const program = programOf((x, w) => [matmul(x, w), mul(w, 0.5)], [few, square], [[1, 1]]);
  assertEquals(panelSlots(program).slots.map(({ input }) => input), [1]);
  const executable = new WasmExecutable(heap, program, {
    name: "f",
    scalars: [],
    donated: [],
    inPlace: [[1, 1]],
  });
  const [x, w] = [upload(heap, 5 * 300), upload(heap, 300 * 300)];
  const kept = Uint8Array.of(KEEP, KEEP), inPlace = Uint8Array.of(KEEP, IN_PLACE);
  const first = executable.run([x, w], kept)[0].read();
  executable.run([x, w], kept);
  assertEquals(heap.cache.stats().forms, 1);
  // The panels of the old contents serve the call that replaces them.
  assertEquals(executable.run([x, w], inPlace)[0].read(), first);
  assertEquals(heap.cache.stats().forms, 0);
  const halved = executable.run([x, w], inPlace)[0].read();
  halved.forEach((value, i) => assertEquals(value, first[i] / 2));
  executable.dispose();
});

function upload(heap: WasmHeap, length: number, shift = 0): WasmStorage {
  const storage = new WasmStorage(heap, "float32", length);
  storage.write(Float32Array.from({ length }, (_, i) => Math.sin(i * 0.37 + shift)));
  return storage;
}

Deno.test("a disposed operand whose memory others get", () => {
  const heap = new WasmHeap(undefined, 1, new DeviceMemory(1024));
  const executable = new WasmExecutable(heap, programOf(product, [few, square]), {
    name: "f",
    scalars: [],
    donated: [],
    inPlace: [],
  });
  const truth = new WasmExecutable(heap, programOf(product, [few, square]), {
    name: "f",
    scalars: [],
    donated: [],
    inPlace: [],
  });
  const x = upload(heap, 5 * 300), w = upload(heap, 300 * 300, 1);
  const { address, bytes } = w.block!;
  for (let call = 0; call < 3; call++) executable.run([x, w], null);
  assertEquals(heap.cache.stats().forms, 1);
  w.dispose();
  assertEquals(heap.cache.stats().forms, 0);
  const others: WasmStorage[] = [];
  const overlaps = (other: WasmStorage): boolean => Math.abs(other.block!.address - address) < bytes;
  while (others.length < 100 && !others.some(overlaps)) {
    others.push(upload(heap, 300 * 300, others.length + 2));
  }
  assert(others.some(overlaps), "nothing came to lie there");
  const expected = others.map((other) => truth.run([x, other], null)[0].read());
  others.forEach(({ block }) => heap.cache.changed(block!));
  for (let call = 0; call < 3; call++) {
    others.forEach((other, i) => assertEquals(executable.run([x, other], null)[0].read(), expected[i]));
  }
});

function run(threads: number, keep: boolean): Float32Array[] {
  // The threads of a memory belong to one heap.
  const heap = new WasmHeap(undefined, threads, new DeviceMemory(4096));
  const program = programOf(
    (x, v, w) => {
      const [h] = scan((h: Tensor) => [tanh(matmul(h, w)), undefined], x, undefined, { length: 6 });
      return [matmul(x, v), tanh(matmul(x, w.T)), h];
    },
    [[50, 600], [600, 700], [600, 600]],
  );
  const executable = new WasmExecutable(heap, program, { name: "f", scalars: [], donated: [], inPlace: [] });
  const inputs = [upload(heap, 50 * 600), upload(heap, 600 * 700, 1), upload(heap, 600 * 600, 2)];
  const end = performance.now() + 20_000;
  let results = executable.run(inputs, null), together = 0;
  for (let call = 0; call < 4 || (threads > 1 && together < 3 && performance.now() < end); call++) {
    if (!keep) { for (const { block } of inputs) heap.cache.changed(block!); }
    results = executable.run(inputs, null);
    if (heap.threadsReady > 1) together++;
  }
  assert(threads === 1 || together >= 3, "the threads did not start");
  assertEquals(heap.cache.stats().forms, keep ? 3 : 0);
  return results.map((storage) => storage.read() as Float32Array);
}

Deno.test("panels give the same bits on one thread and on several, kept and not kept", () => {
  const expected = run(1, false);
  for (const threads of [1, 2, 3]) {
    for (const keep of threads === 1 ? [true] : [true, false]) {
      run(threads, keep).forEach((result, k) => {
        assertEquals(
          new Uint32Array(result.buffer),
          new Uint32Array(expected[k].buffer),
          `output ${k} on ${threads} threads`,
        );
      });
    }
  }
});

Deno.test("without room in the budget nothing is kept and nothing is spilled for it", () => {
  const bytes = 4 * (5 * 300 + 300 * 300);
  for (const [budget, forms] of [[bytes + 50_000, 0], [bytes + 450_000, 1]]) {
    const heap = new WasmHeap(budget, 1, new DeviceMemory(1024));
    const executable = new WasmExecutable(heap, programOf(product, [few, square]), {
      name: "f",
      scalars: [],
      donated: [],
      inPlace: [],
    });
    const inputs = [upload(heap, 5 * 300), upload(heap, 300 * 300)];
    const call = (): TypedArray => {
      const [result] = executable.run(inputs, null);
      const data = result.read();
      result.dispose();
      return data;
    };
    const first = call();
    for (let i = 0; i < 5; i++) assertEquals(call(), first);
    const { resident, spills } = heap.cache.stats();
    assertEquals([heap.cache.stats().forms, spills], [forms, 0]);
    assert(resident <= budget);
    // What a tensor needs is taken from the panels, and the next call does without.
    upload(heap, 50_000);
    assertEquals(heap.cache.stats().forms, 0);
    assertEquals(call(), first);
  }
});
