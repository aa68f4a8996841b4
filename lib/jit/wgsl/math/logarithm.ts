/** Logarithms: x = 2^k (1 + f) with sqrt(1/2) < 1 + f < sqrt(2), after fdlibm. */
import { helper, type HelperTable } from "./helper.ts";

const SPECIAL = `
  if (x == 0.0f) { return bitcast<f32>(0xff800000u | (bitcast<u32>(x) & 0x80000000u)); }
  if (!(x > 0.0f)) { return bitcast<f32>(0x7fc00000u | (bitcast<u32>(x) & 0x80000000u)); }
  if (bitcast<u32>(x) >= 0x7f800000u) { return x; }`;

export function logarithmHelpers(): HelperTable {
  return {
    // (k, f), for subnormal numbers too.
    log_parts_f32: helper(`
fn log_parts_f32(x: f32) -> vec2f {
  var k = 0;
  var bits = bitcast<u32>(x);
  if (bits < 0x00800000u) { bits = bitcast<u32>(x * 33554432.0f); k = -25; }
  bits += 0x3f800000u - 0x3f3504f3u;
  k += i32(bits >> 23u) - 127;
  return vec2f(f32(k), bitcast<f32>((bits & 0x007fffffu) + 0x3f3504f3u) - 1.0f);
}`),
    // s (f^2 / 2 + R), so that log(1 + f) = f - (f^2 / 2 - that).
    log_tail_f32: helper(`
fn log_tail_f32(f: f32) -> f32 {
  let s = f / (2.0f + f);
  let z = s * s;
  let w = z * z;
  let odd = w * (0.40000972152f + w * 0.24279078841f);
  let even = z * (0.66666662693f + w * 0.28498786688f);
  return s * (0.5f * f * f + even + odd);
}`),
    log_f32: helper(
      `
fn log_f32(x: f32) -> f32 {${SPECIAL}
  let p = log_parts_f32(x);
  return log_tail_f32(p.y) + p.x * 9.0580006145e-6f - 0.5f * p.y * p.y + p.y + p.x * 6.9313812256e-1f;
}`,
      "log_parts_f32",
      "log_tail_f32",
    ),
    log2_f32: helper(
      `
fn log2_f32(x: f32) -> f32 {${SPECIAL}
  let p = log_parts_f32(x);
  let l = p.y - (0.5f * p.y * p.y - log_tail_f32(p.y));
  let high = bitcast<f32>(bitcast<u32>(l) & 0xfffff000u);
  return ((l - high) * 1.44269504f + high * 3.1222838896340733e-4f) + high * 1.4423828125f + p.x;
}`,
      "log_parts_f32",
      "log_tail_f32",
    ),
    log10_f32: helper(
      `
fn log10_f32(x: f32) -> f32 {${SPECIAL}
  let p = log_parts_f32(x);
  let l = p.y - (0.5f * p.y * p.y - log_tail_f32(p.y));
  let high = bitcast<f32>(bitcast<u32>(l) & 0xfffff000u);
  let low = (l - high) * 0.4342944819f + high * 9.038034075182765e-5f + p.x * 4.605038981195214e-6f;
  return low + high * 0.4342041015625f + p.x * 0.301025390625f;
}`,
      "log_parts_f32",
      "log_tail_f32",
    ),
    log1p_f32: helper(
      `
fn log1p_f32(x: f32) -> f32 {
  if (x > -0.29f && x < 0.41f) { return x - (0.5f * x * x - log_tail_f32(x)); }
  return log_f32(1.0f + x);
}`,
      "log_f32",
      "log_tail_f32",
    ),
    asinh_f32: helper(
      `
fn asinh_f32(x: f32) -> f32 {
  let a = abs(x);
  var y = log1p_f32(a + a * a / (sqrt(a * a + 1.0f) + 1.0f));
  if (a > 16384.0f) { y = log_f32(a) + 0.69314718f; }
  return select(y, select(y, -y, x < 0.0f), !(x == 0.0f)) * select(1.0f, -1.0f, bitcast<u32>(x) == 0x80000000u);
}`,
      "log1p_f32",
      "log_f32",
    ),
    acosh_f32: helper(
      `
fn acosh_f32(x: f32) -> f32 {
  if (!(x >= 1.0f)) { return bitcast<f32>(0x7fc00000u | (bitcast<u32>(x) & 0x80000000u)); }
  if (x > 16384.0f) { return log_f32(x) + 0.69314718f; }
  let t = x - 1.0f;
  return log1p_f32(t + sqrt(t * t + (t + t)));
}`,
      "log1p_f32",
      "log_f32",
    ),
    atanh_f32: helper(
      `
fn atanh_f32(x: f32) -> f32 {
  let a = abs(x);
  let y = 0.5f * log1p_f32((a + a) / (1.0f - a));
  return select(select(y, -y, x < 0.0f), x, a < 6.1e-5f);
}`,
      "log1p_f32",
    ),
  };
}
