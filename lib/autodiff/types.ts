/** Types of arguments and gradients as trees. */
import type { TypedArray } from "../trace/dtype.ts";
import type { Shared } from "../trace/shared.ts";
import type { Tensor } from "../trace/tensor.ts";

/** The tree of gradients of a tree of arguments: tensors in the places of tensors, Shared and numbers. */
export type GradientTree<T> = T extends Tensor | Shared | number | TypedArray ? Tensor
  : T extends (...args: never[]) => unknown ? T
  : T extends readonly unknown[] | object ? { -readonly [K in keyof T]: GradientTree<T[K]> }
  : T;

/** What may be passed where a function takes a tree: numbers and Shared stand for tensors. */
export type ArgumentTree<T> = T extends Tensor ? Tensor | Shared | number | TypedArray
  : T extends Shared | number | TypedArray | ((...args: never[]) => unknown) ? T
  : T extends readonly unknown[] | Record<string, unknown> ? { [K in keyof T]: ArgumentTree<T[K]> }
  : T;

/** The arguments of a transformed function. */
export type Arguments<A extends readonly unknown[]> = { [K in keyof A]: ArgumentTree<A[K]> };
