import { assert, assertEquals } from "@std/assert";
import { matmul, type Tensor } from "@damo/damo";
import { runProgram } from "../kernel/program_interpreter.ts";
import { assertClose } from "../../support/close.ts";
import { randomGraph } from "../../support/random_graph.ts";
import { distinctOutputs } from "../../../lib/jit/closed_graph.ts";
import type { Nest } from "../../../lib/jit/kernel/kernel.ts";
import { schedule, WASM_LIMITS } from "../../../lib/jit/schedule/schedule.ts";
import { interpretGraph } from "../../../lib/trace/interpret.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { prune } from "../../../lib/trace/prune.ts";
import { sizeOf } from "../../../lib/trace/shape.ts";
import { traceFunction } from "../../../lib/trace/trace.ts";

const last = { axis: -1, keepDims: true };

function softmax(x: Tensor): Tensor {
  const e = x.sub(x.max(last)).exp();
  return e.div(e.sum(last));
}

function normalized(x: Tensor): Tensor {
  const centred = x.sub(x.mean(last));
  return centred.div(centred.square().mean(last).add(1e-5).sqrt());
}

/** The nests of a function of one tensor. */
function nestsOf(fn: (x: Tensor) => Tensor[], shape: number[], leastCrossed: number | undefined): Nest[] {
  const { graph } = traceFunction(([x]) => fn(x), [{ shape, dtype: "float32" }]);
  const { program } = distinctOutputs(prune(graph));
  const { steps } = schedule(program, {
    limits: { ...WASM_LIMITS, leastCrossed },
    donated: [],
    inPlace: [],
  });
  const nests: Nest[] = [];
  for (const step of steps) {
    if (step.kind === "kernel" && step.kernel.kind === "nest") nests.push(step.kernel);
  }
  return nests;
}

/** Whether a nest that goes over its rows more than once reads elements along them that lie apart. */
function readsAcross({ passes, domain, rowRank, statements }: Nest): boolean {
  return passes > 1 && rowRank < domain.length &&
    statements.some((s) => s.kind === "load" && Math.abs(s.index.strides.at(-1)!) > 1);
}

Deno.test("rows of a transposed tensor are kept together in a kernel of their own that reads them side by side", () => {
  for (
    const [fn, shape] of [
      [(x: Tensor) => [softmax(x.T)], [40, 50]],
      [(x: Tensor) => [softmax(x.T.mul(2))], [40, 50]],
      [(x: Tensor) => [normalized(x.T)], [40, 50]],
      [(x: Tensor) => [normalized(x.transpose([0, 2, 3, 1]))], [2, 16, 5, 7]],
    ] as [(x: Tensor) => Tensor[], number[]][]
  ) {
    assert(nestsOf(fn, shape, Infinity).some(readsAcross), "The case is none.");
    assert(!nestsOf(fn, shape, 1).some(readsAcross), `${fn}`);
  }
});

Deno.test("rows that lie side by side, small ones, and those read once get no kernel more", () => {
  const once = (x: Tensor): Tensor[] => [x.T.mul(x).sum({ axis: 1 })];
  for (
    const [fn, shape, least] of [
      [(x) => [softmax(x)], [40, 50], 1],
      [(x) => [softmax(x.transpose([1, 0, 2]))], [40, 3, 50], 1],
      [(x) => [softmax(x.T)], [8, 9], undefined],
      [once, [50, 50], 1],
    ] as [(x: Tensor) => Tensor[], number[], number | undefined][]
  ) {
    assertEquals(nestsOf(fn, shape, least), nestsOf(fn, shape, Infinity), `${fn} of ${shape}`);
  }
});

Deno.test("programs of random graphs mean what the graphs mean where whatever is read across is computed apart", () => {
  const limits = { ...WASM_LIMITS, leastCrossed: 1 };
  let changed = 0;
  for (let seed = 1; seed < 400; seed++) {
    const random = randomGraph(seed, 4 + seed % 40);
    const { program: graph } = distinctOutputs(prune(random.graph));
    const hosts = graph.inputs.map((v, i): HostArray => ({ ...v.aval, data: random.inputs[i] }));
    const expected = interpretGraph(graph, hosts);
    const program = schedule(graph, { limits, donated: [], inPlace: [] });
    const without = schedule(graph, { limits: WASM_LIMITS, donated: [], inPlace: [] });
    if (program.steps.length !== without.steps.length) changed++;
    const actual = runProgram(program, random.inputs);
    expected.forEach(({ data }, i) => assertClose(actual[i], data, `seed ${seed}, output ${i}`));
  }
  assert(changed > 0, "No graph reads across.");
});

Deno.test("what is computed apart is read by products, views and outputs, too", () => {
  const functions: ((x: Tensor, y: Tensor) => Tensor[])[] = [
    (x) => [softmax(x.T), x.T],
    (x, y) => [normalized(x.T), matmul(x.T, y)],
    (x, y) => [softmax(x.T).mul(y.T), y.T.at(0), x.T.exp()],
    (x, y) => [normalized(x.T.add(y.T)), softmax(x.T).T, softmax(x.T.exp()).sum()],
    (x) => [normalized(softmax(x.T).T), normalized(x.reshape([7, 5, 36]).transpose([1, 2, 0]))],
  ];
  for (const [k, fn] of functions.entries()) {
    const aval = { shape: [35, 36], dtype: "float64" } as const;
    const { graph } = traceFunction(([x, y]) => fn(x, y), [aval, aval]);
    const { program } = distinctOutputs(prune(graph));
    const inputs = program.inputs.map((v, j) =>
      Float64Array.from({ length: sizeOf(v.aval.shape) }, (_, i) => Math.sin(i * 0.7 + j))
    );
    const expected = interpretGraph(program, program.inputs.map((v, i) => ({ ...v.aval, data: inputs[i] })));
    const limits = { ...WASM_LIMITS, leastCrossed: 1 };
    const actual = runProgram(schedule(program, { limits, donated: [], inPlace: [] }), inputs);
    expected.forEach(({ data }, i) => assertClose(actual[i], data, `function ${k}, output ${i}`));
  }
});
