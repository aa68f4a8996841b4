/** Arithmetic, extrema, bits and comparisons of two arguments. */
import { type DType, isFloat } from "../dtype.ts";
import { type MaybeTensor, notDifferentiable, type Primitive } from "../primitive.ts";
import type { CompareOp } from "../scalar_op.ts";
import type { Tensor } from "../tensor.ts";
import { binary, compare } from "./elementwise_define.ts";
import { apply, constantLike, constantValue, type NoParams } from "./elementwise_rules.ts";

/** d(a + b) = da + db. */
export const add: Primitive<NoParams> = binary("add", {
  domain: "number",
  evaluate: (a, b) => a + b,
  derivative: [(t) => t, (t) => t],
  transpose: [(c) => c, (c) => c],
});

/** d(a - b) = da - db. */
export const sub: Primitive<NoParams> = binary("sub", {
  domain: "number",
  evaluate: (a, b) => a - b,
  derivative: [(t) => t, (t) => apply("neg", t)],
  transpose: [(c) => c, (c) => apply("neg", c)],
});

/** d(a b) = b da + a db. */
export const mul: Primitive<NoParams> = binary("mul", {
  domain: "number",
  evaluate: (a, b, _c, dtype) => dtype === "int32" || dtype === "uint32" ? Math.imul(a, b) : a * b,
  derivative: [(t, [, b]) => apply("mul", t, b), (t, [a]) => apply("mul", t, a)],
  transpose: [(c, [, b]) => apply("mul", c, b!), (c, [a]) => apply("mul", c, a!)],
});

/** a b, but 0 where a is 0: linear in a for every b, infinite and NaN included. d = mulNoNaN(da, b) + mulNoNaN(a, db). */
export const mulNoNaN: Primitive<NoParams> = binary("mulNoNaN", {
  domain: "float",
  evaluate: (a, b) => a === 0 ? 0 : a * b,
  derivative: [(t, [, b]) => apply("mulNoNaN", t, b), (t, [a]) => apply("mulNoNaN", a, t)],
  transpose: [(c, [, b]) => apply("mulNoNaN", c, b!), (c, [a]) => apply("mul", c, a!)],
});

/** d(a / b) = da / b - (a / b) db / b. */
export const div: Primitive<NoParams> = binary("div", {
  domain: "float",
  evaluate: (a, b) => a / b,
  derivative: [
    (t, [, b]) => constantValue(b) ? apply("div", t, b) : apply("mulNoNaN", t, apply("reciprocal", b)),
    (t, [, b], y) => apply("mulNoNaN", t, apply("neg", apply("div", y, b))),
  ],
  transpose: [(c, [, b]) => apply("div", c, b!), null],
});

/** floor(a / b) without the rounding error of the quotient (NumPy's algorithm); integers by 0 give 0. */
export const floorDiv: Primitive<NoParams> = binary("floorDiv", {
  domain: "number",
  evaluate(a, b, _c, dtype) {
    if (!isFloat(dtype)) return b === 0 ? 0 : Math.floor(a / b);
    if (b === 0) return a / b;
    const remainder = a % b;
    const borrow = remainder !== 0 && (remainder < 0) !== (b < 0) ? 1 : 0;
    const quotient = (a - remainder) / b - borrow;
    if (quotient === 0) return a / b < 0 || Object.is(a / b, -0) ? -0 : 0;
    const down = Math.floor(quotient);
    return quotient - down > 0.5 ? down + 1 : down;
  },
  derivative: notDifferentiable("It is locally constant."),
});

/** a - b floor(a / b). d = da - floor(a / b) db. */
export const mod: Primitive<NoParams> = binary("mod", {
  domain: "number",
  evaluate: (a, b, _c, dtype) => b === 0 && !isFloat(dtype) ? 0 : modulo(a, b),
  derivative: [
    (t) => t,
    (t, [a, b]) => apply("mulNoNaN", t, apply("neg", apply("floorDiv", a, b))),
  ],
});

/** The remainder with the sign of the divisor, exact. */
function modulo(a: number, b: number): number {
  const remainder = a % b;
  if (remainder === 0) return b < 0 ? -0 : 0;
  return (remainder < 0) !== (b < 0) ? remainder + b : remainder;
}

/**
 * d(a^b) = b a^(b-1) da + a^b ln(a) db. Where b is 0 the first coefficient is 0 even at a = 0, and where a is 0
 * the second is 0 even at b = 0.
 */
export const pow: Primitive<NoParams> = binary("pow", {
  domain: "number",
  evaluate: (a, b, _c, dtype) => isFloat(dtype) ? floatPower(a, b) : integerPower(a, b, dtype),
  derivative: [powerInBase, (t, [a], y) => {
    // ln 1 = 0 stands in for ln 0, and 0 for 0 times an infinite power.
    const positive = apply("select", apply("eq", a, constantLike(a, 0)), constantLike(a, 1), a);
    return apply("mulNoNaN", t, apply("mulNoNaN", apply("log", positive), y));
  }],
});

function powerInBase(t: Tensor, [a, b]: readonly Tensor[]): MaybeTensor {
  const exponent = constantValue(b);
  if (exponent === undefined) {
    const zero = constantLike(b, 0);
    const lower = apply("pow", a, apply("sub", b, constantLike(b, 1)));
    return apply("mulNoNaN", t, apply("select", apply("eq", b, zero), zero, apply("mulNoNaN", b, lower)));
  }
  if (exponent === 0) return null;
  if (exponent === 1) return t;
  if (exponent === 2) return apply("mul", t, apply("mul", constantLike(a, 2), a));
  const lower = apply("pow", a, constantLike(a, exponent - 1));
  return apply(exponent > 1 ? "mul" : "mulNoNaN", t, apply("mul", constantLike(a, exponent), lower));
}

/** C's pow: 1 to any power and anything to the power 0 is 1, and (-1) to an infinite one too. */
function floatPower(a: number, b: number): number {
  if (a === 1 || b === 0) return 1;
  if (a === -1 && (b === Infinity || b === -Infinity)) return 1;
  return a ** b;
}

/** Modulo 2^bits; a negative exponent gives the truncated 1 / a^|b|, with 0 for a base of 0. */
function integerPower(a: number, b: number, dtype: DType): number {
  if (b < 0) return a === 1 ? 1 : a === -1 ? (b % 2 === 0 ? 1 : -1) : 0;
  let result = 1, base = a | 0;
  // Modulo 2^32; narrower integers are wrapped by the caller.
  for (let n = b; n > 0; n = Math.floor(n / 2)) {
    if (n % 2 === 1) result = Math.imul(result, base);
    base = Math.imul(base, base);
  }
  return dtype === "uint32" ? result >>> 0 : result;
}

/** d atan2(a, b) = (b da - a db) / (a^2 + b^2): NaN at the origin. */
export const atan2: Primitive<NoParams> = binary("atan2", {
  domain: "float",
  evaluate: (a, b) => Math.atan2(a, b),
  derivative: [
    (t, [a, b]) => apply("mulNoNaN", t, apply("div", b, squaredRadius(a, b))),
    (t, [a, b]) => apply("mulNoNaN", t, apply("neg", apply("div", a, squaredRadius(a, b)))),
  ],
});

function squaredRadius(a: Tensor, b: Tensor): Tensor {
  return apply("add", apply("square", a), apply("square", b));
}

/** The tangent of the operand that wins; half of it in a tie. */
function winner(t: Tensor, wins: Tensor, ties: Tensor): Tensor {
  const half = apply("mul", t, constantLike(t, 0.5));
  return apply("select", wins, t, apply("select", ties, half, constantLike(t, 0)));
}

/** NaN where either is NaN. d = the tangent of the smaller one, the mean of both in a tie. */
export const minimum: Primitive<NoParams> = binary("minimum", {
  domain: "any",
  evaluate: (a, b) => Math.min(a, b),
  derivative: [
    (t, [a, b]) => winner(t, apply("lt", a, b), apply("eq", a, b)),
    (t, [a, b]) => winner(t, apply("lt", b, a), apply("eq", a, b)),
  ],
});

/** NaN where either is NaN. d = the tangent of the greater one, the mean of both in a tie. */
export const maximum: Primitive<NoParams> = binary("maximum", {
  domain: "any",
  evaluate: (a, b) => Math.max(a, b),
  derivative: [
    (t, [a, b]) => winner(t, apply("gt", a, b), apply("eq", a, b)),
    (t, [a, b]) => winner(t, apply("gt", b, a), apply("eq", a, b)),
  ],
});

const ON_INTEGERS = notDifferentiable("It is defined on integers and bool.");

export const and: Primitive<NoParams> = binary("and", {
  domain: "integral",
  evaluate: (a, b) => a & b,
  derivative: ON_INTEGERS,
});

export const or: Primitive<NoParams> = binary("or", {
  domain: "integral",
  evaluate: (a, b) => a | b,
  derivative: ON_INTEGERS,
});

export const xor: Primitive<NoParams> = binary("xor", {
  domain: "integral",
  evaluate: (a, b) => a ^ b,
  derivative: ON_INTEGERS,
});

/** By 0 to bits - 1 places. */
export const shiftLeft: Primitive<NoParams> = binary("shiftLeft", {
  domain: "integral",
  evaluate: (a, b) => a << b,
  derivative: ON_INTEGERS,
});

/** By 0 to bits - 1 places; the sign of signed integers is kept. */
export const shiftRight: Primitive<NoParams> = binary("shiftRight", {
  domain: "integral",
  evaluate: (a, b, _c, dtype) => dtype === "uint32" ? a >>> b : a >> b,
  derivative: ON_INTEGERS,
});

function comparison(op: CompareOp, holds: (a: number, b: number) => boolean): Primitive<NoParams> {
  return compare(op, {
    domain: "any",
    evaluate: (a, b) => holds(a, b) ? 1 : 0,
    derivative: notDifferentiable("Its result is bool."),
  });
}

export const eq: Primitive<NoParams> = comparison("eq", (a, b) => a === b);
export const ne: Primitive<NoParams> = comparison("ne", (a, b) => a !== b);
export const lt: Primitive<NoParams> = comparison("lt", (a, b) => a < b);
export const le: Primitive<NoParams> = comparison("le", (a, b) => a <= b);
export const gt: Primitive<NoParams> = comparison("gt", (a, b) => a > b);
export const ge: Primitive<NoParams> = comparison("ge", (a, b) => a >= b);
