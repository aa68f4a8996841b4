/** Rotations of neighbouring rows, one after the other. */
import type { ModuleContext } from "../nest/mod.ts";
import type { Code, RoutineDType } from "./code.ts";
import type { Expression, Variable } from "./expression.ts";
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

/**
 * `rotateRowsTwice(z, rowStride, turns, later turns, lowest, highest, n)`: {@linkcode rotateRows} with some turns and then with others
 * from the same highest to the same lowest, which follow one row behind, so that rows go through memory once. lowest <= highest.
 */
export function rotateRowsTwice(context: ModuleContext, dtype: RoutineDType): Procedure {
  const params = ["int", "int", "int", "int", "int", "int", "int"] as const;
  return procedure(
    context,
    dtype,
    "rotateRowsTwice",
    params,
    null,
    (code, z, stride, turns, laterTurns, lowest, highest, n) => {
      const i = code.variable("int"), row = code.variable("int"), left = code.variable("int", n);
      const turn = code.variable("int"), later = code.variable("int");
      const stretch = (kind: "real" | "vector", times: number): void => {
        const elements = kind === "real" ? 1 : times * code.lanes;
        const variables = (): Variable[] => Array.from({ length: times }, () => code.variable(kind));
        const carried = variables(), laterCarried = variables();
        const [c, s, d, t, x, y] = Array.from({ length: 6 }, () => code.variable(kind));
        const read = (place: Variable, offset: number): Expression =>
          kind === "real" ? code.load(place, "real", offset) : code.loadSplat(place, offset);
        const nextTurn = (place: Variable, cosine: Variable, sine: Variable): void => {
          cosine.set(read(place, 0));
          sine.set(read(place, code.bytes));
          place.increase(-2 * code.bytes);
        };
        /** The later turn of a row that the first turns are done with and the one below it, which is then finished. */
        const follow = (value: Variable, k: number, below: Expression): void => {
          code.store(below, value.timesPlus(t, laterCarried[k].times(d)), 16 * k);
          laterCarried[k].set(laterCarried[k].timesFrom(t, value.times(d)));
        };
        code.while(left.ge(elements), () => {
          row.set(z.plus(highest.plus(1).times(stride)));
          carried.forEach((value, k) => value.set(code.load(row, kind, 16 * k)));
          turn.set(code.at(turns, highest.times(2)));
          later.set(code.at(laterTurns, highest.times(2)));
          nextTurn(turn, c, s);
          row.set(row.minus(stride));
          carried.forEach((value, k) => {
            x.set(code.load(row, kind, 16 * k));
            laterCarried[k].set(x.timesPlus(s, value.times(c)));
            value.set(value.timesFrom(s, x.times(c)));
          });
          i.set(highest.minus(1));
          code.while(i.ge(lowest), () => {
            nextTurn(turn, c, s);
            nextTurn(later, d, t);
            const above = row.minus(stride), below = row.plus(stride);
            carried.forEach((value, k) => {
              x.set(code.load(above, kind, 16 * k));
              y.set(x.timesPlus(s, value.times(c)));
              value.set(value.timesFrom(s, x.times(c)));
              follow(y, k, below);
            });
            row.set(above);
            i.increase(-1);
          });
          nextTurn(later, d, t);
          carried.forEach((value, k) => {
            follow(value, k, row.plus(stride));
            code.store(row, laterCarried[k], 16 * k);
          });
          z.increase(elements * code.bytes);
          left.increase(-elements);
        });
        code.release(...carried, ...laterCarried, c, s, d, t, x, y);
      };
      stretch("vector", 4);
      stretch("vector", 1);
      stretch("real", 1);
    },
  );
}

/** The length of (x, y), which a rotation turns to one axis: of numbers whose squares are harmless. */
export function hypotenuse(x: Expression, y: Expression | number): Expression {
  return x.times(x).plus(typeof y === "number" ? y * y : y.times(y)).root();
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
