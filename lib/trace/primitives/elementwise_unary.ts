/**
 * Signs, rounding, powers, exponentials and logarithms. Coefficients that become infinite do so in the last operation:
 * its own rule then keeps a masked zero from meeting the infinity, at every order.
 */
import { notDifferentiable, type Primitive } from "../primitive.ts";
import { unary } from "./elementwise_define.ts";
import { apply, constantLike, type NoParams } from "./elementwise_rules.ts";

const LOCALLY_CONSTANT = notDifferentiable("It is locally constant.");

/** d(-x) = -dx. */
export const neg: Primitive<NoParams> = unary("neg", {
  domain: "number",
  evaluate: (x) => -x,
  derivative: [(t) => apply("neg", t)],
  transpose: [(c) => apply("neg", c)],
});

/** d|x| = sign(x) dx: 0 at 0. */
export const abs: Primitive<NoParams> = unary("abs", {
  domain: "number",
  evaluate: (x) => Math.abs(x),
  derivative: [(t, [x]) => apply("mul", t, apply("sign", x))],
});

export const sign: Primitive<NoParams> = unary("sign", {
  domain: "number",
  evaluate: (x) => x > 0 ? 1 : x < 0 ? -1 : x === 0 ? 0 : NaN,
  derivative: LOCALLY_CONSTANT,
});

export const floor: Primitive<NoParams> = unary("floor", {
  domain: "number",
  evaluate: (x) => Math.floor(x),
  derivative: LOCALLY_CONSTANT,
});

export const ceil: Primitive<NoParams> = unary("ceil", {
  domain: "number",
  evaluate: (x) => Math.ceil(x),
  derivative: LOCALLY_CONSTANT,
});

/** Half to even. */
export const round: Primitive<NoParams> = unary("round", {
  domain: "number",
  evaluate: roundHalfEven,
  derivative: LOCALLY_CONSTANT,
});

export const trunc: Primitive<NoParams> = unary("trunc", {
  domain: "number",
  evaluate: (x) => Math.trunc(x),
  derivative: LOCALLY_CONSTANT,
});

function roundHalfEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  if (!Number.isFinite(x) || rest === 0) return x;
  const rounded = rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
  return rounded === 0 && x < 0 ? -0 : rounded;
}

/** d sqrt(x) = dx / (2 sqrt(x)): infinite at 0. */
export const sqrt: Primitive<NoParams> = unary("sqrt", {
  domain: "float",
  evaluate: (x) => Math.sqrt(x),
  derivative: [(t, _, y) => apply("mulNoNaN", t, apply("div", constantLike(y, 0.5), y))],
});

/** d x^(-1/2) = -1/2 x^(-3/2) dx. */
export const rsqrt: Primitive<NoParams> = unary("rsqrt", {
  domain: "float",
  evaluate: (x) => 1 / Math.sqrt(x),
  derivative: [
    (t, [x], y) => apply("mulNoNaN", t, apply("mul", constantLike(y, -0.5), apply("div", y, x))),
  ],
});

/** d(1/x) = -(y / x) dx. */
export const reciprocal: Primitive<NoParams> = unary("reciprocal", {
  domain: "float",
  evaluate: (x) => 1 / x,
  derivative: [(t, [x], y) => apply("mulNoNaN", t, apply("neg", apply("div", y, x)))],
});

/** d(x^2) = 2 x dx. */
export const square: Primitive<NoParams> = unary("square", {
  domain: "number",
  evaluate: (x, _b, _c, dtype) => dtype === "int32" || dtype === "uint32" ? Math.imul(x, x) : x * x,
  derivative: [(t, [x]) => apply("mul", t, apply("mul", constantLike(x, 2), x))],
});

/** d e^x = e^x dx. */
export const exp: Primitive<NoParams> = unary("exp", {
  domain: "float",
  evaluate: (x) => Math.exp(x),
  derivative: [(t, _, y) => apply("mulNoNaN", t, y)],
});

/** d 2^x = ln 2 2^x dx. */
export const exp2: Primitive<NoParams> = unary("exp2", {
  domain: "float",
  evaluate: (x) => 2 ** x,
  derivative: [(t, _, y) => apply("mulNoNaN", t, apply("mul", constantLike(y, Math.LN2), y))],
});

/** d(e^x - 1) = e^x dx = (y + 1) dx. */
export const expm1: Primitive<NoParams> = unary("expm1", {
  domain: "float",
  evaluate: (x) => Math.expm1(x),
  derivative: [(t, _, y) => apply("mulNoNaN", t, apply("add", y, constantLike(y, 1)))],
});

/** d ln x = dx / x. */
export const log: Primitive<NoParams> = unary("log", {
  domain: "float",
  evaluate: (x) => Math.log(x),
  derivative: [(t, [x]) => apply("mulNoNaN", t, apply("reciprocal", x))],
});

/** d log2 x = dx / (x ln 2). */
export const log2: Primitive<NoParams> = unary("log2", {
  domain: "float",
  evaluate: (x) => Math.log2(x),
  derivative: [(t, [x]) => apply("mulNoNaN", t, apply("div", constantLike(x, Math.LOG2E), x))],
});

/** d log10 x = dx / (x ln 10). */
export const log10: Primitive<NoParams> = unary("log10", {
  domain: "float",
  evaluate: (x) => Math.log10(x),
  derivative: [(t, [x]) => apply("mulNoNaN", t, apply("div", constantLike(x, Math.LOG10E), x))],
});

/** d ln(1 + x) = dx / (1 + x). */
export const log1p: Primitive<NoParams> = unary("log1p", {
  domain: "float",
  evaluate: (x) => Math.log1p(x),
  derivative: [
    (t, [x]) => apply("mulNoNaN", t, apply("reciprocal", apply("add", x, constantLike(x, 1)))),
  ],
});

/** Bitwise complement of integers, negation of bool. */
export const not: Primitive<NoParams> = unary("not", {
  domain: "integral",
  evaluate: (x, _b, _c, dtype) => dtype === "bool" ? 1 - x : ~x,
  derivative: notDifferentiable("It is defined on integers and bool."),
});
