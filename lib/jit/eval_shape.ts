/** evalShape: the types of a function's results, without computing them. */
import type { AnyArguments } from "../autodiff/types.ts";
import { defaultFloat, type DType, isFloat } from "../trace/dtype.ts";
import { checkFunction } from "../trace/ops/options.ts";
import { parameterName } from "../trace/parameter_names.ts";
import type { Aval } from "../trace/shape.ts";
import { Shared } from "../trace/shared.ts";
import { Tensor } from "../trace/tensor.ts";
import { traceFunction } from "../trace/trace.ts";
import { flatten, type TreeSpec, unflatten } from "../trace/tree.ts";

/** The type of a tensor without its elements. */
export interface ShapeAndDType {
  /** The sizes of its axes. */
  readonly shape: readonly number[];
  /** The element type. */
  readonly dtype: DType;
}

/** A tree with types in the places of tensors. */
export type ShapesOf<T> = T extends Tensor | Shared ? ShapeAndDType
  : T extends readonly unknown[] ? { [K in keyof T]: ShapesOf<T[K]> }
  : T extends (...args: never[]) => unknown ? T
  : T extends object ? { [K in keyof T]: ShapesOf<T[K]> }
  : T;

/**
 * Shapes and dtypes of what `fn` gives for arguments like these. Arguments are trees of tensors, numbers, or
 * `{ shape, dtype }` in the places of tensors.
 *
 * @throws {DamoError} what tracing `fn` throws.
 * @example
 * ```ts
 * import { evalShape, tensor } from "@damo/damo";
 * const { shape, dtype } = evalShape((x) => x.sum({ axis: 0 }), tensor([[1, 2], [3, 4]]));
 * console.assert(shape.join() === "2" && dtype === "float32");
 * ```
 */
export function evalShape<A extends AnyArguments, R>(fn: (...args: A) => R, ...args: A): ShapesOf<R> {
  checkFunction("evalShape", fn);
  const flat = flatten(args, isArgument);
  const avals = flat.leaves.map((leaf): Aval =>
    typeof leaf === "number"
      ? { shape: [], dtype: "float64", weak: true }
      : { shape: leaf.shape, dtype: leaf.dtype }
  );
  let spec: TreeSpec | null = null;
  const names = args.map((_, i) => parameterName(fn as (...args: never[]) => unknown, i));
  const { graph, outputCount } = traceFunction(
    (inputs) => {
      inputs.forEach((input, i) => {
        const leaf = flat.leaves[i];
        if (typeof leaf === "number") input.origin = { integral: Number.isInteger(leaf), observe() {} };
      });
      const results = flatten(fn(...unflatten(flat.spec, inputs) as A), isResult);
      spec = results.spec;
      return results.leaves.map((leaf) => leaf instanceof Shared ? leaf.value : leaf);
    },
    avals,
    { name: fn.name || "function", inputNames: names.length === avals.length ? names : undefined },
  );
  const types = graph.outputs.slice(0, outputCount).map((
    { aval: { shape, dtype, weak } },
  ): ShapeAndDType => ({
    shape,
    dtype: weak && isFloat(dtype) ? defaultFloat() : dtype,
  }));
  return unflatten(spec!, types) as ShapesOf<R>;
}

function isArgument(value: unknown): value is Tensor | number | ShapeAndDType {
  if (value instanceof Tensor || typeof value === "number") return true;
  if (typeof value !== "object" || value === null || value instanceof Shared) return false;
  const { shape, dtype } = value as Record<string, unknown>;
  return Array.isArray(shape) && typeof dtype === "string" && Object.keys(value).length === 2;
}

function isResult(value: unknown): value is Tensor | Shared {
  return value instanceof Tensor || value instanceof Shared;
}
