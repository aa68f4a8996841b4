/** The incomplete beta function, regularized. */
import { whileLoop } from "../loop/while_loop.ts";
import { exp } from "../trace/ops/exponential.ts";
import { where } from "../trace/ops/logic.ts";
import { stack } from "../trace/ops/shape_join.ts";
import { gamma } from "../trace/ops/special_composed.ts";
import type { Primitive } from "../trace/primitive.ts";
import { composed } from "../trace/primitives/composed.ts";
import { NO_PARAMS, type NoParams } from "../trace/primitives/elementwise_rules.ts";
import type { Tensor } from "../trace/tensor.ts";
import { bindOne } from "../trace/trace.ts";
import { factorialLimit, logDistance, settled, stirlingRest } from "./stirling.ts";

const MOST_TERMS = 5000;

/**
 * x^a y^b / B(a, b) with y = 1 - x, by Stirling's formula: with d = x b - y a, a log(x (a + b) / a) is
 * d - a (m - log(1 + m)) for m = d / a, the other power likewise with -d, and the two d vanish.
 */
function stirlingPowers(a: Tensor, b: Tensor, x: Tensor, y: Tensor): Tensor {
  const sum = a.add(b), d = x.mul(b).sub(y.mul(a));
  const distance = a.mul(logDistance(d.div(a), x.mul(sum.div(a))))
    .add(b.mul(logDistance(d.div(b).neg(), y.mul(sum.div(b)))));
  const rest = stirlingRest(sum).sub(stirlingRest(a)).sub(stirlingRest(b));
  const scale = a.mul(b.div(sum)).mul(1 / (2 * Math.PI)).sqrt();
  return exp(rest.sub(distance)).mul(scale);
}

/**
 * The same as a plain product where the gamma functions are finite: no logarithm is rounded. In float32 the powers
 * are halved, so that they do not underflow where the whole does not.
 */
function powers(a: Tensor, b: Tensor, x: Tensor, y: Tensor): Tensor {
  const plain = a.add(b).lt(factorialLimit(a));
  const [p, q] = [where(plain, a, 1), where(plain, b, 1)];
  // One large expression for all three.
  const factorials = gamma(stack([p.add(q), p, q]));
  const ratio = factorials.at(0).div(factorials.at(1)).div(factorials.at(2));
  const product = x.dtype === "float64"
    ? x.pow(p).mul(y.pow(q)).mul(ratio)
    : x.pow(p.mul(0.5)).mul(y.pow(q.mul(0.5))).mul(ratio.sqrt()).square();
  return where(plain, product, stirlingPowers(where(plain, 40, a), where(plain, 40, b), x, y));
}

/** The continued fraction of I_x(a, b) (Abramowitz and Stegun 1964, 26.5.8), two steps at a time, after Lentz. */
function continuedFraction(a: Tensor, b: Tensor, x: Tensor): Tensor {
  const limit = x.dtype === "float64" ? 2 ** -51 : 2 ** -22;
  const one = x.mul(0).add(1), sum = a.add(b);
  const start = one.sub(sum.mul(x).div(a.add(1))).reciprocal();
  const { h } = whileLoop(
    ({ change }) => change.ne(1).any(),
    ({ n, c, d, h }) => {
      const twice = n.mul(2).add(a);
      const even = n.mul(b.sub(n)).mul(x).div(twice.sub(1).mul(twice));
      const d1 = even.mul(d).add(1).reciprocal(), c1 = even.div(c).add(1);
      const odd = a.add(n).mul(sum.add(n)).mul(x).div(twice.mul(twice.add(1))).neg();
      const d2 = odd.mul(d1).add(1).reciprocal(), c2 = odd.div(c1).add(1);
      const change = settled(d2.mul(c2), limit);
      return { n: n.add(1), c: c2, d: d2, h: h.mul(d1).mul(c1).mul(change), change };
    },
    { n: one, c: one, d: start, h: start, change: one.mul(0) },
    { maxSteps: MOST_TERMS },
  );
  return h;
}

function regularized(a: Tensor, b: Tensor, x: Tensor): Tensor {
  const valid = a.gt(0).and(b.gt(0)).and(x.ge(0)).and(x.le(1)).and(a.lt(Infinity)).and(b.lt(Infinity));
  const inside = valid.and(x.gt(0)).and(x.lt(1));
  const [p, q, place] = [where(inside, a, 1), where(inside, b, 1), where(inside, x, 0.5)];
  const other = place.neg().add(1);
  // The fraction converges quickly up to about the mean; beyond it, I_x(a, b) = 1 - I_(1 - x)(b, a).
  const sum = p.add(q);
  const swapped = place.gt(p.add(1).div(sum.add(2))).and(place.gt(p.div(sum)));
  const [s, t] = [where(swapped, q, p), where(swapped, p, q)];
  const value = powers(p, q, place, other).div(s).mul(continuedFraction(s, t, where(swapped, other, place)));
  return where(inside, where(swapped, value.neg().add(1), value), where(valid, x, NaN));
}

const WHY = "It is a function of its own, which is not built.";

/** x^(a - 1) (1 - x)^(b - 1) / B(a, b): the derivative. */
const densityPrimitive: Primitive<NoParams> = composed("betaDensity", {
  names: ["a", "b", "x"],
  compose([a, b, x]) {
    const inside = x.gt(0).and(x.lt(1));
    const place = where(inside, x, 0.5), other = place.neg().add(1);
    const value = powers(a, b, place, other).div(place.mul(other));
    const power = where(x.eq(0), a, b);
    const atEnd = where(power.lt(1), Infinity, where(power.eq(1), where(x.eq(0), b, a), 0));
    return where(inside, value, where(x.eq(0).or(x.eq(1)), atEnd, NaN));
  },
  slopes: [WHY, WHY, ([a, b, x], y) => {
    const other = x.neg().add(1);
    return y.mul(a.sub(1).div(x).sub(b.sub(1).div(other)));
  }],
});

export const betaincPrimitive: Primitive<NoParams> = composed("betainc", {
  names: ["a", "b", "x"],
  compose: ([a, b, x]) => regularized(a, b, x),
  slopes: [WHY, WHY, (inputs) => bindOne(densityPrimitive, inputs, NO_PARAMS)],
});

export const incompleteBetaPrimitives: readonly Primitive<NoParams>[] = [densityPrimitive, betaincPrimitive];
