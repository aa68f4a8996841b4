/** Numbers about every value of a graph, for pictures: found by interpreting it once. */
import type { Graph, Variable } from "../graph.ts";
import { interpretGraph } from "../interpret.ts";
import type { HostArray } from "../primitive.ts";
import type { ValueStatistics } from "./model.ts";

/** Mean, extremes and how many elements are not finite. */
export function statisticsOf({ data }: { readonly data: ArrayLike<number> }): ValueStatistics {
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

/** Interprets `graph` on `inputs`; in loops the numbers are those of the last step. */
export function graphStatistics(
  graph: Graph,
  inputs: readonly HostArray[],
): Map<Variable, ValueStatistics> {
  const statistics = new Map<Variable, ValueStatistics>();
  graph.inputs.forEach((variable, i) => statistics.set(variable, statisticsOf(inputs[i])));
  interpretGraph(graph, inputs, {
    onNode(node, _inputs, outputs) {
      node.outputs.forEach((variable, i) => statistics.set(variable, statisticsOf(outputs[i])));
    },
  });
  return statistics;
}
