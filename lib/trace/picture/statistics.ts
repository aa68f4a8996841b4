/** Numbers about every value of a graph, for pictures: found by interpreting it once. */
import { ShapeError } from "../errors.ts";
import type { Graph, Variable } from "../graph.ts";
import { interpretGraph } from "../interpret.ts";
import type { HostArray } from "../primitive.ts";
import { describe, sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import type { ValueStatistics } from "./model.ts";

function typeOf(tensor: Tensor): string {
  return describe(tensor.aval);
}

/** Mean, extremes and how many elements are not finite. */
function statisticsOf({ data }: { readonly data: ArrayLike<number> }): ValueStatistics {
  let sum = 0, min = Infinity, max = -Infinity, nan = 0, inf = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    if (value !== value) nan++;
    else {
      if (value === Infinity || value === -Infinity) inf++;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    sum += value;
  }
  return { mean: sum / data.length, min, max, nan, inf };
}

/**
 * Interprets `graph` on `inputs`; in loops the numbers are those of the last step.
 *
 * @throws {ShapeError} when they are not as many, or not of the shapes, that the graph asks for.
 */
export function graphStatistics(graph: Graph, tensors: readonly Tensor[]): Map<Variable, ValueStatistics> {
  const types = graph.inputs.map(({ aval }) => describe(aval)).join(", ");
  if (
    tensors.length !== graph.inputs.length ||
    tensors.some(({ shape }, i) => !sameShape(shape, graph.inputs[i].aval.shape))
  ) {
    throw new ShapeError(
      `toHtml: the graph has the inputs ${types}, got ${tensors.map(typeOf).join(", ") || "none"}.`,
      {
        operation: "toHtml",
        remedy:
          "Pass one tensor for each input: arguments, then what the function captures and the shared variables it reads.",
      },
    );
  }
  const inputs = tensors.map((tensor, i): HostArray => ({
    shape: tensor.shape,
    dtype: graph.inputs[i].aval.dtype,
    data: Float64Array.from(tensor.dataSync()),
  }));
  const statistics = new Map<Variable, ValueStatistics>();
  graph.inputs.forEach((variable, i) => statistics.set(variable, statisticsOf(inputs[i])));
  interpretGraph(graph, inputs, {
    onNode(node, _inputs, outputs) {
      node.outputs.forEach((variable, i) => statistics.set(variable, statisticsOf(outputs[i])));
    },
  });
  return statistics;
}
