/** Module: what all layers have in common: parameters, state dictionaries, training and evaluation mode. */
import type { TensorLike } from "../trace/ops/convert.ts";
import { Shared } from "../trace/shared.ts";
import type { Tensor } from "../trace/tensor.ts";
import { dependOn } from "../trace/trace.ts";
import { applyStateDict, type StateDict } from "./state_dict.ts";

/**
 * The base class of layers. A subclass keeps its parameters in fields: `Shared` fields are state, those whose names
 * are in `buffers()` are not trained; fields that are modules, or arrays and objects of them, are part of it. What appears
 * twice counts once.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const layer = new nn.Linear(3, 2, { seed: 1 });
 * console.assert(layer.parameters().length === 2);
 * console.assert(layer.forward(tensor([[1, 2, 3]])).shape.join() === "1,2");
 * ```
 */
export abstract class Module {
  #training = true;
  readonly #readTraining = (): boolean => this.#training;

  /**
   * True in training mode: dropout drops, batch norm uses and updates batch statistics. A compiled function that reads it is
   * traced for each mode.
   */
  get training(): boolean {
    return dependOn(this.#readTraining);
  }

  set training(training: boolean) {
    this.#training = training;
  }

  /** The output of the layer. */
  abstract forward(x: TensorLike): Tensor;

  /** Names of `Shared` fields that are state but not trained. */
  protected buffers(): readonly string[] {
    return [];
  }

  /** Everything this module is made of, by dotted name, in the order of definition: shared variables and modules. */
  *#parts(): Iterable<[name: string, part: Shared | Module]> {
    const stack: [string, unknown][] = Object.entries(this).reverse();
    while (stack.length > 0) {
      const [name, value] = stack.pop()!;
      if (value instanceof Shared || value instanceof Module) yield [name, value];
      else if (Array.isArray(value) || isPlainObject(value)) {
        stack.push(
          ...Object.entries(value).map(([key, part]): [string, unknown] => [`${name}.${key}`, part])
            .reverse(),
        );
      }
    }
  }

  /** All shared variables with their dotted names and whether they are trained; each once. */
  #collect(
    prefix: string,
    seen: Set<object>,
    found: { name: string; shared: Shared; trained: boolean }[],
  ): void {
    seen.add(this);
    const fixed = this.buffers();
    for (const [name, part] of this.#parts()) {
      if (seen.has(part)) continue;
      if (part instanceof Module) part.#collect(`${prefix}${name}.`, seen, found);
      else {
        seen.add(part);
        found.push({ name: prefix + name, shared: part, trained: !fixed.includes(name) });
      }
    }
  }

  #all(): { name: string; shared: Shared; trained: boolean }[] {
    const found: { name: string; shared: Shared; trained: boolean }[] = [];
    this.#collect("", new Set(), found);
    return found;
  }

  /** All state by dotted name, trained or not. */
  state(): Map<string, Shared> {
    return new Map(this.#all().map(({ name, shared }) => [name, shared]));
  }

  /** The trained parameters, in the order of their definition. */
  parameters(): Shared[] {
    return this.#all().filter(({ trained }) => trained).map(({ shared }) => shared);
  }

  /** The values of all state by dotted name: `weight`, `layers.0.bias`. */
  stateDict(): StateDict {
    const dict: StateDict = {};
    for (const [name, shared] of this.state()) dict[name] = shared.value;
    return dict;
  }

  /**
   * Sets all state from a dictionary of dotted names, or from the nested tree that `io.load` makes of them. Nothing is
   * changed when something does not fit.
   *
   * @throws {DamoError} naming every missing, unexpected and misshapen entry.
   */
  loadStateDict(dict: Readonly<Record<string, unknown>>): void {
    applyStateDict(`loadStateDict of ${this.constructor.name}`, this.state(), dict);
  }

  /** Switches this module and all in it to training mode. Compiled functions follow at their next call. */
  train(): this {
    return this.#setTraining(true, new Set());
  }

  /** Switches this module and all in it to evaluation mode. Compiled functions follow at their next call. */
  eval(): this {
    return this.#setTraining(false, new Set());
  }

  #setTraining(training: boolean, seen: Set<Module>): this {
    seen.add(this);
    this.training = training;
    for (const [, part] of this.#parts()) {
      if (part instanceof Module && !seen.has(part)) part.#setTraining(training, seen);
    }
    return this;
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
