// Inverse trigonometric functions: the argument is moved to where a short odd polynomial serves.

import { asinCoefficients, atanCoefficients } from "../../math/coefficients.ts";
import type { Lanes, Value, Variable } from "./lanes.ts";

/** Constants as a float and what it lacks, for float32 and float64. */
const halfPi = {
  f32: [1.57079637050628662109375, -4.371139000186241e-8],
  f64: [Math.PI / 2, 6.123233995736766e-17],
};
const quarterPi = {
  f32: [0.785398185253143310546875, -2.1855695000931204e-8],
  f64: [Math.PI / 4, 3.061616997868383e-17],
};
const pi = { f32: [3.1415927410125732421875, -8.742278000372482e-8], f64: [Math.PI, 1.2246467991473532e-16] };

/** arctan(t) - t for |t| <= tan(pi / 8). */
function atanTail(m: Lanes, t: Variable): Value {
  const z = m.let(m.mul(t, t));
  return m.mul(m.mul(t, z), m.polynomial(z, m.coefficients(atanCoefficients)));
}

/** The arctangent: arctan(a) = pi/4 + arctan((a - 1) / (a + 1)) for middle a, pi/2 + arctan(-1 / a) for large a. */
export function atan(m: Lanes, x: Variable): Value {
  const a = m.let(m.abs(x));
  const middle = m.let(m.greater(a, Math.SQRT2 - 1));
  const large = m.let(m.greater(a, Math.SQRT2 + 1));
  const numerator = m.select(large, -1, m.select(middle, m.sub(a, 1), a));
  const denominator = m.select(large, a, m.select(middle, m.add(a, 1), 1));
  const t = m.let(m.div(numerator, denominator));
  const [quarterHigh, quarterLow] = m.pick(quarterPi.f32, quarterPi.f64);
  const [halfHigh, halfLow] = m.pick(halfPi.f32, halfPi.f64);
  const high = m.select(large, halfHigh, m.and(middle, m.constant(quarterHigh)));
  const low = m.select(large, halfLow, m.and(middle, m.constant(quarterLow)));
  return m.copySign(m.add(high, m.add(t, m.add(low, atanTail(m, t)))), x);
}

/** The angle of the point (x, y), with the signed zeros, infinities and NaN of C99. */
export function atan2(m: Lanes, y: Variable, x: Variable): Value {
  const ax = m.let(m.abs(x));
  const ay = m.let(m.abs(y));
  const steep = m.let(m.greater(ay, ax));
  const smaller = m.let(m.select(steep, ax, ay));
  const larger = m.let(m.select(steep, ay, ax));
  // Two infinities make the angle of (1, 1), two zeros that of (1, 0); huge numbers are scaled, lest the sum overflow.
  const infinite = m.let(m.equal(smaller, Infinity));
  const scale = m.let(m.select(m.greater(larger, m.pick(2 ** 126, 2 ** 1022)), 0.25, 1));
  m.assign(smaller, m.select(infinite, 1, m.mul(smaller, scale)));
  m.assign(larger, m.select(infinite, 1, m.mul(larger, scale)));
  m.assign(larger, m.select(m.equal(larger, 0), 1, larger));
  const middle = m.let(m.greater(smaller, m.mul(larger, Math.SQRT2 - 1)));
  const numerator = m.select(middle, m.sub(smaller, larger), smaller);
  const denominator = m.select(middle, m.add(smaller, larger), larger);
  const t = m.let(m.div(numerator, denominator));
  const [quarterHigh, quarterLow] = m.pick(quarterPi.f32, quarterPi.f64);
  const inner = m.add(m.and(middle, m.constant(quarterLow)), atanTail(m, t));
  const angle = m.let(m.add(m.and(middle, m.constant(quarterHigh)), m.add(t, inner)));
  const [halfHigh, halfLow] = m.pick(halfPi.f32, halfPi.f64);
  m.assign(angle, m.select(steep, m.sub(halfHigh, m.sub(angle, halfLow)), angle));
  const left = m.let(m.shiftRight(x, 31));
  if (m.type === "f64") m.assign(left, m.integerGreater(m.bits(0n), x));
  const [piHigh, piLow] = m.pick(pi.f32, pi.f64);
  m.assign(angle, m.select(left, m.sub(piHigh, m.sub(angle, piLow)), angle));
  const unordered = m.or(m.notEqual(x, x), m.notEqual(y, y));
  return m.or(m.copySign(angle, y), unordered);
}

/** What the arcsine and the arccosine share: arcsin(s) for s = |x|, or s = sqrt((1 - |x|) / 2) above 1/2. */
interface ArcSine {
  readonly a: Variable;
  readonly large: Variable;
  readonly s: Variable;
  /** arcsin(s) - s. */
  readonly tail: Variable;
  /** s with half the bits, and what that lacks of the exact root (large arguments). */
  readonly shortRoot: Variable;
  readonly rootRest: Variable;
}

function arcSine(m: Lanes, x: Variable): ArcSine {
  const a = m.let(m.abs(x));
  const large = m.let(m.greaterOrEqual(a, 0.5));
  const z = m.let(m.select(large, m.mul(m.sub(1, a), 0.5), m.mul(a, a)));
  const root = m.let(m.sqrt(z));
  const s = m.let(m.select(large, root, a));
  const tail = m.let(m.mul(m.mul(s, z), m.polynomial(z, m.coefficients(asinCoefficients))));
  const shortRoot = m.let(m.and(root, m.bits(m.pick(0xfffff000n, 0xffffffff00000000n))));
  const divisor = m.pmax(m.add(root, shortRoot), m.pick(2 ** -126, 2 ** -1022));
  const rootRest = m.let(m.div(m.sub(z, m.mul(shortRoot, shortRoot)), divisor));
  return { a, large, s, tail, shortRoot, rootRest };
}

/** The arcsine: pi/2 - 2 arcsin(sqrt((1 - |x|) / 2)) for |x| >= 1/2 (as in fdlibm). */
export function asin(m: Lanes, x: Variable): Value {
  const { large, s, tail, shortRoot, rootRest } = arcSine(m, x);
  const [high] = m.pick(quarterPi.f32, quarterPi.f64);
  const [, low] = m.pick(halfPi.f32, halfPi.f64);
  const p = m.sub(m.mul(tail, 2), m.sub(low, m.mul(rootRest, 2)));
  const q = m.sub(high, m.mul(shortRoot, 2));
  const reflected = m.sub(high, m.sub(p, q));
  return m.copySign(m.select(large, reflected, m.add(s, tail)), x);
}

/** The arccosine: 2 arcsin(sqrt((1 - x) / 2)) for x >= 1/2, pi minus that of -x for x <= -1/2 (as in fdlibm). */
export function acos(m: Lanes, x: Variable): Value {
  const { large, s, tail, shortRoot, rootRest } = arcSine(m, x);
  const [high, low] = m.pick(halfPi.f32, halfPi.f64);
  const middle = m.sub(high, m.sub(x, m.sub(low, m.copySign(tail, x))));
  const positive = m.mul(m.add(shortRoot, m.add(tail, rootRest)), 2);
  const negative = m.mul(m.sub(high, m.add(s, m.sub(tail, low))), 2);
  return m.select(large, m.select(m.less(x, 0), negative, positive), middle);
}
