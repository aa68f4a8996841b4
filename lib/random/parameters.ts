/** Parameters of distributions: their dtype, their shape and their range. */
import { defaultFloat, type DType, isFloat } from "../trace/dtype.ts";
import { DamoError, DTypeError, ShapeError } from "../trace/errors.ts";
import { castTo, type TensorLike, toTensor } from "../trace/ops/convert.ts";
import { checkDType } from "../trace/ops/options.ts";
import { broadcastShape } from "../trace/primitives/elementwise_rules.ts";
import { broadcastShapes, checkShape, describe, sameShape, type Shape } from "../trace/shape.ts";
import { Tensor } from "../trace/tensor.ts";

/** The float dtype of a draw: the one asked for, or the default float. */
export function floatDType(operation: string, dtype: DType | undefined): DType {
  if (dtype === undefined) return defaultFloat();
  checkDType(operation, dtype);
  if (isFloat(dtype)) return dtype;
  throw new DTypeError(`${operation} draws floats, not ${dtype}.`, {
    operation,
    arguments: [{ name: "dtype", value: dtype }],
    remedy: "Pass a float dtype, or use random.randint.",
  });
}

/** Draws of float16 are computed in float32 and rounded at the end. */
export function workingDType(dtype: DType): DType {
  return dtype === "float16" ? "float32" : dtype;
}

/** Which plain numbers a parameter takes. Tensors are not looked at: their values are not known while tracing. */
export interface Range {
  readonly least?: number;
  /** The least value itself is refused. */
  readonly open?: boolean;
  readonly greatest?: number;
  readonly integral?: boolean;
}

/** A parameter to hand to `whole`: a number, whose range is checked, as a literal, all else as it is. */
export function parameterGiven(
  operation: string,
  name: string,
  value: TensorLike,
  { dtype, range }: { readonly dtype: DType; readonly range?: Range },
): Tensor {
  if (typeof value !== "number") return toTensor(value, { operation });
  if (range) checkNumber(operation, name, value, range);
  return Tensor.literal(value, dtype);
}

/**
 * A parameter as a tensor of `dtype`: a scalar, or what broadcasts to the shape of the draw (which decides the shape of
 * the result).
 */
export function parameter(
  operation: string,
  name: string,
  value: TensorLike,
  { dtype, shape }: { readonly dtype: DType; readonly shape: Shape },
): Tensor {
  const given = toTensor(value, { operation });
  const x = castTo(given, dtype);
  if (x.shape.length === 0) return x;
  const common = broadcastShapes(x.shape, checkShape(operation, shape));
  if (common && sameShape(common, shape)) return broadcastShape(x, shape);
  throw new ShapeError(
    `${operation}: ${name} is ${describe(given.aval)} and does not broadcast to the shape [${
      shape.join(", ")
    }] of the draw.`,
    {
      operation,
      arguments: [{ name, shape: given.shape, dtype: given.dtype }, { name: "shape", value: shape }],
      remedy: "Pass a shape that the parameter broadcasts to; it decides how many numbers are drawn.",
    },
  );
}

/** Refuses plain bounds that leave nothing between them. */
export function checkBounds(operation: string, low: TensorLike, high: TensorLike): void {
  if (typeof low !== "number" || typeof high !== "number" || low <= high) return;
  throw new DamoError(`${operation}: low is ${low} and high is ${high}.`, {
    operation,
    arguments: [{ name: "low", value: low }, { name: "high", value: high }],
    remedy: "The lower bound must not lie above the upper one.",
  });
}

function checkNumber(operation: string, name: string, value: number, range: Range): void {
  const { least = -Infinity, open = false, greatest = Infinity, integral = false } = range;
  const inside = (open ? value > least : value >= least) && value <= greatest;
  if (inside && (!integral || Number.isInteger(value))) return;
  const wanted = [
    integral ? "an integer" : "a number",
    least === -Infinity ? "" : open ? `above ${least}` : `from ${least}`,
    greatest === Infinity ? (least === -Infinity || open ? "" : "on") : `to ${greatest}`,
  ].filter((word) => word !== "").join(" ");
  throw new DamoError(`${operation}: ${name} is ${value}.`, {
    operation,
    arguments: [{ name, value }],
    remedy: `Pass ${wanted}.`,
  });
}
