/** The error function and its relatives, in float32. */
import { erfCoefficients, erfTailCoefficients } from "../../math/error_function_coefficients.ts";
import { erfcxRest, erfinvFar, erfinvNear } from "../../math/single_coefficients.ts";
import { polynomial } from "../literal.ts";
import { helper, type HelperTable } from "./helper.ts";

export function errorFunctionHelpers(): HelperTable {
  return {
    erf_f32: helper(
      `
fn erf_f32(x: f32) -> f32 {
  let a = abs(x);
  if (!(a >= 1.0f)) {
    let s = x * x;
    return x + x * ${polynomial("s", erfCoefficients.f32)};
  }
  let limited = min(a, 4.0f);
  let y = 1.0f - exp_f32(limited * ${polynomial("limited", erfTailCoefficients)});
  return select(y, -y, x < 0.0f);
}`,
      "exp_f32",
    ),
    // 1 - erf(x) for |x| < 1/2; the sum x + x P stays in its place.
    erfc_near_f32: helper(
      `
fn erfc_near_f32(x: f32) -> f32 {
  let s = x * x;
  let tail = kept_f32(x * ${polynomial("s", erfCoefficients.f32)});
  return select(1.0f - kept_f32(x + tail), 0.5f - kept_f32(kept_f32(x - 0.5f) + tail), x > 0.25f);
}`,
      "kept_f32",
    ),
    // erfcx(a) for a >= 1/2 in two floats.
    erfcx_far_f32: helper(
      `
fn erfcx_far_f32(a: f32) -> vec2f {
  let t = select(1.0f, (a - 2.0f) / (a + 2.0f), a < 1e18f);
  let high = high_f32(a);
  return quotient_f32(vec2f(0.625f, ${polynomial("t", erfcxRest)}), vec2f(high + 0.5f, a - high));
}`,
      "high_f32",
      "quotient_f32",
    ),
    // exp(-a^2) erfcx(a), where a^2 = h^2 + (a - h) (a + h) and h^2 is exact.
    erfc_f32: helper(
      `
fn erfc_f32(x: f32) -> f32 {
  if (!(x == x)) { return x; }
  if (!(abs(x) >= 0.5f)) { return erfc_near_f32(x); }
  let a = min(abs(x), 11.0f);
  let h = high_f32(a);
  let y = exp_times_f32(-h * h, -(a - h) * (a + h), erfcx_far_f32(a));
  return select(y, 2.0f - y, x < 0.0f);
}`,
      "erfc_near_f32",
      "erfcx_far_f32",
      "exp_times_f32",
      "high_f32",
    ),
    // For negative x the sum 2 exp(x^2) - erfcx(-x).
    erfcx_f32: helper(
      `
fn erfcx_f32(x: f32) -> f32 {
  if (!(x == x)) { return x; }
  let a = abs(x);
  if (!(a >= 0.5f)) {
    let y = erfc_near_f32(x);
    return y + y * exp_parts_f32(x * x).y;
  }
  if (a > 3.4028234e38f) { return select(0.0f, a, x < 0.0f); }
  let y = erfcx_far_f32(a);
  if (x > 0.0f) { return y.x + y.y; }
  let limited = min(a, 10.0f);
  let h = high_f32(limited);
  return exp_times_f32(h * h, (limited - h) * (limited + h), vec2f(2.0f, 0.0f)) - (y.x + y.y);
}`,
      "erfc_near_f32",
      "erfcx_far_f32",
      "exp_parts_f32",
      "exp_times_f32",
      "high_f32",
    ),
    // x times a polynomial in x^2, or sqrt(w) times one in sqrt(w) with w = -log(1 - x^2) (after Giles 2010).
    erfinv_f32: helper(
      `
fn erfinv_f32(x: f32) -> f32 {
  let a = abs(x);
  if (!(a < 1.0f)) {
    let end = select(bitcast<f32>(0x7f800000u), -bitcast<f32>(0x7f800000u), x < 0.0f);
    return select(bitcast<f32>(0x7fc00000u | (bitcast<u32>(x) & 0x80000000u)), end, a == 1.0f);
  }
  let z = x * x;
  if (z <= 0.64f) {
    let c = z - 0.375f;
    return x * 0.875f + x * ${polynomial("c", erfinvNear)};
  }
  let d = 1.0f - a;
  let w = -log_f32((d + d) - kept_f32(d * d));
  let r = sqrt(w);
  let h = high_f32(r);
  let e = kept_f32(w - h * h) - (r - h) * (r + h);
  let c = r - 2.5f;
  let y = r + (r * ${polynomial("c", erfinvFar)} + 0.5f * e / r);
  return select(y, -y, x < 0.0f);
}`,
      "high_f32",
      "kept_f32",
      "log_f32",
    ),
  };
}
