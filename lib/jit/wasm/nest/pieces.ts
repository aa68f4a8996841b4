/** Compiles nests that run as pieces along their vector axis. */
import type { Nest } from "../../kernel/kernel.ts";
import { planNest } from "./analysis.ts";
import { edgePieces } from "./edges.ts";
import { emitNest, grainOf, type KernelFunction } from "./nest.ts";
import { simplifyNest } from "./simplify.ts";
import type { ModuleContext } from "./value.ts";

/** The function of an elementwise nest most of whose masks are known, or null. */
export function emitPieces(context: ModuleContext, original: Nest): KernelFunction | null {
  const nest = simplifyNest(original);
  if (nest.domain.includes(0)) return null;
  const plan = planNest(nest);
  if (plan.vectorAxis < 0 || plan.lanesAreRows || plan.tileAxis >= 0) return null;
  const pieces = edgePieces(nest, plan.vectorAxis);
  if (pieces === null) return null;
  const unitsOf = (begin: number, end: number) => plan.unitsAreLanes ? end - begin : plan.units;
  if (pieces.some((piece) => planNest(simplifyNest(piece.nest)).units !== unitsOf(piece.begin, piece.end))) {
    return null;
  }
  const functions = pieces.map((piece) => emitNest(context, piece.nest));
  const operands = nest.operands.length;
  const f = context.module.addFunction({ params: new Array<"i32">(operands + 2).fill("i32"), results: [] });
  pieces.forEach((piece, i) => {
    for (let operand = 0; operand < operands; operand++) f.localGet(operand);
    for (const bound of [operands, operands + 1]) {
      if (!plan.unitsAreLanes) {
        f.localGet(bound);
        continue;
      }
      // The bound within the piece: from 0 to its size.
      const size = piece.end - piece.begin;
      const inside = f.local("i32");
      f.localGet(bound).i32Const(piece.begin).i32Sub().localTee(inside);
      f.i32Const(0).localGet(inside).i32Const(0).i32GtS().select().localTee(inside);
      f.i32Const(size).localGet(inside).i32Const(size).i32LtS().select();
      f.release(inside);
    }
    f.call(functions[i].index);
  });
  const points = pieces.map(({ begin, end }) => plan.unitsAreLanes ? (end - begin) / plan.units : 1);
  return {
    index: f.index,
    units: plan.units,
    unitCost: functions.reduce((sum, { unitCost }, i) => sum + unitCost * points[i], 0),
    splittable: functions.every((piece) => piece.splittable),
    grain: grainOf(plan),
  };
}
