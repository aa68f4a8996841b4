/** The gamma function and the derivatives of digamma. */
import type { Primitive } from "../primitive.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { composed, polynomial } from "./composed.ts";
import { GAMMA } from "./composed_coefficients.ts";
import { apply, constantLike, type NoParams } from "./elementwise_rules.ts";

/** x reduced to the nearest integer: the rest, and whether that integer is odd. */
function nearest(x: Tensor): { rest: Tensor; odd: Tensor } {
  const whole = apply("round", x), half = apply("mul", whole, constantLike(x, 0.5));
  return { rest: apply("sub", x, whole), odd: apply("ne", half, apply("floor", half)) };
}

/** From here on Stirling's series; below, the recurrence brings the argument to [2, 3]. */
const STIRLING_FROM = 10;
/** B_2k / (2k (2k - 1)) (Abramowitz and Stegun 1964, 6.1.41). */
const STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156];

/** gamma(x) for x >= 10; the power in two factors, which overflow only where their product does. */
function stirling(x: Tensor): Tensor {
  const c = (value: number): Tensor => constantLike(x, value);
  // Infinite there, and no infinity times 0.
  const limit = x.dtype === "float64" ? 180 : 40;
  const a = apply("minimum", apply("maximum", x, c(STIRLING_FROM)), c(limit));
  const inverse = apply("reciprocal", a);
  const series = apply("mul", inverse, polynomial(apply("square", inverse), STIRLING));
  const power = apply("pow", a, apply("sub", apply("mul", a, c(0.5)), c(0.25)));
  const scale = apply("mul", apply("exp", series), c(Math.sqrt(2 * Math.PI)));
  return apply("mul", apply("mul", scale, power), apply("mul", apply("exp", apply("neg", a)), power));
}

/** gamma(x) for -1 < x < 10: the product of the steps to [2, 3] and a polynomial there. */
function recurrence(x: Tensor): Tensor {
  const c = (value: number): Tensor => constantLike(x, value);
  let y = x, product = c(1);
  for (let step = 0; step < STIRLING_FROM - 2; step++) {
    const above = apply("ge", y, c(3));
    y = apply("select", above, apply("sub", y, c(1)), y);
    product = apply("select", above, apply("mul", product, y), product);
  }
  // x (x + 1) (x + 2), as many factors as lie below 2.
  let divisor = c(1);
  for (const step of [0, 1, 2]) {
    const below = apply("lt", x, c(2 - step));
    const factor = step === 0 ? x : apply("add", x, c(step));
    divisor = apply("select", below, apply("mul", divisor, factor), divisor);
    y = apply("select", below, apply("add", x, c(step + 1)), y);
  }
  return apply("div", apply("mul", product, polynomial(apply("sub", y, c(2.5)), GAMMA)), divisor);
}

/**
 * Below -1 gamma(x) = -pi / (a sin(pi a) gamma(a)) with a = -x (Abramowitz and Stegun 1964, 6.1.17). d gamma(x) = gamma(x)
 * digamma(x) dx.
 */
export const gammaPrimitive: Primitive<NoParams> = composed("gamma", {
  names: ["x"],
  compose([x]) {
    const c = (value: number): Tensor => constantLike(x, value);
    const reflected = apply("le", x, c(-1));
    const a = apply("select", reflected, apply("neg", x), x);
    const far = apply("ge", a, c(STIRLING_FROM));
    const near = recurrence(apply("select", far, c(2), a));
    const value = apply("select", far, stirling(a), near);
    // Factorials are integers.
    const whole = apply("eq", a, apply("round", a));
    const positive = apply("select", whole, apply("round", value), value);
    const { rest, odd } = nearest(a);
    const sine = apply("sin", apply("mul", rest, c(Math.PI)));
    const signed = apply("mul", apply("select", odd, apply("neg", sine), sine), a);
    const quotient = apply("div", c(-Math.PI), apply("mul", signed, positive));
    const atPole = apply("select", whole, c(NaN), quotient);
    return apply("select", reflected, atPole, positive);
  },
  slopes: [([x], y) => apply("mul", y, apply("digamma", x))],
});

/** How often digamma is differentiated. */
export interface PolygammaParams {
  readonly order: number;
}

/** B_2k / (2k)!, for the Euler-Maclaurin sum. */
const EULER_MACLAURIN = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510];
for (let k = 0, factorial = 1; k < EULER_MACLAURIN.length; k++) {
  factorial *= (2 * k + 1) * (2 * k + 2);
  EULER_MACLAURIN[k] /= factorial;
}

function integerPower(x: Tensor, exponent: number): Tensor {
  let result: Tensor | null = null;
  for (let square = x, rest = exponent; rest > 0; rest >>= 1) {
    if (rest & 1) result = result ? apply("mul", result, square) : square;
    if (rest > 1) square = apply("square", square);
  }
  return result ?? constantLike(x, 1);
}

/** The sum of (x + k)^-s over k >= 0 for x > 0: some terms, then Euler-Maclaurin from z = x + n on. */
function hurwitzZeta(s: number, x: Tensor): Tensor {
  const c = (value: number): Tensor => constantLike(x, value);
  const terms = 9 + s;
  const inverse = apply("reciprocal", apply("add", x, c(terms)));
  const inverseSquare = apply("square", inverse);
  // z^(1 - s) (1 / (s - 1) + 1 / 2z + sum B_2j / (2j)! s (s + 1) ... (s + 2j - 2) z^-2j).
  const factors: number[] = [];
  for (let j = 0, rising = s; j < EULER_MACLAURIN.length; j++) {
    factors.push(EULER_MACLAURIN[j] * rising);
    rising *= (s + 2 * j + 1) * (s + 2 * j + 2);
  }
  const series = apply("mul", inverseSquare, polynomial(inverseSquare, factors));
  const tail = apply("add", c(1 / (s - 1)), apply("add", apply("mul", inverse, c(0.5)), series));
  let sum = apply("mul", integerPower(inverse, s - 1), tail);
  for (let k = terms - 1; k >= 0; k--) {
    const shifted = k === 0 ? x : apply("add", x, c(k));
    sum = apply("add", sum, integerPower(apply("reciprocal", shifted), s));
  }
  return sum;
}

/** The coefficients in c = cot(pi x) of the derivative of that order of cot(pi x), over pi^order: c' = -pi (1 + c^2). */
function cotangentDerivative(order: number): number[] {
  let coefficients = [0, 1];
  for (let n = 0; n < order; n++) {
    const next = new Array<number>(coefficients.length + 1).fill(0);
    coefficients.forEach((a, k) => {
      if (k === 0) return;
      next[k - 1] -= k * a;
      next[k + 1] -= k * a;
    });
    coefficients = next;
  }
  return coefficients;
}

/**
 * psi_n(x) = (-1)^(n + 1) n! zeta(n + 1, x), for negative x (-1)^n psi_n(1 - x) - pi d^n cot(pi x) (Abramowitz and Stegun
 * 1964, 6.4.10 and 6.4.7). Its derivative is that of the next order.
 */
export const polygammaPrimitive: Primitive<PolygammaParams> = composed("polygamma", {
  names: ["x"],
  compose([x], { order }) {
    const c = (value: number): Tensor => constantLike(x, value);
    let factorial = 1;
    for (let k = 2; k <= order; k++) factorial *= k;
    const reflected = apply("lt", x, c(0));
    const positive = apply("select", reflected, apply("sub", c(1), x), x);
    const size = apply("mul", c(factorial), hurwitzZeta(order + 1, positive));
    const angle = apply("mul", nearest(apply("select", reflected, x, c(0.5))).rest, c(Math.PI));
    const cotangent = apply("div", apply("cos", angle), apply("sin", angle));
    const scale = c(Math.PI ** (order + 1));
    const reflection = apply("mul", scale, polynomial(cotangent, cotangentDerivative(order)));
    const value = order % 2 === 0 ? apply("neg", size) : size;
    return apply("select", reflected, apply("neg", apply("add", size, reflection)), value);
  },
  slopes: [([x], _, { order }) => bindOne(polygammaPrimitive, [x], { order: order + 1 })],
  print: ({ order }) => `order=${order}`,
});
