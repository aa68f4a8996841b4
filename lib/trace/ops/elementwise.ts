/** How the elementwise functions of this folder apply their primitives. */
import { floatFor, isFloat } from "../dtype.ts";
import { apply } from "../primitives/elementwise_rules.ts";
import type { BinaryOp, TestOp, UnaryOp } from "../scalar_op.ts";
import type { Tensor } from "../tensor.ts";
import { currentTrace } from "../trace.ts";
import {
  castTo,
  combineOrigins,
  promoteOperands,
  type PromotionOptions,
  strong,
  type TensorLike,
  toTensor,
} from "./convert.ts";

/** A tensor, or a plain number that stays weak inside a trace. */
export function operand(operation: string, x: TensorLike): Tensor {
  const tensor = toTensor(x, { operation });
  return tensor.aval.weak && !currentTrace() ? strong(tensor) : tensor;
}

/** Applies a function of one argument to integers and floats alike. */
export function unaryOp(op: UnaryOp | TestOp, x: TensorLike): Tensor {
  return apply(op, operand(op, x));
}

/** Applies a function of real numbers: integers and bool become the default float. */
export function floatOp(op: UnaryOp, x: TensorLike): Tensor {
  const tensor = operand(op, x);
  const { dtype } = tensor.aval;
  return apply(op, isFloat(dtype) ? tensor : castTo(tensor, floatFor(dtype)));
}

/** Rounding: integers and bool are what they are. */
export function roundingOp(op: "floor" | "ceil" | "round" | "trunc", x: TensorLike): Tensor {
  const tensor = operand(op, x);
  return isFloat(tensor.aval.dtype) ? apply(op, tensor) : tensor;
}

/** Applies a function of two arguments at their common dtype. */
export function binaryOp(
  op: BinaryOp,
  a: TensorLike,
  b: TensorLike,
  options?: PromotionOptions,
): Tensor {
  const operands = promoteOperands(op, [a, b], options);
  return apply(op, ...operands);
}

/** add, sub, mul: integral plain numbers give an integral one. */
export function ringOp(op: "add" | "sub" | "mul", operands: readonly Tensor[]): Tensor {
  const result = apply(op, ...operands);
  if (result.aval.weak) result.origin = combineOrigins(operands);
  return result;
}
