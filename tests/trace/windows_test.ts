/** windows and unwindow: what they read and sum, and the graph that unwindow is compiled as. */
import { assertEquals } from "@std/assert";
import { interpretGraph } from "../../lib/trace/interpret.ts";
import type { HostArray } from "../../lib/trace/primitive.ts";
import { unwindowPrimitive, windowsPrimitive } from "../../lib/trace/primitives/windows.ts";
import { bindOne } from "../../lib/trace/trace.ts";
import { goldenOperand, numbers, testEverywhere } from "../support/operands.ts";
import { PRIMITIVE_TABLE } from "./primitive_table.ts";

const plain = { dilations: [1], padding: [[0, 0]] as const, value: 0 };

testEverywhere("windows holds the elements under each position", () => {
  const x = goldenOperand([5]);
  const [a, b, c, d, e] = numbers(x);
  const windows = bindOne(windowsPrimitive, [x], { ...plain, sizes: [3], strides: [2] });
  assertEquals([...windows.shape], [2, 3]);
  assertEquals(numbers(windows), [a, b, c, c, d, e]);
  const dilated = bindOne(windowsPrimitive, [x], {
    sizes: [2],
    strides: [1],
    dilations: [3],
    padding: [[1, 0]],
    value: -Infinity,
  });
  assertEquals(numbers(dilated), [-Infinity, c, a, d, b, e]);
});

testEverywhere("unwindow adds up what overlaps", () => {
  const ones = bindOne(windowsPrimitive, [goldenOperand([5])], { ...plain, sizes: [3], strides: [1] });
  const { value: _, ...params } = plain;
  const back = bindOne(unwindowPrimitive, [ones], { ...params, shape: [5], strides: [1] });
  const x = numbers(goldenOperand([5]));
  assertEquals(numbers(back), [x[0], 2 * x[1], 3 * x[2], 2 * x[3], x[4]]);
});

Deno.test("the graph of unwindow computes what its evaluation computes", () => {
  let checked = 0;
  for (const row of PRIMITIVE_TABLE) {
    if (row.primitive.name !== "unwindow") continue;
    for (const dtype of ["float64", "int32", "uint8"] as const) {
      const { inputs, params } = row.make(1, dtype);
      const outputs = row.primitive.infer(inputs, params);
      const [expected] = row.primitive.evaluate(inputs, params, outputs) as readonly HostArray[];
      const lowering = row.primitive.lower(params, inputs, outputs);
      if (lowering.kind !== "call") throw new Error("unwindow compiles as a graph");
      const [actual] = interpretGraph(lowering.graph, inputs);
      assertEquals([...actual.shape], [...expected.shape], row.name);
      const near = (value: number) => dtype === "float64" ? Math.round(value * 1e9) : value;
      assertEquals(Array.from(actual.data, near), Array.from(expected.data, near), `${row.name} ${dtype}`);
      checked++;
    }
  }
  assertEquals(checked > 20, true);
});

Deno.test("windows that tile an axis are joined without any sum", () => {
  const params = { shape: [6, 6], strides: [2, 3], dilations: [1, 1], padding: [[0, 0], [0, 0]] as const };
  const aval = { shape: [2, 3, 2, 2, 3], dtype: "float32" as const };
  const lowering = unwindowPrimitive.lower(params, [aval], unwindowPrimitive.infer([aval], params));
  const names = lowering.kind === "call" ? lowering.graph.nodes.map((node) => node.primitive.name) : [];
  assertEquals(new Set(names), new Set(["transpose", "reshape"]));
});
