/** Log-gamma and digamma, in float32. */
import {
  digammaFar,
  digammaOne,
  lgammaOne,
  lgammaTwo,
  stirlingRest,
} from "../../math/single_coefficients.ts";
import { polynomial } from "../literal.ts";
import { helper, type HelperTable } from "./helper.ts";

/** The root of digamma is 1.4616321325 and this. */
const ROOT_LOW = "1.24381499e-8f";

export function gammaHelpers(): HelperTable {
  return {
    // sin(pi r) for |r| <= 1/2.
    sin_pi_f32: helper(
      `
fn sin_pi_f32(r: f32) -> f32 {
  let a = abs(r);
  let y = select(sin_kernel_f32(a * 3.14159274f), cos_kernel_f32((0.5f - a) * 3.14159274f), a > 0.25f);
  return select(y, -y, r < 0.0f);
}`,
      "sin_kernel_f32",
    ),
    // log(gamma(1 + u)) for -3/8 < u < 5/8: the distances from the zeros at 1 and 2, times a polynomial.
    lgamma_one_f32: helper(
      `
fn lgamma_one_f32(u: f32) -> f32 {
  let w = kept_f32(u * (u - 1.0f));
  return kept_f32(0.5f * u * u + w * ${polynomial("u", lgammaOne)}) - 0.5f * u;
}`,
      "kept_f32",
    ),
    // log(gamma(1 + u) / p) where it has no zero.
    lgamma_over_f32: helper(
      `
fn lgamma_over_f32(u: f32, p: f32) -> f32 {
  let l = log_pair_f32(p);
  return kept_f32(lgamma_one_f32(u) - l.y) - l.x;
}`,
      "kept_f32",
      "lgamma_one_f32",
      "log_pair_f32",
    ),
    // From 3 on Stirling's series with the logarithm in two floats.
    lgamma_positive_f32: helper(
      `
fn lgamma_positive_f32(a: f32) -> f32 {
  if (a >= 3.0f) {
    if (a > 3.4028234e38f) { return a; }
    let v = 1.0f / a;
    let l = log_pair_f32(a);
    let high = high_f32(a);
    let less = kept_f32(l.x - 1.0f);
    let low = kept_f32((a - high) - 0.5f) * less + (a - 0.5f) * l.y;
    return high * less + kept_f32(low + (${polynomial("v", stirlingRest)} + 0.4375f));
  }
  if (a >= 1.5f) {
    let u = a - 2.0f;
    let w = kept_f32(u * (a - 1.0f));
    return 0.5f * u + kept_f32(0.5f * u * u + w * ${polynomial("u", lgammaTwo)});
  }
  if (a < 0.625f) { return lgamma_over_f32(a, a); }
  return lgamma_one_f32(a - 1.0f);
}`,
      "high_f32",
      "kept_f32",
      "lgamma_one_f32",
      "lgamma_over_f32",
      "log_pair_f32",
    ),
    lgamma_f32: helper(
      `
fn lgamma_f32(x: f32) -> f32 {
  if (!(x == x)) { return x; }
  let a = abs(x);
  if (a > 3.4028234e38f) { return a; }
  if (x > 0.0f) { return lgamma_positive_f32(a); }
  if (a == floor(a)) { return bitcast<f32>(0x7f800000u | (bitcast<u32>(x) & 0u)); }
  if (a < 1.0f) {
    let near = a < 0.375f;
    return lgamma_over_f32(select(1.0f - a, x, near), select((1.0f - a) * a, a, near));
  }
  let sine = abs(sin_pi_f32(a - round(a)));
  return 1.14472989f - log_f32(a * sine) - lgamma_positive_f32(a);
}`,
      "lgamma_over_f32",
      "lgamma_positive_f32",
      "sin_pi_f32",
      "log_f32",
    ),
    // The distance from the root times a polynomial, below 1 less 1 / a; from 9/4 on log(a) less a polynomial in 1 / a.
    digamma_positive_f32: helper(
      `
fn digamma_positive_f32(a: f32) -> f32 {
  if (a >= 2.25f) {
    if (a > 3.4028234e38f) { return a; }
    let v = 1.0f / a;
    return log_f32(a) - (0.5f * v + v * v * ${polynomial("v", digammaFar)});
  }
  let below = a < 1.0f;
  let u = kept_f32(a - select(1.4616321325f, 0.4616321325f, below)) - ${ROOT_LOW};
  let y = u + u * ${polynomial("u", digammaOne)};
  if (!below) { return y; }
  if (a < 1e-9f) { return -1.0f / a; }
  let high = high_f32(a);
  let q = quotient_f32(vec2f(1.0f, 0.0f), vec2f(high, a - high));
  return kept_f32(y - q.y) - q.x;
}`,
      "high_f32",
      "kept_f32",
      "log_f32",
      "quotient_f32",
    ),
    // Between -1 and 0 psi(x + 2) - (2 x + 1) / (x (x + 1)).
    digamma_f32: helper(
      `
fn digamma_f32(x: f32) -> f32 {
  if (x == 0.0f) { return -1.0f / x; }
  if (x > 0.0f) { return digamma_positive_f32(x); }
  if (!(x == x) || x == floor(x)) { return bitcast<f32>(0x7fc00000u | (bitcast<u32>(x) & 0x80000000u)); }
  if (x > -1.0f) {
    if (x > -1e-9f) { return -1.0f / x; }
    let u = kept_f32(x + 0.53836786747f) - ${ROOT_LOW};
    let y = u + u * ${polynomial("u", digammaOne)};
    let n = kept_f32(2.0f * x + 1.0f);
    let d = x * kept_f32(x + 1.0f);
    let high = high_f32(d);
    let q = quotient_f32(vec2f(n, 2.0f * x - kept_f32(n - 1.0f)), vec2f(high, d - high));
    return kept_f32(y - q.y) - q.x;
  }
  let r = x - round(x);
  let quotient = sin_pi_f32(select(-0.5f, 0.5f, r >= 0.0f) - r) / sin_pi_f32(r);
  return digamma_positive_f32(1.0f - x) - 3.14159274f * select(-quotient, quotient, r >= 0.0f);
}`,
      "digamma_positive_f32",
      "high_f32",
      "kept_f32",
      "quotient_f32",
      "sin_pi_f32",
    ),
  };
}
