/** Arithmetic of two tensors, and signs. */
import { isFloat, isUnsigned } from "../dtype.ts";
import { DTypeError } from "../errors.ts";
import { apply, constantLike } from "../primitives/elementwise_rules.ts";
import { describe } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { whole } from "../whole.ts";
import { castTo, combineOrigins, promoteOperands, type TensorLike } from "./convert.ts";
import { binaryOp, operand, ringOp } from "./elementwise.ts";
import { installFunctions } from "./install.ts";

/**
 * The sum `a + b`, broadcast as in NumPy. Integers wrap; of two bool it is `or`.
 *
 * @example
 * ```ts
 * import { add, tensor } from "@damo/damo";
 * console.assert(String(add(tensor([1, 2]), 10).arraySync()) === "11,12");
 * ```
 */
export function add(a: TensorLike, b: TensorLike): Tensor {
  const operands = promoteOperands("add", [a, b]);
  return operands[0].aval.dtype === "bool" ? apply("or", ...operands) : ringOp("add", operands);
}

/**
 * The difference `a - b`. Integers wrap.
 *
 * @throws {DTypeError} for two bool: use `xor` or `cast`.
 * @example
 * ```ts
 * import { sub, tensor } from "@damo/damo";
 * console.assert(String(sub(10, tensor([1, 2])).arraySync()) === "9,8");
 * ```
 */
export function sub(a: TensorLike, b: TensorLike): Tensor {
  const operands = promoteOperands("sub", [a, b]);
  refuseBool("sub", operands);
  return ringOp("sub", operands);
}

/**
 * The product `a * b`, element by element. Integers wrap; of two bool it is `and`.
 *
 * @example
 * ```ts
 * import { mul, tensor } from "@damo/damo";
 * console.assert(String(mul(tensor([1, 2]), tensor([3, 4])).arraySync()) === "3,8");
 * ```
 */
export function mul(a: TensorLike, b: TensorLike): Tensor {
  const operands = promoteOperands("mul", [a, b]);
  return operands[0].aval.dtype === "bool" ? apply("and", ...operands) : ringOp("mul", operands);
}

/**
 * The true quotient `a / b`: integers become the default float.
 *
 * @example
 * ```ts
 * import { div, tensor } from "@damo/damo";
 * console.assert(String(div(tensor([1, 3]), 2).arraySync()) === "0.5,1.5");
 * ```
 */
export function div(a: TensorLike, b: TensorLike): Tensor {
  return binaryOp("div", a, b, { float: true });
}

/**
 * The quotient rounded down. Integers by 0 give 0. Locally constant, so its derivative is zero.
 *
 * @example
 * ```ts
 * import { floorDiv, tensor } from "@damo/damo";
 * console.assert(String(floorDiv(tensor([7, -7]), 2).arraySync()) === "3,-4");
 * ```
 */
export function floorDiv(a: TensorLike, b: TensorLike): Tensor {
  return apply("floorDiv", ...countable("floorDiv", a, b));
}

/**
 * The remainder `a - b * floor(a / b)`, with the sign of the divisor. Integers by 0 give 0.
 *
 * @example
 * ```ts
 * import { mod, tensor } from "@damo/damo";
 * console.assert(String(mod(tensor([7, -7]), 3).arraySync()) === "1,2");
 * ```
 */
export function mod(a: TensorLike, b: TensorLike): Tensor {
  return apply("mod", ...countable("mod", a, b));
}

/** Promoted operands, bool as int32. */
function countable(operation: string, a: TensorLike, b: TensorLike): Tensor[] {
  const operands = promoteOperands(operation, [a, b]);
  return operands[0].aval.dtype === "bool" ? operands.map((x) => castTo(x, "int32")) : operands;
}

/**
 * `a` to the power `b`. The derivative with respect to `a` is 0 where `b` is 0, that with respect to `b` is 0 where
 * `a` is 0. Integers wrap.
 *
 * @throws {DTypeError} for an integer to a negative number: cast to a float first.
 * @example
 * ```ts
 * import { pow, tensor } from "@damo/damo";
 * console.assert(String(pow(tensor([1, 2, 3]), 3).arraySync()) === "1,8,27");
 * ```
 */
export function pow(a: TensorLike, b: TensorLike): Tensor {
  const [base, exponent] = countable("pow", a, b);
  const { literal } = exponent;
  if (literal !== null && base.literal === null) {
    if (literal === 1) return base;
    if (literal === 2) return apply("square", base);
    if (!isFloat(base.aval.dtype)) return integerPower(base, literal);
  }
  return apply("pow", base, exponent);
}

/** By repeated squaring: wraps as multiplication does. */
function integerPower(base: Tensor, exponent: number): Tensor {
  if (exponent < 0) {
    throw new DTypeError(`pow: ${describe(base.aval)} to the negative power ${exponent} is not an integer.`, {
      operation: "pow",
      arguments: [{ name: "a", shape: base.shape, dtype: base.dtype }, { name: "b", value: exponent }],
      remedy: 'Cast the base first: a.cast("float32").',
    });
  }
  if (exponent === 0) return apply("eq", base, base).cast(base.dtype);
  let result: Tensor | null = null;
  for (let n = exponent, square = base;; square = apply("square", square)) {
    if (n % 2 === 1) result = result ? apply("mul", result, square) : square;
    n = Math.floor(n / 2);
    if (n === 0) return result!;
  }
}

/**
 * `-x`. Unsigned integers wrap.
 *
 * @throws {DTypeError} for bool: use `not`.
 * @example
 * ```ts
 * import { neg, tensor } from "@damo/damo";
 * console.assert(String(neg(tensor([1, -2])).arraySync()) === "-1,2");
 * ```
 */
export function neg(x: TensorLike): Tensor {
  const value = operand("neg", x);
  refuseBool("neg", [value]);
  const result = apply("neg", value);
  if (result.aval.weak) result.origin = combineOrigins([value]);
  return result;
}

function refuseBool(operation: string, operands: readonly Tensor[]): void {
  if (operands[0].aval.dtype !== "bool") return;
  throw new DTypeError(
    `${operation} does not take bool, got ${operands.map((x) => describe(x.aval)).join(" and ")}.`,
    {
      operation,
      arguments: operands.map((x, i) => ({ name: "ab"[i], shape: x.shape, dtype: x.dtype })),
      remedy: `Use ${operation === "neg" ? "not" : "xor"}, or cast("int32") first.`,
    },
  );
}

/**
 * The absolute value; its derivative at 0 is 0.
 *
 * @example
 * ```ts
 * import { abs, tensor } from "@damo/damo";
 * console.assert(String(abs(tensor([-1, 2])).arraySync()) === "1,2");
 * ```
 */
export function abs(x: TensorLike): Tensor {
  const value = operand("abs", x);
  const { dtype } = value.aval;
  return dtype === "bool" || isUnsigned(dtype) ? value : apply("abs", value);
}

/**
 * -1, 0 or 1 by the sign; NaN of NaN.
 *
 * @example
 * ```ts
 * import { sign, tensor } from "@damo/damo";
 * console.assert(String(sign(tensor([-3, 0, 5])).arraySync()) === "-1,0,1");
 * ```
 */
export function sign(x: TensorLike): Tensor {
  const value = operand("sign", x);
  return value.aval.dtype === "bool" ? value : apply("sign", value);
}

/**
 * `x * x`.
 *
 * @example
 * ```ts
 * import { square, tensor } from "@damo/damo";
 * console.assert(String(square(tensor([-3, 2])).arraySync()) === "9,4");
 * ```
 */
export function square(x: TensorLike): Tensor {
  const value = operand("square", x);
  return value.aval.dtype === "bool" ? value : apply("square", value);
}

/**
 * The smaller of `a` and `b`, NaN where either is NaN. In a tie both get half of the derivative.
 *
 * @example
 * ```ts
 * import { minimum, tensor } from "@damo/damo";
 * console.assert(String(minimum(tensor([1, 5]), 3).arraySync()) === "1,3");
 * ```
 */
export function minimum(a: TensorLike, b: TensorLike): Tensor {
  const operands = promoteOperands("minimum", [a, b]);
  return apply(operands[0].aval.dtype === "bool" ? "and" : "minimum", ...operands);
}

/**
 * The greater of `a` and `b`, NaN where either is NaN. In a tie both get half of the derivative.
 *
 * @example
 * ```ts
 * import { maximum, tensor } from "@damo/damo";
 * console.assert(String(maximum(tensor([1, 5]), 3).arraySync()) === "3,5");
 * ```
 */
export function maximum(a: TensorLike, b: TensorLike): Tensor {
  const operands = promoteOperands("maximum", [a, b]);
  return apply(operands[0].aval.dtype === "bool" ? "or" : "maximum", ...operands);
}

/**
 * `x` limited to the range from `low` to `high`; either may be null or undefined for no limit. The derivative is 1 strictly
 * inside and at the limits, 0 outside.
 *
 * @example
 * ```ts
 * import { clip, tensor } from "@damo/damo";
 * console.assert(String(clip(tensor([-5, 0.5, 5]), 0, 1).arraySync()) === "0,0.5,1");
 * ```
 */
export function clip(
  x: TensorLike,
  low: TensorLike | null | undefined,
  high?: TensorLike | null,
): Tensor {
  low ??= null;
  high ??= null;
  const limits: TensorLike[] = [];
  if (low !== null) limits.push(low);
  if (high !== null) limits.push(high);
  const [value, ...bounds] = promoteOperands("clip", [x, ...limits], { saturate: true });
  if (bounds.length === 0) return value;
  const least = low === null ? undefined : bounds[0];
  return whole("clip", clipOf, value, least, high === null ? undefined : bounds[bounds.length - 1]);
}

function clipOf(x: Tensor, least?: Tensor, greatest?: Tensor): Tensor {
  const above = least ? apply("select", apply("lt", x, least), least, x) : x;
  return greatest ? apply("select", apply("gt", above, greatest), greatest, above) : above;
}

/**
 * The Euclidean length `sqrt(a^2 + b^2)` without overflow; its derivative at (0, 0) is 0.
 *
 * @example
 * ```ts
 * import { hypot } from "@damo/damo";
 * console.assert(hypot(3, 4).itemSync() === 5);
 * ```
 */
export function hypot(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoteOperands("hypot", [a, b], { float: true });
  return whole("hypot", hypotOf, x, y);
}

function hypotOf(x: Tensor, y: Tensor): Tensor {
  const zero = constantLike(x, 0), one = constantLike(x, 1), infinity = constantLike(x, Infinity);
  const sizeX = apply("abs", x), sizeY = apply("abs", y);
  const swapped = apply("lt", sizeX, sizeY);
  const large = apply("select", swapped, y, x), small = apply("select", swapped, x, y);
  const degenerate = apply("and", apply("eq", x, zero), apply("eq", y, zero));
  const infinite = apply("or", apply("eq", sizeX, infinity), apply("eq", sizeY, infinity));
  // Where both are 0 or one is infinite the ratio is replaced, so that neither value nor derivative is NaN.
  const special = apply("or", degenerate, infinite);
  const ratio = apply("div", apply("select", special, zero, small), apply("select", special, one, large));
  const stretch = apply("sqrt", apply("add", apply("square", ratio), one));
  const length = apply("mul", apply("abs", large), stretch);
  return apply("select", special, apply("select", degenerate, zero, infinity), length);
}

/** The methods of this file. */
export interface ArithmeticMethods {
  /** See {@link add}. */
  add(b: TensorLike): Tensor;
  /** See {@link sub}. */
  sub(b: TensorLike): Tensor;
  /** See {@link mul}. */
  mul(b: TensorLike): Tensor;
  /** See {@link div}. */
  div(b: TensorLike): Tensor;
  /** See {@link floorDiv}. */
  floorDiv(b: TensorLike): Tensor;
  /** See {@link mod}. */
  mod(b: TensorLike): Tensor;
  /** See {@link pow}. */
  pow(b: TensorLike): Tensor;
  /** See {@link neg}. */
  neg(): Tensor;
  /** See {@link abs}. */
  abs(): Tensor;
  /** See {@link sign}. */
  sign(): Tensor;
  /** See {@link square}. */
  square(): Tensor;
  /** See {@link minimum}. */
  minimum(b: TensorLike): Tensor;
  /** See {@link maximum}. */
  maximum(b: TensorLike): Tensor;
  /** See {@link clip}. */
  clip(low: TensorLike | null | undefined, high?: TensorLike | null): Tensor;
  /** See {@link hypot}. */
  hypot(b: TensorLike): Tensor;
}

installFunctions({
  add,
  sub,
  mul,
  div,
  floorDiv,
  mod,
  pow,
  neg,
  abs,
  sign,
  square,
  minimum,
  maximum,
  clip,
  hypot,
});
