/** clipGradient and scaleGradient: the identity, with the derivative changed on its way back. */
import { GradientError } from "../trace/errors.ts";
import { castPrimitive } from "../trace/primitives/cast.ts";
import { elementwise } from "../trace/primitives/elementwise.ts";
import { Shared } from "../trace/shared.ts";
import { Tensor } from "../trace/tensor.ts";
import { bindOne } from "../trace/trace.ts";
import { flatten, unflatten } from "../trace/tree.ts";
import { customJvp } from "./custom_jvp.ts";
import { customVjp } from "./custom_vjp.ts";

function mapLeaves<T>(tree: T, fn: (leaf: Tensor) => Tensor): T {
  const isLeaf = (value: unknown): value is Tensor | Shared =>
    value instanceof Tensor || value instanceof Shared;
  const { leaves, spec } = flatten(tree, isLeaf);
  return unflatten(spec, leaves.map((leaf) => fn(leaf instanceof Shared ? leaf.value : leaf))) as T;
}

/**
 * The same values; gradients that pass back through are clipped to [low, high], element by element. Forward mode is
 * left as it is.
 *
 * @param x A tensor, or a tree of them.
 * @throws {GradientError} when low is greater than high.
 * @example
 * ```ts
 * import { clipGradient, grad, tensor } from "@damo/damo";
 * const g = grad((x) => clipGradient(x, -1, 1).mul(5))(tensor(2));
 * console.assert(g.itemSync() === 1);
 * ```
 */
export function clipGradient<T>(x: T, low: number, high: number): T {
  if (!(low <= high)) {
    throw new GradientError(`clipGradient: low is ${low} and high is ${high}.`, {
      operation: "clipGradient",
      arguments: [{ name: "low", value: low }, { name: "high", value: high }],
      remedy: "Pass two numbers, the smaller one first.",
    });
  }
  const clip = customVjp(
    function clipGradient(value: Tensor): Tensor {
      return value;
    },
    (value) => [value, null],
    (_residuals, cotangent) => {
      const bound = (limit: number) => Tensor.literal(limit, cotangent.aval.dtype);
      const raised = bindOne(elementwise.maximum, [cotangent, bound(low)], {});
      return [bindOne(elementwise.minimum, [raised, bound(high)], {})];
    },
  );
  return mapLeaves(x, clip);
}

/**
 * The same values; derivatives are multiplied by `k`, in reverse and in forward mode. `k = -1` reverses the gradient
 * (Ganin and Lempitsky, Unsupervised Domain Adaptation by Backpropagation, 2015).
 *
 * @param x A tensor, or a tree of them.
 * @param k A number or a scalar tensor.
 * @example
 * ```ts
 * import { grad, scaleGradient, tensor } from "@damo/damo";
 * const g = grad((x) => scaleGradient(x, 0.5).mul(4))(tensor(2));
 * console.assert(g.itemSync() === 2);
 * ```
 */
export function scaleGradient<T>(x: T, k: number | Tensor): T {
  const scale = customJvp(
    function scaleGradient(value: Tensor, _factor: number | Tensor): Tensor {
      return value;
    },
    ([value, factor], [tangent]) => {
      const { dtype } = tangent.aval;
      const given = typeof factor === "number" ? Tensor.literal(factor, dtype) : factor;
      const typed = given.aval.dtype === dtype ? given : bindOne(castPrimitive, [given], { dtype });
      return [value, bindOne(elementwise.mul, [tangent, typed], {})];
    },
  );
  return mapLeaves(x, (leaf) => scale(leaf, k));
}
