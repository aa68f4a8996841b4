/** Many rotations of neighbouring rows at once. */
import type { ModuleContext } from "../nest/mod.ts";
import type { Code, RoutineDType } from "./code.ts";
import type { Expression } from "./expression.ts";
import { type Procedure, procedure } from "./procedure.ts";

/**
 * `rotateRows(z, rowStride, turns, lowest, highest, n)`: for i from the highest down to the lowest, rows (i, i + 1) of z become
 * (c x - s y, s x + c y) with the pair c, s at place i of the turns. The row that the next turn shares stays in registers.
 */
export function rotateRows(context: ModuleContext, dtype: RoutineDType): Procedure {
  const params = ["int", "int", "int", "int", "int", "int"] as const;
  return procedure(
    context,
    dtype,
    "rotateRows",
    params,
    null,
    (code, z, stride, turns, lowest, highest, n) => {
      const i = code.variable("int"), row = code.variable("int"), turn = code.variable("int");
      const left = code.variable("int", n);
      const stretch = (kind: "real" | "vector", times: number): void => {
        const elements = kind === "real" ? 1 : times * code.lanes;
        const carried = Array.from({ length: times }, () => code.variable(kind));
        const [c, s, x] = [code.variable(kind), code.variable(kind), code.variable(kind)];
        const read = (offset: number): Expression =>
          kind === "real" ? code.load(turn, "real", offset) : code.loadSplat(turn, offset);
        code.while(left.ge(elements), () => {
          row.set(z.plus(highest.plus(1).times(stride)));
          carried.forEach((value, k) => value.set(code.load(row, kind, 16 * k)));
          turn.set(code.at(turns, highest.times(2)));
          i.set(highest);
          code.while(i.ge(lowest), () => {
            c.set(read(0));
            s.set(read(code.bytes));
            const above = row.minus(stride);
            carried.forEach((value, k) => {
              x.set(code.load(above, kind, 16 * k));
              code.store(row, x.timesPlus(s, value.times(c)), 16 * k);
              value.set(value.timesFrom(s, x.times(c)));
            });
            row.set(above);
            turn.increase(-2 * code.bytes);
            i.increase(-1);
          });
          carried.forEach((value, k) => code.store(row, value, 16 * k));
          z.increase(elements * code.bytes);
          left.increase(-elements);
        });
        code.release(...carried, c, s, x);
      };
      stretch("vector", 8);
      stretch("vector", 1);
      stretch("real", 1);
    },
  );
}

/** Copies rows between arrays of different strides (in bytes). A negative stride walks from the last row on. */
export function copyRows(
  code: Code,
  target: Expression,
  targetStride: number,
  source: Expression,
  sourceStride: number,
  bytes: number,
  rows: number,
): void {
  code.for(
    0,
    rows,
    (i) => code.copyBytes(target.plus(i.times(targetStride)), source.plus(i.times(sourceStride)), bytes),
  );
}
