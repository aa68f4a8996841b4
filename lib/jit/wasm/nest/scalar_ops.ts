/** One scalar operation on vectors, whatever the type. */
import type { DType } from "../../../trace/dtype.ts";
import type { ScalarOp } from "../../../trace/scalar_op.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import { emitFloatOp } from "./float_ops.ts";
import { emitIntegerOp, emitMaskOp } from "./integer_ops.ts";
import { laneOf, type ModuleContext, type Value } from "./value.ts";

/** Leaves the result of `op` on the stack; `dtype` is that of the arguments (of the alternatives, for select). */
export function emitScalarOp(
  context: ModuleContext,
  f: FunctionBuilder,
  op: ScalarOp,
  dtype: DType,
  args: readonly Value[],
  lanes: number,
): void {
  const lane = laneOf(dtype);
  if (lane === "mask") emitMaskOp(context, f, op, args);
  else if (lane === "int") emitIntegerOp(context, f, op, dtype, args, lanes);
  else emitFloatOp(context, f, op, lane, args);
}

const MATH_COST: { readonly [op: string]: number } = {
  div: 3,
  floorDiv: 12,
  mod: 12,
  sqrt: 3,
  rsqrt: 5,
  reciprocal: 3,
  sign: 4,
  minimum: 3,
  maximum: 3,
  mulNoNaN: 3,
};
const CHEAP: ReadonlySet<string> = new Set(
  "add sub mul neg abs square floor ceil round trunc not and or xor shiftLeft shiftRight eq ne lt le gt ge select isNaN isFinite"
    .split(" "),
);

/** Roughly how many instructions an operation takes. */
export function costOf(op: ScalarOp): number {
  return MATH_COST[op] ?? (CHEAP.has(op) ? 1 : 30);
}
