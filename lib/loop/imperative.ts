/** Loops written as loops: `for (const x of loop.over(xs)) { ... }`, captured once and run as a loop. */
import { LoopError } from "../trace/errors.ts";
import { checkFunction } from "../trace/ops/options.ts";
import type { Shared } from "../trace/shared.ts";
import type { Tensor } from "../trace/tensor.ts";
import { currentTrace } from "../trace/trace.ts";
import { unflatten } from "../trace/tree.ts";
import type { ClosedLoop } from "./close_loop.ts";
import { bodyOf, LoopBody, type LoopRange, type TypedStates } from "./imperative_body.ts";
import { DYNAMIC } from "./loop_params.ts";
import { commonLength, flattenSequences } from "./sequences.ts";
import { definite, type Values } from "./values.ts";
import { stepCount } from "./while_loop.ts";

class LoopIterator<T> implements Iterator<T, undefined> {
  #body: LoopBody | null = null;
  #first: ClosedLoop | null = null;
  #typed: TypedStates = new Map();
  #over = false;
  /** In mode "debug" the body is traced a second time: a variable that changes without being a state then shows. */
  readonly #again: boolean = currentTrace()?.debug ?? false;

  constructor(readonly range: LoopRange, readonly valueFor: (body: LoopBody) => T) {}

  next(): IteratorResult<T, undefined> {
    if (this.#over) return { done: true, value: undefined };
    if (this.#body === null) return this.#open();
    const body = this.#body;
    try {
      const typed = body.retype();
      if (typed) {
        this.#typed = typed;
        return this.#open();
      }
      if (this.#again && this.#first === null) {
        this.#first = body.discard();
        return this.#open();
      }
      this.#over = true;
      body.finish(this.#first);
    } catch (error) {
      this.#over = true;
      body.abandon();
      throw error;
    }
    return { done: true, value: undefined };
  }

  #open(): IteratorResult<T, undefined> {
    this.#body = new LoopBody(this.range, this.#typed);
    return { done: false, value: this.valueFor(this.#body) };
  }

  /** The statement is left by break, return or throw; of a throw, the user's own error is what is seen. */
  return(): IteratorResult<T, undefined> {
    this.#over = true;
    this.#body?.abandon();
    const { operation } = this.range;
    throw new LoopError(`${operation}: the loop was left by break, return or an error.`, {
      operation,
      remedy:
        "The body is captured once and must run to its end: write loop.until(condition) to leave after a step.",
    });
  }
}

class LoopIterable<T> implements Iterable<T> {
  constructor(readonly range: () => LoopRange, readonly valueFor: (body: LoopBody) => T) {}

  [Symbol.iterator](): Iterator<T, undefined> {
    return new LoopIterator(this.range(), this.valueFor);
  }
}

/**
 * Walks over the rows of a tensor, or of a tree of tensors of one length: `for (const [x, y] of loop.over([xs, ys]))`.
 * The body is captured once; what changes from step to step is kept in {@link state}, collected in {@link stack}.
 *
 * @throws {LoopError} when the sequences have different lengths, or the loop is left by break, return or throw.
 * @example
 * ```ts
 * import { loop, tensor } from "@damo/damo";
 * const h = loop.state(tensor(0));
 * for (const x of loop.over(tensor([1, 2, 3]))) h.value = h.value.mul(0.5).add(x);
 * console.assert(h.value.itemSync() === 4.25);
 * ```
 */
export function over<X>(xs: X): Iterable<Values<X>> {
  const flat = flattenSequences(xs, "loop.over", "xs");
  const length = commonLength(flat, undefined, "loop.over");
  const range = (): LoopRange => ({
    operation: "loop.over",
    sequences: flat.tensors.map(definite),
    length,
    count: null,
    condition: null,
  });
  return new LoopIterable(range, (body) => unflatten(flat.spec, body.slices) as Values<X>);
}

/**
 * Counts from 0 to n - 1, where `n` is a number or an integer scalar tensor, which may be traced; gives the step as an
 * int32 scalar.
 *
 * @throws {LoopError} when `n` is no integer or not the only argument, or the loop is left by break, return or throw.
 * @example
 * ```ts
 * import { loop } from "@damo/damo";
 * const sum = loop.state(0);
 * for (const i of loop.range(4)) sum.value = sum.value.add(i);
 * console.assert(sum.value.itemSync() === 6);
 * ```
 */
export function range(n: number | Tensor | Shared, ...rest: never[]): Iterable<Tensor> {
  if (rest.length > 0) {
    throw new LoopError("loop.range takes one argument, the number of steps.", {
      operation: "loop.range",
      arguments: [{ name: "n", value: n }],
      remedy: "Count from 0 and compute with the step: start.add(i.mul(step)).",
    });
  }
  const make = (): LoopRange => ({
    operation: "loop.range",
    sequences: [],
    ...stepCount(n, "loop.range", "n"),
    condition: null,
  });
  return new LoopIterable(make, (body) => body.step);
}

/**
 * Takes steps as long as the condition, a function of states, holds; gives the step as an int32 scalar.
 *
 * @throws {LoopError} when the condition is not one bool, or the loop is left by break, return or throw.
 * @example
 * ```ts
 * import { loop, tensor } from "@damo/damo";
 * const x = loop.state(tensor(3));
 * for (const _ of loop.while(() => x.value.lt(100))) x.value = x.value.mul(2);
 * console.assert(x.value.itemSync() === 192);
 * ```
 */
export function whileTrue(condition: () => Tensor | boolean): Iterable<Tensor> {
  checkFunction("loop.while", condition, "condition");
  const make = (): LoopRange => ({
    operation: "loop.while",
    sequences: [],
    length: DYNAMIC,
    count: null,
    condition,
  });
  return new LoopIterable(make, (body) => body.step);
}

/**
 * Leaves the loop after this step when the condition, one bool, is true. The rest of the body is still part of the step.
 * Several conditions in one body count together: any of them ends the loop.
 *
 * @throws {LoopError} outside the body of a loop, or when the condition is not one bool.
 * @example
 * ```ts
 * import { loop, tensor } from "@damo/damo";
 * const sum = loop.state(0);
 * for (const x of loop.over(tensor([1, 2, 3, 4]))) {
 *   sum.value = sum.value.add(x);
 *   loop.until(sum.value.ge(3));
 * }
 * console.assert(sum.value.itemSync() === 3);
 * ```
 */
export function until(condition: Tensor | Shared | boolean): void {
  const body = bodyOf(currentTrace());
  if (body) return body.until(condition);
  throw new LoopError("loop.until was called outside the body of a loop.", {
    operation: "loop.until",
    remedy: "Call it in the body of for (... of loop.over(...)), not in a function traced inside it.",
  });
}
