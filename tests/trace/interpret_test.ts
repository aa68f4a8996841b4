import { assertEquals } from "@std/assert";
import { Graph, Node, Variable } from "../../lib/trace/graph.ts";
import { interpretGraph } from "../../lib/trace/interpret.ts";
import { elementwise } from "../../lib/trace/primitives/elementwise.ts";
import type { HostArray } from "../../lib/trace/primitive.ts";

const type = { shape: [1], dtype: "float64" } as const;

function value(x: number): HostArray {
  return { ...type, data: Float64Array.of(x) };
}

Deno.test("a chain of 100,000 nodes is interpreted without recursion", () => {
  const x = new Variable(type);
  const nodes: Node[] = [];
  let last = x;
  for (let i = 0; i < 100_000; i++) {
    const node = new Node(elementwise.add, [last, x], {}, [type], null);
    nodes.push(node);
    last = node.outputs[0];
  }
  const [result] = interpretGraph(new Graph([x], [last], nodes), [value(1)]);
  assertEquals(result.data[0], 100_001);
});

Deno.test("each node is shown with what it read and gave, also in graphs interpreted inside", () => {
  const x = new Variable(type);
  const square = new Node(elementwise.mul, [x, x], {}, [type], null);
  const inner = new Graph([x], square.outputs, [square]);
  const y = new Variable(type);
  const outer = new Node(
    { ...elementwise.neg, evaluate: (inputs) => interpretGraph(inner, inputs) },
    [y],
    {},
    [type],
    null,
  );
  const seen: string[] = [];
  const [result] = interpretGraph(new Graph([y], outer.outputs, [outer]), [value(3)], {
    onNode: (node, inputs, outputs) =>
      seen.push(`${node.primitive.name} ${inputs.map((v) => v.data[0])} -> ${outputs[0].data[0]}`),
  });
  assertEquals(result.data[0], 9);
  assertEquals(seen, ["mul 3,3 -> 9", "neg 3 -> 9"]);
});
