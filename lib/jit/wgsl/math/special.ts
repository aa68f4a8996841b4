/** The error function and its relatives, log-gamma and digamma, in float32. */
import {
  besselOneLargeCoefficients,
  besselOneSmallCoefficients,
  besselZeroLargeCoefficients,
  besselZeroSmallCoefficients,
  digammaAsymptoticCoefficients,
  digammaCoefficients,
  erfCoefficients,
  erfcScaledCoefficients,
  erfcxCoefficients,
  erfinvCentralCoefficients,
  erfinvTailCoefficients,
  erfTailCoefficients,
  lgammaCoefficients,
  stirlingCoefficients,
} from "../../math/special_coefficients.ts";
import { polynomial } from "../literal.ts";
import { helper, type HelperTable } from "./helper.ts";

export const SPECIAL: HelperTable = {
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
  // exp(-a^2) P(t) / (1 + 2 a), where a^2 = h^2 + (a - h) (a + h) and h^2 is exact.
  erfc_f32: helper(
    `
fn erfc_f32(x: f32) -> f32 {
  let a = abs(x);
  if (!(a >= 1.0f)) {
    let s = x * x;
    let tail = x * ${polynomial("s", erfCoefficients.f32)};
    if (x > 0.25f) { return 0.5f - ((x - 0.5f) + tail); }
    return 1.0f - (x + tail);
  }
  let limited = min(a, 11.0f);
  let h = bitcast<f32>(bitcast<u32>(limited) & 0xfffff000u);
  let e = exp_f32(-h * h) * exp_f32(-(limited - h) * (limited + h));
  let t = (limited - 2.0f) / (limited + 2.0f);
  let y = e * ${polynomial("t", erfcScaledCoefficients.f32)} / (2.0f * limited + 1.0f);
  return select(y, 2.0f - y, x < 0.0f);
}`,
    "exp_f32",
  ),
  // x times a polynomial in w = -log(1 - x^2) or in its root (after Giles 2010).
  erfinv_f32: helper(
    `
fn erfinv_f32(x: f32) -> f32 {
  let a = abs(x);
  if (!(a < 1.0f)) {
    let end = select(bitcast<f32>(0x7f800000u), -bitcast<f32>(0x7f800000u), x < 0.0f);
    return select(bitcast<f32>(0x7fc00000u | (bitcast<u32>(x) & 0x80000000u)), end, a == 1.0f);
  }
  let w = -log_f32((1.0f - a) * (1.0f + a));
  if (w > 6.0f) {
    let root = sqrt(w) - 4.25f;
    return x * ${polynomial("root", erfinvTailCoefficients.f32)};
  }
  let c = w - 3.0f;
  return x * ${polynomial("c", erfinvCentralCoefficients.f32)};
}`,
    "log_f32",
  ),
  // exp(a^2), where a^2 = h^2 + (a - h) (a + h) and h^2 is exact.
  exp_square_f32: helper(
    `
fn exp_square_f32(a: f32) -> f32 {
  let h = bitcast<f32>(bitcast<u32>(a) & 0xfffff000u);
  return exp_f32(h * h) * exp_f32((a - h) * (a + h));
}`,
    "exp_f32",
  ),
  erfcx_f32: helper(
    `
fn erfcx_f32(x: f32) -> f32 {
  let a = abs(x);
  if (!(x == x)) { return x; }
  var y: f32;
  if (a < 1.0f) {
    let s = a * a;
    let tail = a * ${polynomial("s", erfCoefficients.f32)};
    y = exp_f32(s) * select(1.0f - (a + tail), 0.5f - ((a - 0.5f) + tail), a > 0.25f);
  } else {
    let t = select(1.0f, (a - 2.0f) / (a + 2.0f), a < 1e18f);
    y = 0.5f * ${polynomial("t", erfcxCoefficients.f32)} / (a + 0.5f);
  }
  if (x < 0.0f) { return 2.0f * exp_square_f32(min(a, 10.0f)) - y; }
  return y;
}`,
    "exp_square_f32",
    "exp_f32",
  ),
  // exp(a - 8) / sqrt(a), which overflows where the Bessel functions do.
  bessel_scale_f32: helper(
    `
fn bessel_scale_f32(a: f32) -> f32 {
  let limited = min(a, 200.0f);
  return exp_f32(limited - 8.0f) / sqrt(limited);
}`,
    "exp_f32",
  ),
  i0_f32: helper(
    `
fn i0_f32(x: f32) -> f32 {
  let a = abs(x);
  if (!(x == x)) { return x; }
  if (a <= 8.0f) {
    let z = 0.25f * a * a;
    return ${polynomial("z", besselZeroSmallCoefficients.f32)};
  }
  let v = 1.0f / a - 0.0625f;
  return bessel_scale_f32(a) * ${polynomial("v", besselZeroLargeCoefficients.f32)};
}`,
    "bessel_scale_f32",
  ),
  i1_f32: helper(
    `
fn i1_f32(x: f32) -> f32 {
  let a = abs(x);
  if (!(x == x)) { return x; }
  if (a <= 8.0f) {
    let z = 0.25f * a * a;
    return x * ${polynomial("z", besselOneSmallCoefficients.f32)};
  }
  let v = 1.0f / a - 0.0625f;
  let y = bessel_scale_f32(a) * ${polynomial("v", besselOneLargeCoefficients.f32)};
  return select(y, -y, x < 0.0f);
}`,
    "bessel_scale_f32",
  ),
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
  // From 8 on Stirling's series; below, the recurrence moves a to [1.25, 2.25].
  lgamma_positive_f32: helper(
    `
fn lgamma_positive_f32(a: f32) -> f32 {
  if (a >= 8.0f) {
    if (a > 3.4028234e38f) { return a; }
    let i = 1.0f / a;
    let s = i * i;
    let series = i * ${polynomial("s", stirlingCoefficients)};
    return ((a - 0.5f) * (log_f32(a) - 1.0f)) + (series + 0.4189385332f);
  }
  if (a < 0.25f) {
    return a * ${polynomial("a", lgammaCoefficients)} - log_f32(a * (a + 1.0f));
  }
  if (a < 1.25f) {
    let u = a - 1.0f;
    return u * ${polynomial("u", lgammaCoefficients)} - log_f32(a);
  }
  var y = a;
  var product = 1.0f;
  for (var i = 0; i < 6; i++) {
    if (y > 2.25f) { y -= 1.0f; product *= y; }
  }
  let u = y - 2.0f;
  return u * ${polynomial("u", lgammaCoefficients)} + log_f32(product);
}`,
    "log_f32",
  ),
  lgamma_f32: helper(
    `
fn lgamma_f32(x: f32) -> f32 {
  if (!(x == x)) { return x; }
  let a = abs(x);
  if (a > 3.4028234e38f) { return a; }
  if (x > 0.0f) { return lgamma_positive_f32(a); }
  if (a == floor(a)) { return bitcast<f32>(0x7f800000u | (bitcast<u32>(x) & 0u)); }
  if (a < 1e-10f) { return -log_f32(a); }
  let sine = abs(sin_pi_f32(a - round(a)));
  return 1.14472989f - log_f32(a * sine) - lgamma_positive_f32(a);
}`,
    "lgamma_positive_f32",
    "sin_pi_f32",
    "log_f32",
  ),
  digamma_positive_f32: helper(
    `
fn digamma_positive_f32(a: f32) -> f32 {
  if (a >= 10.0f) {
    if (a > 3.4028234e38f) { return a; }
    let i = 1.0f / a;
    let s = i * i;
    return log_f32(a) - (0.5f * i + s * ${polynomial("s", digammaAsymptoticCoefficients)});
  }
  var y = a;
  var sum = 0.0f;
  if (y < 1.0f) { sum = -1.0f / y; y += 1.0f; }
  for (var i = 0; i < 8; i++) {
    if (y > 2.0f) { y -= 1.0f; sum += 1.0f / y; }
  }
  let u = (y - 1.4616321325f) - 1.24658e-8f;
  return u * ${polynomial("u", digammaCoefficients)} + sum;
}`,
    "log_f32",
  ),
  digamma_f32: helper(
    `
fn digamma_f32(x: f32) -> f32 {
  if (x == 0.0f) { return -1.0f / x; }
  if (x > 0.0f) { return digamma_positive_f32(x); }
  if (!(x == x) || x == floor(x)) { return bitcast<f32>(0x7fc00000u | (bitcast<u32>(x) & 0x80000000u)); }
  let r = x - round(x);
  let quotient = sin_pi_f32(select(-0.5f, 0.5f, r >= 0.0f) - r) / sin_pi_f32(r);
  return digamma_positive_f32(1.0f - x) - 3.14159274f * select(-quotient, quotient, r >= 0.0f);
}`,
    "digamma_positive_f32",
    "sin_pi_f32",
  ),
};
