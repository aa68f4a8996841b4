/** Trees of loop values: what counts as a leaf, and how types follow the tree. */
import { defaultFloat, type DType, isFloat, type TypedArray } from "../trace/dtype.ts";
import { LoopError } from "../trace/errors.ts";
import { checkRange, toTensor } from "../trace/ops/convert.ts";
import { checkNotAsync } from "../trace/ops/options.ts";
import { describe } from "../trace/shape.ts";
import { Shared } from "../trace/shared.ts";
import { Tensor } from "../trace/tensor.ts";
import { flatten, leafPaths, type TreeSpec } from "../trace/tree.ts";

/** The tree that a loop hands out for a tree it was given: tensors in the places of numbers, Shared and arrays. */
export type Values<T> = T extends Tensor | Shared | number | boolean | TypedArray ? Tensor
  : T extends string | null | undefined | ((...args: never[]) => unknown) ? T
  : T extends readonly unknown[] | object ? { -readonly [K in keyof T]: Values<T[K]> }
  : T;

/** What may be returned in the place of a tree of tensors. */
export type ValuesLike<T> = T extends Tensor | Shared | number | boolean | TypedArray
  ? Tensor | Shared | number | boolean
  : T extends string | null | undefined | ((...args: never[]) => unknown) ? T
  : T extends readonly unknown[] | object ? { readonly [K in keyof T]: ValuesLike<T[K]> }
  : T;

type Leaf = Tensor | Shared | number | boolean | TypedArray;

function isLeaf(value: unknown): value is Leaf {
  return value instanceof Tensor || value instanceof Shared || typeof value === "number" ||
    typeof value === "boolean" || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

/** A tree taken apart: its leaves as tensors (plain numbers stay weak), and their paths as the user would write them. */
export interface FlatValues {
  readonly tensors: readonly Tensor[];
  readonly spec: TreeSpec;
  readonly paths: readonly string[];
}

export function flattenValues(tree: unknown, root: string): FlatValues {
  checkNotAsync("The function", tree);
  const { leaves, spec } = flatten(tree, isLeaf);
  const tensors = leaves.map((leaf) => leaf instanceof Tensor ? leaf : toTensor(leaf));
  return { tensors, spec, paths: leafPaths(spec, root) };
}

/** Results have a dtype of their own: a plain number becomes the default float. */
export function definite(tensor: Tensor): Tensor {
  return tensor.aval.weak ? tensor.convertWeak(defaultFloat()) : tensor;
}

/**
 * What is a plain number as a tensor of a dtype.
 *
 * @throws {DTypeError} when an integer dtype cannot hold it.
 */
export function withDtype(tensor: Tensor, dtype: DType, operation: string): Tensor {
  if (!tensor.aval.weak) return tensor;
  if (!isFloat(dtype) && dtype !== "bool") checkRange(operation, tensor, dtype, [tensor]);
  return tensor.convertWeak(dtype);
}

/** A condition of the user's: a bool scalar. */
export function conditionScalar(value: unknown, operation: string, name: string): Tensor {
  if (isLeaf(value)) {
    const tensor = value instanceof Tensor ? value : toTensor(value);
    if (tensor.shape.length === 0 && tensor.aval.dtype === "bool") return tensor;
    throw new LoopError(`${operation}: ${name} must be one bool, got ${describe(tensor.aval)}.`, {
      operation,
      arguments: [{ name, shape: tensor.shape, dtype: tensor.dtype }],
      remedy: tensor.shape.length === 0
        ? "Compare it with something, for example x.ne(0)."
        : "Reduce it with any() or all().",
    });
  }
  throw new LoopError(`${operation}: ${name} must be one bool, got ${typeof value}.`, {
    operation,
    arguments: [{ name, value }],
    remedy: "Return a comparison, for example x.lt(1).",
  });
}
