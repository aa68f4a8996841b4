/** Types of arguments and gradients as trees. */
import type { TypedArray } from "../trace/dtype.ts";
import type { TensorLike } from "../trace/ops/convert.ts";
import type { Shared } from "../trace/shared.ts";
import type { Tensor } from "../trace/tensor.ts";

/** The tree of gradients of a tree of arguments: tensors in the places of tensors, Shared and numbers. */
export type GradientTree<T> = 0 extends 1 & T ? T
  : [TensorLike] extends [T] ? Tensor
  : T extends Tensor | Shared | number | TypedArray ? Tensor
  : T extends (...args: never[]) => unknown ? T
  : T extends readonly unknown[] | object ? { -readonly [K in keyof T]: GradientTree<T[K]> }
  : T;

/** What may be passed where a function takes a tree: numbers and Shared stand for tensors. */
export type ArgumentTree<T> = [TensorLike] extends [T] ? T
  : T extends Tensor ? Tensor | Shared | number | TypedArray
  : T extends Shared | number | TypedArray | ((...args: never[]) => unknown) ? T
  : T extends readonly unknown[] | Record<string, unknown> ? { [K in keyof T]: ArgumentTree<T[K]> }
  : T;

/** The arguments of a transformed function. */
export type ArgumentTrees<A extends readonly unknown[]> = { [K in keyof A]: ArgumentTree<A[K]> };

/** The parameters of any function. */
// deno-lint-ignore no-explicit-any -- a parameter without a type is then any, so that a plain (x) => x.mul(x) compiles
export type AnyArguments = any[];

/** Any function of the user's. */
// deno-lint-ignore no-explicit-any -- its types are those of the caller
export type AnyFunction = (...args: any[]) => any;
