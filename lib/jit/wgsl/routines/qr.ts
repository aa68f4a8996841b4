/** The routine qr. */
import { sizeOf } from "../../../trace/shape.ts";
import type { KernelPlan } from "../plan.ts";
import { multiplyOut, type Reflected, reflectionsOf, triangularise } from "./reflections.ts";
import { type RoutineContext, Stage } from "./stage.ts";

/** Outputs: Q [rows, k], R [k, columns]. */
export function planQr(context: RoutineContext): KernelPlan {
  const [shape, q] = context.kernel.shapes;
  const [rows, columns] = shape.slice(-2), count = sizeOf(shape.slice(0, -2)), width = q[q.length - 1];
  const tausAt = count * rows * columns;
  const reflected: Reflected = { count, rows, columns, place: 0, tausAt };
  const parameters = [count, rows, columns, width];
  const dispatches = multiplyOut(context, reflected, { operand: 1 }, width);
  if (columns > 0) {
    dispatches.unshift(
      writeBegin(context).over(count * rows * columns, parameters),
      ...triangularise(context, reflected),
      writeTriangle(context).over(count * width * columns, parameters),
    );
  }
  return { dispatches, scratchBytes: 4 * (tausAt + count * Math.max(1, reflectionsOf(reflected))) };
}

const PARAMETERS = ["count", "rows", "columns", "width"];

function writeBegin(context: RoutineContext): Stage {
  const stage = new Stage(context, {
    label: "qr begin",
    operands: [0],
    scratch: true,
    parameters: PARAMETERS,
  });
  stage.units("count * rows * columns");
  stage.write({ scratch: 0 }, "unit", stage.read({ operand: 0 }, "unit"));
  return stage;
}

/** R, without what is left of the reflections. */
function writeTriangle(context: RoutineContext): Stage {
  const stage = new Stage(context, {
    label: "qr triangle",
    operands: [2],
    scratch: true,
    parameters: PARAMETERS,
  });
  stage.units("count * width * columns");
  stage.line("let row = unit / columns % width;");
  stage.line("let column = unit % columns;");
  const value = stage.variable("f32", "0.0");
  stage.block("if (column >= row)", () => {
    const at = "(unit / (width * columns) * rows + row) * columns + column";
    stage.line(`${value} = ${stage.read({ scratch: 0 }, at)};`);
  });
  stage.write({ operand: 2 }, "unit", value);
  return stage;
}
