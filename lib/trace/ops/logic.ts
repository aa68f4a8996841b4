/** Comparisons, selection, and logic on bool and integers. */
import { isFloat, rangeOf } from "../dtype.ts";
import { DTypeError } from "../errors.ts";
import { apply, broadcastShape } from "../primitives/elementwise_rules.ts";
import type { CompareOp } from "../scalar_op.ts";
import { describe } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { promoteOperands, type TensorLike, toTensor } from "./convert.ts";
import { operand, unaryOp } from "./elementwise.ts";
import { installFunctions } from "./install.ts";

/** The result of `x op literal` for all x of a dtype below (true) or above (false) the literal. */
const ALWAYS: { readonly [C in CompareOp]: (below: boolean) => boolean } = {
  eq: () => false,
  ne: () => true,
  lt: (below) => below,
  le: (below) => below,
  gt: (below) => !below,
  ge: (below) => !below,
};

const MIRRORED: { readonly [C in CompareOp]: CompareOp } = {
  eq: "eq",
  ne: "ne",
  lt: "gt",
  le: "ge",
  gt: "lt",
  ge: "le",
};

/** A number that no element can equal has a constant answer, where a cast would make it equal to the extreme. */
function outOfRange(op: CompareOp, x: Tensor, number: Tensor): Tensor | null {
  const { dtype } = x.aval;
  const { literal } = number;
  if (literal === null || !number.aval.weak || isFloat(dtype) || dtype === "bool") return null;
  const [low, high] = rangeOf(dtype);
  if (!Number.isInteger(literal) || (literal >= low && literal <= high)) return null;
  const answer = ALWAYS[op](literal > high);
  return broadcastShape(Tensor.literal(answer ? 1 : 0, "bool"), x.shape);
}

function compare(op: CompareOp, a: TensorLike, b: TensorLike): Tensor {
  const x = toTensor(a, { operation: op }), y = toTensor(b, { operation: op });
  return outOfRange(op, x, y) ?? outOfRange(MIRRORED[op], y, x) ?? apply(op, ...promoteOperands(op, [x, y]));
}

/**
 * Where `a` and `b` are equal (NaN equals nothing): a bool tensor.
 *
 * @example
 * ```ts
 * import { eq, tensor } from "@damo/damo";
 * console.assert(String(eq(tensor([1, 2]), 2).arraySync()) === "false,true");
 * ```
 */
export function eq(a: TensorLike, b: TensorLike): Tensor {
  return compare("eq", a, b);
}

/**
 * Where `a` and `b` are not equal: a bool tensor.
 *
 * @example
 * ```ts
 * import { ne, tensor } from "@damo/damo";
 * console.assert(String(ne(tensor([1, 2]), 2).arraySync()) === "true,false");
 * ```
 */
export function ne(a: TensorLike, b: TensorLike): Tensor {
  return compare("ne", a, b);
}

/**
 * Where `a < b`: a bool tensor.
 *
 * @example
 * ```ts
 * import { lt, tensor } from "@damo/damo";
 * console.assert(String(lt(tensor([1, 2]), 2).arraySync()) === "true,false");
 * ```
 */
export function lt(a: TensorLike, b: TensorLike): Tensor {
  return compare("lt", a, b);
}

/**
 * Where `a <= b`: a bool tensor.
 *
 * @example
 * ```ts
 * import { le, tensor } from "@damo/damo";
 * console.assert(String(le(tensor([1, 2]), 1).arraySync()) === "true,false");
 * ```
 */
export function le(a: TensorLike, b: TensorLike): Tensor {
  return compare("le", a, b);
}

/**
 * Where `a > b`: a bool tensor.
 *
 * @example
 * ```ts
 * import { gt, tensor } from "@damo/damo";
 * console.assert(String(gt(tensor([1, 2]), 1).arraySync()) === "false,true");
 * ```
 */
export function gt(a: TensorLike, b: TensorLike): Tensor {
  return compare("gt", a, b);
}

/**
 * Where `a >= b`: a bool tensor.
 *
 * @example
 * ```ts
 * import { ge, tensor } from "@damo/damo";
 * console.assert(String(ge(tensor([1, 2]), 2).arraySync()) === "false,true");
 * ```
 */
export function ge(a: TensorLike, b: TensorLike): Tensor {
  return compare("ge", a, b);
}

/**
 * `a` where the condition holds, else `b`, all broadcast together. The derivative flows only to what was chosen: a
 * NaN on the other side stays there.
 *
 * @throws {DTypeError} for a condition that is not bool.
 * @example
 * ```ts
 * import { tensor, where } from "@damo/damo";
 * const x = tensor([-1, 4]);
 * console.assert(String(where(x.gt(0), x.sqrt(), 0).arraySync()) === "0,2");
 * ```
 */
export function where(condition: TensorLike, a: TensorLike, b: TensorLike): Tensor {
  return apply("select", toTensor(condition, { operation: "where" }), ...promoteOperands("where", [a, b]));
}

/**
 * Where `x` is NaN; false everywhere for integers and bool.
 *
 * @example
 * ```ts
 * import { isNaN, tensor } from "@damo/damo";
 * console.assert(String(isNaN(tensor([1, NaN])).arraySync()) === "false,true");
 * ```
 */
export function isNaN(x: TensorLike): Tensor {
  return unaryOp("isNaN", x);
}

/**
 * Where `x` is neither infinite nor NaN.
 *
 * @example
 * ```ts
 * import { isFinite, tensor } from "@damo/damo";
 * console.assert(String(isFinite(tensor([1, Infinity])).arraySync()) === "true,false");
 * ```
 */
export function isFinite(x: TensorLike): Tensor {
  return unaryOp("isFinite", x);
}

function bitwise(
  op: "and" | "or" | "xor" | "shiftLeft" | "shiftRight",
  a: TensorLike,
  b: TensorLike,
): Tensor {
  const operands = promoteOperands(op, [a, b]);
  checkIntegral(op, operands);
  return apply(op, ...operands);
}

function checkIntegral(operation: string, operands: readonly Tensor[]): void {
  if (!isFloat(operands[0].aval.dtype)) return;
  throw new DTypeError(
    `${operation} takes bool or integers, got ${operands.map((x) => describe(x.aval)).join(" and ")}.`,
    {
      operation,
      arguments: operands.map((x, i) => ({ name: "ab"[i], shape: x.shape, dtype: x.dtype })),
      remedy: "Compare with something first, for example x.ne(0), or cast to an integer dtype.",
    },
  );
}

/**
 * Logical and of bool, bitwise and of integers.
 *
 * @throws {DTypeError} for floats.
 * @example
 * ```ts
 * import { and, tensor } from "@damo/damo";
 * console.assert(String(and(tensor([6, 3], { dtype: "int32" }), 2).arraySync()) === "2,2");
 * ```
 */
export function and(a: TensorLike, b: TensorLike): Tensor {
  return bitwise("and", a, b);
}

/**
 * Logical or of bool, bitwise or of integers.
 *
 * @throws {DTypeError} for floats.
 * @example
 * ```ts
 * import { or, tensor } from "@damo/damo";
 * console.assert(String(or(tensor([6, 3], { dtype: "int32" }), 1).arraySync()) === "7,3");
 * ```
 */
export function or(a: TensorLike, b: TensorLike): Tensor {
  return bitwise("or", a, b);
}

/**
 * Exclusive or of bool, bitwise of integers.
 *
 * @throws {DTypeError} for floats.
 * @example
 * ```ts
 * import { xor, tensor } from "@damo/damo";
 * console.assert(String(xor(tensor([6, 3], { dtype: "int32" }), 2).arraySync()) === "4,1");
 * ```
 */
export function xor(a: TensorLike, b: TensorLike): Tensor {
  return bitwise("xor", a, b);
}

/**
 * Bits of integers moved up by `b` places, from 0 to the number of bits less 1.
 *
 * @throws {DTypeError} for floats.
 * @example
 * ```ts
 * import { shiftLeft, tensor } from "@damo/damo";
 * console.assert(String(shiftLeft(tensor([6, 3], { dtype: "int32" }), 1).arraySync()) === "12,6");
 * ```
 */
export function shiftLeft(a: TensorLike, b: TensorLike): Tensor {
  return bitwise("shiftLeft", a, b);
}

/**
 * Bits of integers moved down by `b` places; the sign of signed integers is kept.
 *
 * @throws {DTypeError} for floats.
 * @example
 * ```ts
 * import { shiftRight, tensor } from "@damo/damo";
 * console.assert(String(shiftRight(tensor([6, -4], { dtype: "int32" }), 1).arraySync()) === "3,-2");
 * ```
 */
export function shiftRight(a: TensorLike, b: TensorLike): Tensor {
  return bitwise("shiftRight", a, b);
}

/**
 * The bitwise complement of integers, the opposite of bool.
 *
 * @throws {DTypeError} for floats.
 * @example
 * ```ts
 * import { not, tensor } from "@damo/damo";
 * console.assert(String(not(tensor([true, false])).arraySync()) === "false,true");
 * ```
 */
export function not(x: TensorLike): Tensor {
  const value = operand("not", x);
  checkIntegral("not", [value]);
  return apply("not", value);
}

/** The methods of this file. */
export interface LogicMethods {
  /** See {@link where}: `condition.where(a, b)`. */
  where(a: TensorLike, b: TensorLike): Tensor;
  /** See {@link eq}. */
  eq(b: TensorLike): Tensor;
  /** See {@link ne}. */
  ne(b: TensorLike): Tensor;
  /** See {@link lt}. */
  lt(b: TensorLike): Tensor;
  /** See {@link le}. */
  le(b: TensorLike): Tensor;
  /** See {@link gt}. */
  gt(b: TensorLike): Tensor;
  /** See {@link ge}. */
  ge(b: TensorLike): Tensor;
  /** See {@link isNaN}. */
  isNaN(): Tensor;
  /** See {@link isFinite}. */
  isFinite(): Tensor;
  /** See {@link and}. */
  and(b: TensorLike): Tensor;
  /** See {@link or}. */
  or(b: TensorLike): Tensor;
  /** See {@link xor}. */
  xor(b: TensorLike): Tensor;
  /** See {@link shiftLeft}. */
  shiftLeft(b: TensorLike): Tensor;
  /** See {@link shiftRight}. */
  shiftRight(b: TensorLike): Tensor;
  /** See {@link not}. */
  not(): Tensor;
}

installFunctions({
  where,
  eq,
  ne,
  lt,
  le,
  gt,
  ge,
  isNaN,
  isFinite,
  and,
  or,
  xor,
  shiftLeft,
  shiftRight,
  not,
});
