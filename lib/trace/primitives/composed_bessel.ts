/** Bessel functions of the first kind, of orders 0 and 1. */
import type { Primitive } from "../primitive.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { composed, polynomial } from "./composed.ts";
import {
  ONE_NEAR,
  ONE_P,
  ONE_Q,
  ONE_ROOTS,
  ZERO_NEAR,
  ZERO_P,
  ZERO_Q,
  ZERO_ROOTS,
} from "./composed_coefficients.ts";
import { apply, constantLike, NO_PARAMS, type NoParams } from "./elementwise_rules.ts";

const FAR = 8;

/** For 0 <= a < 8 the distances from the two roots times a polynomial. */
function near(
  a: Tensor,
  coefficients: readonly number[],
  roots: readonly (readonly [number, number])[],
): Tensor {
  const limited = apply("minimum", a, constantLike(a, FAR));
  let value = polynomial(apply("sub", apply("square", limited), constantLike(a, 32)), coefficients);
  for (const [root, rest] of roots) {
    const distance = apply("sub", apply("sub", limited, constantLike(a, root)), constantLike(a, rest));
    value = apply("mul", value, apply("mul", distance, apply("add", limited, constantLike(a, root))));
  }
  return value;
}

/** For a >= 8 P and Q of Hankel's expansion (Abramowitz and Stegun 1964, 9.2.5), and sqrt(1 / (pi a)). */
function far(a: Tensor, p: readonly number[], q: readonly number[]): { P: Tensor; Q: Tensor; scale: Tensor } {
  const inverse = apply("reciprocal", apply("maximum", a, constantLike(a, FAR)));
  const place = apply("sub", apply("square", inverse), constantLike(a, 1 / 128));
  return {
    P: polynomial(place, p),
    Q: apply("mul", inverse, polynomial(place, q)),
    scale: apply("sqrt", apply("mul", inverse, constantLike(a, 1 / Math.PI))),
  };
}

/** Where they vanish. */
function zeroAtInfinity(a: Tensor, value: Tensor): Tensor {
  return apply("select", apply("eq", a, constantLike(a, Infinity)), constantLike(a, 0), value);
}

/** j0(x) = sqrt(2 / (pi x)) (P cos(x - pi/4) - Q sin(x - pi/4)). d j0(x) = -j1(x) dx. */
export const j0Primitive: Primitive<NoParams> = composed("j0", {
  names: ["x"],
  compose([x]) {
    const a = apply("abs", x);
    const { P, Q, scale } = far(a, ZERO_P, ZERO_Q);
    const sine = apply("sin", a), cosine = apply("cos", a);
    const waves = apply(
      "sub",
      apply("mul", P, apply("add", cosine, sine)),
      apply("mul", Q, apply("sub", sine, cosine)),
    );
    const isNear = apply("lt", a, constantLike(x, FAR));
    const value = apply("select", isNear, near(a, ZERO_NEAR, ZERO_ROOTS), apply("mul", scale, waves));
    return zeroAtInfinity(a, value);
  },
  slopes: [([x]) => apply("neg", bindOne(j1Primitive, [x], NO_PARAMS))],
});

/** (-1)^k / (2 k! (k + 1)! 4^k): the series of j1(x) / x in x^2 (Abramowitz and Stegun 1964, 9.1.10). */
const RATIO = [0.5];
for (let k = 1; k < 11; k++) RATIO.push(-RATIO[k - 1] / (4 * k * (k + 1)));

/** j1(x) = sqrt(2 / (pi x)) (P cos(x - 3 pi/4) - Q sin(x - 3 pi/4)). d j1(x) = (j0(x) - j1(x) / x) dx. */
export const j1Primitive: Primitive<NoParams> = composed("j1", {
  names: ["x"],
  compose([x]) {
    const a = apply("abs", x);
    const { P, Q, scale } = far(a, ONE_P, ONE_Q);
    const sine = apply("sin", a), cosine = apply("cos", a);
    const waves = apply(
      "add",
      apply("mul", P, apply("sub", sine, cosine)),
      apply("mul", Q, apply("add", sine, cosine)),
    );
    const negative = apply("lt", x, constantLike(x, 0));
    const signed = apply("select", negative, apply("neg", waves), waves);
    const isNear = apply("lt", a, constantLike(x, FAR));
    const small = apply("mul", x, near(a, ONE_NEAR, ONE_ROOTS));
    return zeroAtInfinity(a, apply("select", isNear, small, apply("mul", scale, signed)));
  },
  slopes: [([x], y) => {
    const isNear = apply("lt", apply("abs", x), constantLike(x, 1));
    const square = apply("square", apply("select", isNear, x, constantLike(x, 0)));
    const divisor = apply("select", isNear, constantLike(x, 1), x);
    const ratio = apply("select", isNear, polynomial(square, RATIO), apply("div", y, divisor));
    return apply("sub", bindOne(j0Primitive, [x], NO_PARAMS), ratio);
  }],
});
