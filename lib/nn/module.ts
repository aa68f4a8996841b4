/** Module: what all layers have in common: parameters, state dictionaries, training and evaluation mode. */
import { DamoError, ShapeError } from "../trace/errors.ts";
import { strong, type TensorLike } from "../trace/ops/convert.ts";
import { describe, describeShared } from "./describe.ts";
import { sameShape } from "../trace/shape.ts";
import { Shared } from "../trace/shared.ts";
import { Tensor } from "../trace/tensor.ts";

/** Named tensors, as `stateDict()` gives them and `io.save` writes them. */
export type StateDict = Record<string, Tensor>;

/**
 * The base class of layers. A subclass keeps its parameters in fields: `Shared` fields are state, those whose names
 * are in `buffers()` are not trained; fields that are modules, or arrays of them, are part of it.
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
  /** True in training mode: dropout drops, batch norm uses and updates batch statistics. */
  training = true;

  /** The output of the layer. */
  abstract forward(x: TensorLike): Tensor;

  /** Names of `Shared` fields that are state but not trained. */
  protected buffers(): readonly string[] {
    return [];
  }

  /** Everything this module is made of, by field name. */
  #fields(): [string, Shared | Module][] {
    const found: [string, Shared | Module][] = [];
    for (const [name, value] of Object.entries(this)) {
      if (value instanceof Shared || value instanceof Module) found.push([name, value]);
      else if (Array.isArray(value)) {
        value.forEach((item, i) => {
          if (item instanceof Shared || item instanceof Module) found.push([`${name}.${i}`, item]);
        });
      }
    }
    return found;
  }

  /** All state by dotted name, trained or not. */
  state(): Map<string, Shared> {
    const state = new Map<string, Shared>();
    for (const [name, value] of this.#fields()) {
      if (value instanceof Shared) state.set(name, value);
      else for (const [inner, shared] of value.state()) state.set(`${name}.${inner}`, shared);
    }
    return state;
  }

  /** The trained parameters, in the order of their definition. */
  parameters(): Shared[] {
    const fixed = this.buffers();
    return this.#fields().flatMap(([name, value]) =>
      value instanceof Module ? value.parameters() : fixed.includes(name) ? [] : [value]
    );
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
   * @throws {DamoError} naming every missing and unexpected entry.
   * @throws {ShapeError} naming every entry of another shape.
   */
  loadStateDict(dict: Readonly<Record<string, unknown>>): void {
    const given = flattenNames(dict);
    const state = this.state();
    const missing = [...state.keys()].filter((name) => !given.has(name));
    const unexpected = [...given.keys()].filter((name) => !state.has(name));
    const misshapen: string[] = [];
    for (const [name, shared] of state) {
      const value = given.get(name);
      if (value && !sameShape(value.shape, shared.shape)) {
        misshapen.push(`${name} is ${describe(value)}, not ${describeShared(shared)}`);
      }
    }
    const faults = [
      missing.length > 0 ? `missing: ${missing.join(", ")}` : "",
      unexpected.length > 0 ? `unexpected: ${unexpected.join(", ")}` : "",
      misshapen.length > 0 ? `of another shape: ${misshapen.join(", ")}` : "",
    ].filter((fault) => fault !== "");
    if (faults.length > 0) {
      const Kind = missing.length + unexpected.length > 0 ? DamoError : ShapeError;
      throw new Kind(`loadStateDict of ${this.constructor.name}: entries do not fit; ${faults.join("; ")}.`, {
        operation: "loadStateDict",
        missing,
        unexpected,
        misshapen,
        remedy: "Load it into a module built with the same sizes and options.",
      });
    }
    for (const [name, shared] of state) shared.value = given.get(name)!.cast(shared.dtype);
  }

  /** Switches this module and all in it to training mode. */
  train(): this {
    return this.#setTraining(true);
  }

  /** Switches this module and all in it to evaluation mode. */
  eval(): this {
    return this.#setTraining(false);
  }

  #setTraining(training: boolean): this {
    this.training = training;
    for (const [, value] of this.#fields()) if (value instanceof Module) value.#setTraining(training);
    return this;
  }
}

/** Dotted names of a flat or nested dictionary. */
function flattenNames(dict: Readonly<Record<string, unknown>>): Map<string, Tensor> {
  const found = new Map<string, Tensor>();
  const stack: [string, unknown][] = [["", dict]];
  while (stack.length > 0) {
    const [prefix, value] = stack.pop()!;
    const isBranch = typeof value === "object" && value !== null && !(value instanceof Tensor) &&
      !(value instanceof Shared) && !ArrayBuffer.isView(value) &&
      (!Array.isArray(value) || value.some((item) => typeof item === "object"));
    if (!isBranch) {
      found.set(prefix, strong(value as TensorLike, "loadStateDict"));
      continue;
    }
    for (const [name, inner] of Object.entries(value).reverse()) {
      stack.push([prefix === "" ? name : `${prefix}.${name}`, inner]);
    }
  }
  return found;
}
