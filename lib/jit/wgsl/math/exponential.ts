/**
 * Exponentials: x = n log 2 + r with |r| <= log(2) / 2, exp(x) = 2^n exp(r). Built-in functions of WGSL are off by
 * tens of units in the last place; these by at most two.
 */
import { exp2Coefficients, sinhCoefficients, tanhCoefficients } from "../../math/coefficients.ts";
import { polynomial } from "../literal.ts";
import { helper, type HelperTable } from "./helper.ts";

export function exponentialHelpers(): HelperTable {
  return {
    // Two factors, so that subnormal results and n = 128 come out right.
    scale_f32: helper(`
fn scale_f32(y: f32, n: i32) -> f32 {
  let half = n / 2;
  return y * bitcast<f32>(u32(half + 127) << 23u) * bitcast<f32>(u32(n - half + 127) << 23u);
}`),
    // (n, exp(r) - 1) with the quotient of fdlibm's exp.
    exp_parts_f32: helper(
      `
fn exp_parts_f32(x: f32) -> vec2f {
  let n = round(x * 1.44269504f);
  let high = x - n * 6.9314575195e-1f;
  let low = n * 1.4286067653e-6f;
  let r = high - low;
  let c = r - r * r * (1.6666625440e-1f + r * r * -2.7667332906e-3f);
  return vec2f(n, kept_f32(r * c / (2.0f - c) - low + high));
}`,
      "kept_f32",
    ),
    exp_f32: helper(
      `
fn exp_f32(x: f32) -> f32 {
  let p = exp_parts_f32(clamp(x, -104.0f, 89.0f));
  return select(scale_f32(1.0f + p.y, i32(p.x)), x, !(x == x));
}`,
      "exp_parts_f32",
      "scale_f32",
    ),
    // e^x / 2, which does not overflow before the hyperbolic functions do.
    half_exp_f32: helper(
      `
fn half_exp_f32(x: f32) -> f32 {
  let p = exp_parts_f32(clamp(x, -104.0f, 89.5f));
  return select(scale_f32(1.0f + p.y, i32(p.x) - 1), x, !(x == x));
}`,
      "exp_parts_f32",
      "scale_f32",
    ),
    exp2_f32: helper(
      `
fn exp2_f32(x: f32) -> f32 {
  let limited = clamp(x, -151.0f, 128.0f);
  let n = round(limited);
  let r = limited - n;
  let y = 1.0f + r * ${polynomial("r", exp2Coefficients.f32)};
  return select(scale_f32(y, i32(n)), x, !(x == x));
}`,
      "scale_f32",
    ),
    // e^x - 1 = 2 ((2^(n-1) - 1/2) + 2^(n-1) (e^r - 1)).
    expm1_f32: helper(
      `
fn expm1_f32(x: f32) -> f32 {
  let p = exp_parts_f32(clamp(x, -30.0f, 89.0f));
  let s = bitcast<f32>(u32(i32(p.x) + 126) << 23u);
  let y = 2.0f * (s * p.y + (s - 0.5f));
  return select(y, x, abs(x) < 9.3e-10f || !(x == x));
}`,
      "exp_parts_f32",
    ),
    // E - 1 / (4 E) with E = e^|x| / 2.
    sinh_f32: helper(
      `
fn sinh_f32(x: f32) -> f32 {
  let a = abs(x);
  let e = half_exp_f32(a);
  let s = x * x;
  let small = x + x * s * ${polynomial("s", sinhCoefficients.f32)};
  let large = e - 0.25f / e;
  return select(small, select(large, -large, x < 0.0f), a >= 1.0f);
}`,
      "half_exp_f32",
    ),
    cosh_f32: helper(
      `
fn cosh_f32(x: f32) -> f32 {
  let e = half_exp_f32(abs(x));
  return e + 0.25f / e;
}`,
      "half_exp_f32",
    ),
    tanh_f32: helper(
      `
fn tanh_f32(x: f32) -> f32 {
  let a = abs(x);
  let s = x * x;
  let small = x + x * s * ${polynomial("s", tanhCoefficients.f32)};
  let large = 1.0f - 2.0f / (exp_f32(2.0f * min(a, 10.0f)) + 1.0f);
  return select(small, select(large, -large, x < 0.0f), a >= 0.625f);
}`,
      "exp_f32",
    ),
    sigmoid_f32: helper(
      `
fn sigmoid_f32(x: f32) -> f32 {
  let e = exp_f32(-abs(x));
  return select(1.0f, e, x < 0.0f) / (1.0f + e);
}`,
      "exp_f32",
    ),
    // C's pow after fdlibm: log2 in two parts, because y multiplies its error.
    pow_f32: helper(
      `
fn pow_f32(x: f32, y: f32) -> f32 {
  let magnitude = abs(x);
  var a = magnitude;
  var n = 0;
  if (a < 1.17549435e-38f) { a = a * 16777216.0f; n = -24; }
  var ix = bitcast<u32>(a);
  n += i32(ix >> 23u) - 127;
  let j = ix & 0x7fffffu;
  ix = j | 0x3f800000u;
  var k = 0u;
  if (j > 0x1cc471u) {
    if (j < 0x5db3d7u) { k = 1u; } else { n += 1; ix -= 0x00800000u; }
  }
  a = bitcast<f32>(ix);
  let base = select(1.0f, 1.5f, k == 1u);
  let difference = a - base;
  let reciprocal = 1.0f / (a + base);
  let s = difference * reciprocal;
  let s_high = high_f32(s);
  let sum_high = bitcast<f32>((((ix >> 1u) & 0xfffff000u) | 0x20000000u) + 0x00400000u + (k << 21u));
  let sum_low = a - (sum_high - base);
  let s_low = reciprocal * ((difference - s_high * sum_high) - s_high * sum_low);
  var s2 = s * s;
  var r = s2 * s2 * ${
        polynomial("s2", [0.6, 0.42857143283, 0.33333334327, 0.27272811532, 0.23066075146, 0.20697501302])
      };
  r += s_low * (s_high + s);
  s2 = s_high * s_high;
  let t_high = high_f32(3.0f + s2 + r);
  let t_low = r - ((t_high - 3.0f) - s2);
  let u = s_high * t_high;
  let v = s_low * t_high + t_low * s;
  let p_high = high_f32(u + v);
  let p_low = v - (p_high - u);
  let z_high = 9.6191406250e-1f * p_high;
  let z_low = -1.1736857402e-4f * p_high + p_low * 9.6179670095e-1f + select(0.0f, 1.56322085e-6f, k == 1u);
  let d_high = select(0.0f, 5.84960938e-1f, k == 1u);
  let nf = f32(n);
  let l_high = high_f32(((z_high + z_low) + d_high) + nf);
  let l_low = z_low - (((l_high - nf) - d_high) - z_high);
  let y_high = high_f32(y);
  let e_low = (y - y_high) * l_high + y * l_low;
  let e_high = y_high * l_high;
  let whole = e_low + e_high;
  let limited = clamp(whole, -152.0f, 129.0f);
  let m = round(limited);
  let rest = e_high - m;
  let t = bitcast<f32>(bitcast<u32>(e_low + rest) & 0xffff8000u);
  let z = t * 6.93145752e-1f + ((e_low - (t - rest)) * 6.9314718246e-1f + t * 1.42860654e-6f);
  let zz = z * z;
  let c = z - zz * ${polynomial("zz", [1.6666667163e-1, -2.777777845e-3, 6.613755977e-5, -1.6533901999e-6])};
  var result = scale_f32(1.0f - ((z * c) / (c - 2.0f) - z), i32(m));
  if (whole > 128.5f) { result = bitcast<f32>(0x7f800000u); }
  if (whole < -150.5f) { result = 0.0f; }
  if (magnitude == 0.0f || magnitude > 3.4028234e38f) {
    result = select(0.0f, bitcast<f32>(0x7f800000u), (magnitude == 0.0f) == (y < 0.0f));
  } else if (abs(y) > 3.4028234e38f) {
    result = select(0.0f, bitcast<f32>(0x7f800000u), (magnitude > 1.0f) == (y > 0.0f));
  }
  let integral = y == floor(y);
  let odd = integral && !(y * 0.5f == floor(y * 0.5f)) && abs(y) < 16777216.0f;
  if ((bitcast<u32>(x) >> 31u) == 1u) {
    if (odd) { result = -result; }
    if (!integral && x < 0.0f && magnitude <= 3.4028234e38f) { result = bitcast<f32>(0x7fc00000u); }
  }
  if (!(x == x) || !(y == y)) { result = bitcast<f32>(0x7fc00000u); }
  if (y == 0.0f || x == 1.0f || (x == -1.0f && abs(y) > 3.4028234e38f)) { result = 1.0f; }
  return result;
}`,
      "high_f32",
      "scale_f32",
    ),
  };
}
