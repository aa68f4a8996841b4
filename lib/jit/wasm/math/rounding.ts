// Sign, remainders, and conversions between float32 and float64 lanes.

import type { Lanes, Value, Variable } from "./lanes.ts";

/** -1, 0 or 1; zeros keep their sign and NaN stays. */
export function sign(m: Lanes, x: Variable): Value {
  const unit = m.withSignOf(1, x);
  const nonzero = m.greater(m.abs(x), 0);
  return m.select(nonzero, unit, x);
}

/**
 * The exact remainder of |x| / |y|, float64. Each round subtracts q |y| for the first 26 bits q of the quotient, with
 * |y| in two parts so that the products are exact; one round is enough up to a quotient of 2^26.
 */
function remainderOfMagnitudes(m: Lanes, x: Variable, y: Variable): Variable {
  const divisor = m.let(m.abs(y));
  const high = m.let(m.and(divisor, m.bits(0xfffffffff8000000n)));
  const low = m.let(m.sub(divisor, high));
  const rest = m.let(m.abs(x));
  const unfinished = m.let(0);
  m.builder.loop();
  const quotient = m.pmin(m.trunc(m.div(rest, divisor)), 2 ** 900);
  const q = m.let(m.and(quotient, m.bits(0xfffffffff8000000n)));
  m.assign(rest, m.sub(m.sub(rest, m.mul(q, high)), m.mul(q, low)));
  m.assign(rest, m.add(rest, m.and(m.less(rest, 0), divisor)));
  m.assign(unfinished, m.and(m.greaterOrEqual(rest, divisor), m.greater(divisor, 0)));
  unfinished.emit();
  m.builder.v128AnyTrue().brIf(0).end();
  return rest;
}

/** The remainder with the sign of x (C's fmod): exact; NaN for y = 0 or infinite x. */
export function truncatedMod(m: Lanes, x: Variable, y: Variable): Value {
  const rest = remainderOfMagnitudes(m, x, y);
  const unchanged = m.and(m.equal(m.abs(y), Infinity), m.less(m.abs(x), Infinity));
  return m.select(unchanged, x, m.withSignOf(rest, x));
}

/** The remainder with the sign of y (Python's `%`, NumPy's mod): x - floor(x / y) y, with one rounding at most. */
export function flooredMod(m: Lanes, x: Variable, y: Variable): Value {
  const rest = m.let(truncatedMod(m, x, y));
  const opposite = m.xor(m.less(rest, 0), m.less(y, 0));
  const nonzero = m.notEqual(rest, 0);
  const moved = m.let(m.select(m.and(opposite, nonzero), m.add(rest, y), rest));
  return m.select(m.equal(moved, 0), m.withSignOf(0, y), moved);
}
