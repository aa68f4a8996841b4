/** stopGradient on trees. */
import type { Node } from "../trace/graph.ts";
import { stopGradientPrimitive } from "../trace/primitives/stop_gradient.ts";
import { Shared } from "../trace/shared.ts";
import { Tensor } from "../trace/tensor.ts";
import { bindOne, currentTrace } from "../trace/trace.ts";
import { flatten, unflatten } from "../trace/tree.ts";

export function isStopGradient(node: Node): boolean {
  return (node.primitive as unknown) === stopGradientPrimitive;
}

/**
 * The same values, treated as constants by every derivative. What reaches the cost only through stopGradient counts
 * as disconnected.
 *
 * @param x A tensor, or a tree of them; numbers and other values come back as they are.
 * @example
 * ```ts
 * import { grad, stopGradient, tensor } from "@damo/damo";
 * // d/dx x * stop(x) = x, not 2 x.
 * const g = grad((x) => x.mul(stopGradient(x)))(tensor(3));
 * console.assert(g.itemSync() === 3);
 * ```
 */
export function stopGradient<T>(x: T): T {
  const isLeaf = (value: unknown): value is Tensor | Shared =>
    value instanceof Tensor || value instanceof Shared;
  const { leaves, spec } = flatten(x, isLeaf);
  const stopped = leaves.map((leaf) => {
    const tensor = leaf instanceof Shared ? leaf.value : leaf;
    return currentTrace() === null || tensor.literal !== null
      ? tensor
      : bindOne(stopGradientPrimitive, [tensor], {});
  });
  return unflatten(spec, stopped) as T;
}
