/** einsum against NumPy, the order of its products, and its errors. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { einsum, ShapeError, tensor, zeros } from "@damo/damo";
import { traceFunction } from "../../lib/trace/trace.ts";
import golden from "../golden/arrays.json" with { type: "json" };
import {
  assertGolden,
  type GoldenArray,
  goldenOperand,
  numbers,
  testEverywhere,
} from "../support/operands.ts";

type Case = readonly [string, readonly number[][], GoldenArray];

testEverywhere("einsum agrees with NumPy", () => {
  for (const [spec, shapes, expected] of golden.einsums as unknown as Case[]) {
    const operands = shapes.map((shape, k) => goldenOperand(shape, k));
    assertGolden(einsum(spec, ...operands), expected, `${spec} ${JSON.stringify(shapes)}`);
  }
});

testEverywhere("integers are summed as integers, and plain arrays accepted", () => {
  const x = tensor([[1, 2], [3, 4]], { dtype: "int32" });
  assertEquals(einsum("ij,jk->ik", x, x).dtype, "int32");
  assertEquals(numbers(einsum("i,i->", [1, 2], [3, 4])), [11]);
});

/** The operations of an einsum as the graph printer names them, with the sizes of their results. */
function steps(spec: string, ...shapes: readonly number[][]): string[] {
  const avals = shapes.map((shape) => ({ shape, dtype: "float32" as const }));
  const { graph } = traceFunction((xs) => [einsum(spec, ...xs)], avals);
  return graph.nodes.map((node) => `${node.primitive.name} ${node.outputs[0].aval.shape.join("x")}`);
}

Deno.test("two operands are one contraction without transposes where the order allows it", () => {
  assertEquals(steps("ij,jk->ik", [2, 3], [3, 4]), ["contract 2x4"]);
  assertEquals(steps("ij,jk->ki", [2, 3], [3, 4]), ["contract 4x2"]);
  assertEquals(steps("ij,kj->ki", [2, 3], [4, 3]), ["contract 4x2"]);
  assertEquals(steps("bij,bjk->bik", [5, 2, 3], [5, 3, 4]), ["contract 5x2x4"]);
  assertEquals(steps("bhqd,bhkd->bhqk", [2, 2, 3, 4], [2, 2, 5, 4]), ["contract 2x2x3x5"]);
  assertEquals(steps("ij,ij->ij", [2, 3], [2, 3]), ["mul 2x3"]);
  assertEquals(steps("ij->ji", [2, 3]), ["transpose 3x2"]);
});

Deno.test("chains are multiplied in the cheapest order", () => {
  // (A B) v costs 100 * 100 * 100 more than A (B v).
  assertEquals(steps("ij,jk,k->i", [100, 100], [100, 100], [100]), ["contract 100", "contract 100"]);
  assertEquals(steps("ij,jk,kl->il", [2, 50], [50, 50], [50, 50]), ["contract 2x50", "contract 2x50"]);
  assertEquals(steps("ij,jk,kl->il", [50, 50], [50, 50], [50, 2]), ["contract 50x2", "contract 50x2"]);
});

Deno.test("axes that nothing else needs are summed before the product", () => {
  assertEquals(steps("ij,kl->i", [2, 3], [4, 5])[0], "sum 2");
});

Deno.test("einsum errors show the text and the remedy", () => {
  const a = zeros([2, 3]);
  const cases: [() => unknown, string, string][] = [
    [
      () => einsum("ij,jk->ik", a, a),
      `einsum "ij,jk->ik": axis 0 of operand 1, float32[2, 3], has size 2; "j" has size 3`,
      "same size",
    ],
    [() => einsum("ij,jk->ik", a), "names 2 operands and 1 were given", "commas"],
    [() => einsum("ijk", a), `operand 0 has 2 axes and "ijk" names 3`, "every axis"],
    [() => einsum("i", a), `operand 0 has 2 axes and "i" names 1`, "..."],
    [() => einsum("ij->ik", a), `the result names "k"`, "letters of the operands"],
    [() => einsum("ij->ii", a), "names a letter twice", "once"],
    [() => einsum("i1->i", a), "not understood", "->"],
    [() => einsum("i..j", a), "not understood", "..."],
    [() => einsum(""), "operands", "commas"],
  ];
  for (const [body, what, remedy] of cases) {
    const error = assertThrows(body, ShapeError, what);
    assert(error.message.includes(remedy), `${error.message} should say ${remedy}`);
    assert(error.message.includes("einsum_test.ts"), error.message);
  }
});
