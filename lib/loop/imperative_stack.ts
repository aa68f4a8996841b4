/** loop.stack: collects one value per step. */
import { LoopError } from "../trace/errors.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { concatPrimitive } from "../trace/primitives/move_concat.ts";
import { filled } from "../trace/primitives/zeros.ts";
import type { Tensor } from "../trace/tensor.ts";
import { bindOne, currentTrace, type Trace } from "../trace/trace.ts";
import { type TreeSpec, unflatten } from "../trace/tree.ts";
import { bodyOf, type Collector, type LoopBody } from "./imperative_body.ts";
import { rowsBetween } from "./truncate_gradient.ts";
import { flattenValues, type Values } from "./values.ts";
import { checkCount } from "./while_loop.ts";

/** Options of loop.stack. */
export interface StackOptions {
  /** The largest number of steps; needed where it is known only when the loop runs. */
  readonly max?: number;
}

/** The values that a loop pushed, one per step, along a new leading axis. */
export class LoopStack<T = Tensor> {
  readonly #max: number | undefined;
  readonly #home: Trace | null;
  #spec: TreeSpec | null = null;
  #rows: readonly Tensor[] | null = null;
  #count: Tensor | null = null;
  readonly #collector: Collector;

  /** @internal Made by `loop.stack`. */
  constructor(options: StackOptions = {}) {
    checkOptions("loop.stack", options, ["max"]);
    const { max } = options;
    if (max !== undefined) checkCount("loop.stack", "max", max);
    this.#max = max;
    this.#home = currentTrace();
    this.#collector = { max, collect: (rows, count) => this.#collect(rows, count) };
  }

  /** Adds the value of this step. */
  push(value: T): void {
    const body = bodyOf(currentTrace());
    if (!body) {
      throw new LoopError("loop.stack: push was called outside the body of a loop.", {
        operation: "loop.stack",
        remedy: "Call it in the body of for (... of loop.over(...)), not in a function traced inside it.",
      });
    }
    if (this.#rows !== null) {
      throw new LoopError("loop.stack: push was called in a second loop after the stack had been filled.", {
        operation: "loop.stack",
        remedy: "Make a stack for each loop, and join their values with concat.",
      });
    }
    this.#checkOnce(body);
    const flat = flattenValues(value, "value");
    this.#spec = flat.spec;
    body.push(this.#collector, flat.tensors);
  }

  /** What was collected: one row per step, zeros behind an early stop. */
  get value(): Values<T> {
    return unflatten(this.#spec!, this.#collected().rows) as Values<T>;
  }

  /** How many steps were taken, an int32 scalar. */
  get count(): Tensor {
    return this.#collected().count;
  }

  #collected(): { rows: readonly Tensor[]; count: Tensor } {
    if (this.#rows === null) {
      throw new LoopError("loop.stack: the stack was read before a loop had filled it.", {
        operation: "loop.stack",
        remedy: "Push in the body of a loop, and read value and count after it.",
      });
    }
    return { rows: this.#rows, count: this.#count! };
  }

  #checkOnce(body: LoopBody): void {
    if (!body.hasPushed(this.#collector)) return;
    throw new LoopError("loop.stack: push was called twice in one step.", {
      operation: "loop.stack",
      remedy: "Push one value a step: stack the two, or use two stacks.",
    });
  }

  #collect(rows: readonly Tensor[], count: Tensor): void {
    const kept = rows.map((x) => this.#max === undefined ? x : fitRows(x, this.#max));
    const around = currentTrace();
    const body = bodyOf(around);
    this.#count = count;
    // Filled by an inner loop: the outer one stacks what each of its steps gave.
    if (body && around !== this.#home) {
      this.#checkOnce(body);
      body.push(this.#collector, kept);
    } else this.#rows = kept;
  }
}

/** Exactly `size` rows: cut, or filled up with zeros. */
function fitRows(x: Tensor, size: number): Tensor {
  const [length, ...rest] = x.shape;
  if (length >= size) return length === size ? x : rowsBetween(x, 0, size);
  const fill = filled(0, { shape: [size - length, ...rest], dtype: x.aval.dtype });
  return bindOne(concatPrimitive, [x, fill], { axis: 0 });
}

/**
 * Collects one value per step of a loop written with `for...of`: `push` in the body, `value` after the loop. It has the
 * length of the sequence or of `n`, with zeros behind an early stop; `count` says how many steps were taken. Where the
 * number of steps is known only at run time it needs `{ max }`, and more steps than that are a LoopError.
 *
 * @example
 * ```ts
 * import { loop, tensor } from "@damo/damo";
 * const squares = loop.stack();
 * for (const x of loop.over(tensor([1, 2, 3]))) squares.push(x.mul(x));
 * console.assert(String(squares.value.arraySync()) === "1,4,9");
 * ```
 */
export function stack<T = Tensor>(options: StackOptions = {}): LoopStack<T> {
  return new LoopStack<T>(options);
}
