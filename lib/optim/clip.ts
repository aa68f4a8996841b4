/** Gradients kept from growing too large. */
import { sum } from "../trace/ops/reductions.ts";
import { Tensor } from "../trace/tensor.ts";
import { whole } from "../trace/whole.ts";
import { unflatten } from "../trace/tree.ts";
import { checkNumber } from "./optimizer.ts";
import { leavesOf, tensorOf, type Tree } from "./trees.ts";

/**
 * The square root of the sum of all squares in a tree of tensors.
 *
 * @example
 * ```ts
 * import { optim, tensor } from "@damo/damo";
 * console.assert(optim.globalNorm([tensor([3]), tensor([4])]).itemSync() === 5);
 * ```
 */
export function globalNorm(tree: Tree): Tensor {
  const { leaves } = leavesOf("optim.globalNorm", "the tree", tree);
  return whole("optim.globalNorm", globalNormOf, ...leaves.map(tensorOf));
}

function globalNormOf(...leaves: Tensor[]): Tensor {
  const squares = leaves.map((leaf) => sum(leaf.square()));
  const total = squares.length === 0 ? Tensor.literal(0, "float32") : squares.reduce((a, b) => a.add(b));
  return total.sqrt();
}

/**
 * Gradients multiplied by `limit / norm` where the norm of all of them together exceeds the limit (Pascanu, Mikolov and Bengio,
 * ICML 2013); their direction stays.
 *
 * @throws {DamoError} for a negative limit, or a tree that holds something else than tensors.
 * @example
 * ```ts
 * import { optim, tensor } from "@damo/damo";
 * const [a, b] = optim.clipByGlobalNorm([tensor([3]), tensor([4])], 1);
 * console.assert(Math.abs(a.itemSync() - 0.6) < 1e-6 && Math.abs(b.itemSync() - 0.8) < 1e-6);
 * ```
 */
export function clipByGlobalNorm<T extends Tree>(gradients: T, limit: number): T {
  const operation = "optim.clipByGlobalNorm";
  if (typeof limit === "number") checkNumber(operation, "limit", limit);
  const { leaves, spec } = leavesOf(operation, "the tree of gradients", gradients);
  if (leaves.length === 0) return gradients;
  return unflatten(spec, whole(operation, clippedOf, limit, ...leaves.map(tensorOf))) as T;
}

function clippedOf(limit: number, ...leaves: Tensor[]): Tensor[] {
  const norm = globalNormOf(...leaves);
  // 1 up to the limit; where it is 0 all becomes 0, and a norm of 0 divides nothing.
  const scale = norm.maximum(limit).reciprocal().mul(limit);
  const factor = limit === 0 ? norm.mul(0) : scale;
  return leaves.map((leaf) => leaf.mul(factor.cast(leaf.dtype)));
}
