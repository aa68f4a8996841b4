/** What a row of the primitive table is, and the samplers rows are made with. */
import { castValue, type DType, isFloat, rangeOf } from "../../lib/trace/dtype.ts";
import type { HostArray, Params, Primitive } from "../../lib/trace/primitive.ts";
import { type Shape, sizeOf } from "../../lib/trace/shape.ts";
import type { TestRandom } from "../support/random.ts";

/** One application of a primitive. Every float is a number of its dtype. */
export interface PrimitiveSample {
  readonly inputs: readonly HostArray[];
  readonly params: Params;
}

/**
 * A row: one primitive at one arrangement of shapes and parameters. Samples keep away from kinks and poles, so that
 * finite differences with steps up to 1e-3 are meaningful at every differentiable position.
 */
export interface PrimitiveCase {
  readonly primitive: Primitive;
  /** Tells the rows of a primitive apart, for example `[5, 17] [17]`. */
  readonly name: string;
  /** The dtypes that `make` may be asked for: that of the main operand. */
  readonly dtypes: readonly DType[];
  /** Positions of the inputs that have a derivative when they are floats (locally constant ones included). */
  readonly differentiable: readonly number[];
  make(seed: number, dtype: DType): PrimitiveSample;
  /** Of a primitive that runs graphs: the inputs, one at a time, in which it is linear at this row. */
  readonly linear?: readonly number[];
  /** The result is rounded to a narrower dtype: finite differences mean nothing. */
  readonly rounds?: boolean;
  /** Anything a reader of a failure should know. */
  readonly note?: string;
}

export const FLOATS: readonly DType[] = ["float32", "float64", "float16"];
export const INTEGERS: readonly DType[] = ["int32", "uint32", "int8", "uint8"];
export const NUMBERS: readonly DType[] = [...FLOATS, ...INTEGERS];
export const ALL_DTYPES: readonly DType[] = [...NUMBERS, "bool"];

/** Draws one element. */
export type Sampler = (random: TestRandom, dtype: DType) => number;

/** An array of the shape whose elements are drawn one by one and rounded to the dtype. */
export function sampleArray(random: TestRandom, shape: Shape, dtype: DType, sampler: Sampler): HostArray {
  const data = new Float64Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = castValue(sampler(random, dtype), "float64", dtype);
  return { shape, dtype, data };
}

/** Uniform between two bounds; an integer in the whole range of integer dtypes, small ones as often as any. */
export function reals(low: number, high: number): Sampler {
  return (random, dtype) => isFloat(dtype) ? low + (high - low) * random.next() : anyInteger(random, dtype);
}

/** Uniform in magnitude between the bounds, with either sign. */
export function signedReals(low: number, high: number): Sampler {
  const magnitude = reals(low, high);
  return (random, dtype) => {
    const value = magnitude(random, dtype);
    return isFloat(dtype) && random.below(2) === 0 ? -value : value;
  };
}

/** Away from integers and from halves. */
export const betweenSteps: Sampler = (random, dtype) =>
  isFloat(dtype)
    ? random.below(13) - 6 + (random.below(2) === 0 ? 0.1 : 0.6) + 0.25 * random.next()
    : anyInteger(random, dtype);

/** Small integers as often as any of the dtype; bool 0 and 1. */
export function anyInteger(random: TestRandom, dtype: DType): number {
  if (dtype === "bool") return random.below(2);
  const [low, high] = rangeOf(dtype);
  if (random.below(2) === 0) return Math.max(low, random.below(21) - 10);
  return low + Math.floor(random.next() * (high - low + 1));
}

/** Integers from `low` to `high`, as floats too. */
export function integersBetween(low: number, high: number): Sampler {
  return (random) => low + random.below(high - low + 1);
}

/** Numbers on a grid of fifths whose distance to every number of another offset is at least 0.05. */
export function onGrid(offset: number): Sampler {
  return (random, dtype) =>
    isFloat(dtype) ? (random.below(21) - 10) / 5 + offset + 0.02 * random.next() : anyInteger(random, dtype);
}

/** All different, at least 0.05 apart, in random order. */
export function distinctArray(random: TestRandom, shape: Shape, dtype: DType): HostArray {
  const size = sizeOf(shape);
  if (!isFloat(dtype)) return sampleArray(random, shape, dtype, anyInteger);
  const order = Array.from({ length: size }, (_, i) => i);
  for (let i = size - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  const data = Float64Array.from(order, (k) => castValue((k - size / 2) / 16, "float64", dtype));
  return { shape, dtype, data };
}

/** `[5, 17] [17]`. */
export function showShapes(...shapes: readonly Shape[]): string {
  return shapes.map((shape) => `[${shape.join(", ")}]`).join(" ");
}
