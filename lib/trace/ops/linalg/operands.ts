/** Operands of matrix operations: float tensors with broadcast leading axes. */
import { ShapeError } from "../../errors.ts";
import { broadcastShape } from "../../primitives/elementwise_rules.ts";
import { reshapeTo } from "../../primitives/move.ts";
import { checkMatrix, checkSquare } from "../../primitives/linalg_algebra.ts";
import { stopGradientPrimitive } from "../../primitives/stop_gradient.ts";
import { broadcastShapes, describe } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { bindOne } from "../../trace.ts";
import { promoteOperands, strong, type TensorLike } from "../convert.ts";

/** Tensors of one float dtype; integers and plain numbers are the default float. */
export function floats(operation: string, xs: readonly TensorLike[]): Tensor[] {
  return promoteOperands(operation, xs, { float: true }).map((x) => strong(x, operation));
}

/** One float operand that is a matrix or a batch of matrices. */
export function matrix(operation: string, x: TensorLike, name = "a"): Tensor {
  const [value] = floats(operation, [x]);
  checkMatrix(operation, value.aval, name);
  return value;
}

/** One float operand whose matrices are square. */
export function squareMatrix(operation: string, x: TensorLike, name = "a"): Tensor {
  const [value] = floats(operation, [x]);
  checkSquare(operation, value.aval, name);
  return value;
}

/** A matrix, a right side with the same leading axes, and how to give the solution the shape it should have. */
export interface System {
  readonly a: Tensor;
  readonly b: Tensor;
  finish(x: Tensor): Tensor;
}

/**
 * The operands of a system of equations: `b` is a vector (one axis) or matrices, whose leading axes and those of `a` are
 * broadcast.
 */
export function systemOf(operation: string, left: TensorLike, right: TensorLike, square: boolean): System {
  const [a, given] = floats(operation, [left, right]);
  if (square) checkSquare(operation, a.aval);
  else checkMatrix(operation, a.aval);
  const vector = given.ndim === 1;
  const b = vector ? reshapeTo(given, [given.size, 1]) : given;
  const lead = b.ndim < 2 ? null : broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const rows = a.shape[a.ndim - 2];
  if (lead === null || b.shape[b.ndim - 2] !== rows) {
    throw new ShapeError(
      `${operation}: the right side b is ${describe(given.aval)} and the matrix a is ${describe(a.aval)}: ${
        b.ndim < 2
          ? "b has no axis"
          : lead === null
          ? "their leading axes do not broadcast"
          : `b has ${b.shape[b.ndim - 2]} rows instead of ${rows}`
      }.`,
      {
        operation,
        arguments: [
          { name: "a", shape: a.shape, dtype: a.dtype },
          { name: "b", shape: given.shape, dtype: given.dtype },
        ],
        remedy: "Pass b as a vector of as many elements as a has rows, or as matrices of as many rows as a.",
      },
    );
  }
  return {
    a: broadcastShape(a, [...lead, ...a.shape.slice(-2)]),
    b: broadcastShape(b, [...lead, ...b.shape.slice(-2)]),
    finish: (x) => vector ? reshapeTo(x, x.shape.slice(0, -1)) : x,
  };
}

/** The same values, constant for differentiation. */
export function constant(x: Tensor): Tensor {
  return bindOne(stopGradientPrimitive, [x], {});
}
