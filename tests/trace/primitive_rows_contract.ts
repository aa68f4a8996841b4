/** Rows of the primitive table: contract, convolve and sort. */
import type { DType } from "../../lib/trace/dtype.ts";
import { type ContractParams, contractPrimitive } from "../../lib/trace/primitives/contract.ts";
import { type ConvolveParams, convolvePrimitive } from "../../lib/trace/primitives/convolve.ts";
import { sortPrimitive } from "../../lib/trace/primitives/sort.ts";
import { topkPrimitive } from "../../lib/trace/primitives/topk.ts";
import type { Primitive } from "../../lib/trace/primitive.ts";
import type { Shape } from "../../lib/trace/shape.ts";
import { TestRandom } from "../support/random.ts";
import {
  ALL_DTYPES,
  distinctArray,
  type PrimitiveCase,
  reals,
  sampleArray,
  showShapes,
} from "./primitive_case.ts";
import { plainRow } from "./primitive_rows_move.ts";

const PRODUCTS: readonly DType[] = ["float32", "float64", "float16", "int32", "uint32"];

function contraction(
  contractA: readonly number[],
  contractB: readonly number[],
  batchA: readonly number[] = [],
  batchB: readonly number[] = [],
): ContractParams {
  return { batchA, batchB, contractA, contractB };
}

const CONTRACTIONS: readonly (readonly [Shape, Shape, ContractParams])[] = [
  [[3], [3], contraction([0], [0])],
  [[3], [5], contraction([], [])],
  [[5, 3], [3, 7], contraction([1], [0])],
  [[3, 5], [3, 7], contraction([0], [0])],
  [[5, 3], [7, 3], contraction([1], [1])],
  [[3, 5], [7, 3], contraction([0], [1])],
  [[17, 1], [1, 5], contraction([1], [0])],
  [[5, 3], [3], contraction([1], [0])],
  [[3], [3, 5], contraction([0], [0])],
  [[2, 5, 3], [2, 3, 7], contraction([2], [1], [0], [0])],
  [[5, 2, 3], [3, 7, 2], contraction([2], [0], [1], [2])],
  [[2, 3, 4, 5], [4, 3, 6], contraction([1, 2], [1, 0])],
  [[2, 3, 4], [3, 2, 5], contraction([], [], [0, 1], [1, 0])],
  [[4, 2, 3, 5], [5, 3, 2, 4, 6], contraction([3, 1], [0, 2], [0, 2], [3, 1])],
  [[3, 0], [0, 5], contraction([1], [0])],
  [[0, 3], [3, 5], contraction([1], [0])],
  [[33, 17], [17, 19], contraction([1], [0])],
];

function convolution(params: Partial<ConvolveParams>, rank: number): ConvolveParams {
  const ones = new Array<number>(rank).fill(1);
  return {
    strides: ones,
    padding: ones.map((): [number, number] => [0, 0]),
    inputDilation: ones,
    kernelDilation: ones,
    groups: 1,
    batchGroups: 1,
    ...params,
  };
}

const CONVOLUTIONS: readonly (readonly [Shape, Shape, ConvolveParams])[] = [
  [[2, 3, 7], [4, 3, 3], convolution({}, 1)],
  [[1, 1, 5], [1, 1, 1], convolution({}, 1)],
  [[2, 3, 7], [4, 3, 3], convolution({ strides: [2], padding: [[1, 2]] }, 1)],
  [[2, 3, 8], [4, 3, 3], convolution({ strides: [3], padding: [[2, 0]], kernelDilation: [2] }, 1)],
  [[2, 3, 5], [4, 3, 4], convolution({ inputDilation: [2], padding: [[1, 1]] }, 1)],
  [[2, 3, 5], [4, 3, 2], convolution({ padding: [[-1, -1]] }, 1)],
  [[2, 4, 7], [6, 2, 3], convolution({ groups: 2, strides: [2] }, 1)],
  [[2, 3, 6], [3, 1, 3], convolution({ groups: 3, padding: [[1, 1]] }, 1)],
  [[4, 3, 7], [6, 3, 3], convolution({ batchGroups: 2, strides: [2] }, 1)],
  [[2, 3, 5, 6], [4, 3, 3, 2], convolution({ padding: [[1, 1], [0, 1]] }, 2)],
  [[1, 2, 7, 5], [3, 2, 3, 3], convolution({ strides: [2, 1], kernelDilation: [2, 1] }, 2)],
  [
    [1, 2, 4, 3, 5],
    [2, 2, 2, 3, 2],
    convolution({ strides: [1, 1, 2], padding: [[0, 0], [1, 1], [1, 0]] }, 3),
  ],
  [[2, 3], [4, 3], convolution({}, 0)],
  [[2, 3, 2], [4, 3, 3], convolution({}, 1)],
  [[0, 3, 7], [4, 3, 3], convolution({}, 1)],
];

/** Keys are all different, so that small steps do not change their order. */
function sortRow(shape: Shape, payloads: number, descending: boolean): PrimitiveCase {
  const params = { descending };
  const note = payloads === 0 ? "" : ` with ${payloads} payload${payloads > 1 ? "s" : ""}`;
  return {
    primitive: sortPrimitive as unknown as Primitive,
    name: `${showShapes(shape)} ${sortPrimitive.print(params)}${note}`,
    dtypes: payloads > 0 ? ["float32", "float64"] : ALL_DTYPES,
    differentiable: Array.from({ length: payloads + 1 }, (_, i) => i),
    make(seed, dtype) {
      const random = new TestRandom(seed);
      const rest = Array.from({ length: payloads }, () => sampleArray(random, shape, dtype, reals(-2, 2)));
      return { inputs: [distinctArray(random, shape, dtype), ...rest], params };
    },
  };
}

function topkRow(shape: Shape, count: number): PrimitiveCase {
  return {
    primitive: topkPrimitive as unknown as Primitive,
    name: `${showShapes(shape)} count ${count}`,
    dtypes: ALL_DTYPES,
    differentiable: [0],
    make: (seed, dtype) => ({
      inputs: [distinctArray(new TestRandom(seed), shape, dtype)],
      params: { count },
    }),
  };
}

export const CONTRACT_ROWS: readonly PrimitiveCase[] = [
  ...CONTRACTIONS.map(([a, b, params]) => plainRow(contractPrimitive, [a, b], params, PRODUCTS)),
  ...CONVOLUTIONS.map(([x, kernel, params]) =>
    plainRow(convolvePrimitive, [x, kernel], params, ["float32", "float64", "int32"])
  ),
  ...[[1], [17], [3, 5], [2, 3, 7], [0], [3, 0], [0, 3]].flatMap((shape) =>
    [false, true].flatMap((descending) => [sortRow(shape, 0, descending), sortRow(shape, 2, descending)])
  ),
  topkRow([1], 1),
  topkRow([17], 3),
  topkRow([3, 5], 2),
  topkRow([3, 5], 0),
  topkRow([2, 3, 7], 7),
  topkRow([0, 3], 2),
];
