/** The inverse of the complementary error function. */
import type { Primitive } from "../primitive.ts";
import type { Tensor } from "../tensor.ts";
import { composed } from "./composed.ts";
import { apply, constantLike, type NoParams } from "./elementwise_rules.ts";

const HALF_ROOT_PI = Math.sqrt(Math.PI) / 2;
const STEPS = 4;

/**
 * For x <= 1/2 the root of log(erfcx(y)) - y^2 = log(x) by Newton's method, whose slope is -2 / (sqrt(pi) erfcx(y)): in
 * logarithms nothing underflows, and from sqrt(-log(x)) less its logarithm it converges everywhere.
 */
function tail(x: Tensor): Tensor {
  const c = (value: number): Tensor => constantLike(x, value);
  const w = apply("neg", apply("log", x));
  const guess = apply("sub", w, apply("add", apply("mul", apply("log", w), c(0.5)), c(0.55)));
  let y = apply("sqrt", apply("maximum", guess, c(0.2)));
  for (let step = 0; step < STEPS; step++) {
    const scaled = apply("erfcx", y);
    const error = apply("add", apply("sub", w, apply("square", y)), apply("log", scaled));
    y = apply("add", y, apply("mul", error, apply("mul", scaled, c(HALF_ROOT_PI))));
  }
  return y;
}

/** d erfcinv(x) = -sqrt(pi) / 2 e^(y^2) dx, where e^(y^2) = erfcx(y) / x. */
export const erfcinvPrimitive: Primitive<NoParams> = composed("erfcinv", {
  names: ["x"],
  compose([x]) {
    const c = (value: number): Tensor => constantLike(x, value);
    const small = apply("lt", x, c(0.5));
    const positive = apply("gt", x, c(0));
    const inside = apply("select", apply("and", small, positive), x, c(0.25));
    const atZero = apply("select", apply("eq", x, c(0)), c(Infinity), c(NaN));
    const central = apply("erfinv", apply("sub", c(1), apply("select", small, c(0.5), x)));
    return apply("select", small, apply("select", positive, tail(inside), atZero), central);
  },
  slopes: [([x], y) => apply("mul", constantLike(x, -HALF_ROOT_PI), apply("div", apply("erfcx", y), x))],
});
