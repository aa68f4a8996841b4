/** Transposing a matrix through blocks of vectors. */
import type { ModuleContext } from "../nest/mod.ts";
import type { Code, RoutineDType } from "./code.ts";
import type { Expression, Variable } from "./expression.ts";
import { type Procedure, procedure } from "./procedure.ts";

/** `turnOver(target, targetStride, source, sourceStride, rows, columns, factor)`: target = factor * transposed source. */
export function turnOver(context: ModuleContext, dtype: RoutineDType): Procedure {
  const params = ["int", "int", "int", "int", "int", "int", "real"] as const;
  return procedure(
    context,
    dtype,
    "turnOver",
    params,
    null,
    (code, target, targetStride, source, sourceStride, rows, columns, factor) => {
      // Strides come in elements. Row i of the target is column i of the source; `rows` counts the target's.
      const to = code.variable("int"), from = code.variable("int"), left = code.variable("int");
      const step = code.variable("int", sourceStride.times(code.bytes));
      const wide = code.variable("vector", factor.splat());
      const corner = code.variable("int"), place = code.variable("int");
      const block = Array.from({ length: code.lanes }, () => code.variable("vector"));
      const row = code.variable("int", 0);
      // Blocks of lanes x lanes through shuffles, the rest one by one.
      code.while(row.plus(code.lanes).le(rows), () => {
        to.set(code.at(target, row.times(targetStride)));
        from.set(code.at(source, row));
        left.set(columns);
        code.while(left.ge(code.lanes), () => {
          corner.set(from);
          for (const vector of block) {
            vector.set(code.load(corner, "vector").times(wide));
            corner.increase(step);
          }
          place.set(to);
          for (const vector of transposedBlock(code, block)) {
            code.store(place, vector);
            place.increase(targetStride.times(code.bytes));
          }
          to.increase(16);
          from.set(corner);
          left.increase(-code.lanes);
        });
        code.while(left.gt(0), () => {
          for (let lane = 0; lane < code.lanes; lane++) {
            code.store(
              to.plus(targetStride.times(lane * code.bytes)),
              code.load(from, "real", lane * code.bytes).times(factor),
            );
          }
          to.increase(code.bytes);
          from.increase(step);
          left.increase(-1);
        });
        row.increase(code.lanes);
      });
      code.while(row.lt(rows), () => {
        to.set(code.at(target, row.times(targetStride)));
        from.set(code.at(source, row));
        left.set(columns);
        code.while(left.gt(0), () => {
          code.store(to, code.load(from).times(factor));
          to.increase(code.bytes);
          from.increase(step);
          left.increase(-1);
        });
        row.increase(1);
      });
    },
  );
}

/** The transpose of a square block whose rows are vectors. */
export function transposedBlock(code: Code, block: readonly Variable[]): Expression[] {
  if (code.lanes === 2) {
    return [code.shuffle(block[0], block[1], [0, 2]), code.shuffle(block[0], block[1], [1, 3])];
  }
  const pairs = [[0, 1], [2, 3]].map(([a, b]) => [
    code.variable("vector", code.shuffle(block[a], block[b], [0, 4, 1, 5])),
    code.variable("vector", code.shuffle(block[a], block[b], [2, 6, 3, 7])),
  ]);
  return [0, 1].flatMap((half) => [
    code.shuffle(pairs[0][half], pairs[1][half], [0, 1, 4, 5]),
    code.shuffle(pairs[0][half], pairs[1][half], [2, 3, 6, 7]),
  ]);
}
