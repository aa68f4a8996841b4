/** Rows of the primitive table: elementwise primitives, cast, constant, iota, bitcast, threefry. */
import { byteSize, castValue, type DType, isFloat } from "../../lib/trace/dtype.ts";
import type { HostArray, Primitive } from "../../lib/trace/primitive.ts";
import { bitcastPrimitive } from "../../lib/trace/primitives/bitcast.ts";
import { castPrimitive } from "../../lib/trace/primitives/cast.ts";
import { constantPrimitive } from "../../lib/trace/primitives/constant.ts";
import { elementwise } from "../../lib/trace/primitives/elementwise.ts";
import { iotaPrimitive } from "../../lib/trace/primitives/iota.ts";
import { stopGradientPrimitive } from "../../lib/trace/primitives/stop_gradient.ts";
import { threefryPrimitive } from "../../lib/trace/primitives/threefry.ts";
import type { ScalarOp } from "../../lib/trace/scalar_op.ts";
import type { Shape } from "../../lib/trace/shape.ts";
import { TestRandom } from "../support/random.ts";
import {
  ALL_DTYPES,
  anyInteger,
  betweenSteps,
  FLOATS,
  INTEGERS,
  integersBetween,
  NUMBERS,
  onGrid,
  type PrimitiveCase,
  reals,
  sampleArray,
  type Sampler,
  showShapes,
  signedReals,
} from "./primitive_case.ts";

interface ElementwiseRow {
  readonly dtypes: readonly DType[];
  /** One per operand. */
  readonly samplers: readonly Sampler[];
  /** True where the operands have derivatives. */
  readonly smooth?: boolean;
}

const BITWISE: readonly DType[] = [...INTEGERS, "bool"];
const shiftCount: Sampler = (random, dtype) => random.below(8 * byteSize(dtype));

function real(low: number, high: number): ElementwiseRow {
  return { dtypes: FLOATS, samplers: [reals(low, high)], smooth: true };
}

function bits(...samplers: Sampler[]): ElementwiseRow {
  return { dtypes: BITWISE, samplers };
}

const comparison: ElementwiseRow = { dtypes: ALL_DTYPES, samplers: [onGrid(0), onGrid(0)] };

/** Every scalar operation: complete by type. */
const ROWS: { readonly [K in ScalarOp]: ElementwiseRow } = {
  neg: { dtypes: NUMBERS, samplers: [reals(-3, 3)], smooth: true },
  abs: { dtypes: NUMBERS, samplers: [signedReals(0.2, 3)], smooth: true },
  sign: { dtypes: NUMBERS, samplers: [signedReals(0.2, 3)], smooth: true },
  floor: { dtypes: FLOATS, samplers: [betweenSteps], smooth: true },
  ceil: { dtypes: FLOATS, samplers: [betweenSteps], smooth: true },
  round: { dtypes: FLOATS, samplers: [betweenSteps], smooth: true },
  trunc: { dtypes: FLOATS, samplers: [betweenSteps], smooth: true },
  sqrt: real(0.3, 4),
  rsqrt: real(0.5, 4),
  reciprocal: { dtypes: FLOATS, samplers: [signedReals(0.5, 3)], smooth: true },
  square: { dtypes: NUMBERS, samplers: [reals(-3, 3)], smooth: true },
  exp: real(-3, 2),
  exp2: real(-3, 2),
  expm1: real(-2, 2),
  log: real(0.4, 5),
  log2: real(0.4, 5),
  log10: real(0.4, 5),
  log1p: real(-0.5, 3),
  sin: real(-4, 4),
  cos: real(-4, 4),
  tan: real(-1.2, 1.2),
  asin: real(-0.8, 0.8),
  acos: real(-0.8, 0.8),
  atan: real(-3, 3),
  sinh: real(-2, 2),
  cosh: real(-2, 2),
  tanh: real(-2, 2),
  asinh: real(-3, 3),
  acosh: real(1.3, 4),
  atanh: real(-0.8, 0.8),
  sigmoid: real(-4, 4),
  erf: real(-2, 2),
  erfc: real(-2, 2),
  erfinv: real(-0.8, 0.8),
  erfcx: real(-2, 3),
  i0: real(-4, 4),
  i1: real(-4, 4),
  lgamma: real(0.4, 6),
  digamma: real(0.6, 6),
  not: bits(anyInteger),
  isNaN: { dtypes: ALL_DTYPES, samplers: [reals(-3, 3)] },
  isFinite: { dtypes: ALL_DTYPES, samplers: [reals(-3, 3)] },
  add: { dtypes: NUMBERS, samplers: [reals(-3, 3), reals(-3, 3)], smooth: true },
  sub: { dtypes: NUMBERS, samplers: [reals(-3, 3), reals(-3, 3)], smooth: true },
  mul: { dtypes: NUMBERS, samplers: [reals(-3, 3), reals(-3, 3)], smooth: true },
  div: { dtypes: FLOATS, samplers: [reals(-3, 3), signedReals(0.5, 3)], smooth: true },
  floorDiv: { dtypes: NUMBERS, samplers: [betweenSteps, integersBetween(1, 1)], smooth: true },
  mod: { dtypes: NUMBERS, samplers: [betweenSteps, integersBetween(1, 1)], smooth: true },
  pow: { dtypes: FLOATS, samplers: [reals(0.5, 2), reals(-2, 2)], smooth: true },
  atan2: { dtypes: FLOATS, samplers: [signedReals(0.5, 2), signedReals(0.5, 2)], smooth: true },
  minimum: { dtypes: NUMBERS, samplers: [onGrid(0), onGrid(0.1)], smooth: true },
  maximum: { dtypes: NUMBERS, samplers: [onGrid(0), onGrid(0.1)], smooth: true },
  and: bits(anyInteger, anyInteger),
  or: bits(anyInteger, anyInteger),
  xor: bits(anyInteger, anyInteger),
  shiftLeft: { dtypes: INTEGERS, samplers: [anyInteger, shiftCount] },
  shiftRight: { dtypes: INTEGERS, samplers: [anyInteger, shiftCount] },
  mulNoNaN: { dtypes: FLOATS, samplers: [signedReals(0.2, 3), reals(-3, 3)], smooth: true },
  eq: comparison,
  ne: comparison,
  lt: comparison,
  le: comparison,
  gt: comparison,
  ge: comparison,
  select: { dtypes: ALL_DTYPES, samplers: [anyInteger, reals(-3, 3), reals(-3, 3)], smooth: true },
};

/** Further operand ranges of the same primitives. */
const MORE: readonly (readonly [ScalarOp, string, ElementwiseRow])[] = [
  ["floorDiv", "any divisor", { dtypes: NUMBERS, samplers: [reals(-9, 9), signedReals(0.5, 3)] }],
  ["mod", "any divisor", { dtypes: NUMBERS, samplers: [reals(-9, 9), signedReals(0.5, 3)] }],
  ["mod", "both", { dtypes: FLOATS, samplers: [reals(2.3, 2.7), reals(0.95, 1.05)], smooth: true }],
  ["pow", "integers", { dtypes: INTEGERS, samplers: [anyInteger, integersBetween(0, 7)] }],
  ["pow", "integral exponents", { dtypes: FLOATS, samplers: [signedReals(0.5, 2), integersBetween(-3, 3)] }],
  ["lgamma", "negative", { dtypes: FLOATS, samplers: [reals(-2.7, -2.3)], smooth: true }],
  ["digamma", "negative", { dtypes: FLOATS, samplers: [reals(-2.7, -2.3)], smooth: true }],
  ["tan", "wide", { dtypes: FLOATS, samplers: [reals(1.9, 4.3)], smooth: true }],
];

const ONE: readonly (readonly Shape[])[] = [[[]], [[1]], [[3]], [[5, 17]], [[0, 3]]];
const TWO: readonly (readonly Shape[])[] = [
  [[], []],
  [[1], [1]],
  [[3], [3]],
  [[5, 17], [17]],
  [[5, 1], [1, 17]],
  [[], [5, 17]],
  [[2, 1, 3], [4, 1]],
  [[0, 3], [3]],
];
const THREE: readonly (readonly Shape[])[] = [
  [[], [], []],
  [[3], [3], [3]],
  [[5, 17], [17], []],
  [[5, 1], [1, 17], [5, 17]],
  [[3], [2, 1], [2, 3]],
  [[0, 3], [3], [1]],
];
const SHAPES = [ONE, TWO, THREE];

function elementwiseCase(
  op: ScalarOp,
  { dtypes, samplers, smooth }: ElementwiseRow,
  shapes: readonly Shape[],
  label = "",
): PrimitiveCase {
  const first = op === "select" ? 1 : 0;
  return {
    primitive: elementwise[op] as Primitive,
    name: label + showShapes(...shapes),
    dtypes,
    differentiable: smooth ? samplers.map((_, i) => i).slice(first) : [],
    make(seed, dtype) {
      const random = new TestRandom(seed);
      const inputs = samplers.map((sampler, i) =>
        sampleArray(random, shapes[i], op === "select" && i === 0 ? "bool" : dtype, sampler)
      );
      return { inputs, params: {} };
    },
  };
}

/** Float values of all kinds for the target: fractional, beyond the range of integers, NaN is in a test of its own. */
function castCase(to: DType, shape: Shape): PrimitiveCase {
  const source = isFloat(to) ? signedReals(0.2, 9) : signedReals(0.2, 400);
  return {
    primitive: castPrimitive as Primitive,
    name: `to ${to} ${showShapes(shape)}`,
    dtypes: ALL_DTYPES,
    differentiable: isFloat(to) ? [0] : [],
    rounds: to !== "float64",
    make(seed, dtype) {
      return { inputs: [sampleArray(new TestRandom(seed), shape, dtype, source)], params: { dtype: to } };
    },
  };
}

const BITCASTS: readonly (readonly [DType, DType])[] = [
  ["float32", "int32"],
  ["float32", "uint32"],
  ["int32", "float32"],
  ["uint32", "float32"],
  ["int32", "uint32"],
  ["uint32", "int32"],
  ["int8", "uint8"],
  ["uint8", "int8"],
];

function bitcastCase([from, to]: readonly [DType, DType]): PrimitiveCase {
  // Patterns of infinities and NaN are left out: they need not survive a trip through float64.
  const pattern: Sampler = to === "float32" ? integersBetween(0, 0x7f000000) : reals(-1e6, 1e6);
  return {
    primitive: bitcastPrimitive as Primitive,
    name: `to ${to} [5, 17]`,
    dtypes: [from],
    differentiable: [],
    make: (seed, dtype) => ({
      inputs: [sampleArray(new TestRandom(seed), [5, 17], dtype, pattern)],
      params: { dtype: to },
    }),
  };
}

const word: Sampler = (random) => Math.floor(random.next() * 4294967296);

function threefryCase(shapes: readonly Shape[]): PrimitiveCase {
  return {
    primitive: threefryPrimitive as Primitive,
    name: showShapes(...shapes),
    dtypes: ["uint32"],
    differentiable: [],
    make(seed, dtype) {
      const random = new TestRandom(seed);
      return { inputs: shapes.map((shape) => sampleArray(random, shape, dtype, word)), params: {} };
    },
  };
}

function iotaCase(shape: Shape, axis: number): PrimitiveCase {
  return {
    primitive: iotaPrimitive as Primitive,
    name: `${showShapes(shape)} axis ${axis}`,
    dtypes: NUMBERS,
    differentiable: [],
    make: (_seed, dtype) => ({ inputs: [], params: { shape, dtype, axis } }),
  };
}

function constantCase(value: number): PrimitiveCase {
  return {
    primitive: constantPrimitive as Primitive,
    name: String(value),
    dtypes: ALL_DTYPES,
    differentiable: [],
    make: (_seed, dtype) => ({ inputs: [], params: { value: castValue(value, "float64", dtype), dtype } }),
  };
}

function stopCase(shape: Shape): PrimitiveCase {
  return {
    primitive: stopGradientPrimitive as Primitive,
    name: showShapes(shape),
    dtypes: ALL_DTYPES,
    differentiable: [],
    note: "The derivative is zero by definition, not by finite differences.",
    make: (seed, dtype): { inputs: HostArray[]; params: object } => ({
      inputs: [sampleArray(new TestRandom(seed), shape, dtype, reals(-3, 3))],
      params: {},
    }),
  };
}

export const ELEMENTWISE_ROWS: readonly PrimitiveCase[] = [
  ...Object.entries(ROWS).flatMap(([op, row]) =>
    SHAPES[row.samplers.length - 1].map((shapes) => elementwiseCase(op as ScalarOp, row, shapes))
  ),
  ...MORE.map(([op, label, row]) =>
    elementwiseCase(op, row, SHAPES[row.samplers.length - 1][3], `${label}, `)
  ),
  ...ALL_DTYPES.flatMap((to) => [[], [5, 17], [0, 3]].map((shape) => castCase(to, shape))),
  ...BITCASTS.map(bitcastCase),
  ...[[[], [], [17], []], [[5, 1], [5, 1], [1, 17], []], [[2], [2], [2], [2]], [[], [], [0], [0]]].map(
    threefryCase,
  ),
  iotaCase([5], 0),
  iotaCase([3, 17], 1),
  iotaCase([3, 17], 0),
  iotaCase([2, 3, 4], 1),
  iotaCase([0, 3], 1),
  constantCase(0),
  constantCase(1.5),
  constantCase(-7),
  ...[[], [5, 17]].map(stopCase),
];
