import { assert, assertEquals } from "@std/assert";
import { randomGraph } from "../../support/random_graph.ts";
import { optimise, PASSES } from "../../../lib/jit/passes/pipeline.ts";
import { interpretGraph } from "../../../lib/trace/interpret.ts";
import type { Graph } from "../../../lib/trace/graph.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { prune } from "../../../lib/trace/prune.ts";
import { verifyGraph } from "../../../lib/trace/verify.ts";

function run(graph: Graph, inputs: readonly Float64Array<ArrayBuffer>[]): readonly HostArray[] {
  return interpretGraph(graph, graph.inputs.map((v, i): HostArray => ({ ...v.aval, data: inputs[i] })));
}

function assertClose(actual: readonly HostArray[], expected: readonly HostArray[], what: string): void {
  expected.forEach((e, k) => {
    const a = actual[k];
    assertEquals(a.shape, e.shape, what);
    assertEquals(a.dtype, e.dtype, what);
    e.data.forEach((value, i) => {
      const got = a.data[i];
      if (got === value || (got !== got && value !== value)) return;
      assert(
        Math.abs(got - value) <= 1e-9 * Math.max(1, Math.abs(value)),
        `${what}, output ${k}[${i}]: ${got}, was ${value}`,
      );
    });
  });
}

for (const pass of new Set(PASSES)) {
  Deno.test(`pass ${pass.name}: random graphs mean the same before and after`, () => {
    for (let seed = 5000; seed < 5120; seed++) {
      const { graph, inputs } = randomGraph(seed, 4 + seed % 25);
      const after = pass.run(graph);
      verifyGraph(after);
      assertClose(run(after, inputs), run(graph, inputs), `${pass.name}, seed ${seed}`);
    }
  });
}

Deno.test("all passes together keep the meaning of random graphs and never add nodes in sum", () => {
  let before = 0, after = 0;
  for (let seed = 9000; seed < 9150; seed++) {
    const { graph, inputs } = randomGraph(seed, 4 + seed % 25);
    const result = optimise(graph, { verify: true });
    assertClose(run(result, inputs), run(graph, inputs), `seed ${seed}`);
    before += prune(graph).nodes.length;
    after += result.nodes.length;
  }
  assert(after <= before, `${after} nodes after, ${before} before`);
});
