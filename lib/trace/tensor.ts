/** Tensor: one class for concrete and traced values, with the same methods. */
import { castValue, defaultFloat, type DType, isFloat, type TypedArray } from "./dtype.ts";
import { type DamoError, DisposedError, DonatedError, ShapeError, TracedValueError } from "./errors.ts";
import { displayTensor, formatTensor, formatTraced, nestedArray } from "./format.ts";
import type { Variable } from "./graph.ts";
import type { TensorMethods } from "./ops/methods.ts";
import { castPrimitive } from "./primitives/cast.ts";
import { type Aval, describe, sizeOf } from "./shape.ts";
import { Shared } from "./shared.ts";
import { type Device, executor, type Storage } from "./storage.ts";
import { bindOne, type Trace } from "./trace.ts";

/** Nested arrays of numbers or booleans, as `array()` gives them; a plain number or boolean for a scalar. */
export type Nested = number | boolean | Nested[];

/** Whether a traced number argument is integral, and a way to say that the trace depends on it. */
export interface NumberOrigin {
  readonly integral: boolean;
  /** Called when the trace uses integrality: the compiled program is then for integral (or fractional) numbers. */
  observe(): void;
  /** What the number is now, where that is known: the compiled program is then for numbers between both limits. */
  within?(low: number, high: number): number;
}

/**
 * An immutable n-dimensional array. Concrete tensors hold elements on a device; inside a traced function the same
 * methods on traced tensors build the graph.
 *
 * @example
 * ```ts
 * import { tensor } from "@damo/damo";
 * const x = tensor([[1, 2], [3, 4]]);
 * console.assert(x.shape.join() === "2,2" && x.mul(2).sum().itemSync() === 20);
 * ```
 */
export class Tensor {
  /** @internal The type: shape, dtype, and whether it is weak. */
  readonly aval: Aval;
  readonly #storage: Storage | null;
  /** @internal The trace this tensor belongs to, or null for a concrete one. */
  readonly owner: Trace | null;
  /** @internal What stands for it in the graph of its trace. */
  readonly variable: Variable | null;
  /** @internal The number that a JS literal stands for; it gets a buffer only when somebody needs one. */
  readonly literal: number | null;
  /** @internal For traced JS numbers and what is computed from them. */
  origin: NumberOrigin | null = null;

  /** @internal Tensors are made by `tensor`, `zeros` and the other operations. */
  constructor(
    aval: Aval,
    storage: Storage | null,
    owner: Trace | null = null,
    variable: Variable | null = null,
    literal: number | null = null,
  ) {
    this.aval = aval;
    this.#storage = storage;
    this.owner = owner;
    this.variable = variable;
    this.literal = literal;
  }

  /** @internal A scalar that stands for a JS number, boolean or a number of a known dtype; made without touching a device. */
  static literal(value: number, dtype: DType, weak = false): Tensor {
    return new Tensor({ shape: [], dtype, weak }, null, null, null, castValue(value, "float64", dtype));
  }

  /** The sizes of the axes. */
  get shape(): readonly number[] {
    return this.aval.shape;
  }
  /** The element type. */
  get dtype(): DType {
    return this.aval.weak && isFloat(this.aval.dtype) ? defaultFloat() : this.aval.dtype;
  }
  /** The number of axes. */
  get ndim(): number {
    return this.aval.shape.length;
  }
  /** The number of elements. */
  get size(): number {
    return sizeOf(this.aval.shape);
  }
  /** Where the elements are. */
  get device(): Device {
    return this.#storage ? this.#storage.device : executor().defaultDevice();
  }
  /** True when the memory has been given back. */
  get disposed(): boolean {
    return this.#storage?.disposed ?? false;
  }

  /** @internal The storage of a concrete tensor, after checking that it may be used. */
  storage(): Storage {
    const storage = this.#storage;
    if (storage === null) throw this.#noValue("The storage was asked for of");
    if (storage.donation !== null) throw donated(this.aval, storage);
    if (storage.disposed) {
      throw new DisposedError(`A tensor ${describe(this.aval)} was used after it had been disposed.`, {
        operation: "dispose",
        remedy: "Dispose it after its last use, or leave it to the collector.",
      });
    }
    return storage;
  }

  /** @internal The storage whatever its state, or null; for the runtime. */
  rawStorage(): Storage | null {
    return this.#storage;
  }

  #noValue(what: string): DamoError {
    if (this.owner?.ended && this.owner.leak) return this.owner.leak(this);
    const name = this.variable?.name ? `${this.variable.name}, ` : "";
    return new TracedValueError(
      `${what} a traced tensor (${name}${describe(this.aval)}), which has no value yet.`,
      {
        operation: this.owner?.name,
        arguments: [{ name: this.variable?.name ?? "tensor", shape: this.shape, dtype: this.dtype }],
        remedy:
          "Inside a traced function use where, cond or a loop to decide by values, print to see them, " +
          "return the tensor to read it after the call, or list the argument in { static } to trace for each value.",
      },
    );
  }

  /** A copy of the elements, flat and row-major; bool as a Uint8Array of 0 and 1. */
  data(): Promise<TypedArray> {
    if (this.owner) throw this.#noValue("data() was called on");
    return this.literal !== null ? Promise.resolve(this.dataSync()) : this.storage().readAsync();
  }

  /** Like {@link Tensor.data}, at once. */
  dataSync(): TypedArray {
    if (this.owner) throw this.#noValue("dataSync() was called on");
    if (this.literal !== null) {
      return executor().apply(castPrimitive, [this], { dtype: this.dtype }, [{
        shape: [],
        dtype: this.dtype,
      }])[0].dataSync();
    }
    return this.storage().read();
  }

  /** The elements as nested arrays; a number or boolean for a scalar. */
  array(): Promise<Nested> {
    // Inside a trace the error is thrown at once: nobody waits for a promise there.
    if (this.owner) throw this.#noValue("array() was called on");
    return this.data().then((data) => nestedArray(data, this.dtype, this.shape));
  }

  /** Like {@link Tensor.array}, at once. */
  arraySync(): Nested {
    if (this.owner) throw this.#noValue("arraySync() was called on");
    return nestedArray(this.dataSync(), this.dtype, this.shape);
  }

  /** The only element: a number, or a boolean of a bool tensor, which `item<boolean>()` says to the compiler. */
  item<Value extends number | boolean = number>(): Promise<Value> {
    if (this.owner) throw this.#noValue("item() was called on");
    return this.#onlyElement<Value>();
  }

  async #onlyElement<Value extends number | boolean>(): Promise<Value> {
    this.#checkOneElement();
    return element(await this.data(), this.dtype) as Value;
  }

  /** Like {@link Tensor.item}, at once. */
  itemSync<Value extends number | boolean = number>(): Value {
    if (this.owner) throw this.#noValue("itemSync() was called on");
    this.#checkOneElement();
    return element(this.dataSync(), this.dtype) as Value;
  }

  #checkOneElement(): void {
    if (this.size !== 1) {
      throw new ShapeError(`item: a tensor ${describe(this.aval)} has ${this.size} elements, not one.`, {
        operation: "item",
        arguments: [{ name: "x", shape: this.shape, dtype: this.dtype }],
        remedy: "Use data() or array() for all elements, or at(...) to pick one.",
      });
    }
  }

  /** Gives the memory back at once; optional. The value of a shared variable belongs to it and stays. */
  dispose(): void {
    if (this.owner) throw this.#noValue("dispose() was called on");
    this[Symbol.dispose]();
  }

  /** `using t = ...` disposes it at the end of the block. */
  [Symbol.dispose](): void {
    const storage = this.owner ? null : this.#storage;
    if (storage !== null && storage.holders === 0) storage.dispose();
  }

  /** `Number(t)`, `+t`, `t < u` and template strings reach this. */
  [Symbol.toPrimitive](hint: string): string | number {
    if (hint === "string") return this.toString();
    if (this.owner) {
      throw this.#noValue(
        hint === "number" ? "A JS number was asked for of" : "A JS operator used the value of",
      );
    }
    return Number(this.itemSync());
  }

  /** The values (elided when many), dtype and shape; the type alone inside a trace. */
  toString(): string {
    return this.owner ? formatTraced(this) : formatTensor(this);
  }

  /** What `console.log` shows in Deno. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** What `console.log` shows in Node. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /** What Deno's notebooks show. */
  [Symbol.for("Jupyter.display")](): Record<string, string> {
    return displayTensor(this);
  }

  /** A literal or weak scalar as a scalar of `dtype`. */
  convertWeak(dtype: DType): Tensor {
    if (this.literal !== null) return Tensor.literal(this.literal, dtype);
    return bindOne(castPrimitive, [this], { dtype });
  }
}

/** The operations of lib/trace/ops as methods; each file of operations installs its own. */
export interface Tensor extends TensorMethods {}

/** Adds methods to every tensor; called by the files of lib/trace/ops. */
export function installMethods(methods: Partial<TensorMethods>): void {
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(Tensor.prototype, name, { value, writable: true, configurable: true });
    // A Shared is accepted wherever a tensor is, also in front of the dot.
    Object.defineProperty(Shared.prototype, name, {
      value(this: Shared, ...rest: unknown[]): unknown {
        return (value as (...rest: unknown[]) => unknown).apply(this.value, rest);
      },
      writable: true,
      configurable: true,
    });
  }
}

function element(data: TypedArray, dtype: DType): number | boolean {
  return dtype === "bool" ? data[0] !== 0 : data[0];
}

function donated(aval: Aval, storage: Storage): DonatedError {
  const { functionName, argument, location } = storage.donation!;
  const where = location.describe();
  return new DonatedError(
    `A tensor ${describe(aval)} was used after it had been donated to ${functionName} as ${argument}` +
      `${where ? `, called at ${where}` : ""}.`,
    {
      operation: functionName,
      arguments: [{ name: argument, shape: aval.shape, dtype: aval.dtype }],
      donatedAt: location,
      remedy: "Use the result of that call instead, or leave the argument out of { donate }.",
    },
  );
}
