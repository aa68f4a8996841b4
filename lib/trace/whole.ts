/** Functions composed of several operations, run as one program where no trace is. */
import { executor } from "./storage.ts";
import type { Tensor } from "./tensor.ts";
import { currentTrace } from "./trace.ts";

/** What such a function takes: tensors, and plain values, arrays and objects of them, that it is compiled for. */
export type WholeArgument = Tensor | boolean | number | string | undefined | object;

/** What it gives. */
export type WholeResult = Tensor | readonly Tensor[];

/** A function of operations alone: what it does depends on nothing but its arguments, and it is always the same object. */
export type WholeBody = (...args: never) => WholeResult;

/**
 * `body(...args)`. Outside all traces it is compiled once for each signature, so that it runs as one program and leaves
 * no intermediate values behind; numbers that may change from call to call are literal tensors of a definite dtype.
 * `body` is a function of a module, not one made for the call, because programs are found by it. What it cannot do in a
 * trace, above all its errors, happens operation by operation as if this function were not there.
 */
export function whole<A extends readonly WholeArgument[], R extends WholeResult>(
  operation: string,
  body: (...args: A) => R,
  ...args: A
): R {
  if (currentTrace() === null) {
    const results = executor().whole?.(operation, body, args) ?? null;
    if (results !== null) return results as R;
  }
  return body(...args);
}
