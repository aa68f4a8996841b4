import { assert, assertEquals } from "@std/assert";
import { grad, scan, type Tensor } from "@damo/damo";
import { runProgram } from "../kernel/program_interpreter.ts";
import { assertClose } from "../../support/close.ts";
import { randomGraph } from "../../support/random_graph.ts";
import { schedule, WASM_LIMITS } from "../../../lib/jit/schedule/schedule.ts";
import { optimise } from "../../../lib/jit/passes/pipeline.ts";
import { interpretGraph } from "../../../lib/trace/interpret.ts";
import { prune } from "../../../lib/trace/prune.ts";
import { distinctOutputs } from "../../../lib/jit/closed_graph.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { sizeOf } from "../../../lib/trace/shape.ts";
import { Graph } from "../../../lib/trace/graph.ts";
import { traceFunction } from "../../../lib/trace/trace.ts";

Deno.test("programs of random graphs mean what the graphs mean", () => {
  let kernels = 0, nodes = 0;
  const from = 1;
  for (let seed = from; seed < from + 200; seed++) {
    const random = randomGraph(seed, 4 + seed % 30);
    const { program: graph } = distinctOutputs(prune(random.graph));
    const hosts = graph.inputs.map((v, i): HostArray => ({ ...v.aval, data: random.inputs[i] }));
    const expected = interpretGraph(graph, hosts);
    const program = schedule(graph, { limits: WASM_LIMITS, donated: [], inPlace: [] });
    const actual = runProgram(program, random.inputs);
    expected.forEach((e, i) => assertClose(actual[i], e.data, `seed ${seed}, output ${i}`));
    kernels += program.steps.length;
    nodes += graph.nodes.length;
  }
  assert(kernels < nodes, `${kernels} kernels for ${nodes} nodes`);
});

Deno.test("kernels read and write no more buffers than a device binds", () => {
  let fullest = 0;
  for (const operands of [5, 8]) {
    for (let seed = 1; seed <= 60; seed++) {
      const random = randomGraph(seed, 10 + seed % 40);
      // Everything that is computed leaves the graph: grouping alone would store more than it may.
      const results = random.graph.nodes.flatMap((node) => node.outputs);
      const whole = new Graph(random.graph.inputs, results, random.graph.nodes);
      const { program: graph } = distinctOutputs(whole);
      const hosts = graph.inputs.map((v, i): HostArray => ({ ...v.aval, data: random.inputs[i] }));
      const expected = interpretGraph(graph, hosts);
      const limits = { ...WASM_LIMITS, operands };
      const program = schedule(graph, { limits, donated: [], inPlace: [] });
      for (const step of program.steps) {
        if (step.kind !== "kernel" || step.kernel.kind !== "nest") continue;
        const bound = new Set(step.bindings.map(({ buffer }) => buffer)).size;
        assert(
          bound <= operands,
          `seed ${seed}: a kernel of ${step.nodes.length} nodes binds ${bound} buffers`,
        );
        fullest = Math.max(fullest, bound);
      }
      const actual = runProgram(program, random.inputs);
      expected.forEach((e, i) => assertClose(actual[i], e.data, `seed ${seed}, output ${i}`));
    }
  }
  assert(fullest >= 7, `${fullest}`);
});

Deno.test("a loop that walks back over the states of another reads the state after a step where it lies", () => {
  const cost = (u: Tensor, xs: Tensor, h: Tensor, reverse: boolean): Tensor =>
    scan((h: Tensor, x) => [x.add(h.dot(u)).tanh(), undefined], h, xs, { reverse })[0].sum();
  const data = [[3, 3], [5, 2, 3], [2, 3]].map((shape, k): HostArray => ({
    shape,
    dtype: "float64",
    data: Float64Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(i + k)),
  }));
  for (const reverse of [false, true]) {
    const { graph } = traceFunction(
      ([u, xs, h]) => [grad((u: Tensor) => cost(u, xs, h, reverse))(u)],
      data.map(({ shape, dtype }) => ({ shape, dtype })),
    );
    const optimised = optimise(prune(graph), { verify: true });
    const program = schedule(optimised, { limits: WASM_LIMITS, donated: [], inPlace: [] });
    const [, backward] = program.steps.filter((step) => step.kind === "loop");
    const kinds = backward.body.map((step) => step.kind === "kernel" ? step.kernel.kind : step.kind);
    assertEquals(kinds.includes("copy"), false, kinds.join());
    assertEquals(backward.exchange.length, 0);
    const inputs = optimised.inputs.map((_, i) => Float64Array.from(data[i].data));
    const [expected] = interpretGraph(graph, data);
    assertClose(runProgram(program, inputs)[0], expected.data, reverse ? "reversed" : "forward");
  }
});
