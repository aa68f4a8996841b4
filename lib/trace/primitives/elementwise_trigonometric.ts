/** Circular and hyperbolic functions and their inverses. */
import type { Primitive } from "../primitive.ts";
import type { Tensor } from "../tensor.ts";
import { unary } from "./elementwise_define.ts";
import { apply, constantLike, type NoParams } from "./elementwise_rules.ts";

/** 1 - x^2 as (1 - x)(1 + x), which stays accurate near 1. */
function oneMinusSquare(x: Tensor): Tensor {
  const one = constantLike(x, 1);
  return apply("mul", apply("sub", one, x), apply("add", one, x));
}

/** x^2 + 1. */
function onePlusSquare(x: Tensor): Tensor {
  return apply("add", apply("square", x), constantLike(x, 1));
}

/** d sin x = cos x dx. */
export const sin: Primitive<NoParams> = unary("sin", {
  domain: "float",
  evaluate: (x) => Math.sin(x),
  derivative: [(t, [x]) => apply("mul", t, apply("cos", x))],
});

/** d cos x = -sin x dx. */
export const cos: Primitive<NoParams> = unary("cos", {
  domain: "float",
  evaluate: (x) => Math.cos(x),
  derivative: [(t, [x]) => apply("mul", t, apply("neg", apply("sin", x)))],
});

/** d tan x = (1 + tan^2 x) dx. */
export const tan: Primitive<NoParams> = unary("tan", {
  domain: "float",
  evaluate: (x) => Math.tan(x),
  derivative: [(t, _, y) => apply("mul", t, onePlusSquare(y))],
});

/** d asin x = dx / sqrt(1 - x^2). */
export const asin: Primitive<NoParams> = unary("asin", {
  domain: "float",
  evaluate: (x) => Math.asin(x),
  derivative: [(t, [x]) => apply("mulNoNaN", t, apply("rsqrt", oneMinusSquare(x)))],
});

/** d acos x = -dx / sqrt(1 - x^2). */
export const acos: Primitive<NoParams> = unary("acos", {
  domain: "float",
  evaluate: (x) => Math.acos(x),
  derivative: [(t, [x]) => apply("mulNoNaN", t, apply("neg", apply("rsqrt", oneMinusSquare(x))))],
});

/** d atan x = dx / (1 + x^2). */
export const atan: Primitive<NoParams> = unary("atan", {
  domain: "float",
  evaluate: (x) => Math.atan(x),
  derivative: [(t, [x]) => apply("mul", t, apply("reciprocal", onePlusSquare(x)))],
});

/** d sinh x = cosh x dx. */
export const sinh: Primitive<NoParams> = unary("sinh", {
  domain: "float",
  evaluate: (x) => Math.sinh(x),
  derivative: [(t, [x]) => apply("mulNoNaN", t, apply("cosh", x))],
});

/** d cosh x = sinh x dx. */
export const cosh: Primitive<NoParams> = unary("cosh", {
  domain: "float",
  evaluate: (x) => Math.cosh(x),
  derivative: [(t, [x]) => apply("mulNoNaN", t, apply("sinh", x))],
});

/** d tanh x = (1 - tanh^2 x) dx. */
export const tanh: Primitive<NoParams> = unary("tanh", {
  domain: "float",
  evaluate: (x) => Math.tanh(x),
  derivative: [(t, _, y) => apply("mul", t, apply("sub", constantLike(y, 1), apply("square", y)))],
});

/** d asinh x = dx / sqrt(x^2 + 1). */
export const asinh: Primitive<NoParams> = unary("asinh", {
  domain: "float",
  evaluate: (x) => Math.asinh(x),
  derivative: [(t, [x]) => apply("mul", t, apply("rsqrt", onePlusSquare(x)))],
});

/** d acosh x = dx / sqrt((x - 1)(x + 1)). */
export const acosh: Primitive<NoParams> = unary("acosh", {
  domain: "float",
  evaluate: (x) => Math.acosh(x),
  derivative: [
    (t, [x]) => apply("mulNoNaN", t, apply("rsqrt", apply("neg", oneMinusSquare(x)))),
  ],
});

/** d atanh x = dx / (1 - x^2). */
export const atanh: Primitive<NoParams> = unary("atanh", {
  domain: "float",
  evaluate: (x) => Math.atanh(x),
  derivative: [(t, [x]) => apply("mulNoNaN", t, apply("reciprocal", oneMinusSquare(x)))],
});
