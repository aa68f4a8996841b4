/** Loops over contiguous arrays: the inner loops of the matrix algorithms. Lengths are in elements. */
import type { ModuleContext } from "../nest/mod.ts";
import {
  type Code,
  type Expression,
  type Procedure,
  procedure,
  type RoutineDType,
  type Variable,
} from "./code.ts";

/**
 * Walks arrays in step: `unrolled` vectors at a time, then one vector, then single elements. The pointers move along;
 * `count` is used up.
 */
export function walk(
  code: Code,
  count: Variable,
  pointers: readonly Variable[],
  unrolled: number,
  body: (kind: "real" | "vector", offset: number, turn: number) => void,
): void {
  const stretch = (kind: "real" | "vector", times: number): void => {
    const elements = kind === "real" ? 1 : times * code.lanes;
    code.while(count.ge(elements), () => {
      for (let turn = 0; turn < times; turn++) body(kind, turn * 16, turn);
      for (const pointer of pointers) pointer.increase(elements * code.bytes);
      count.increase(-elements);
    });
  };
  if (unrolled > 1) stretch("vector", unrolled);
  stretch("vector", 1);
  stretch("real", 1);
}

/** `dot(x, y, count)`: the sum of products, in four vectors of partial sums. */
export function dot(context: ModuleContext, dtype: RoutineDType): Procedure {
  return procedure(context, dtype, "dot", ["int", "int", "int"], "real", (code, x, y, count) => {
    const sums = Array.from({ length: 4 }, () => code.variable("vector", 0));
    const rest = code.variable("real", 0);
    walk(code, count, [x, y], 4, (kind, offset, turn) => {
      const product = [code.load(x, kind, offset), code.load(y, kind, offset)] as const;
      const sum = kind === "real" ? rest : sums[turn];
      sum.set(product[0].timesPlus(product[1], sum));
    });
    return sums[0].plus(sums[1]).plus(sums[2].plus(sums[3])).total().plus(rest);
  });
}

/** `axpy(alpha, x, y, count)`: y += alpha x. */
export function axpy(context: ModuleContext, dtype: RoutineDType): Procedure {
  return procedure(
    context,
    dtype,
    "axpy",
    ["real", "int", "int", "int"],
    null,
    (code, alpha, x, y, count) => {
      const wide = code.variable("vector", alpha.splat());
      walk(code, count, [x, y], 4, (kind, offset) => {
        const factor: Expression = kind === "real" ? alpha : wide;
        code.store(y, factor.timesPlus(code.load(x, kind, offset), code.load(y, kind, offset)), offset);
      });
    },
  );
}

/** `scale(alpha, x, count)`: x *= alpha. */
export function scale(context: ModuleContext, dtype: RoutineDType): Procedure {
  return procedure(context, dtype, "scale", ["real", "int", "int"], null, (code, alpha, x, count) => {
    const wide = code.variable("vector", alpha.splat());
    walk(code, count, [x], 4, (kind, offset) => {
      code.store(x, code.load(x, kind, offset).times(kind === "real" ? alpha : wide), offset);
    });
  });
}

/** `divide(alpha, x, count)`: x /= alpha. */
export function divide(context: ModuleContext, dtype: RoutineDType): Procedure {
  return procedure(context, dtype, "divide", ["real", "int", "int"], null, (code, alpha, x, count) => {
    const wide = code.variable("vector", alpha.splat());
    walk(code, count, [x], 2, (kind, offset) => {
      code.store(x, code.load(x, kind, offset).over(kind === "real" ? alpha : wide), offset);
    });
  });
}

/** `rotate(c, s, x, y, count)`: (x, y) becomes (c x - s y, s x + c y). */
export function rotate(context: ModuleContext, dtype: RoutineDType): Procedure {
  const params = ["real", "real", "int", "int", "int"] as const;
  return procedure(context, dtype, "rotate", params, null, (code, c, s, x, y, count) => {
    const wideC = code.variable("vector", c.splat()), wideS = code.variable("vector", s.splat());
    const held = {
      vector: [code.variable("vector"), code.variable("vector")],
      real: [code.variable("real"), code.variable("real")],
    };
    walk(code, count, [x, y], 2, (kind, offset) => {
      const [a, b] = held[kind];
      const [cosine, sine] = kind === "real" ? [c, s] : [wideC, wideS];
      a.set(code.load(x, kind, offset));
      b.set(code.load(y, kind, offset));
      code.store(x, b.timesFrom(sine, a.times(cosine)), offset);
      code.store(y, a.timesPlus(sine, b.times(cosine)), offset);
    });
  });
}

/** `exchange(x, y, count)`. */
export function exchange(context: ModuleContext, dtype: RoutineDType): Procedure {
  return procedure(context, dtype, "exchange", ["int", "int", "int"], null, (code, x, y, count) => {
    const held = { vector: code.variable("vector"), real: code.variable("real") };
    walk(code, count, [x, y], 2, (kind, offset) => {
      held[kind].set(code.load(x, kind, offset));
      code.store(x, code.load(y, kind, offset), offset);
      code.store(y, held[kind], offset);
    });
  });
}

/** `fill(value, x, count)`. */
export function fill(context: ModuleContext, dtype: RoutineDType): Procedure {
  return procedure(context, dtype, "fill", ["real", "int", "int"], null, (code, value, x, count) => {
    const wide = code.variable("vector", value.splat());
    walk(code, count, [x], 1, (kind, offset) => code.store(x, kind === "real" ? value : wide, offset));
  });
}

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

/** `copyScaled(target, source, count, factor)`: target = factor * source. */
export function copyScaled(context: ModuleContext, dtype: RoutineDType): Procedure {
  const params = ["int", "int", "int", "real"] as const;
  return procedure(context, dtype, "copyScaled", params, null, (code, target, source, count, factor) => {
    const wide = code.variable("vector", factor.splat());
    walk(code, count, [target, source], 2, (kind, offset) => {
      code.store(target, code.load(source, kind, offset).times(kind === "real" ? factor : wide), offset);
    });
  });
}
