/** The frame of every routine: one function over a batch of matrices; a unit of work is one of them, or a part of it. */
import { byteSize } from "../../../trace/dtype.ts";
import type { Routine } from "../../kernel/kernel.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import { Code, type RoutineDType } from "./code.ts";
import type { Expression, Variable } from "./expression.ts";

/** What a routine does with one matrix (or signal) of each operand, or with one part of it. */
export type MatrixBody = (code: Code, operands: readonly Variable[], part: Expression) => void;

export interface MatrixRoutine {
  /** How many of the last axes of each operand belong to one unit. */
  readonly ranks: readonly number[];
  /** Rough number of instructions per unit. */
  readonly unitCost: number;
  /** In how many parts each matrix is done, which must not depend on one another; 1 if not given. */
  readonly parts?: number;
  /** Whether each matrix is shared by the threads: see {@linkcode sharesMatrices}. */
  readonly shares?: boolean;
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

/** Nanoseconds of a matrix from which threads share it, where there are not enough matrices for all of them. */
const WORTH_SHARING = 300_000;

/** Whether each matrix is shared by threads: few matrices with much work each. The others go to threads as they are. */
export function sharesMatrices(
  { sharing, threads }: ModuleContext,
  { shapes }: Routine,
  rank: number,
  nanoseconds: number,
): boolean {
  const matrices = sizeOf(shapes[0].slice(0, shapes[0].length - rank));
  return sharing !== null && nanoseconds >= WORTH_SHARING && matrices < 2 * threads &&
    matrices % threads !== 0;
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
  const { parts = 1, shares = false } = routine;
  const units = written ? parts * sizeOf(lead) : 0;
  const result = { index: f.index, units, unitCost: routine.unitCost, splittable: !shares, shares };
  if (units === 0) return result;
  const code = new Code(context, f, routineDType(kernel));
  const begin = code.parameter("int", count), end = code.parameter("int", count + 1);
  const distance = (i: number): number => sizes[i] * byteSize(operands[i].dtype);
  if (parts > 1) {
    const places = operands.map(() => code.variable("int"));
    const matrix = code.variable("int");
    routine.begin?.(code);
    code.while(begin.lt(end), () => {
      matrix.set(begin.quotient(parts));
      places.forEach((place, i) => place.set(code.parameter("int", i).plus(matrix.times(distance(i)))));
      routine.body(code, places, begin.remainder(parts));
      begin.increase(1);
    });
    return result;
  }
  const pointers = operands.map((_, i) => {
    const pointer = code.parameter("int", i);
    pointer.increase(begin.times(distance(i)));
    return pointer;
  });
  routine.begin?.(code);
  code.while(begin.lt(end), () => {
    routine.body(code, pointers, code.int(0));
    pointers.forEach((pointer, i) => pointer.increase(distance(i)));
    begin.increase(1);
  });
  return result;
}
