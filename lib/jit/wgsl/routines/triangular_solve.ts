/** The routines triangularSolve and luSolve. */
import { sizeOf } from "../../../trace/shape.ts";
import { floatLiteral } from "../literal.ts";
import type { Dispatch, KernelPlan } from "../plan.ts";
import { type Area, type RoutineContext, Stage } from "./stage.ts";
import { substitute, type System } from "./substitution.ts";

function systemOf({ kernel }: RoutineContext, target: Area): System {
  const shape = kernel.shapes[kernel.shapes.length - 1], [n, columns] = shape.slice(-2);
  return { count: sizeOf(shape.slice(0, -2)), n, columns, target, flagsAt: 0 };
}

/** Inputs: T, B. */
export function planTriangularSolve(context: RoutineContext): KernelPlan {
  const { lower, transpose, unit } = context.kernel.options as Record<string, boolean>;
  const system = systemOf(context, { operand: 2 });
  const move = (writes: (stage: Stage) => void) => writeMove(context, writes, [1, 2]);
  const begin = move((stage) => {
    stage.line(`if (unit < count) { ${stage.word(0, "flags_at + unit")} = 0u; }`);
    stage.write({ operand: 2 }, "unit", stage.read({ operand: 1 }, "unit"));
  });
  const end = move((stage) => {
    stage.block(`if (${stage.word(0, "flags_at + matrix")} != 0u)`, () => {
      stage.write({ operand: 2 }, "unit", floatLiteral(NaN));
    });
  });
  const solve = substitute(context, { operand: 0, lower, transpose, unit }, system);
  return {
    // A unit diagonal is never singular.
    dispatches: unit ? [over(begin, system), ...solve] : [over(begin, system), ...solve, over(end, system)],
    scratchBytes: 4 * system.count,
  };
}

/**
 * Inputs: A, LU, p, B, where row i of L U is row p[i] of A. A X = B: L (U X) has the rows of B in the order p; A^T X = B:
 * U^T (L^T Y) = B, and row p[i] of X is row i of Y.
 */
export function planLuSolve(context: RoutineContext): KernelPlan {
  const { transpose } = context.kernel.options as Record<string, boolean>;
  const result: Area = { operand: 4 };
  const plain = systemOf(context, result), { count, n, columns } = plain;
  // Rows cannot be exchanged in place, all at once.
  const system: System = transpose
    ? { ...plain, target: { scratch: 0 }, flagsAt: count * n * columns }
    : plain;
  const row = (stage: Stage) => {
    const row = stage.let("unit / columns % n");
    const from = stage.read({ operand: 2 }, stage.let(`matrix * n + ${row}`));
    return stage.let(`(matrix * n + ${from}) * columns + unit % columns`);
  };
  const begin = writeMove(context, (stage) => {
    stage.line(`if (unit < count) { ${stage.word(0, "flags_at + unit")} = 0u; }`);
    stage.write(system.target, "unit", stage.read({ operand: 3 }, transpose ? "unit" : row(stage)));
  }, transpose ? [3] : [2, 3, 4]);
  const end = writeMove(context, (stage) => {
    const value = stage.variable("f32", stage.read(system.target, "unit"));
    stage.line(`if (${stage.word(0, "flags_at + matrix")} != 0u) { ${value} = ${floatLiteral(NaN)}; }`);
    stage.write(result, transpose ? row(stage) : "unit", value);
  }, transpose ? [2, 4] : [4]);
  const lower = substitute(context, { operand: 1, lower: true, transpose, unit: true }, system);
  const upper = substitute(context, { operand: 1, lower: false, transpose, unit: false }, system);
  const solve = transpose ? [...upper, ...lower] : [...lower, ...upper];
  return {
    dispatches: [over(begin, system), ...solve, over(end, system)],
    scratchBytes: 4 * (count + (transpose ? count * n * columns : 0)),
  };
}

/** A dispatch with a thread for each element of the right side. */
function writeMove(
  context: RoutineContext,
  write: (stage: Stage) => void,
  operands: readonly number[],
): Stage {
  const stage = new Stage(context, {
    label: "right side",
    operands,
    scratch: true,
    parameters: ["count", "n", "columns", "flags_at"],
  });
  stage.units("count * n * columns");
  stage.line("let matrix = unit / (n * columns);");
  write(stage);
  return stage;
}

function over(stage: Stage, { count, n, columns, flagsAt }: System): Dispatch {
  return stage.over(count * n * columns, [count, n, columns, flagsAt]);
}
