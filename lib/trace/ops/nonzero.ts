/** Where a mask is true: nonzero, compress, and flat positions as coordinates. */
import { ShapeError, TracedValueError } from "../errors.ts";
import { followLike } from "../following.ts";
import { cumulatives } from "../primitives/cumulative.ts";
import { apply } from "../primitives/elementwise_rules.ts";
import { gatherPrimitive, scatterPrimitive } from "../primitives/index_gather.ts";
import { iotaPrimitive } from "../primitives/iota.ts";
import { reshapeTo } from "../primitives/move.ts";
import { sumPrimitive } from "../primitives/reduce.ts";
import { filled } from "../primitives/zeros.ts";
import { checkShape, describe, normalizeAxis, sameShape, type Shape, sizeOf, stridesOf } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { bindOne, currentTrace } from "../trace.ts";
import { castTo, strong, type TensorLike, upload } from "./convert.ts";
import { indexTensor } from "./index_spec.ts";
import { checkOptions } from "./options.ts";
import { moveAxis } from "./shape_axes.ts";
import { installFunctions } from "./install.ts";

/** Options of {@link nonzero}. */
export interface NonzeroOptions {
  /** How many places the result holds; needed inside a traced function. Further ones are left out. */
  readonly size?: number;
  /** The coordinates of the places that are left over when fewer are found; 0 at first. */
  readonly fill?: number;
}

/**
 * The coordinates of the elements that are not zero, in row-major order: one int32 tensor for each axis.
 *
 * @throws {TracedValueError} inside a traced function without `size`.
 * @throws {ShapeError} for a scalar, or a size that is no non-negative integer.
 * @example
 * ```ts
 * import { nonzero, tensor } from "@damo/damo";
 * const [rows, columns] = nonzero(tensor([[0, 1], [2, 3]]));
 * console.assert(String(rows.arraySync()) === "0,1,1" && String(columns.arraySync()) === "1,0,1");
 * ```
 */
export function nonzero(x: TensorLike, options: NonzeroOptions = {}): Tensor[] {
  checkOptions("nonzero", options, ["size", "fill"]);
  const source = strong(x);
  if (source.ndim === 0) {
    throw new ShapeError(`nonzero: a scalar ${describe(source.aval)} has no coordinates.`, {
      operation: "nonzero",
      remedy: "Use reshape(x, [1]) first.",
    });
  }
  const { flat, valid } = truePlaces("nonzero", source, options.size);
  const coordinates = coordinatesOf(flat, source.shape);
  const { fill = 0 } = options;
  if (!valid || fill === 0) return coordinates;
  return coordinates.map((c) => apply("select", valid, c, Tensor.literal(fill, "int32")));
}

/**
 * The flat positions of the elements that are not zero, and with a fixed size which of them are real: the others are
 * position 0. Position p of the result is written by the element whose running count is p + 1.
 */
function truePlaces(
  operation: string,
  x: Tensor,
  size: number | undefined,
): { flat: Tensor; valid: Tensor | null } {
  const mask = x.dtype === "bool" ? x : apply("ne", x, Tensor.literal(0, x.dtype));
  if (size === undefined) {
    if (currentTrace()) throw unknownSize(operation, x);
    const positions: number[] = [];
    mask.dataSync().forEach((value, i) => value && positions.push(i));
    const flat = upload(Int32Array.from(positions), "int32", [positions.length], mask.device);
    return { flat: followLike(flat, mask), valid: null };
  }
  checkShape(operation, [size], "size");
  const count = sizeOf(x.shape);
  const ones = castTo(reshapeTo(mask, [count]), "int32");
  const running = bindOne(cumulatives.cumsum, [ones], { axis: 0, reverse: false });
  const place = apply("sub", apply("mul", running, ones), Tensor.literal(1, "int32"));
  const own = bindOne(iotaPrimitive, [], { shape: [count], dtype: "int32", axis: 0 });
  const flat = bindOne(
    scatterPrimitive,
    // Elements that are zero have place -1, which is outside and dropped.
    [filled(0, { shape: [size], dtype: "int32" }), own, place],
    { axes: [0], combiner: "set" },
  );
  const total = bindOne(sumPrimitive, [ones], { axes: [0] });
  const position = bindOne(iotaPrimitive, [], { shape: [size], dtype: "int32", axis: 0 });
  return { flat, valid: apply("lt", position, total) };
}

function unknownSize(operation: string, x: Tensor): TracedValueError {
  return new TracedValueError(
    `${operation}: the number of elements of ${
      describe(x.aval)
    } that are not zero is not known while tracing.`,
    {
      operation,
      arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }],
      remedy: `Pass { size } for a result of fixed size, or use where to keep the shape.`,
    },
  );
}

function coordinatesOf(flat: Tensor, shape: Shape): Tensor[] {
  const strides = stridesOf(shape);
  return shape.map((size, a) => {
    let coordinate = flat;
    if (strides[a] > 1) coordinate = apply("floorDiv", coordinate, Tensor.literal(strides[a], "int32"));
    return a === 0 ? coordinate : apply("mod", coordinate, Tensor.literal(size, "int32"));
  });
}

/**
 * Flat row-major positions as coordinates in a tensor of the given shape: one int32 tensor for each axis. Negative
 * positions count from the end; those of a tensor are clamped into range.
 *
 * @throws {IndexError} for a number out of range.
 * @example
 * ```ts
 * import { unravelIndex } from "@damo/damo";
 * const [row, column] = unravelIndex(5, [2, 3]);
 * console.assert(row.itemSync() === 1 && column.itemSync() === 2);
 * ```
 */
export function unravelIndex(indices: TensorLike, shape: readonly number[]): Tensor[] {
  checkShape("unravelIndex", shape);
  const total = sizeOf(shape);
  const flat = indexTensor("unravelIndex", { shape: [total], dtype: "int32" }, 0, indices);
  const low = apply("maximum", flat, Tensor.literal(0, "int32"));
  return coordinatesOf(apply("minimum", low, Tensor.literal(total - 1, "int32")), shape);
}

/** Options of {@link compress}. */
export interface CompressOptions {
  /** The axis that a mask of one axis selects from. Without it the mask covers the first axes, or the flat tensor. */
  readonly axis?: number;
  /** How many elements the result holds; needed inside a traced function. What is left over is 0. */
  readonly size?: number;
}

/**
 * The elements (or rows along `axis`) where the mask is true, one behind the other. With `size` the result has that many:
 * further ones are left out, missing ones are 0.
 *
 * @throws {TracedValueError} inside a traced function without `size`.
 * @throws {ShapeError} when the mask does not fit.
 * @example
 * ```ts
 * import { compress, tensor } from "@damo/damo";
 * const x = tensor([1, 2, 3, 4]);
 * console.assert(String(compress(x, x.gt(2), { size: 3 }).arraySync()) === "3,4,0");
 * ```
 */
export function compress(x: TensorLike, mask: TensorLike, options: CompressOptions = {}): Tensor {
  checkOptions("compress", options, ["axis", "size"]);
  const source = strong(x), condition = strong(mask);
  const { axis, size } = options;
  const along = axis === undefined ? 0 : normalizeAxis("compress", axis, source.aval);
  const covered = source.shape.slice(along, along + condition.ndim);
  let shape: Shape;
  if (
    condition.ndim > 0 && (axis === undefined || condition.ndim === 1) && sameShape(covered, condition.shape)
  ) {
    shape = [...source.shape.slice(0, along), condition.size, ...source.shape.slice(along + condition.ndim)];
  } else if (axis === undefined && condition.ndim === 1 && condition.size === source.size) {
    shape = [source.size];
  } else {
    throw new ShapeError(
      `compress: a mask ${describe(condition.aval)} does not fit ${describe(source.aval)}` +
        `${axis === undefined ? "" : ` along axis ${axis}`}.`,
      {
        operation: "compress",
        arguments: [
          { name: "x", shape: source.shape, dtype: source.dtype },
          { name: "mask", shape: condition.shape, dtype: condition.dtype },
        ],
        remedy: axis === undefined
          ? "The mask must have the sizes of the first axes of x; or name an axis."
          : `Pass a mask of one axis of ${source.shape[along]} elements.`,
      },
    );
  }
  const { flat, valid } = truePlaces("compress", condition, size);
  if (sizeOf(shape) === 0) return filled(0, { shape: shape.with(along, flat.size), dtype: source.dtype });
  const taken = bindOne(gatherPrimitive, [reshapeTo(source, shape), flat], { axes: [along] });
  if (!valid) return moveAxis(taken, 0, along);
  const real = reshapeTo(valid, [flat.size, ...new Array<number>(taken.ndim - 1).fill(1)]);
  return moveAxis(apply("select", real, taken, Tensor.literal(0, source.dtype)), 0, along);
}

/** The methods of this file. */
export interface NonzeroMethods {
  /** See {@link nonzero}. */
  nonzero(options?: NonzeroOptions): Tensor[];
  /** See {@link compress}. */
  compress(mask: TensorLike, options?: CompressOptions): Tensor;
  /** See {@link unravelIndex}. */
  unravelIndex(shape: readonly number[]): Tensor[];
}

installFunctions({ nonzero, compress, unravelIndex });
