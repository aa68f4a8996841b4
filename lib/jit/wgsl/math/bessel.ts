/** Modified Bessel functions of the first kind, in float32. */
import {
  besselOneFar,
  besselOneMiddle,
  besselOneNear,
  besselZeroFar,
  besselZeroMiddle,
  besselZeroNear,
} from "../../math/single_coefficients.ts";
import { polynomial } from "../literal.ts";
import { helper, type HelperTable } from "./helper.ts";

export function besselHelpers(): HelperTable {
  return {
    // (z, e) with a^2 / 4 = z + e.
    quarter_square_f32: helper(
      `
fn quarter_square_f32(a: f32) -> vec2f {
  let h = high_f32(a);
  let low = (a - h) * (a + h) * 0.25f;
  let high = h * h * 0.25f;
  let z = bitcast<f32>(bitcast<u32>(high + low) & 0xffffffffu);
  return vec2f(z, kept_f32(high - kept_f32(z)) + low);
}`,
      "high_f32",
      "kept_f32",
    ),
    // exp(a) / sqrt(a) (3/8 + p), the root as s + (a - s^2) / (sqrt(a) + s).
    bessel_far_f32: helper(
      `
fn bessel_far_f32(a: f32, p: f32) -> f32 {
  let limited = min(a, 120.0f);
  let root = sqrt(limited);
  let s = high_f32(root);
  let q = quotient_f32(vec2f(0.375f, p), vec2f(s, kept_f32(limited - s * s) / (root + s)));
  return exp_times_f32(limited, 0.0f, q);
}`,
      "exp_times_f32",
      "high_f32",
      "kept_f32",
      "quotient_f32",
    ),
    // The rounding of z is made up for by the derivative, of which a digit is enough: i0' = about i0 / sqrt(1 + z).
    i0_f32: helper(
      `
fn i0_f32(x: f32) -> f32 {
  let a = abs(x);
  if (!(x == x)) { return x; }
  if (a <= 2.5f) {
    let z = quarter_square_f32(a);
    let rest = kept_f32(z.x * ${polynomial("z.x", besselZeroNear)});
    return 1.0f + kept_f32(rest + (1.0f + rest) * z.y / sqrt(1.0f + z.x));
  }
  let v = 1.0f / a;
  var p = ${polynomial("v", besselZeroFar)};
  if (a < 6.4f) {
    let u = v - 0.28125f;
    p = ${polynomial("u", besselZeroMiddle)};
  }
  return bessel_far_f32(a, p);
}`,
      "bessel_far_f32",
      "kept_f32",
      "quarter_square_f32",
    ),
    i1_f32: helper(
      `
fn i1_f32(x: f32) -> f32 {
  let a = abs(x);
  if (!(x == x)) { return x; }
  if (a <= 2.5f) {
    let z = quarter_square_f32(a);
    let rest = kept_f32(z.x * ${polynomial("z.x", besselOneNear)});
    return x * 0.5f + x * (rest + (0.25f + 0.5f * rest) * z.y / sqrt(1.0f + z.x * 0.33f));
  }
  let v = 1.0f / a;
  var p = ${polynomial("v", besselOneFar)};
  if (a < 6.4f) {
    let u = v - 0.28125f;
    p = ${polynomial("u", besselOneMiddle)};
  }
  let y = bessel_far_f32(a, p);
  return select(y, -y, x < 0.0f);
}`,
      "bessel_far_f32",
      "kept_f32",
      "quarter_square_f32",
    ),
  };
}
