/** Gamma-distributed numbers by rejection with a fixed number of rounds. */
import type { DType } from "../trace/dtype.ts";
import { stopGradient } from "../autodiff/mod.ts";
import { forLoop } from "../loop/functions.ts";
import { castTo, type TensorLike, toTensor } from "../trace/ops/convert.ts";
import { log } from "../trace/ops/exponential.ts";
import { where } from "../trace/ops/logic.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { broadcastShape } from "../trace/primitives/elementwise_rules.ts";
import { checkShape, type Shape } from "../trace/shape.ts";
import type { Tensor } from "../trace/tensor.ts";
import { whole } from "../trace/whole.ts";
import { fineUnit, randomWords, unitFromWords } from "./bits.ts";
import { fromUnit, scaleGiven, scaleOrRate } from "./continuous.ts";
import { floatDType, parameter, parameterGiven, workingDType } from "./parameters.ts";

/** Options of gamma. */
export interface GammaOptions {
  /** The parameter of shape, often called k or a: the mean is alpha times the scale. 1 by default. */
  readonly alpha?: TensorLike;
  /** 1 by default. */
  readonly scale?: TensorLike;
  /** 1 / scale; either of the two may be given. */
  readonly rate?: TensorLike;
  /** A float dtype; the default float when left out. */
  readonly dtype?: DType;
}

/** A round accepts with probability 0.95 or more, so that 6 fail for fewer than 2 draws in 10^8. */
const ROUNDS = 6;

/**
 * Gamma-distributed numbers (Marsaglia and Tsang, "A simple method for generating gamma variables", ACM TOMS 2000): six
 * rounds of rejection at once, of which the first success counts; with a probability below 2e-8 all fail and the draw is
 * the most probable value. Differentiable in the scale, and constant in alpha.
 *
 * @throws {ShapeError} when `shape` is no shape or a parameter does not broadcast to it.
 * @throws {DamoError} when both `scale` and `rate` are given, or a number is out of range.
 * @example
 * ```ts
 * import { random } from "@damo/damo";
 * const x = random.gamma(random.key(0), [5000], { alpha: 3, scale: 2 });
 * console.assert(Math.abs(Number(x.mean()) - 6) < 0.3);
 * ```
 */
export function gamma(key: TensorLike, shape: readonly number[] = [], options: GammaOptions = {}): Tensor {
  const operation = "random.gamma";
  checkOptions(operation, options, ["alpha", "scale", "rate", "dtype"]);
  checkShape(operation, shape);
  const dtype = floatDType(operation, options.dtype);
  const work = workingDType(dtype);
  const { alpha = 1 } = options;
  const given = parameterGiven(operation, "alpha", alpha, { dtype: work, range: { least: 0, open: true } });
  const mayBeSmall = typeof alpha !== "number" || alpha < 1;
  const { scale, rate } = scaleGiven(operation, options, work);
  const own = toTensor(key, { operation });
  return whole(operation, gammaOf, own, shape, dtype, given, mayBeSmall, scale, rate);
}

function gammaOf(
  key: Tensor,
  shape: Shape,
  dtype: DType,
  alpha: Tensor,
  mayBeSmall: boolean,
  scale?: Tensor,
  rate?: Tensor,
): Tensor {
  const operation = "random.gamma";
  const work = workingDType(dtype);
  const a = stopGradient(parameter(operation, "alpha", alpha, { dtype: work, shape }));
  // Below 1: gamma(a) = gamma(a + 1) u^(1 / a), and the method needs a >= 1.
  const small = a.lt(1);
  let standard = fromOneOn(operation, key, shape, where(small, a.add(1), a));
  if (mayBeSmall) {
    const u = fineUnit(randomWords(operation, key, shape, 2 * ROUNDS), work);
    standard = where(small, standard.mul(log(u).div(a).exp()), standard);
  }
  return castTo(scaleOrRate(operation, standard, shape, { scale, rate }), dtype);
}

/** d v with v = (1 + c z)^3, accepted when log u < z^2 / 2 + d - d v + d log v, for d = a - 1/3 and c = 1 / sqrt(9 d). */
function fromOneOn(operation: string, key: TensorLike, shape: Shape, a: Tensor): Tensor {
  const { dtype } = a;
  const d = a.sub(1 / 3);
  const c = d.mul(9).rsqrt();
  const own = toTensor(key);
  return forLoop(ROUNDS, (step, result: Tensor) => {
    // Backwards, so that an earlier round replaces a later one.
    const round = step.mul(-2).add(2 * (ROUNDS - 1));
    const z = fromUnit(unitFromWords(randomWords(operation, own, shape, round), dtype), dtype);
    const u = fineUnit(randomWords(operation, own, shape, round.add(1)), dtype);
    const root = c.mul(z).add(1);
    const v = root.mul(root).mul(root);
    const positive = root.gt(0);
    // d (1 - v + log v) is small while d is large: with s = c z, 1 - v = -s (3 + 3 s + s^2).
    const s = c.mul(z);
    const excess = log(where(positive, v, 1)).sub(s.mul(s.mul(s.add(3)).add(3)));
    const accepted = log(u).lt(z.square().mul(0.5).add(d.mul(excess)));
    return where(positive.and(accepted), d.mul(v), result);
  }, broadcastShape(d, shape));
}
