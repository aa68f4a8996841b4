/** The error function, the gamma function's logarithm and its derivatives, the logistic function, tests and select. */
import { notDifferentiable, type Primitive } from "../primitive.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { polygammaPrimitive } from "./composed_gamma.ts";
import { compare, selection, unary } from "./elementwise_define.ts";
import { apply, constantLike, type NoParams } from "./elementwise_rules.ts";
import * as bessel from "./bessel_functions.ts";
import * as special from "./special_functions.ts";

/** d sigmoid(x) = y (1 - y) dx. */
export const sigmoid: Primitive<NoParams> = unary("sigmoid", {
  domain: "float",
  evaluate(x) {
    if (x >= 0) return 1 / (1 + Math.exp(-x));
    const e = Math.exp(x);
    return e / (1 + e);
  },
  derivative: [
    (t, _, y) => apply("mul", t, apply("mul", y, apply("sub", constantLike(y, 1), y))),
  ],
});

const TWO_OVER_ROOT_PI = 2 / Math.sqrt(Math.PI);

/** e^(-x^2) scaled. */
function gaussian(x: Tensor, scale: number): Tensor {
  return apply("mul", constantLike(x, scale), apply("exp", apply("neg", apply("square", x))));
}

/** d erf x = 2 / sqrt(pi) e^(-x^2) dx. */
export const erf: Primitive<NoParams> = unary("erf", {
  domain: "float",
  evaluate: (x) => special.erf(x),
  derivative: [(t, [x]) => apply("mul", t, gaussian(x, TWO_OVER_ROOT_PI))],
});

/** d erfc x = -2 / sqrt(pi) e^(-x^2) dx. */
export const erfc: Primitive<NoParams> = unary("erfc", {
  domain: "float",
  evaluate: (x) => special.erfc(x),
  derivative: [(t, [x]) => apply("mul", t, gaussian(x, -TWO_OVER_ROOT_PI))],
});

/** d erfinv x = sqrt(pi) / 2 e^(y^2) dx: infinite at -1 and 1. */
export const erfinv: Primitive<NoParams> = unary("erfinv", {
  domain: "float",
  evaluate: (x) => special.erfinv(x),
  derivative: [(t, _, y) => {
    const inside = apply("isFinite", y);
    const squared = apply("square", apply("select", inside, y, constantLike(y, 0)));
    const slope = apply("mul", constantLike(y, 1 / TWO_OVER_ROOT_PI), apply("exp", squared));
    return apply("mulNoNaN", t, apply("select", inside, slope, constantLike(y, Infinity)));
  }],
});

/** Beyond it 2 x erfcx(x) is so near 2 / sqrt(pi) that their difference is better summed as a series. */
const SERIES_FROM = 10;
const SERIES_TERMS = 12;

/**
 * The derivative of erfcx at x >= 10: -2 / sqrt(pi) (z - 3 z^2 + 15 z^3 - ...), z = 1 / (2 x^2), with the products of odd
 * numbers (Abramowitz and Stegun 1964, 7.1.23).
 */
function erfcxSlope(x: Tensor): Tensor {
  const z = apply("div", constantLike(x, 0.5), apply("square", x));
  let sum = constantLike(x, 1);
  for (let k = SERIES_TERMS - 1; k >= 1; k--) {
    const term = apply("mul", apply("mul", z, sum), constantLike(x, 2 * k + 1));
    sum = apply("sub", constantLike(x, 1), term);
  }
  return apply("mul", constantLike(x, -TWO_OVER_ROOT_PI), apply("mul", z, sum));
}

/** d erfcx x = (2 x y - 2 / sqrt(pi)) dx. */
export const erfcx: Primitive<NoParams> = unary("erfcx", {
  domain: "float",
  evaluate: (x) => special.erfcx(x),
  derivative: [(t, [x], y) => {
    const far = apply("gt", x, constantLike(x, SERIES_FROM));
    const near = apply("select", far, constantLike(x, 0), x);
    const plain = apply(
      "sub",
      apply("mul", constantLike(x, 2), apply("mul", near, y)),
      constantLike(x, TWO_OVER_ROOT_PI),
    );
    const distant = apply("select", far, x, constantLike(x, SERIES_FROM));
    return apply("mul", t, apply("select", far, erfcxSlope(distant), plain));
  }],
});

/** d i0(x) = i1(x) dx. */
export const i0: Primitive<NoParams> = unary("i0", {
  domain: "float",
  evaluate: (x) => bessel.i0(x),
  derivative: [(t, [x]) => apply("mul", t, apply("i1", x))],
});

/** 1 / (2 k! (k + 1)! 4^k): the series of i1(x) / x in x^2 (Abramowitz and Stegun 1964, 9.6.10), to 2^-60 at 1. */
const BESSEL_RATIO = [0.5];
for (let k = 1; k < 11; k++) BESSEL_RATIO.push(BESSEL_RATIO[k - 1] / (4 * k * (k + 1)));

/**
 * i1(x) / x. Near 0 its series, which has derivatives of every order: the quotient has 0 / 0 there, and beside it its
 * derivatives cancel.
 */
function besselRatio(x: Tensor, y: Tensor): Tensor {
  const near = apply("lt", apply("abs", x), constantLike(x, 1));
  const square = apply("square", apply("select", near, x, constantLike(x, 0)));
  let series = constantLike(x, BESSEL_RATIO[BESSEL_RATIO.length - 1]);
  for (let k = BESSEL_RATIO.length - 2; k >= 0; k--) {
    series = apply("add", constantLike(x, BESSEL_RATIO[k]), apply("mul", square, series));
  }
  const divisor = apply("select", near, constantLike(x, 1), x);
  return apply("select", near, series, apply("div", y, divisor));
}

/** d i1(x) = (i0(x) - i1(x) / x) dx; 1 / 2 at 0. */
export const i1: Primitive<NoParams> = unary("i1", {
  domain: "float",
  evaluate: (x) => bessel.i1(x),
  derivative: [(t, [x], y) => apply("mul", t, apply("sub", apply("i0", x), besselRatio(x, y)))],
});

/** d ln|gamma(x)| = digamma(x) dx. */
export const lgamma: Primitive<NoParams> = unary("lgamma", {
  domain: "float",
  evaluate: (x) => special.lgamma(x),
  derivative: [(t, [x]) => apply("mulNoNaN", t, apply("digamma", x))],
});

/** d digamma(x) = psi_1(x) dx. */
export const digamma: Primitive<NoParams> = unary("digamma", {
  domain: "float",
  evaluate: (x) => special.digamma(x),
  derivative: [(t, [x]) => apply("mulNoNaN", t, bindOne(polygammaPrimitive, [x], { order: 1 }))],
});

export const isNaN: Primitive<NoParams> = compare("isNaN", {
  domain: "any",
  evaluate: (x) => x !== x ? 1 : 0,
  derivative: notDifferentiable("Its result is bool."),
});

export const isFinite: Primitive<NoParams> = compare("isFinite", {
  domain: "any",
  evaluate: (x) => Number.isFinite(x) ? 1 : 0,
  derivative: notDifferentiable("Its result is bool."),
});

/** condition ? a : b. d = condition ? da : db; linear in a and b. */
export const select: Primitive<NoParams> = selection({
  domain: "any",
  evaluate: (condition, a, b) => condition ? a : b,
  derivative: [
    null,
    (t, [condition]) => apply("select", condition, t, constantLike(t, 0)),
    (t, [condition]) => apply("select", condition, constantLike(t, 0), t),
  ],
  transpose: [
    null,
    (c, [condition]) => apply("select", condition!, c, constantLike(c, 0)),
    (c, [condition]) => apply("select", condition!, constantLike(c, 0), c),
  ],
});
