/** hostCallback: a plain function of the host inside a compiled program. */
import { type DType, viewTypedArray } from "../../trace/dtype.ts";
import { DamoError, DTypeError, ShapeError } from "../../trace/errors.ts";
import { follow } from "../../trace/following.ts";
import { at } from "../../trace/ops/index_read.ts";
import { castTo, strong, type TensorLike, toTensor, upload } from "../../trace/ops/convert.ts";
import { checkDType, checkFunction, checkOptions } from "../../trace/ops/options.ts";
import { stack } from "../../trace/ops/shape_join.ts";
import { type HostArray, NOT_LINEAR, notDifferentiable, type Primitive } from "../../trace/primitive.ts";
import { checkShape, describe, sameShape, type Shape } from "../../trace/shape.ts";
import type { Tensor } from "../../trace/tensor.ts";
import { bindOne, withoutTrace } from "../../trace/trace.ts";
import { toTypedArray } from "../reference/host_storage.ts";

/** The type of what a host callback gives. */
export interface HostCallbackResult {
  /** The sizes of its axes. */
  readonly shape: readonly number[];
  /** The element type. */
  readonly dtype: DType;
}

interface HostCallbackParams {
  readonly fn: (...args: Tensor[]) => TensorLike;
  readonly shape: Shape;
  readonly dtype: DType;
}

function tensorOf(array: HostArray): Tensor {
  return follow(upload(toTypedArray(array), array.dtype, array.shape));
}

function call({ fn, shape, dtype }: HostCallbackParams, inputs: readonly HostArray[]): HostArray {
  return withoutTrace(() => {
    const returned = fn(...inputs.map(tensorOf));
    if (returned as unknown instanceof Promise) throw asynchronous();
    const result = definite(returned, dtype);
    if (!sameShape(result.shape, shape)) {
      throw new ShapeError(
        `hostCallback: the function gave ${describe(result.aval)} instead of ${describe({ shape, dtype })}.`,
        {
          operation: "hostCallback",
          arguments: [{ name: "result", shape: result.shape, dtype: result.dtype }],
          remedy: "Declare the shape that the function gives.",
        },
      );
    }
    return { shape, dtype, data: Float64Array.from(result.dataSync()) };
  });
}

/** Numbers and arrays of them take the declared dtype; tensors must have it. */
function definite(returned: TensorLike, dtype: DType): Tensor {
  const result = toTensor(returned, { operation: "hostCallback" });
  if (result.aval.weak || Array.isArray(returned)) return castTo(result, dtype);
  if (result.aval.dtype === dtype) return result;
  throw new DTypeError(`hostCallback: the function gave ${describe(result.aval)} instead of ${dtype}.`, {
    operation: "hostCallback",
    arguments: [{ name: "result", shape: result.shape, dtype: result.dtype }],
    remedy: `Cast the result to ${dtype}, or declare { dtype: "${result.dtype}" }.`,
  });
}

function asynchronous(): DamoError {
  return new DamoError("hostCallback: the function is asynchronous.", {
    operation: "hostCallback",
    remedy: "Give the result at once; a running program cannot wait.",
  });
}

const hostCallbackPrimitive: Primitive<HostCallbackParams> = {
  name: "hostCallback",
  effect: true,
  infer(_inputs, { shape, dtype }) {
    return [{ shape, dtype }];
  },
  derivative: notDifferentiable(
    "Nothing is known of a host function. Wrap it in customVjp or customJvp.",
    "error",
  ),
  linear: NOT_LINEAR,
  /** One call per row, in order. */
  batch({ inputs, batched, params: { fn, shape, dtype }, size }) {
    const rows = (...args: Tensor[]): TensorLike => {
      const results = Array.from(
        { length: size },
        (_, i) => definite(fn(...args.map((arg, k) => batched[k] ? at(arg, i) : arg)), dtype),
      );
      return size === 0
        ? upload(viewTypedArray(dtype, new ArrayBuffer(0), 0, 0), dtype, [0, ...shape])
        : stack(results);
    };
    return [bindOne(hostCallbackPrimitive, inputs, { fn: rows, shape: [size, ...shape], dtype })];
  },
  evaluate(inputs, params) {
    return [call(params, inputs)];
  },
  lower() {
    return { kind: "host" };
  },
  print({ fn, shape, dtype }) {
    return `${fn.name || "function"} -> ${describe({ shape, dtype })}`;
  },
};

/**
 * Calls a plain function while a compiled program runs, once per computation and in order. It gets the values as
 * concrete tensors and gives anything tensor-like of the declared shape and dtype. Under vmap it is called row by row.
 *
 * @throws {ShapeError} or {@link DTypeError} when the function gives something else than declared.
 * @throws {GradientError} when differentiated: wrap it in customVjp or customJvp.
 * @example
 * ```ts
 * import { hostCallback, jit, Tensor, tensor } from "@damo/damo";
 * const count = (x: Tensor) => new Set(x.dataSync()).size;
 * const distinct = jit((x: Tensor) => hostCallback(count, { shape: [], dtype: "int32" }, x));
 * console.assert(distinct(tensor([3, 1, 3])).itemSync() === 2);
 * ```
 */
export function hostCallback(
  fn: (...args: Tensor[]) => TensorLike,
  result: HostCallbackResult,
  ...args: TensorLike[]
): Tensor {
  checkFunction("hostCallback", fn);
  checkOptions("hostCallback", result, ["shape", "dtype"]);
  const shape = checkShape("hostCallback", result?.shape);
  const dtype = checkDType("hostCallback", result.dtype);
  const inputs = args.map((arg) => strong(arg, "hostCallback"));
  return bindOne(hostCallbackPrimitive, inputs, { fn, shape, dtype });
}
