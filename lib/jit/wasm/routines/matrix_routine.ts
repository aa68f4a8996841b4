/** The frame of every routine: one function over a batch of matrices, one of which is a unit of work. */
import { byteSize } from "../../../trace/dtype.ts";
import type { Routine } from "../../kernel/kernel.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import { Code, type RoutineDType } from "./code.ts";
import type { Variable } from "./expression.ts";

/** What a routine does with one matrix (or signal) of each operand. */
export type MatrixBody = (code: Code, operands: readonly Variable[]) => void;

export interface MatrixRoutine {
  /** How many of the last axes of each operand belong to one unit. */
  readonly ranks: readonly number[];
  /** Rough number of instructions per unit. */
  readonly unitCost: number;
  /** Emitted once, before the loop over the units. */
  readonly begin?: (code: Code) => void;
  readonly body: MatrixBody;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, extent) => size * extent, 1);
}

/** The dtype that a routine computes in: that of its first operand. */
export function routineDType(kernel: Routine): RoutineDType {
  const { dtype } = kernel.operands[0];
  if (dtype !== "float32" && dtype !== "float64") {
    throw new Error(`The routine "${kernel.routine}" is not made for ${dtype}.`);
  }
  return dtype;
}

/** Emits `(pointers of the operands..., begin, end)`. Nothing is done for matrices of which no result has an element. */
export function emitMatrixRoutine(
  context: ModuleContext,
  kernel: Routine,
  routine: MatrixRoutine,
): KernelFunction {
  const { operands, shapes } = kernel;
  const count = operands.length;
  const f = context.module.addFunction({ params: new Array<"i32">(count + 2).fill("i32"), results: [] });
  const lead = shapes[0].slice(0, shapes[0].length - routine.ranks[0]);
  const sizes = shapes.map((shape, i) => sizeOf(shape.slice(shape.length - routine.ranks[i])));
  const written = operands.some(({ access }, i) => access !== "read" && sizeOf(shapes[i]) > 0);
  const units = written ? sizeOf(lead) : 0;
  const result = { index: f.index, units, unitCost: routine.unitCost, splittable: true };
  if (units === 0) return result;
  const code = new Code(context, f, routineDType(kernel));
  const begin = code.parameter("int", count), end = code.parameter("int", count + 1);
  const pointers = operands.map(({ dtype }, i) => {
    const pointer = code.parameter("int", i);
    pointer.increase(begin.times(sizes[i] * byteSize(dtype)));
    return pointer;
  });
  routine.begin?.(code);
  code.while(begin.lt(end), () => {
    routine.body(code, pointers);
    pointers.forEach((pointer, i) => pointer.increase(sizes[i] * byteSize(operands[i].dtype)));
    begin.increase(1);
  });
  return result;
}
