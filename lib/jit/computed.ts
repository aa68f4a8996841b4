/** computed: values derived from shared variables, compiled like jitted functions and pulled when read. */
import { DamoError, DisposedError } from "../trace/errors.ts";
import { checkFunction } from "../trace/ops/options.ts";
import type { Shared } from "../trace/shared.ts";
import { Tensor } from "../trace/tensor.ts";
import { withoutTrace } from "../trace/trace.ts";
import { flatten, type TreeSpec, unflatten } from "../trace/tree.ts";
import { CompiledFunction } from "./compiled_function.ts";
import { Cell, untracked, writeCount } from "./dependencies.ts";
import type { Entry } from "./entry.ts";

/** A value that follows the shared variables it is computed from. */
export interface Computed<T> {
  /** The value, brought up to date; inside a trace or an effect, a dependency. */
  readonly value: T;
  /** The value without registering a dependency. */
  peek(): T;
  /** Ends it: reading it afterwards is an error. */
  dispose(): void;
}

class ComputedCell extends Cell {
  readonly #owner: ComputedNode;

  constructor(tensor: Tensor, name: string, owner: ComputedNode) {
    super(tensor, name);
    this.#owner = owner;
  }

  refresh(): void {
    this.#owner.refresh();
  }

  roots(): Iterable<Shared> {
    return this.#owner.roots;
  }

  get owner(): ComputedNode {
    return this.#owner;
  }
}

class ComputedNode implements Computed<unknown> {
  readonly roots: Set<Shared> = new Set();
  readonly #name: string;
  readonly #compiled: CompiledFunction;
  #entry: Entry | null = null;
  #spec: TreeSpec | null = null;
  #cells: ComputedCell[] = [];
  /** The versions of the entry's reads that the present value was computed from. */
  #versions: number[] = [];
  /** The write count at which it was last known to be up to date. */
  #checkedAt = -1;
  #running = false;
  #disposed = false;

  constructor(fn: () => unknown, name: string) {
    this.#name = name;
    this.#compiled = new CompiledFunction(fn, {
      name,
      donate: [],
      static: [],
      device: undefined,
      mode: "fast",
      guard: undefined,
      maxTraces: Infinity,
      swap: null,
      updates: true,
      profile: null,
      exclude: [],
      onNode: undefined,
      noinline: false,
    });
  }

  get value(): unknown {
    this.refresh();
    return unflatten(this.#spec!, this.#cells.map((cell) => cell.value));
  }

  peek(): unknown {
    this.refresh();
    return unflatten(this.#spec!, this.#cells.map((cell) => cell.peek()));
  }

  dispose(): void {
    this.#disposed = true;
    this.#compiled.clear();
    this.#cells = [];
    this.#entry = null;
    this.roots.clear();
  }

  /**
   * Brings the value up to date. What it depends on is visited by a loop, so that long chains of computed values do
   * not exhaust the stack; each is looked at once per write.
   */
  refresh(): void {
    if (this.#isCurrent()) return;
    const stack: ComputedNode[] = [this];
    const entered = new Set<ComputedNode>();
    while (stack.length > 0) {
      const node = stack[stack.length - 1];
      if (node.#isCurrent()) {
        stack.pop();
      } else if (entered.has(node)) {
        stack.pop();
        withoutTrace(() => untracked(() => node.#update()));
      } else {
        entered.add(node);
        for (const shared of node.#entry?.reads ?? []) {
          if (shared instanceof ComputedCell) stack.push(shared.owner);
        }
      }
    }
  }

  #isCurrent(): boolean {
    if (this.#disposed) throw this.#gone();
    return this.#checkedAt === writeCount();
  }

  /** Recomputes if a version moved; everything it reads is up to date already, but for the first time. */
  #update(): void {
    if (this.#running) throw this.#cycle();
    this.#running = true;
    try {
      // Traced again where what it read has moved to another device.
      const entry = this.#entry?.holds() ? this.#entry : this.#entry = this.#trace();
      if (entry.reads.some((shared, i) => shared.version !== this.#versions[i]) || this.#spec === null) {
        this.#compute(entry);
      }
      this.#checkedAt = writeCount();
    } finally {
      this.#running = false;
    }
  }

  #trace(): Entry {
    const entry = this.#compiled.entryFor([]);
    if (entry.call.traced.writes.length > 0) throw this.#assigns(entry.call.traced.writes[0]);
    this.roots.clear();
    for (const shared of entry.reads) {
      for (const root of shared instanceof Cell ? shared.roots() : [shared]) this.roots.add(root);
    }
    return entry;
  }

  #compute(entry: Entry): void {
    const result = entry.run([]);
    const { leaves, spec } = flatten(result, (value) => value instanceof Tensor);
    this.#versions = entry.reads.map((shared) => shared.version);
    if (this.#spec === null) {
      this.#cells = leaves.map((tensor) => new ComputedCell(tensor, this.#name, this));
      this.#spec = spec;
    } else leaves.forEach((tensor, i) => this.#cells[i].replace(tensor));
  }

  #gone(): DisposedError {
    return new DisposedError(`The computed value ${this.#name} was read after it had been disposed.`, {
      operation: "computed",
      remedy: "Dispose it after its last use.",
    });
  }

  #cycle(): DamoError {
    return new DamoError(`The computed value ${this.#name} depends on itself.`, {
      operation: "computed",
      remedy: "Keep the state that feeds back in a shared variable and assign it in an effect or a function.",
    });
  }

  #assigns(shared: Shared): DamoError {
    return new DamoError(`The computed value ${this.#name} assigns the shared variable ${shared.name}.`, {
      operation: "computed",
      remedy: "A computed value only reads; assign in an effect or in a jitted function.",
    });
  }
}

/**
 * A value computed from shared variables and other computed values: traced and compiled once, lazy, and computed again
 * only when something it read has changed. `fn` gives a tensor or a tree of tensors. Tensors it captures enter by reference,
 * plain JS variables as they are at the first reading.
 *
 * @throws {DamoError} when read, if it depends on itself or assigns a shared variable.
 * @example
 * ```ts
 * import { computed, shared } from "@damo/damo";
 * const radius = shared(2);
 * const area = computed(() => radius.value.square().mul(Math.PI));
 * console.assert(Math.abs(Number(area.value) - 12.566) < 1e-3);
 * radius.value = 1;
 * console.assert(Math.abs(Number(area.value) - 3.1416) < 1e-3);
 * ```
 */
export function computed<T>(fn: () => T): Computed<T> {
  checkFunction("computed", fn);
  return new ComputedNode(fn, fn.name || "computed") as Computed<unknown> as Computed<T>;
}
