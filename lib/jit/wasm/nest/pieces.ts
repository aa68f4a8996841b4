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
  const sizes = pieces.map(({ nest: piece }) => planNest(simplifyNest(piece)).units);
  const sameUnits = pieces.every(({ begin, end }, i) =>
    plan.unitsAreLanes ? sizes[i] === end - begin : plan.units % sizes[i] === 0
  );
  if (!sameUnits) return null;
  const functions = pieces.map((piece) => emitNest(context, piece.nest));
  const operands = nest.operands.length;
  const f = context.module.addFunction({ params: new Array<"i32">(operands + 2).fill("i32"), results: [] });
  pieces.forEach((piece, i) => {
    for (let operand = 0; operand < operands; operand++) f.localGet(operand);
    for (const bound of [operands, operands + 1]) {
      if (!plan.unitsAreLanes) {
        // A piece of few columns may have its lanes along the rows: the unit belongs to where its first row does.
        const rows = plan.units / sizes[i];
        f.localGet(bound);
        if (rows > 1) f.i32Const(rows - 1).i32Add().i32Const(rows).i32DivU();
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
  const points = pieces.map(({ begin, end }, i) =>
    (plan.unitsAreLanes ? end - begin : sizes[i]) / plan.units
  );
  return {
    index: f.index,
    units: plan.units,
    unitCost: functions.reduce((sum, { unitCost }, i) => sum + unitCost * points[i], 0),
    splittable: functions.every((piece) => piece.splittable),
    grain: grainOf(plan),
    inner: functions.flatMap(({ inner = [] }) => inner),
  };
}
