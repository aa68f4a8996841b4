/** Scopes: tensors made inside are disposed when the scope ends. */
import { DamoError } from "../trace/errors.ts";
import { checkFunction } from "../trace/ops/options.ts";
import type { Storage } from "../trace/storage.ts";
import { Tensor } from "../trace/tensor.ts";
import { flatten } from "../trace/tree.ts";

/** What `using s = scope()` gives. */
export interface Scope extends Disposable {
  /** Lets the tensors of a tree outlive the scope; gives the tree back. */
  keep<T>(tree: T): T;
  /** Ends the scope now. */
  dispose(): void;
}

class ActiveScope implements Scope {
  readonly storages: Set<Storage> = new Set();
  readonly parent: ActiveScope | null = active;
  #ended = false;

  keep<T>(tree: T): T {
    for (const tensor of flatten(tree, (value) => value instanceof Tensor).leaves) {
      const storage = tensor.rawStorage();
      if (storage !== null && this.storages.delete(storage)) this.parent?.storages.add(storage);
    }
    return tree;
  }

  dispose(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (active !== this) {
      throw new DamoError("A scope ended while a scope opened inside it was still open.", {
        operation: "scope",
        remedy: "End scopes in the reverse order of their opening; write `using s = scope()`.",
      });
    }
    active = this.parent;
    for (const storage of this.storages) {
      // What a shared variable took as its value belongs to it.
      if (storage.holders === 0 && storage.donation === null) storage.dispose();
    }
    this.storages.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

let active: ActiveScope | null = null;

/** Tells the innermost scope of a new storage. */
export function trackStorage(storage: Storage): void {
  if (active !== null) active.storages.add(storage);
}

/**
 * Disposes the tensors made inside, except those in the result and those that became the value of a shared variable.
 * `scope(fn)` ends when `fn` returns; `using s = scope()` ends with its block, and `s.keep(x)` lets x live on.
 * Optional: memory comes back without scopes too.
 *
 * @throws {DamoError} when `fn` gives a promise.
 * @example
 * ```ts
 * import { scope, tensor } from "@damo/damo";
 * const x = tensor([3, 4]);
 * const length = scope(() => x.mul(x).sum().sqrt());
 * console.assert(length.itemSync() === 5);
 * ```
 */
export function scope(): Scope;
/** Runs `fn` in a scope of its own and gives its result. */
export function scope<T>(fn: () => T): T;
export function scope<T>(fn?: () => T): T | Scope {
  if (fn !== undefined) checkFunction("scope", fn);
  const opened = active = new ActiveScope();
  if (!fn) return opened;
  try {
    const result = fn();
    if (result instanceof Promise) {
      throw new DamoError("scope: the function is asynchronous, so its tensors cannot be told from others.", {
        operation: "scope",
        remedy: "Pass a synchronous function and await its result outside.",
      });
    }
    return opened.keep(result);
  } finally {
    opened.dispose();
  }
}

/** Runs `body` outside all scopes: tensors made while tracing belong to the traced function. */
export function untrackedStorages<T>(body: () => T): T {
  const previous = active;
  active = null;
  try {
    return body();
  } finally {
    active = previous;
  }
}
