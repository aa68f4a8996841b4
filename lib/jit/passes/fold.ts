/** Constant folding: scalar work on constants alone is done when the program is compiled. */
import type { Graph } from "../../trace/graph.ts";
import type { HostArray } from "../../trace/primitive.ts";
import { broadcastToPrimitive } from "../../trace/primitives/move.ts";
import { type Pass, rewriteGraph, uniformValue } from "../../trace/rewrite.ts";
import { elementwise } from "../../trace/primitives/elementwise.ts";
import { Tensor } from "../../trace/tensor.ts";
import { bindOne } from "../../trace/trace.ts";

function isElementwise(name: string): boolean {
  return Object.hasOwn(elementwise, name) || name === "cast";
}

/** An elementwise operation on uniform values is a uniform value, rounded to its dtype as the operation would be. */
export const fold: Pass = {
  name: "fold",
  run(graph: Graph): Graph {
    return rewriteGraph(graph, (node, inputs) => {
      if (node.outputs.length !== 1 || inputs.length === 0 || !isElementwise(node.primitive.name)) {
        return null;
      }
      const scalars: HostArray[] = [];
      for (const input of inputs) {
        const value = uniformValue(input);
        if (value === undefined) return null;
        scalars.push({ shape: [], dtype: input.aval.dtype, data: Float64Array.of(value) });
      }
      const { aval } = node.outputs[0];
      const [result] = node.primitive.evaluate(scalars, node.params, [{ shape: [], dtype: aval.dtype }]);
      const literal = Tensor.literal(result.data[0], aval.dtype, aval.weak);
      return aval.shape.length === 0
        ? literal
        : bindOne(broadcastToPrimitive, [literal], { shape: aval.shape });
    });
  },
};
