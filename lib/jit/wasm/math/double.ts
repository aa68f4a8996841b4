// Runs a float64 formula on float32 lanes: two halves of two lanes each.

import type { Lanes, LaneType, Value, Variable } from "./lanes.ts";

/** Bytes 8 to 15 of the first operand, then 0 to 7 of the second. */
const upperHalfFirst: readonly number[] = [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7];
/** Bytes 0 to 7 of both operands. */
const lowerHalves: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];

/** Applies a formula in float64 and rounds its result to float32; `accuracy` says how good the formula must be. */
export function viaDouble(
  m: Lanes,
  operands: readonly Variable[],
  formula: (m: Lanes, x: Variable, y: Variable) => Value,
  accuracy: LaneType,
): Value {
  const f = m.builder;
  const halves: Variable[] = [];
  for (const upper of [false, true]) {
    const double = m.widened(accuracy);
    const widened = operands.map((operand) =>
      double.let(double.emitted(() => {
        operand.emit();
        if (upper) {
          operand.emit();
          f.i8x16Shuffle(upperHalfFirst);
        }
        f.f64x2PromoteLowF32x4();
      }))
    );
    halves.push(m.let(double.emitted(() => {
      formula(double, widened[0], widened[widened.length - 1]).emit();
      f.f32x4DemoteF64x2Zero();
    })));
    double.release();
  }
  return m.emitted(() => {
    for (const half of halves) half.emit();
    f.i8x16Shuffle(lowerHalves);
  });
}
