/** Looking over arrays before an algorithm starts: whether all is finite, and how large it is. */
import type { ModuleContext } from "../nest/mod.ts";
import type { RoutineDType } from "./code.ts";
import { type Procedure, procedure } from "./procedure.ts";
import { walk } from "./vectors.ts";

/** `allFinite(x, count)`: 1 when no element is infinite or NaN. */
export function allFinite(context: ModuleContext, dtype: RoutineDType): Procedure {
  return procedure(context, dtype, "allFinite", ["int", "int"], "int", (code, x, count) => {
    const sums = { vector: code.variable("vector", 0), real: code.variable("real", 0) };
    const held = { vector: code.variable("vector"), real: code.variable("real") };
    walk(code, count, [x], 1, (kind) => {
      held[kind].set(code.load(x, kind));
      // x - x is 0, or NaN where x is not finite.
      sums[kind].set(sums[kind].plus(held[kind].minus(held[kind])));
    });
    return sums.vector.total().plus(sums.real).eq(0);
  });
}

/**
 * `powerOfTwo(x, count, scratch)`: the power of two just below the greatest magnitude, by which the array can be divided
 * without rounding so that squares neither overflow nor vanish; 1 for zeros. Uses 8 bytes of scratch memory.
 */
export function powerOfTwo(context: ModuleContext, dtype: RoutineDType): Procedure {
  return procedure(context, dtype, "powerOfTwo", ["int", "int", "int"], "real", (code, x, count, scratch) => {
    const most = { vector: code.variable("vector", 0), real: code.variable("real", 0) };
    walk(code, count, [x], 1, (kind) => {
      most[kind].set(most[kind].greatest(code.load(x, kind).magnitude()));
    });
    const greatest = code.variable("real", most.real);
    for (let lane = 0; lane < code.lanes; lane++) greatest.set(greatest.greatest(most.vector.lane(lane)));
    // Only the exponent is left of the bits; below the normal numbers, the least normal one.
    const wide = dtype === "float64";
    const high = wide ? scratch.plus(4) : scratch;
    const exponent = code.variable("int");
    code.store(scratch, greatest);
    exponent.set(code.loadInt(high).and(wide ? 0x7ff00000 : 0x7f800000));
    exponent.set(code.choose(exponent.eq(0), wide ? 0x00100000 : 0x00800000, exponent));
    code.store(scratch, 0);
    code.storeInt(high, exponent);
    return code.choose(greatest.gt(0), code.load(scratch), 1);
  });
}

/** `vectorSign(x, count)`: the sign of the first element of at least half the greatest magnitude; 1 for zeros. */
export function vectorSign(context: ModuleContext, dtype: RoutineDType): Procedure {
  return procedure(context, dtype, "vectorSign", ["int", "int"], "real", (code, x, count) => {
    const greatest = code.variable("real", 0), sign = code.variable("real", 1), i = code.variable("int", 0);
    const value = code.variable("real");
    code.while(i.lt(count), () => {
      greatest.set(greatest.greatest(code.load(code.at(x, i)).magnitude()));
      i.increase(1);
    });
    i.set(0);
    code.block((leave) => {
      leave(greatest.gt(0).not());
      code.while(i.lt(count), () => {
        value.set(code.load(code.at(x, i)));
        code.if(value.magnitude().times(2).ge(greatest), () => {
          sign.set(code.real(1).withSign(value));
          leave();
        });
        i.increase(1);
      });
    });
    return sign;
  });
}
