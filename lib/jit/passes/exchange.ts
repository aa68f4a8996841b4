/**
 * Convolutions whose filters are larger than the images, as the derivatives of gradients with respect to filters are:
 * nearly all that such filters see is padding. Images and filters change places, since both are summed over: an output y
 * has the products of image element s and filter element t with `s e - t d + low = y` for dilations e and d, that is
 * `t d = y' + s e - low'` with y' counted from the last output Y - 1 and `low' = Y - 1 - low`, the convolution of the
 * filters with the images as filters, whose outputs come in reversed order.
 */
import type { Graph, Node } from "../../trace/graph.ts";
import { type ConvolveParams, convolvePrimitive } from "../../trace/primitives/convolve.ts";
import { transposeTo } from "../../trace/primitives/move.ts";
import { flipPrimitive } from "../../trace/primitives/move_slice.ts";
import { type Pass, rewriteGraph } from "../../trace/rewrite.ts";
import { sizeOf } from "../../trace/shape.ts";
import { mapGraphs } from "../../trace/sub_graphs.ts";
import type { Tensor } from "../../trace/tensor.ts";
import { bind, bindOne } from "../../trace/trace.ts";

/** Products that each output is spared when it is worth bringing the outputs into order. */
const LEAST_GAIN = 64;

/** The pass. */
export const exchange: Pass = {
  name: "exchange",
  run(graph: Graph): Graph {
    return rewriteGraph(graph, (node, inputs) => {
      if (node.primitive.name === "convolve") return exchanged(node, inputs);
      if (!node.primitive.graphs) return null;
      const params = mapGraphs(node.params, exchange.run);
      return params === node.params ? null : bind(node.primitive, inputs, params);
    });
  },
};

function exchanged(node: Node, [x, filters]: readonly Tensor[]): Tensor | null {
  const { strides, padding, inputDilation, kernelDilation, groups, batchGroups } = node
    .params as ConvolveParams;
  const sizes = x.shape.slice(2), taps = filters.shape.slice(2), places = node.outputs[0].aval.shape.slice(2);
  const ones = (list: readonly number[]): boolean => list.every((value) => value === 1);
  if (groups > 1 || batchGroups > 1 || !ones(strides) || !ones(kernelDilation)) return null;
  if (x.size === 0 || sizeOf(places) === 0) return null;
  if (x.shape[1] * (sizeOf(taps) - sizeOf(sizes)) < LEAST_GAIN) return null;
  const pads = places.map((place, i): [number, number] => {
    const low = place - 1 - padding[i][0];
    return [low, place + (sizes[i] - 1) * inputDilation[i] - taps[i] - low];
  });
  const turned = bindOne(convolvePrimitive, [filters, x], {
    strides,
    padding: pads,
    inputDilation: kernelDilation,
    kernelDilation: inputDilation,
    groups,
    batchGroups,
  });
  const axes = places.map((_, i) => i + 2);
  return transposeTo(bindOne(flipPrimitive, [turned], { axes }), [1, 0, ...axes]);
}
