/**
 * Convolution as a nest: rows are the elements of the output, columns the channels and the places of the filter.
 * Padding and dilation of the input become masks.
 */
import type { Convolution, Nest, Statement, Store } from "./kernel.ts";
import { placedStatement, placedStore, type Placement } from "./statements.ts";

function contiguousStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

/**
 * Domain: batch group, batch, channel group, output channel, output places..., then input channel and filter places.
 * out[(q b), (q g o), y] = sum over c, k of input[(q b), (g c), y s + k d - p] * filter[(q g o), c, k], where of the
 * batch groups q and the channel groups g at least one is a single group.
 */
export function convolutionNest(kernel: Convolution): Nest {
  const { inputShape, kernelShape, outputShape, groups, batchGroups, dtype } = kernel;
  const spatial = inputShape.length - 2;
  const inputStrides = contiguousStrides(inputShape);
  const kernelStrides = contiguousStrides(kernelShape);
  const placeStrides = contiguousStrides(outputShape.slice(2));
  const batch = inputShape[0] / batchGroups;
  const channels = kernelShape[1];
  const outputChannels = kernelShape[0] / (groups * batchGroups);
  const places = outputShape.slice(2);
  const domain = [batchGroups, batch, groups, outputChannels, ...places, channels, ...kernelShape.slice(2)];
  const rank = domain.length;
  const rowRank = 4 + spatial;
  const zero = (): number[] => new Array<number>(rank).fill(0);

  const statements: Statement[] = [];
  const push = (s: Statement): number => statements.push(s) - 1;
  const integer = (value: number): number => push({ kind: "constant", dtype: "int32", value });
  const operate = (op: "add" | "sub" | "mul" | "floorDiv" | "mod", a: number, b: number): number =>
    push({ kind: "op", op, dtype: "int32", args: [a, b] });
  const compare = (op: "ge" | "lt" | "eq", a: number, b: number): number =>
    push({ kind: "op", op, dtype: "bool", from: "int32", args: [a, b] });

  const strides = zero();
  strides[0] = batch * inputStrides[0];
  strides[1] = inputStrides[0];
  strides[2] = channels * inputStrides[1];
  strides[rowRank] = inputStrides[1];
  let offset = 0, mask = -1;
  const dynamic: { statement: number; stride: number }[] = [];
  const require = (condition: number): void => {
    mask = mask < 0 ? condition : push({ kind: "op", op: "and", dtype: "bool", args: [mask, condition] });
  };
  for (let d = 0; d < spatial; d++) {
    const step = kernel.strides[d], dilation = kernel.kernelDilation[d], every = kernel.inputDilation[d];
    const [low] = kernel.padding[d];
    const size = inputShape[2 + d], span = (size - 1) * every + 1;
    const farthest = (places[d] - 1) * step + (kernelShape[2 + d] - 1) * dilation - low;
    const inside = low <= 0 && farthest < span;
    if (every === 1) {
      strides[4 + d] = step * inputStrides[2 + d];
      strides[rowRank + 1 + d] = dilation * inputStrides[2 + d];
      offset -= low * inputStrides[2 + d];
      if (inside) continue;
    }
    const place = push({ kind: "coordinate", dtype: "int32", axis: 4 + d });
    const tap = push({ kind: "coordinate", dtype: "int32", axis: rowRank + 1 + d });
    const reached = operate(
      "add",
      operate("mul", place, integer(step)),
      operate("mul", tap, integer(dilation)),
    );
    const position = operate("sub", reached, integer(low));
    if (low > 0) require(compare("ge", position, integer(0)));
    if (farthest >= span) require(compare("lt", position, integer(span)));
    if (every === 1) continue;
    require(compare("eq", operate("mod", position, integer(every)), integer(0)));
    dynamic.push({ statement: operate("floorDiv", position, integer(every)), stride: inputStrides[2 + d] });
  }
  const input = push({
    kind: "load",
    dtype,
    operand: kernel.input,
    index: { offset, strides, dynamic },
    ...(mask < 0 ? {} : { mask, fill: 0 }),
  });
  const filterStrides = zero();
  filterStrides[0] = groups * outputChannels * kernelStrides[0];
  filterStrides[2] = outputChannels * kernelStrides[0];
  filterStrides[3] = kernelStrides[0];
  filterStrides[rowRank] = kernelStrides[1];
  for (let d = 0; d < spatial; d++) filterStrides[rowRank + 1 + d] = kernelStrides[2 + d];
  const filter = push({
    kind: "load",
    dtype,
    operand: kernel.filters,
    index: { offset: 0, strides: filterStrides, dynamic: [] },
  });
  const product = push({ kind: "op", op: "mul", dtype, args: [input, filter] });
  const shift = statements.length;
  const placement: Placement = {
    place: (statement) => statement + shift,
    // Over images, filters and places: filters are counted by batch group, group and within it.
    move: (index) => {
      const [image, filter, place] = index.strides;
      const strides = zero();
      strides[0] = groups * outputChannels * filter;
      strides[1] = image;
      strides[2] = outputChannels * filter;
      strides[3] = filter;
      placeStrides.forEach((stride, d) => strides[4 + d] = place * stride);
      return { ...index, strides };
    },
  };
  for (const s of kernel.epilogue.statements) statements.push(placedStatement(s, placement));
  const stores = kernel.epilogue.stores.map((store): Store => ({
    ...placedStore(store, placement),
    perRow: true,
    pass: 0,
  }));
  return {
    kind: "nest",
    domain,
    rowRank,
    operands: kernel.operands,
    statements,
    reductions: [{ combiner: "sum", value: product, dtype, pass: 0 }],
    stores,
    passes: 1,
  };
}
