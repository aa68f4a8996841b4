/** Loops over contiguous arrays: the inner loops of the matrix algorithms. Lengths are in elements. */
import type { ModuleContext } from "../nest/mod.ts";
import type { Code, RoutineDType } from "./code.ts";
import type { Expression, Variable } from "./expression.ts";
import { type Procedure, procedure } from "./procedure.ts";

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

/** `axpyTwo(alpha, x, beta, y, z, count)`: z += alpha x + beta y. */
export function axpyTwo(context: ModuleContext, dtype: RoutineDType): Procedure {
  const params = ["real", "int", "real", "int", "int", "int"] as const;
  return procedure(context, dtype, "axpyTwo", params, null, (code, alpha, x, beta, y, z, count) => {
    const wide = [alpha, beta].map((factor) => code.variable("vector", factor.splat()));
    walk(code, count, [x, y, z], 4, (kind, offset) => {
      const [a, b] = kind === "real" ? [alpha, beta] : wide;
      const sum = a.timesPlus(code.load(x, kind, offset), code.load(z, kind, offset));
      code.store(z, b.timesPlus(code.load(y, kind, offset), sum), offset);
    });
  });
}

/** `axpyTwoDot(alpha, x, beta, y, z, other, count)`: z += alpha x + beta y; gives the sum of products of that and `other`. */
export function axpyTwoDot(context: ModuleContext, dtype: RoutineDType): Procedure {
  const params = ["real", "int", "real", "int", "int", "int", "int"] as const;
  return procedure(
    context,
    dtype,
    "axpyTwoDot",
    params,
    "real",
    (code, alpha, x, beta, y, z, other, count) => {
      const wide = [alpha, beta].map((factor) => code.variable("vector", factor.splat()));
      const sums = Array.from({ length: 4 }, () => code.variable("vector", 0));
      const rest = code.variable("real", 0);
      const held = { vector: code.variable("vector"), real: code.variable("real") };
      walk(code, count, [x, y, z, other], 4, (kind, offset, turn) => {
        const [a, b] = kind === "real" ? [alpha, beta] : wide;
        const value = held[kind], sum = kind === "real" ? rest : sums[turn];
        value.set(a.timesPlus(code.load(x, kind, offset), code.load(z, kind, offset)));
        value.set(b.timesPlus(code.load(y, kind, offset), value));
        code.store(z, value, offset);
        sum.set(value.timesPlus(code.load(other, kind, offset), sum));
      });
      return sums[0].plus(sums[1]).plus(sums[2].plus(sums[3])).total().plus(rest);
    },
  );
}

/** `axpyFour(a, b, c, d, x, stride, y, count)`: y += a x_0 + b x_1 + c x_2 + d x_3, where the x are `stride` bytes apart. */
export function axpyFour(context: ModuleContext, dtype: RoutineDType): Procedure {
  const params = ["real", "real", "real", "real", "int", "int", "int", "int"] as const;
  return procedure(context, dtype, "axpyFour", params, null, (code, a, b, c, d, x, stride, y, count) => {
    const factors = [a, b, c, d], wide = factors.map((factor) => code.variable("vector", factor.splat()));
    const others = [1, 2, 3].map((k) => code.variable("int", x.plus(stride.times(k))));
    walk(code, count, [x, ...others, y], 2, (kind, offset) => {
      let sum = code.load(y, kind, offset);
      [x, ...others].forEach((from, k) => {
        sum = (kind === "real" ? factors : wide)[k].timesPlus(code.load(from, kind, offset), sum);
      });
      code.store(y, sum, offset);
    });
  });
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
