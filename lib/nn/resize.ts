/** Images in other sizes. */
import { DamoError, ShapeError } from "../trace/errors.ts";
import { strong, type TensorLike, toTensor } from "../trace/ops/convert.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { take } from "../trace/ops/taking.ts";
import { reshapeTo } from "../trace/primitives/move.ts";
import type { Tensor } from "../trace/tensor.ts";
import { whole } from "../trace/whole.ts";
import { floatInput } from "./activation.ts";
import { describe } from "./describe.ts";

/** Options of resize: either `scale` or `size`. */
export interface ResizeOptions {
  /** The factor of each spatial axis, or of all; sizes are rounded down. */
  readonly scale?: number | readonly number[];
  /** The new size of each spatial axis, or of all. */
  readonly size?: number | readonly number[];
  /** "bilinear" by default. */
  readonly mode?: "nearest" | "bilinear";
}

/**
 * Images [N, C, ...] in other sizes, with half-pixel centres: place i of the result looks at
 * (i + 1/2) old / new - 1/2. "nearest" takes the nearest element (the later of two), "bilinear" the two around it along each
 * axis, weighted by closeness; places outside are those of the edge. Making images smaller does not blur them first.
 *
 * @throws {ShapeError} for fewer than three axes or sizes that are no positive integers.
 * @throws {DamoError} when neither or both of scale and size are given.
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const x = tensor([[[1, 3]]]);
 * console.assert(nn.resize(x, { size: 4 }).dataSync().join() === "1,1.5,2.5,3");
 * console.assert(nn.resize(x, { scale: 2, mode: "nearest" }).dataSync().join() === "1,1,3,3");
 * ```
 */
export function resize(x: TensorLike, options: ResizeOptions): Tensor {
  const operation = "nn.resize";
  checkOptions(operation, options, ["scale", "size", "mode"]);
  const { mode = "bilinear" } = options ?? {};
  if (mode !== "nearest" && mode !== "bilinear") {
    throw new DamoError(`${operation}: mode is ${JSON.stringify(mode)}.`, {
      operation,
      arguments: [{ name: "mode", value: mode }],
      remedy: 'Pass "nearest" or "bilinear".',
    });
  }
  const value = mode === "nearest" ? strong(x, operation) : floatInput(operation, x);
  if (value.ndim < 3) {
    throw new ShapeError(`${operation}: x is ${describe(value)}.`, {
      operation,
      arguments: [{ name: "x", shape: value.shape, dtype: value.dtype }],
      remedy: "Pass [N, C, ...] with at least one spatial axis.",
    });
  }
  const sizes = newSizes(operation, value.shape.slice(2), options ?? {});
  return whole(operation, resizeTo, value, sizes, mode);
}

function resizeTo(x: Tensor, sizes: readonly number[], mode: "nearest" | "bilinear"): Tensor {
  return sizes.reduce((image, size, i) => resizeAxis(image, i + 2, size, mode), x);
}

function newSizes(operation: string, old: readonly number[], { scale, size }: ResizeOptions): number[] {
  if ((scale === undefined) === (size === undefined)) {
    throw new DamoError(
      `${operation}: ${scale === undefined ? "neither" : "both"} of scale and size are given.`,
      {
        operation,
        remedy: "Pass { size: [height, width] } or { scale: 2 }.",
      },
    );
  }
  const given = size ?? scale!;
  const list = typeof given === "number" ? old.map(() => given) : [...given];
  const sizes = size !== undefined ? list : list.map((factor, i) => Math.floor(old[i] * factor));
  const fits = list.length === old.length && sizes.every((n) => Number.isInteger(n) && n >= 1) &&
    old.every((n) => n >= 1);
  if (fits) return sizes;
  throw new ShapeError(
    `${operation}: ${size !== undefined ? "size" : "scale"} ${JSON.stringify(given)} makes no image of [${
      old.join(", ")
    }].`,
    {
      operation,
      arguments: [{ name: size !== undefined ? "size" : "scale", value: given }, {
        name: "image",
        value: old,
      }],
      remedy: `Pass one number or ${old.length}; every new size must be a positive integer.`,
    },
  );
}

function resizeAxis(x: Tensor, axis: number, size: number, mode: "nearest" | "bilinear"): Tensor {
  const old = x.shape[axis];
  if (old === size) return x;
  const place = (i: number) => (i + 0.5) * old / size;
  const indices = (at: (i: number) => number) =>
    toTensor(Int32Array.from({ length: size }, (_, i) => Math.min(old - 1, Math.max(0, at(i)))));
  if (mode === "nearest") return take(x, indices((i) => Math.floor(place(i))), axis);
  const low = take(x, indices((i) => Math.floor(place(i) - 0.5)), axis);
  const high = take(x, indices((i) => Math.floor(place(i) - 0.5) + 1), axis);
  const weights = Float64Array.from({ length: size }, (_, i) => {
    const at = place(i) - 0.5;
    return at - Math.floor(at);
  });
  const weight = toTensor(weights, { dtype: x.dtype });
  const shaped = reshapeTo(weight, [size, ...x.shape.slice(axis + 1).map(() => 1)]);
  return low.add(high.sub(low).mul(shaped));
}
