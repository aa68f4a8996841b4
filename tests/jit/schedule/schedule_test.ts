import { assert, assertEquals } from "@std/assert";
import { runProgram } from "../kernel/program_interpreter.ts";
import { randomGraph } from "../../support/random_graph.ts";
import { schedule, WASM_LIMITS } from "../../../lib/jit/schedule/schedule.ts";
import { interpretGraph } from "../../../lib/trace/interpret.ts";
import { prune } from "../../../lib/trace/prune.ts";
import { distinctOutputs } from "../../../lib/jit/closed_graph.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assertEquals(actual.length, expected.length, what);
  for (let i = 0; i < actual.length; i++) {
    const a = actual[i], e = expected[i];
    if (Object.is(a, e) || a === e || (a !== a && e !== e)) continue;
    assert(Math.abs(a - e) <= 1e-9 * Math.max(1, Math.abs(e)), `${what}[${i}]: ${a}, expected ${e}`);
  }
}

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
