/** The incomplete gamma functions, regularized. */
import { whileLoop } from "../loop/while_loop.ts";
import { exp, expm1, log } from "../trace/ops/exponential.ts";
import { where } from "../trace/ops/logic.ts";
import { erfc } from "../trace/ops/special.ts";
import { gamma } from "../trace/ops/special_composed.ts";
import type { Primitive } from "../trace/primitive.ts";
import { composed, polynomial } from "../trace/primitives/composed.ts";
import { NO_PARAMS, type NoParams } from "../trace/primitives/elementwise_rules.ts";
import type { Tensor } from "../trace/tensor.ts";
import { bindOne } from "../trace/trace.ts";
import { factorialLimit, lgammaOneMore, logDistance, settled, stirlingRest } from "./stirling.ts";
import { TEMME } from "./temme_coefficients.ts";

/** From here on Temme's expansion near x = a, and Stirling's formula. */
const LARGE = 20;
/** How far from a, in parts of it, Temme's expansion is used. */
const NEAR = 0.3;
const MOST_TERMS = 2000;

interface Both {
  readonly lower: Tensor;
  readonly upper: Tensor;
}

/** The distance at which a sum has all digits. */
function precision(x: Tensor): number {
  return x.dtype === "float64" ? 2 ** -54 : 2 ** -25;
}

/**
 * x^a e^-x / gamma(a + 1) for a >= 0. Where gamma(a + 1) overflows by Stirling's formula, in which a log(x / a) - x + a is
 * one number; it is rounded, so that the plain product is better where there is one.
 */
function prefactor(a: Tensor, x: Tensor): Tensor {
  const large = a.ge(factorialLimit(a));
  const b = where(large, 1, a), y = where(large, 1, x);
  const power = y.pow(b.mul(0.5)).mul(exp(y.mul(-0.5)));
  const direct = power.square().div(gamma(b.add(1)));
  const c = where(large, a, LARGE), place = where(large, x, LARGE);
  const exponent = c.mul(logDistance(place.sub(c).div(c), place.div(c))).add(stirlingRest(c));
  return where(large, exp(exponent.neg()).div(c.mul(2 * Math.PI).sqrt()), direct);
}

/** The sum of x^n / ((a + 1) ... (a + n)) from n = 0 on (Abramowitz and Stegun 1964, 6.5.29). */
function series(a: Tensor, x: Tensor): Tensor {
  const one = x.mul(0).add(1), limit = precision(x);
  const { sum } = whileLoop(
    ({ term, sum }) => term.gt(sum.mul(limit)).any(),
    ({ n, term, sum }) => {
      const next = term.mul(x).div(a.add(n));
      return { n: n.add(1), term: next, sum: sum.add(next) };
    },
    { n: one, term: one, sum: one },
    { maxSteps: MOST_TERMS },
  );
  return sum;
}

/** gamma(a, x) e^x x^-a for x > a by its continued fraction (6.5.31 there), after Lentz. */
function continuedFraction(a: Tensor, x: Tensor): Tensor {
  const limit = precision(x) * 8, zero = x.mul(0);
  const b = x.sub(a).add(1), start = b.reciprocal();
  const { h } = whileLoop(
    ({ change }) => change.ne(1).any(),
    ({ n, b, c, d, h }) => {
      const next = n.add(1), numerator = next.mul(a.sub(next)), wide = b.add(2);
      const below = numerator.mul(d).add(wide).reciprocal();
      const above = wide.add(numerator.div(c));
      const change = settled(above.mul(below), limit);
      return { n: next, b: wide, c: above, d: below, h: h.mul(change), change };
    },
    { n: zero, b, c: zero.add(1e30), d: start, h: start, change: zero },
    { maxSteps: MOST_TERMS },
  );
  return h;
}

/**
 * Near x = a for large a (Temme 1979): erfc(-+eta sqrt(a / 2)) / 2 -+ R, eta^2 / 2 = m - log(1 + m) with m = (x - a) / a.
 */
function uniform(a: Tensor, x: Tensor): Both {
  const m = x.sub(a).div(a), half = logDistance(m, x.div(a));
  const eta = half.mul(2).sqrt().mul(m.sign());
  const [orders, terms] = x.dtype === "float64" ? [TEMME.length, TEMME[0].length] : [4, 7];
  const inverse = a.reciprocal();
  let sum = polynomial(eta, TEMME[orders - 1].slice(0, terms));
  for (let k = orders - 2; k >= 0; k--) {
    sum = sum.mul(inverse).add(polynomial(eta, TEMME[k].slice(0, terms)));
  }
  const rest = exp(a.mul(half).neg()).div(a.mul(2 * Math.PI).sqrt()).mul(sum);
  const y = eta.mul(a.mul(0.5).sqrt());
  return { lower: erfc(y.neg()).mul(0.5).sub(rest), upper: erfc(y).mul(0.5).add(rest) };
}

/** The upper function for small a and x <= 1.1: 1 - x^a / gamma(1 + a) less the rest of its power series (6.5.29). */
function smallUpper(a: Tensor, x: Tensor): Tensor {
  const exponent = a.mul(log(x)).sub(lgammaOneMore(a));
  let term = x.mul(0).add(1), sum = x.mul(0);
  for (let n = 1; n <= (x.dtype === "float64" ? 20 : 12); n++) {
    term = term.mul(x).mul(-1 / n);
    sum = sum.add(term.div(a.add(n)));
  }
  return expm1(exponent).neg().sub(exp(exponent).mul(a).mul(sum));
}

function both(a: Tensor, x: Tensor): Both {
  const valid = a.gt(0).and(x.gt(0)).and(a.lt(Infinity)).and(x.lt(Infinity));
  const shape = where(valid, a, 1), place = where(valid, x, 1);
  const near = shape.ge(LARGE).and(place.sub(shape).abs().le(shape.mul(NEAR)));
  const isSmall = place.le(1.1).and(
    where(place.le(0.5), log(place.minimum(0.5)).mul(shape).gt(-0.4), place.mul(1.1).ge(shape)),
  );
  const beyond = near.not().and(place.gt(shape)).and(place.gt(1.1));
  const summed = near.or(beyond).not();
  const central = uniform(where(near, shape, LARGE), where(near, place, LARGE));
  const factor = prefactor(shape, place);
  const lower = factor.mul(series(where(summed, shape, 1), where(summed, place, 0)));
  const fraction = continuedFraction(where(beyond, shape, 1), where(beyond, place, 2));
  const upper = factor.mul(shape).mul(fraction);
  const small = smallUpper(where(isSmall, shape, 1), where(isSmall, place, 1));
  const invalid = where(a.ge(0).and(x.ge(0)).and(a.eq(0).and(x.eq(0)).not()), 0, NaN);
  // At the ends 0 or 1; both infinite is as undefined as both 0.
  const atEnd = where(a.eq(Infinity).and(x.eq(Infinity)), NaN, where(a.eq(0).or(x.eq(Infinity)), 1, 0)).add(
    invalid,
  );
  return {
    lower: where(valid, where(near, central.lower, where(beyond, upper.neg().add(1), lower)), atEnd),
    upper: where(
      valid,
      where(near, central.upper, where(beyond, upper, where(isSmall, small, lower.neg().add(1)))),
      atEnd.neg().add(1),
    ),
  };
}

const WHY = "It is a function of its own, which is not built.";

/** x^(a - 1) e^-x / gamma(a): the derivative of the lower function. */
const densityPrimitive: Primitive<NoParams> = composed("gammaDensity", {
  names: ["a", "x"],
  compose([a, x]) {
    const inside = x.gt(0);
    const value = prefactor(a, where(inside, x, 1)).mul(a).div(where(inside, x, 1));
    const atZero = where(a.lt(1), Infinity, where(a.eq(1), 1, 0));
    return where(inside, value, where(x.lt(0), NaN, atZero));
  },
  slopes: [WHY, ([a, x], y) => y.mul(a.sub(1).div(x).sub(1))],
});

export const gammaincPrimitive: Primitive<NoParams> = composed("gammainc", {
  names: ["a", "x"],
  compose: ([a, x]) => both(a, x).lower,
  slopes: [WHY, ([a, x]) => bindOne(densityPrimitive, [a, x], NO_PARAMS)],
});

export const gammainccPrimitive: Primitive<NoParams> = composed("gammaincc", {
  names: ["a", "x"],
  compose: ([a, x]) => both(a, x).upper,
  slopes: [WHY, ([a, x]) => bindOne(densityPrimitive, [a, x], NO_PARAMS).neg()],
});

export const incompleteGammaPrimitives: readonly Primitive<NoParams>[] = [
  densityPrimitive,
  gammaincPrimitive,
  gammainccPrimitive,
];
