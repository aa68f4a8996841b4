/** Integers, minima with NaN, rounding to float16, random bits. */
import { helper, type HelperTable } from "./helper.ts";

/** One round of Threefry-2x32: add, rotate, xor. */
function threefryRounds(): string {
  const rotations = [[13, 15, 26, 6], [17, 29, 16, 24]];
  const keys = ["k0", "k1", "k2"];
  const lines: string[] = [];
  for (let group = 0; group < 5; group++) {
    for (const r of rotations[group % 2]) {
      lines.push(`  x += y; y = ((y << ${r}u) | (y >> ${32 - r}u)) ^ x;`);
    }
    lines.push(`  x += ${keys[(group + 1) % 3]}; y += ${keys[(group + 2) % 3]} + ${group + 1}u;`);
  }
  return lines.join("\n");
}

export function integerHelpers(): HelperTable {
  return {
    texel: helper(`
fn texel(source: texture_2d<u32>, index: u32, shift: u32) -> vec4u {
  return textureLoad(source, vec2u(index & ((1u << shift) - 1u), index >> shift), 0);
}`),
    // Either NaN wins; WGSL's own functions lose it.
    maximum_f32: helper(`
fn maximum_f32(a: f32, b: f32) -> f32 { return select(b, a, a > b || !(a == a)); }`),
    minimum_f32: helper(`
fn minimum_f32(a: f32, b: f32) -> f32 { return select(b, a, a < b || !(a == a)); }`),
    sign_f32: helper(`
fn sign_f32(x: f32) -> f32 { return select(select(x, -1.0f, x < 0.0f), 1.0f, x > 0.0f); }`),
    is_nan_f32: helper(`
fn is_nan_f32(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }`),
    is_finite_f32: helper(`
fn is_finite_f32(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }`),
    // a - b trunc(a / b), in exact steps of long division: b 2^n is subtracted while it fits.
    remainder_f32: helper(`
fn remainder_f32(a: f32, b: f32) -> f32 {
  let y = abs(b);
  var x = abs(a);
  if (!(x <= 3.4028234e38f) || !(y == y) || y == 0.0f) { return bitcast<f32>(0x7fc00000u); }
  if (x >= y) {
    var ex = i32(bitcast<u32>(x) >> 23u);
    var ey = i32(bitcast<u32>(y) >> 23u);
    var mx = bitcast<u32>(x) & 0x7fffffu;
    var my = bitcast<u32>(y) & 0x7fffffu;
    if (ex == 0) { ex = 1; } else { mx |= 0x800000u; }
    if (ey == 0) { ey = 1; } else { my |= 0x800000u; }
    for (var n = ex - ey; n > 0; n--) {
      if (mx >= my) { mx -= my; }
      mx = mx << 1u;
    }
    if (mx >= my) { mx -= my; }
    if (mx == 0u) { x = 0.0f; } else {
      let shift = min(i32(countLeadingZeros(mx)) - 8, ey - 1);
      mx = mx << u32(shift);
      ey -= shift;
      x = bitcast<f32>(select(mx, (mx & 0x7fffffu) | (u32(ey) << 23u), (mx & 0x800000u) != 0u));
    }
  }
  return bitcast<f32>(bitcast<u32>(x) | (bitcast<u32>(a) & 0x80000000u));
}`),
    mod_f32: helper(
      `
fn mod_f32(a: f32, b: f32) -> f32 {
  let r = remainder_f32(a, b);
  if (r == 0.0f) { return select(0.0f, bitcast<f32>(0x80000000u), b < 0.0f); }
  return select(r, r + b, (r < 0.0f) != (b < 0.0f));
}`,
      "remainder_f32",
    ),
    // floor(a / b) without the rounding error of the quotient (NumPy's algorithm).
    floor_div_f32: helper(
      `
fn floor_div_f32(a: f32, b: f32) -> f32 {
  if (b == 0.0f) { return a / b; }
  let r = remainder_f32(a, b);
  let borrow = r != 0.0f && (r < 0.0f) != (b < 0.0f);
  let q = (a - r) / b - select(0.0f, 1.0f, borrow);
  if (q == 0.0f) {
    return bitcast<f32>((bitcast<u32>(a) ^ bitcast<u32>(b)) & 0x80000000u);
  }
  let down = floor(q);
  return select(down, down + 1.0f, q - down > 0.5f);
}`,
      "remainder_f32",
    ),
    floor_div_i32: helper(`
fn floor_div_i32(a: i32, b: i32) -> i32 {
  if (b == 0) { return 0; }
  if (b == -1) { return 0 - a; }
  let q = a / b;
  return select(q, q - 1, q * b != a && (a < 0) != (b < 0));
}`),
    mod_i32: helper(`
fn mod_i32(a: i32, b: i32) -> i32 {
  if (b == 0 || b == -1) { return 0; }
  let r = a % b;
  return select(r, r + b, r != 0 && (r < 0) != (b < 0));
}`),
    floor_div_u32: helper(`
fn floor_div_u32(a: u32, b: u32) -> u32 { return select(a / max(b, 1u), 0u, b == 0u); }`),
    mod_u32: helper(`
fn mod_u32(a: u32, b: u32) -> u32 { return select(a % max(b, 1u), 0u, b == 0u); }`),
    pow_u32: helper(`
fn pow_u32(a: u32, b: u32) -> u32 {
  var result = 1u;
  var base = a;
  var n = b;
  for (var i = 0; i < 32 && n != 0u; i++) {
    if ((n & 1u) == 1u) { result *= base; }
    base *= base;
    n >>= 1u;
  }
  return result;
}`),
    // A negative exponent gives the truncated reciprocal, 0 for a base of 0.
    pow_i32: helper(
      `
fn pow_i32(a: i32, b: i32) -> i32 {
  if (b < 0) { return select(select(0, select(-1, 1, (b & 1) == 0), a == -1), 1, a == 1); }
  return bitcast<i32>(pow_u32(bitcast<u32>(a), u32(b)));
}`,
      "pow_u32",
    ),
    // Truncates and saturates, NaN gives 0.
    to_i32: helper(`
fn to_i32(x: f32) -> i32 {
  if (!(x == x)) { return 0; }
  if (x >= 2147483648.0f) { return 2147483647; }
  if (x <= -2147483648.0f) { return i32(-2147483648); }
  return i32(x);
}`),
    to_u32: helper(`
fn to_u32(x: f32) -> u32 {
  if (!(x > 0.0f)) { return 0u; }
  if (x >= 4294967296.0f) { return 0xffffffffu; }
  return u32(x);
}`),
    // The bits of the nearest float16, ties to even; unlike pack2x16float exact everywhere.
    half_bits: helper(`
fn half_bits(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let sign = (bits >> 16u) & 0x8000u;
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return sign | 0x7e00u; }
  if (magnitude >= 0x477ff000u) { return sign | 0x7c00u; }
  if (magnitude < 0x38800000u) {
    return sign | u32(round(bitcast<f32>(magnitude) * 16777216.0f));
  }
  let rounded = magnitude + 0xfffu + ((magnitude >> 13u) & 1u);
  return sign | ((rounded - 0x38000000u) >> 13u);
}`),
    half_value: helper(`
fn half_value(bits: u32) -> f32 {
  let sign = (bits & 0x8000u) << 16u;
  let exponent = (bits >> 10u) & 31u;
  let fraction = bits & 0x3ffu;
  if (exponent == 0u) { return bitcast<f32>(sign | bitcast<u32>(f32(fraction) * 5.9604644775390625e-8f)); }
  if (exponent == 31u) { return bitcast<f32>(sign | 0x7f800000u | (fraction << 13u)); }
  return bitcast<f32>(sign | ((exponent + 112u) << 23u) | (fraction << 13u));
}`),
    // Rounds as half_bits does on devices whose f16 is used; a call, because a literal may not overflow.
    to_f16: helper(`
fn to_f16(x: f32) -> f16 { return f16(x); }`),
    threefry: helper(`
fn threefry(k0: u32, k1: u32, c0: u32, c1: u32) -> vec2u {
  let k2 = k0 ^ k1 ^ 0x1bd11bdau;
  var x = c0 + k0;
  var y = c1 + k1;
${threefryRounds()}
  return vec2u(x, y);
}`),
  };
}
