/** Shapes: sizes, strides, broadcasting and axes, with the errors that name what was wrong. */
import type { DType } from "./dtype.ts";
import { describeType, ShapeError, TracedValueError } from "./errors.ts";

/** The sizes of a tensor's axes. */
export type Shape = readonly number[];

/** An abstract value: what is known of a tensor before it is computed. */
export interface Aval {
  readonly shape: Shape;
  readonly dtype: DType;
  /** A plain number that takes the dtype of the tensor it meets. */
  readonly weak?: boolean;
}

export function sizeOf(shape: Shape): number {
  let size = 1;
  for (let i = 0; i < shape.length; i++) size *= shape[i];
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function sameAval(a: Aval, b: Aval): boolean {
  return a.dtype === b.dtype && sameShape(a.shape, b.shape);
}

/** `float32[2, 3]`. */
export function describe(aval: Aval): string {
  return describeType(aval.dtype, aval.shape);
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

/** The NumPy broadcast of two shapes, or null when they do not fit. */
export function broadcastShapes(a: Shape, b: Shape): number[] | null {
  const rank = Math.max(a.length, b.length);
  const result = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const sizeA = i <= a.length ? a[a.length - i] : 1;
    const sizeB = i <= b.length ? b[b.length - i] : 1;
    if (sizeA !== sizeB && sizeA !== 1 && sizeB !== 1) return null;
    result[rank - i] = sizeA === 1 ? sizeB : sizeA;
  }
  return result;
}

/** The broadcast of all operands of an elementwise operation. */
export function broadcastAll(operation: string, inputs: readonly Aval[]): Shape {
  let shape: Shape = inputs[0].shape;
  for (let i = 1; i < inputs.length; i++) {
    if (sameShape(shape, inputs[i].shape)) continue;
    const next = broadcastShapes(shape, inputs[i].shape);
    if (!next) throw broadcastError(operation, inputs);
    shape = next;
  }
  return shape;
}

function broadcastError(operation: string, inputs: readonly Aval[]): ShapeError {
  const types = inputs.map(describe);
  const shown = types.length === 2 ? `${types[0]} and ${types[1]}` : types.join(", ");
  return new ShapeError(`${operation}: shapes do not broadcast: ${shown}.`, {
    operation,
    arguments: inputs.map((x, i) => ({ name: String.fromCharCode(97 + i), shape: x.shape, dtype: x.dtype })),
    remedy: "Sizes are compared from the last axis; each pair must be equal or contain a 1. " +
      "Use reshape, expandDims or transpose to line the axes up.",
  });
}

/** Refuses a traced number where a plain one is needed: a size, an axis, the bound of a range. */
export function refuseTraced(operation: string, name: string, value: unknown): void {
  const traced = value as { aval: Aval; owner: object | null; variable: { name?: string } | null };
  if (typeof value !== "object" || value === null || !("aval" in value) || traced.owner === null) return;
  const argument = traced.variable?.name ? `${traced.variable.name}, ` : "";
  throw new TracedValueError(
    `${operation}: ${name} is a traced number (${argument}${describe(traced.aval)}), which has no value yet.`,
    {
      operation,
      arguments: [{ name, shape: traced.aval.shape, dtype: traced.aval.dtype }],
      remedy:
        "Sizes, axes and ranges are fixed while a function is traced: list the argument in { static } to " +
        "trace for each value, or use narrow, where, cond or a loop.",
    },
  );
}

/** Checks that `shape` is a list of non-negative integers; a copy, which stays as it is whatever the user does. */
export function checkShape(operation: string, shape: unknown, name = "shape"): Shape {
  if (!Array.isArray(shape)) {
    throw new ShapeError(`${operation}: ${name} must be an array of sizes, got ${show(shape)}.`, {
      operation,
      remedy: "Write it as [rows, columns].",
    });
  }
  for (let i = 0; i < shape.length; i++) {
    const size = shape[i];
    refuseTraced(operation, `${name}[${i}]`, size);
    if (!Number.isInteger(size) || size < 0) {
      throw new ShapeError(
        `${operation}: ${name} [${shape.map(show).join(", ")}] has ${show(size)} at position ${i}.`,
        {
          operation,
          arguments: [{ name, value: shape }],
          remedy: "Every size must be a non-negative integer.",
        },
      );
    }
  }
  return (shape as number[]).slice();
}

/** A number, or whatever else is no list, as a list of its own. */
export function listOf(value: number | readonly number[]): readonly number[] {
  return Array.isArray(value) ? value as readonly number[] : [value as number];
}

/** A value as an error shows it. */
export function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/**
 * An axis as a position from the left; negative ones count from the end. `of` is the tensor that has it, or the number
 * of axes where there is none yet.
 */
export function normalizeAxis(operation: string, axis: number, of: Aval | number, name = "axis"): number {
  const rank = typeof of === "number" ? of : of.shape.length;
  refuseTraced(operation, name, axis);
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    const range = rank === 0 ? "a scalar has no axes" : `it must be an integer from ${-rank} to ${rank - 1}`;
    const owner = typeof of === "number" ? `a tensor of ${rank} axes` : describe(of);
    const tensor = typeof of === "number" ? [] : [{ name: "x", shape: of.shape, dtype: of.dtype }];
    throw new ShapeError(`${operation}: ${name} ${show(axis)} is out of range for ${owner}.`, {
      operation,
      arguments: [...tensor, { name, value: axis }],
      remedy: `Pass another ${name}: ${range}.`,
    });
  }
  return axis < 0 ? axis + rank : axis;
}

/** Axes of a reduction, sorted and without repetition; undefined means all. */
export function normalizeAxes(
  operation: string,
  axis: number | readonly number[] | undefined | null,
  of: Aval | number,
): number[] {
  const rank = typeof of === "number" ? of : of.shape.length;
  if (axis === undefined || axis === null) return Array.from({ length: rank }, (_, i) => i);
  refuseTraced(operation, "axis", axis);
  const list = listOf(axis).map((a) => normalizeAxis(operation, a, of));
  const unique = new Set(list);
  if (unique.size !== list.length) {
    throw new ShapeError(`${operation}: axis [${[...(axis as number[])].join(", ")}] names an axis twice.`, {
      operation,
      remedy: "Name each axis once.",
    });
  }
  return list.sort((a, b) => a - b);
}
