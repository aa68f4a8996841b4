/**
 * Sine, cosine and tangent: x = k pi/2 + r with |r| <= pi/4. Up to 8192 parts of pi/2 whose products with k are exact
 * are subtracted (Cody and Waite 1980); beyond, x is multiplied by 192 bits of 2/pi in integers (Payne and Hanek 1983).
 */
import {
  asinCoefficients,
  atanCoefficients,
  cosCoefficients,
  sinCoefficients,
} from "../../math/coefficients.ts";
import { polynomial } from "../literal.ts";
import { helper, type HelperTable } from "./helper.ts";

/** The bits of 2/pi. */
const TWO_OVER_PI = [0, 0x28be60db, 0x9391054a, 0x7f09d5f4, 0x7d4d3770, 0x36d8a566, 0x4f10e410, 0x7f9458ea];

/**
 * The word of 2/pi at i + `from`, for i up to 4. A choice among constants: software adapters compute it for every number,
 * also where the branch is not taken, and would copy an array for each of them.
 */
function wordOfTwoOverPi(from: number): string {
  let text = `${TWO_OVER_PI[from]}u`;
  for (let i = 1; i <= 4; i++) text = `select(${text}, ${TWO_OVER_PI[from + i]}u, i == ${i}u)`;
  return text;
}

export function trigonometricHelpers(): HelperTable {
  return {
    multiply_high: helper(`
fn multiply_high(a: u32, b: u32) -> u32 {
  let al = a & 0xffffu;
  let ah = a >> 16u;
  let bl = b & 0xffffu;
  let bh = b >> 16u;
  let middle = ah * bl + ((al * bl) >> 16u);
  let other = al * bh + (middle & 0xffffu);
  return ah * bh + (middle >> 16u) + (other >> 16u);
}`),
    // (k modulo 4, r) for large |x|.
    reduce_large_f32: helper(
      `
fn reduce_large_f32(x: f32) -> vec2f {
  let bits = bitcast<u32>(x);
  let mantissa = ((bits & 0x007fffffu) << 8u) | 0x80000000u;
  let exponent = ((bits >> 23u) & 0xffu) - 126u;
  let i = exponent >> 5u;
  let e = exponent & 31u;
  var high = ${wordOfTwoOverPi(0)};
  var middle = ${wordOfTwoOverPi(1)};
  var low = ${wordOfTwoOverPi(2)};
  let lowest = ${wordOfTwoOverPi(3)};
  if (e > 0u) {
    high = (high << e) | (middle >> (32u - e));
    middle = (middle << e) | (low >> (32u - e));
    low = (low << e) | (lowest >> (32u - e));
  }
  let carried = multiply_high(mantissa, low);
  let product = mantissa * middle;
  var p_low = product + carried;
  var p_high = multiply_high(mantissa, middle) + select(0u, 1u, p_low < product) + mantissa * high;
  var k = i32(p_high >> 30u);
  p_high &= 0x3fffffffu;
  var negative = false;
  if ((p_high & 0x20000000u) != 0u) {
    k += 1;
    negative = true;
    p_low = ~p_low + 1u;
    p_high = (0x3fffffffu & ~p_high) + select(0u, 1u, p_low == 0u);
  }
  var r = (f32(p_high) * 4294967296.0f + f32(p_low)) * 3.4061215800e-19f;
  if (negative) { r = -r; }
  if ((bits >> 31u) == 1u) { r = -r; k = -k; }
  return vec2f(f32(k & 3), r);
}`,
      "multiply_high",
    ),
    reduce_f32: helper(
      `
fn reduce_f32(x: f32) -> vec2f {
  if (abs(x) >= 8192.0f) { return reduce_large_f32(x); }
  let k = round(x * 0.63661977f);
  var r = fma(-k, 1.5703125f, x);
  r = fma(-k, 4.837512969970703e-4f, r);
  r = fma(-k, 7.549533620476723e-8f, r);
  r = fma(-k, 2.563344151594519e-12f, r);
  return vec2f(f32(i32(k) & 3), r);
}`,
      "reduce_large_f32",
    ),
    sin_kernel_f32: helper(`
fn sin_kernel_f32(r: f32) -> f32 {
  let s = r * r;
  return r + r * s * ${polynomial("s", sinCoefficients.f32)};
}
fn cos_kernel_f32(r: f32) -> f32 {
  let s = r * r;
  return 1.0f - (0.5f * s - s * s * ${polynomial("s", cosCoefficients.f32)});
}`),
    sin_f32: helper(
      `
fn sin_f32(x: f32) -> f32 {
  if (!(abs(x) <= 3.4028234e38f)) { return bitcast<f32>(0x7fc00000u | (bitcast<u32>(x) & 0x80000000u)); }
  let p = reduce_f32(x);
  let k = u32(p.x);
  let y = select(sin_kernel_f32(p.y), cos_kernel_f32(p.y), (k & 1u) == 1u);
  return select(select(y, -y, k >= 2u), x, x == 0.0f);
}`,
      "reduce_f32",
      "sin_kernel_f32",
    ),
    cos_f32: helper(
      `
fn cos_f32(x: f32) -> f32 {
  if (!(abs(x) <= 3.4028234e38f)) { return bitcast<f32>(0x7fc00000u | (bitcast<u32>(x) & 0x80000000u)); }
  let p = reduce_f32(x);
  let k = u32(p.x);
  let y = select(cos_kernel_f32(p.y), sin_kernel_f32(p.y), (k & 1u) == 1u);
  return select(y, -y, k == 1u || k == 2u);
}`,
      "reduce_f32",
      "sin_kernel_f32",
    ),
    tan_f32: helper(
      `
fn tan_f32(x: f32) -> f32 {
  if (!(abs(x) <= 3.4028234e38f)) { return bitcast<f32>(0x7fc00000u | (bitcast<u32>(x) & 0x80000000u)); }
  let p = reduce_f32(x);
  let s = sin_kernel_f32(p.y);
  let c = cos_kernel_f32(p.y);
  return select(select(s / c, -c / s, (u32(p.x) & 1u) == 1u), x, x == 0.0f);
}`,
      "reduce_f32",
      "sin_kernel_f32",
    ),
    atan_f32: helper(`
fn atan_f32(x: f32) -> f32 {
  let a = abs(x);
  var high = 0.0f;
  var low = 0.0f;
  var t = a;
  if (a > 2.41421356f) { high = 1.57079637f; low = -4.371139e-8f; t = -1.0f / a; }
  else if (a > 0.41421356f) { high = 0.785398185f; low = -2.1855695e-8f; t = (a - 1.0f) / (a + 1.0f); }
  let z = t * t;
  let y = high + (t + (low + t * z * ${polynomial("z", atanCoefficients.f32)}));
  return select(y, -y, (bitcast<u32>(x) >> 31u) == 1u);
}`),
    atan2_f32: helper(`
fn atan2_f32(y: f32, x: f32) -> f32 {
  if (!(x == x) || !(y == y)) { return bitcast<f32>(0x7fc00000u | (bitcast<u32>(x) & 0x80000000u)); }
  let ax = abs(x);
  let ay = abs(y);
  let steep = ay > ax;
  var smaller = select(ay, ax, steep);
  var larger = select(ax, ay, steep);
  let scale = select(1.0f, 0.25f, larger > 8.5e37f);
  if (smaller > 3.4028234e38f) { smaller = 1.0f; larger = 1.0f; }
  smaller = smaller * scale;
  larger = larger * scale;
  if (larger == 0.0f) { larger = 1.0f; }
  let middle = smaller > larger * 0.41421356f;
  let t = select(smaller, smaller - larger, middle) / select(larger, smaller + larger, middle);
  let z = t * t;
  let tail = t * z * ${polynomial("z", atanCoefficients.f32)};
  var angle = select(0.0f, 0.785398185f, middle) + (t + (select(0.0f, -2.1855695e-8f, middle) + tail));
  if (steep) { angle = 1.57079637f - (angle - -4.371139e-8f); }
  if ((bitcast<u32>(x) >> 31u) == 1u) { angle = 3.14159274f - (angle - -8.742278e-8f); }
  return select(angle, -angle, (bitcast<u32>(y) >> 31u) == 1u);
}`),
    // arcsin(s) - s.
    asin_tail_f32: helper(`
fn asin_tail_f32(s: f32, z: f32) -> f32 {
  return s * z * ${polynomial("z", asinCoefficients.f32)};
}`),
    asin_f32: helper(
      `
fn asin_f32(x: f32) -> f32 {
  let a = abs(x);
  if (a < 0.5f) { return x + asin_tail_f32(x, x * x); }
  if (!(a <= 1.0f)) { return bitcast<f32>(0x7fc00000u | (bitcast<u32>(x) & 0x80000000u)); }
  let z = (1.0f - a) * 0.5f;
  let root = sqrt(z);
  let short = bitcast<f32>(bitcast<u32>(root) & 0xfffff000u);
  let rest = (z - short * short) / max(root + short, 1e-37f);
  let p = 2.0f * asin_tail_f32(root, z) - (-4.371139e-8f - 2.0f * rest);
  let y = 0.785398185f - (p - (0.785398185f - 2.0f * short));
  return select(y, -y, x < 0.0f);
}`,
      "asin_tail_f32",
    ),
    acos_f32: helper(
      `
fn acos_f32(x: f32) -> f32 {
  let a = abs(x);
  if (a < 0.5f) { return 1.57079637f - (x - (-4.371139e-8f - asin_tail_f32(x, x * x))); }
  if (!(a <= 1.0f)) { return bitcast<f32>(0x7fc00000u | (bitcast<u32>(x) & 0x80000000u)); }
  let z = (1.0f - a) * 0.5f;
  let root = sqrt(z);
  let tail = asin_tail_f32(root, z);
  if (x < 0.0f) { return 2.0f * (1.57079637f - (root + (tail - -4.371139e-8f))); }
  let short = bitcast<f32>(bitcast<u32>(root) & 0xfffff000u);
  let rest = (z - short * short) / max(root + short, 1e-37f);
  return 2.0f * (short + (tail + rest));
}`,
      "asin_tail_f32",
    ),
  };
}
