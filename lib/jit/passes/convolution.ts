/**
 * Convolutions as matrix products. Of the two classical forms the one that makes the smaller matrix is taken:
 *
 * - the windows of the images as columns, multiplied by the filters: `O x CK` times `CK x NP` (Chellapilla, Puri and
 *   Simard 2006), for P places of filters of K elements;
 * - with stride 1 also the filters multiplied by the images, `OK x C` times `C x NS` for images of S elements, and the
 *   products added up where they belong: the form of gradients with respect to images, where O is less than C.
 *
 * Large images are done in parts, so that a matrix does not take more than MAX_ELEMENTS. What is not worth it (tiny
 * sums, groups of few filters) stays a convolution.
 */
import type { Graph, Node } from "../../trace/graph.ts";
import { contractPrimitive } from "../../trace/primitives/contract.ts";
import type { ConvolveParams } from "../../trace/primitives/convolve.ts";
import { reshapeTo, transposeTo } from "../../trace/primitives/move.ts";
import { concatPrimitive } from "../../trace/primitives/move_concat.ts";
import { flipPrimitive, padPrimitive, slicePrimitive } from "../../trace/primitives/move_slice.ts";
import { unwindowPrimitive, windowsPrimitive } from "../../trace/primitives/windows.ts";
import { type Pass, rewriteGraph } from "../../trace/rewrite.ts";
import { sizeOf } from "../../trace/shape.ts";
import { mapGraphs } from "../../trace/sub_graphs.ts";
import type { Tensor } from "../../trace/tensor.ts";
import { bind, bindOne } from "../../trace/trace.ts";

/** The most elements of a matrix of windows. */
const MAX_ELEMENTS = 2 ** 24;

/** Fewer parts than this are written out one after the other. */
const MAX_PARTS = 64;

/** Fewer multiplications than this are not worth two more kernels. */
const MIN_WORK = 50_000;

/** A convolution whose groups stand in front: images [g, n, c, S...], filters [g, o, c, K...], places P. */
interface Grouped {
  readonly images: Tensor;
  readonly filters: Tensor;
  readonly places: readonly number[];
  readonly params: ConvolveParams;
}

/** The pass for a device that has a kernel of its own for the convolutions that `isDirect` names. */
export function convolutionPass(isDirect: (node: Node) => boolean): Pass {
  const run = (graph: Graph): Graph =>
    rewriteGraph(graph, (node, inputs) => {
      if (node.primitive.name === "convolve") return isDirect(node) ? null : asProduct(node, inputs);
      if (!node.primitive.graphs) return null;
      const params = mapGraphs(node.params, run);
      return params === node.params ? null : bind(node.primitive, inputs, params);
    });
  return { name: "convolution", run };
}

export const convolution: Pass = convolutionPass(() => false);

function asProduct(node: Node, [x, kernel]: readonly Tensor[]): Tensor | null {
  const params = node.params as ConvolveParams;
  const [out] = node.outputs;
  const count = Math.max(params.groups, params.batchGroups);
  const places = out.aval.shape.slice(2);
  const filters = kernel.shape[0] / count, sum = sizeOf(kernel.shape.slice(1));
  const work = sizeOf(out.aval.shape) * sum;
  if (places.length === 0 || work < MIN_WORK || sum < 4 || count > 1 && filters < 4) return null;
  const axis = params.groups > 1 ? 1 : 0;
  const grouped = { ...ungrouped(x, kernel, count, axis), places, params };
  const product = inParts(grouped);
  if (!product) return null;
  // [g, o, n, P...] to [n, g o, P...]
  const order = [2, 0, 1, ...places.map((_, i) => i + 3)];
  return reshapeTo(transposeTo(product, order), out.aval.shape);
}

/** The groups as a leading axis of both operands. */
function ungrouped(
  x: Tensor,
  kernel: Tensor,
  count: number,
  axis: number,
): Pick<Grouped, "images" | "filters"> {
  const split = [...x.shape.slice(0, axis), count, x.shape[axis] / count, ...x.shape.slice(axis + 1)];
  const order = split.map((_, d) => d).filter((d) => d !== axis);
  const images = transposeTo(reshapeTo(x, split), [axis, ...order]);
  const filters = reshapeTo(kernel, [count, kernel.shape[0] / count, ...kernel.shape.slice(1)]);
  return { images, filters };
}

/** The product [g, o, n, P...], over parts of the images where the whole would take too much memory. */
function inParts(grouped: Grouped): Tensor | null {
  const { images, filters, places, params } = grouped;
  const [count, own, channels, ...sizes] = filters.shape;
  const number = images.shape[1];
  const window = count * sizeOf(sizes);
  const spread = params.strides.every((stride) => stride === 1) &&
    own * sizeOf(images.shape.slice(3)) < channels * sizeOf(places);
  const each = window * (spread ? own * sizeOf(images.shape.slice(3)) : channels * sizeOf(places));
  const rows = Math.max(1, Math.floor(MAX_ELEMENTS / each));
  if (Math.ceil(number / rows) > MAX_PARTS) return null;
  const form = spread ? productOfImages : productOfWindows;
  const parts: Tensor[] = [];
  for (let start = 0; start < number; start += rows) {
    const part = { ...grouped, images: rowsOf(images, start, Math.min(start + rows, number)) };
    parts.push(form(part));
  }
  return parts.length === 1 ? parts[0] : bindOne(concatPrimitive, parts, { axis: 2 });
}

function rowsOf(x: Tensor, from: number, to: number): Tensor {
  if (from === 0 && to === x.shape[1]) return x;
  return bindOne(slicePrimitive, [x], {
    start: x.shape.map((_, d) => d === 1 ? from : 0),
    stop: x.shape.map((size, d) => d === 1 ? to : size),
    step: x.shape.map(() => 1),
  });
}

/** Windows as columns. */
function productOfWindows({ images, filters, places, params }: Grouped): Tensor {
  const [count, own, channels, ...sizes] = filters.shape;
  const number = images.shape[1], k = places.length;
  const { strides, kernelDilation, inputDilation } = params;
  const dilated = inputDilation.some((step) => step > 1);
  const front = [0, 0, 0];
  const spaced = !dilated ? images : bindOne(padPrimitive, [images], {
    low: [...front, ...params.padding.map(([low]) => low)],
    high: [...front, ...params.padding.map(([, high]) => high)],
    interior: [...front, ...inputDilation.map((step) => step - 1)],
    value: 0,
  });
  const windows = bindOne(windowsPrimitive, [spaced], {
    sizes,
    strides,
    dilations: kernelDilation,
    padding: dilated ? params.padding.map(() => [0, 0] as const) : params.padding,
    value: 0,
  });
  // [g, n, c, P..., K...] to [g, c, K..., n, P...]
  const of = (from: number) => places.map((_, i) => from + i);
  const columns = transposeTo(windows, [0, 2, ...of(3 + k), 1, ...of(3)]);
  const depth = channels * sizeOf(sizes);
  const product = bindOne(contractPrimitive, [
    reshapeTo(filters, [count, own, depth]),
    reshapeTo(columns, [count, depth, number * sizeOf(places)]),
  ], { batchA: [0], batchB: [0], contractA: [2], contractB: [1] });
  return reshapeTo(product, [count, own, number, ...places]);
}

/**
 * Filters times images, added up: element s of an image and element k of the filter meet at the place
 * `s inputDilation - k kernelDilation + low`, which is where the windows of the result begin with the filter turned
 * around and `(K - 1) kernelDilation - low` before it.
 */
function productOfImages({ images, filters, places, params }: Grouped): Tensor {
  const [count, own, , ...sizes] = filters.shape;
  const number = images.shape[1], inputs = images.shape.slice(3), k = places.length;
  const { inputDilation, kernelDilation } = params;
  const turned = bindOne(flipPrimitive, [filters], { axes: places.map((_, i) => i + 3) });
  const product = bindOne(contractPrimitive, [turned, images], {
    batchA: [0],
    batchB: [0],
    contractA: [2],
    contractB: [2],
  });
  // [g, o, K..., n, S...] to [g, o, n, S..., K...]
  const of = (from: number) => places.map((_, i) => from + i);
  const windows = transposeTo(product, [0, 1, 2 + k, ...of(3 + k), ...of(2)]);
  const padding = places.map((size, i): [number, number] => {
    const reach = (sizes[i] - 1) * kernelDilation[i];
    const before = reach - params.padding[i][0];
    return [before, (inputs[i] - 1) * inputDilation[i] + reach + 1 - size - before];
  });
  const sums = bindOne(unwindowPrimitive, [windows], {
    shape: places,
    strides: inputDilation,
    dilations: kernelDilation,
    padding,
  });
  return reshapeTo(sums, [count, own, number, ...places]);
}
