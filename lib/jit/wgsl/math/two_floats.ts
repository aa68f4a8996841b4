/**
 * Values in two floats. Drivers may regroup sums and drop what is added and subtracted again, so that what must be
 * rounded in its place goes through a function they do not see through: bits that are cut off, or a maximum with a number
 * that is certainly less.
 */
import { helper, type HelperTable } from "./helper.ts";

export function twoFloatsHelpers(): HelperTable {
  return {
    // The first 12 bits, so that products of two such numbers are exact.
    high_f32: helper(`
fn high_f32(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u); }`),
    // x itself, with the sum that it is not regrouped; finite x only.
    kept_f32: helper(`
fn kept_f32(x: f32) -> f32 { return max(x, -3.4028235e38f); }`),
    // (n.x + n.y) / (d.x + d.y), the first part of 11 bits. d.x has at most 13 bits.
    quotient_f32: helper(
      `
fn quotient_f32(n: vec2f, d: vec2f) -> vec2f {
  let whole = d.x + d.y;
  let q = bitcast<f32>(bitcast<u32>((n.x + n.y) / whole) & 0xffffe000u);
  let rest = kept_f32(kept_f32(n.x - q * d.x) - q * d.y) + n.y;
  return vec2f(q, rest / whole);
}`,
      "kept_f32",
    ),
    // exp(x + y) (q.x + q.y) for small y: an exact x gives an exact x - n log(2)'.
    exp_times_f32: helper(
      `
fn exp_times_f32(x: f32, y: f32, q: vec2f) -> f32 {
  let n = round((x + y) * 1.44269504f);
  let high = kept_f32(x - n * 6.9314575195e-1f);
  let low = kept_f32(n * 1.4286067653e-6f - y);
  let r = high - low;
  let c = r - r * r * (1.6666625440e-1f + r * r * -2.7667332906e-3f);
  let e = kept_f32(kept_f32(r * c / (2.0f - c) - low) + high);
  return scale_f32(q.x + kept_f32(q.x * e + kept_f32(q.y * e + q.y)), i32(n));
}`,
      "kept_f32",
      "scale_f32",
    ),
    // log(x) for normal x > 0, the first part of 12 bits.
    log_pair_f32: helper(
      `
fn log_pair_f32(x: f32) -> vec2f {
  let p = log_parts_f32(x);
  let whole = p.x * 6.9313812256e-1f;
  let high = high_f32(whole + p.y);
  let tail = kept_f32(log_tail_f32(p.y) - 0.5f * p.y * p.y) + p.x * 9.0580006145e-6f;
  return vec2f(high, kept_f32(kept_f32(whole - high) + p.y) + tail);
}`,
      "high_f32",
      "kept_f32",
      "log_parts_f32",
      "log_tail_f32",
    ),
  };
}
