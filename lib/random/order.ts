/** Random order: permutation and choice. */
import { isFloat } from "../trace/dtype.ts";
import { DamoError, DTypeError, ShapeError } from "../trace/errors.ts";
import { castTo, strong, type TensorLike, toTensor } from "../trace/ops/convert.ts";
import { cumsum } from "../trace/ops/cumulative.ts";
import { iota } from "../trace/ops/creation.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { argsort, searchsorted } from "../trace/ops/sorting.ts";
import { take } from "../trace/ops/taking.ts";
import { reshapeTo } from "../trace/primitives/move.ts";
import { slicePrimitive } from "../trace/primitives/move_slice.ts";
import { sortPrimitive } from "../trace/primitives/sort.ts";
import { checkShape, describe, type Shape, sizeOf } from "../trace/shape.ts";
import type { Tensor } from "../trace/tensor.ts";
import { bind, bindOne } from "../trace/trace.ts";
import { whole } from "../trace/whole.ts";
import { randomWords, unitUniform } from "./bits.ts";
import { gumbel, randint } from "./discrete.ts";
import { workingDType } from "./parameters.ts";

/** Options of choice. */
export interface ChoiceOptions {
  /** Whether an element may come twice; true by default. */
  readonly replace?: boolean;
  /** The probability of each element, in proportion; all alike when left out. */
  readonly p?: TensorLike;
}

/** Up to this length one random word per element is enough: two are equal with probability 2^-13 or less. */
const ONE_WORD = 1024;

/** The integers 0 .. n - 1 in random order. */
function shuffled(operation: string, key: TensorLike, n: number): Tensor {
  return whole(operation, shuffledOf, toTensor(key, { operation }), operation, n);
}

function shuffledOf(key: Tensor, operation: string, n: number): Tensor {
  const [first, second] = randomWords(operation, key, [n]);
  let order = iota([n], 0, "int32");
  // Stable, by the low words and then by the high ones: by 64 bits.
  let high = first;
  if (n > ONE_WORD) [, high, order] = bind(sortPrimitive, [second, first, order], { descending: false });
  return bind(sortPrimitive, [high, order], { descending: false })[1];
}

/** A plain number as a count of things. */
function checkCount(operation: string, name: string, n: number): number {
  if (Number.isInteger(n) && n >= 0) return n;
  throw new ShapeError(`${operation}: ${name} is ${n}.`, {
    operation,
    arguments: [{ name, value: n }],
    remedy: "Pass a non-negative integer for 0 .. n - 1, or a tensor whose rows are meant.",
  });
}

/** A tensor with at least one axis. */
function withRows(operation: string, name: string, x: TensorLike): Tensor {
  const value = strong(x, operation);
  if (value.ndim > 0) return value;
  throw new ShapeError(`${operation}: ${name} is a scalar ${describe(value.aval)}.`, {
    operation,
    arguments: [{ name, shape: value.shape, dtype: value.dtype }],
    remedy: "Pass a JS number for 0 .. n - 1, or a tensor with at least one axis.",
  });
}

/**
 * The integers 0 .. n - 1 (int32) in random order, or the rows of a tensor: by sorting random words.
 *
 * @throws {ShapeError} for a negative number or a scalar tensor.
 * @example
 * ```ts
 * import { random } from "@damo/damo";
 * const order = random.permutation(random.key(0), 5);
 * console.assert(String(order.sort().arraySync()) === "0,1,2,3,4");
 * ```
 */
export function permutation(key: TensorLike, x: TensorLike): Tensor {
  const operation = "random.permutation";
  if (typeof x === "number") return shuffled(operation, key, checkCount(operation, "n", x));
  const rows = withRows(operation, "x", x);
  return rows.shape[0] === 0 ? rows : take(rows, shuffled(operation, key, rows.shape[0]), 0);
}

/**
 * Elements of 0 .. n - 1, or rows of a tensor, drawn at random in the given shape. Without replacement by a random order;
 * with probabilities by inversion, or without replacement in the order of log p plus Gumbel noise (Efraimidis and
 * Spirakis 2006), which is the distribution of drawing one after the other.
 *
 * @throws {ShapeError} when there is nothing to choose from, more is asked for than there is, or `p` has another length.
 * @throws {DTypeError} for probabilities that are no floats.
 * @throws {DamoError} for plain probabilities that are negative, not finite, or all 0.
 * @example
 * ```ts
 * import { random, tensor } from "@damo/damo";
 * const hand = random.choice(random.key(0), 52, [5], { replace: false });
 * console.assert(new Set(hand.dataSync()).size === 5);
 * const loaded = random.choice(random.key(1), tensor([10, 20, 30]), [4], { p: [0, 1, 0] });
 * console.assert(String(loaded.arraySync()) === "20,20,20,20");
 * ```
 */
export function choice(
  key: TensorLike,
  x: TensorLike,
  shape: readonly number[] = [],
  options: ChoiceOptions = {},
): Tensor {
  const operation = "random.choice";
  checkOptions(operation, options, ["replace", "p"]);
  const { replace = true, p } = options;
  if (typeof replace !== "boolean") {
    throw new DamoError(`${operation}: replace is ${String(replace)}.`, {
      operation,
      arguments: [{ name: "replace", value: replace }],
      remedy: "Pass true or false.",
    });
  }
  const rows = typeof x === "number" ? null : withRows(operation, "x", x);
  const n = rows ? rows.shape[0] : checkCount(operation, "n", x as number);
  const count = sizeOf(checkShape(operation, shape));
  if (count > 0 && (n === 0 || (!replace && count > n))) {
    throw new ShapeError(
      `${operation}: ${count} elements are asked for and there are ${n}.`,
      {
        operation,
        arguments: [{ name: "shape", value: shape }],
        remedy: n === 0 ? "Choose from at least one element." : "Ask for fewer, or allow { replace: true }.",
      },
    );
  }
  const places = p === undefined
    ? uniformPlaces(operation, key, n, shape, replace)
    : weightedPlaces(operation, key, n, shape, replace, p);
  return rows && count > 0 ? take(rows, places, 0) : rows ? emptyRows(rows, shape) : places;
}

function emptyRows(rows: Tensor, shape: Shape): Tensor {
  const none = bindOne(slicePrimitive, [rows], {
    start: rows.shape.map(() => 0),
    stop: rows.shape.map((size, axis) => axis === 0 ? 0 : size),
    step: rows.shape.map(() => 1),
  });
  return reshapeTo(none, [...shape, ...rows.shape.slice(1)]);
}

function uniformPlaces(
  operation: string,
  key: TensorLike,
  n: number,
  shape: Shape,
  replace: boolean,
): Tensor {
  if (replace) return randint(key, shape, { high: Math.max(n, 1) });
  return front(shuffled(operation, key, n), shape);
}

function front(order: Tensor, shape: Shape): Tensor {
  return reshapeTo(
    bindOne(slicePrimitive, [order], { start: [0], stop: [sizeOf(shape)], step: [1] }),
    shape,
  );
}

/** Looks at plain numbers only: values of tensors are not known while tracing. */
function checkWeights(operation: string, p: TensorLike): void {
  if (!Array.isArray(p) && !ArrayBuffer.isView(p)) return;
  const weights = Array.from(p as ArrayLike<unknown>);
  if (!weights.every((weight) => typeof weight === "number")) return;
  const wrong = weights.find((weight) => !(weight >= 0 && weight < Infinity));
  if (wrong === undefined && (weights.length === 0 || weights.some((weight) => weight > 0))) return;
  throw new DamoError(
    wrong === undefined
      ? `${operation}: all of p is 0.`
      : `${operation}: p has ${wrong}, which is no probability.`,
    {
      operation,
      arguments: [{ name: "p", value: p }],
      remedy: "Pass numbers from 0 on, not all of them 0; they are divided by their sum.",
    },
  );
}

function weightedPlaces(
  operation: string,
  key: TensorLike,
  n: number,
  shape: Shape,
  replace: boolean,
  p: TensorLike,
): Tensor {
  const given = strong(toTensor(p, { operation }), operation);
  const argument = { name: "p", shape: given.shape, dtype: given.dtype };
  if (!isFloat(given.dtype)) {
    throw new DTypeError(`${operation}: p is ${describe(given.aval)}.`, {
      operation,
      arguments: [argument],
      remedy: "Pass float probabilities.",
    });
  }
  if (given.ndim !== 1 || given.shape[0] !== n) {
    throw new ShapeError(`${operation}: p is ${describe(given.aval)} for ${n} elements.`, {
      operation,
      arguments: [argument],
      remedy: `Pass one probability for each element: a vector of ${n}.`,
    });
  }
  checkWeights(operation, p);
  const weights = castTo(given, workingDType(given.dtype));
  const drawKey = toTensor(key, { operation });
  if (!replace) return whole(operation, weightedOrder, drawKey, weights, shape);
  if (n === 0) return iota(shape, Math.max(0, shape.indexOf(0)), "int32");
  return whole(operation, weightedChoice, drawKey, weights, shape);
}

function weightedOrder(key: Tensor, weights: Tensor, shape: Shape): Tensor {
  const noise = gumbel("random.choice", key, weights.shape, weights.dtype);
  return front(argsort(weights.log().add(noise), { descending: true }), shape);
}

function weightedChoice(key: Tensor, weights: Tensor, shape: Shape): Tensor {
  const bounds = cumsum(weights);
  const total = bounds.at(-1);
  const unit = unitUniform("random.choice", key, shape, weights.dtype);
  // The first element whose bound exceeds the draw; rounding of u total up to the total itself must not reach past the end.
  const place = searchsorted(bounds, unit.mul(total), { side: "right" });
  return place.minimum(searchsorted(bounds, total, { side: "left" }));
}
