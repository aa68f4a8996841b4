import { assertThrows } from "@std/assert";
import { jit, type Tensor, tensor } from "@damo/damo";
import { Graph, Node, Variable } from "../../lib/trace/graph.ts";
import { elementwise } from "../../lib/trace/primitives/elementwise.ts";
import { verifyGraph } from "../../lib/trace/verify.ts";

const type = { shape: [2], dtype: "float32" } as const;

function neg(input: Variable, aval: Variable["aval"] = type): Node {
  return new Node(elementwise.neg, [input], {}, [aval], null);
}

Deno.test("traced graphs satisfy the verifier", () => {
  const graph = jit((x: Tensor, k: number) => x.mul(k).sum({ axis: 0 }).reshape([1, 1])).graph(
    tensor([1, 2]),
    3,
  );
  verifyGraph(graph);
});

Deno.test("the verifier finds what is computed nowhere, too late or twice", () => {
  const x = new Variable(type);
  const a = neg(x), b = neg(a.outputs[0]);
  verifyGraph(new Graph([x], [b.outputs[0]], [a, b], "g"));
  assertThrows(() => verifyGraph(new Graph([x], b.outputs, [a], "g")), Error, "output 0 is computed nowhere");
  assertThrows(
    () => verifyGraph(new Graph([x], b.outputs, [b, a], "g")),
    Error,
    "is read before it is computed",
  );
  assertThrows(() => verifyGraph(new Graph([x], b.outputs, [a, a, b], "g")), Error, "is assigned twice");
  assertThrows(() => verifyGraph(new Graph([x, x], [x], [], "g")), Error, "is assigned twice");
});

Deno.test("the verifier infers types again", () => {
  const x = new Variable(type);
  const wrong = neg(x, { shape: [3], dtype: "float32" });
  assertThrows(
    () => verifyGraph(new Graph([x], wrong.outputs, [wrong], "g")),
    Error,
    "Invalid graph g in node neg (no location): output 0 is float32[3] instead of float32[2].",
  );
  const y = new Variable({ shape: [3], dtype: "float32" });
  const misfit = new Node(elementwise.add, [x, y], {}, [type], null);
  assertThrows(
    () => verifyGraph(new Graph([x, y], misfit.outputs, [misfit], "g")),
    Error,
    "its inputs do not fit",
  );
});
