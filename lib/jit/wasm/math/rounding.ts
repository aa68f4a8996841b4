// Sign, remainders, and conversions between float32 and float64 lanes.

import type { Lanes, Value, Variable } from "./lanes.ts";

/** -1, 0 or 1; zeros keep their sign and NaN stays. */
export function sign(m: Lanes, x: Variable): Value {
  const unit = m.withSignOf(1, x);
  const nonzero = m.greater(m.abs(x), 0);
  return m.select(nonzero, unit, x);
}

/**
 * The exact remainder of |x| / |y|, float64. Each round subtracts q d for the first 26 bits q of the quotient, with
 * d in two parts so that the products are exact; one round is enough up to a quotient of 2^26. d is |y|, or a
 * power of two times it while the quotient might overflow (never for numbers that were float32).
 */
function remainderOfMagnitudes(m: Lanes, x: Variable, y: Variable, single: boolean): Variable {
  const divisor = m.let(m.abs(y));
  const magnitude = m.abs(x);
  const rest = m.let(m.select(m.less(magnitude, Infinity), magnitude, NaN));
  m.builder.loop();
  const d = m.let(divisor);
  for (let i = 0; i < (single ? 0 : 2); i++) {
    const far = m.greaterOrEqual(m.mul(rest, 2 ** -1000), d);
    m.assign(d, m.select(far, m.mul(d, 2 ** 1000), d));
  }
  const high = m.let(m.and(d, m.bits(0xfffffffff8000000n)));
  const low = m.sub(d, high);
  const q = m.let(m.and(m.trunc(m.div(rest, d)), m.bits(0xfffffffff8000000n)));
  m.assign(rest, m.sub(m.sub(rest, m.mul(q, high)), m.mul(q, low)));
  m.assign(rest, m.add(rest, m.and(m.less(rest, 0), d)));
  const unfinished = m.and(m.greaterOrEqual(rest, divisor), m.greater(divisor, 0));
  unfinished.emit();
  m.builder.v128AnyTrue().brIf(0).end();
  return m.let(m.select(m.greater(divisor, 0), rest, NaN));
}

/** The remainder with the sign of x (C's fmod): exact; NaN for y = 0 or infinite x. */
export function truncatedMod(m: Lanes, x: Variable, y: Variable, single: boolean): Value {
  const rest = remainderOfMagnitudes(m, x, y, single);
  const unchanged = m.and(m.equal(m.abs(y), Infinity), m.less(m.abs(x), Infinity));
  return m.select(unchanged, x, m.withSignOf(rest, x));
}

/** The remainder with the sign of y (Python's `%`, NumPy's mod): x - floor(x / y) y, with one rounding at most. */
export function flooredMod(m: Lanes, x: Variable, y: Variable, single: boolean): Value {
  const rest = m.let(truncatedMod(m, x, y, single));
  const opposite = m.xor(m.less(rest, 0), m.less(y, 0));
  const nonzero = m.notEqual(rest, 0);
  const moved = m.let(m.select(m.and(opposite, nonzero), m.add(rest, y), rest));
  return m.select(m.equal(moved, 0), m.withSignOf(0, y), moved);
}
