/** Shared state: a tensor that outlives calls, read and updated by traced functions and by plain code. */
import { DTypeError, ShapeError } from "./errors.ts";
import { followedTo, follows } from "./following.ts";
import { describe, sameShape } from "./shape.ts";
import { currentTrace } from "./trace.ts";
import type { TensorMethods } from "./ops/methods.ts";
import type { Tensor } from "./tensor.ts";
import { type DType, otherDefault } from "./dtype.ts";
import type { Device } from "./storage.ts";

/** What the reactive layer (lib/jit/reactive) wants to know. */
export interface SharedObserver {
  onRead(shared: Shared): void;
  onWrite(shared: Shared): void;
}

let observer: SharedObserver | null = null;

export function installSharedObserver(value: SharedObserver): void {
  observer = value;
}

/** Turns what a user assigns into a tensor, and a plain number into one with a buffer, outside traces. */
interface SharedConversion {
  toTensor(value: unknown, dtype: DType): Tensor;
  materialize(tensor: Tensor, device: Device): Tensor;
}

let conversion: SharedConversion | null = null;

/** Called by lib/trace/ops/convert.ts, which knows TensorLike. */
export function installSharedConversion(value: SharedConversion): void {
  conversion = value;
}

function hold(tensor: Tensor, change: number): void {
  const storage = tensor.rawStorage();
  if (storage !== null) storage.holders += change;
}

/**
 * A variable whose value persists between calls. Inside a traced function `.value` reads a traced input, and
 * assigning it records an update that is committed when the call ends; outside, both act at once.
 *
 * @example
 * ```ts
 * import { jit, shared } from "@damo/damo";
 * const count = shared(0, { name: "count" });
 * const increment = jit(() => {
 *   count.value = count.value.add(1);
 * });
 * increment();
 * increment();
 * console.assert(count.value.itemSync() === 2);
 * ```
 */
export class Shared {
  /** What it is called in messages and graphs. */
  readonly name: string;
  #tensor: Tensor;
  /** True when user code may hold the current tensor, so that an update must not overwrite its buffer. */
  escaped = true;
  /** Counts assignments; lets caches see changes cheaply. */
  version = 0;
  /** Bookkeeping of the reactive layer: null as long as nothing depends on this variable. */
  reactive: object | null = null;

  /** Use `shared` instead, which takes anything tensor-like. */
  constructor(tensor: Tensor, name: string) {
    this.#tensor = tensor;
    this.name = name;
    hold(tensor, 1);
  }

  /** The sizes of its axes. */
  get shape(): readonly number[] {
    return this.#tensor.aval.shape;
  }
  /** The element type. */
  get dtype(): DType {
    return this.#tensor.aval.dtype;
  }
  /** The number of axes. */
  get ndim(): number {
    return this.#tensor.aval.shape.length;
  }
  /** The number of elements. */
  get size(): number {
    return this.#tensor.size;
  }
  /** Where its value lies. */
  get device(): Device {
    return this.#tensor.device;
  }

  /** The current value: a concrete tensor outside a trace, a traced one inside. */
  get value(): Tensor {
    const trace = currentTrace();
    if (trace) return trace.readShared(this);
    observer?.onRead(this);
    this.escaped = true;
    return this.#tensor;
  }

  set value(value: Tensor | number | boolean | Shared | readonly unknown[] | ArrayBufferView) {
    const tensor = this.#convert(value);
    const trace = currentTrace();
    if (trace) {
      trace.writeShared(this, tensor);
      return;
    }
    const concrete = conversion!.materialize(tensor, this.device);
    const storage = concrete.storage();
    this.escaped = true;
    this.replace(
      storage.device !== this.device && follows(storage) ? followedTo(this.device, concrete) : concrete,
    );
  }

  /** The current concrete value without registering a dependency. */
  peek(): Tensor {
    if (!currentTrace()) this.escaped = true;
    return this.#tensor;
  }

  /** Sets the concrete value and tells the observers; used by compiled calls when they commit. */
  replace(tensor: Tensor): void {
    if (tensor !== this.#tensor) {
      hold(this.#tensor, -1);
      hold(tensor, 1);
      this.#tensor = tensor;
    }
    this.version++;
    observer?.onWrite(this);
  }

  /** The current tensor for a compiled call, which does not let it escape. */
  current(): Tensor {
    return this.#tensor;
  }

  /** The name and the value, or the type alone inside a trace. */
  toString(): string {
    return `Shared ${JSON.stringify(this.name)} = ${
      currentTrace() ? describe(this.#tensor.aval) : this.#tensor
    }`;
  }

  /** What `console.log` shows in Deno. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** `Number(w)`, `+w` and `w < u` are those of the value. */
  [Symbol.toPrimitive](hint: string): string | number {
    return hint === "string" ? this.toString() : this.value[Symbol.toPrimitive](hint);
  }

  /** The rows of the value. */
  [Symbol.iterator](): IterableIterator<Tensor> {
    return this.value[Symbol.iterator]();
  }

  #convert(value: unknown): Tensor {
    const { dtype, shape } = this.#tensor.aval;
    let tensor = conversion!.toTensor(value instanceof Shared ? value.value : value, dtype);
    if (!sameShape(tensor.aval.shape, shape)) {
      throw new ShapeError(
        `Shared variable "${this.name}" is ${describe(this.#tensor.aval)} and was assigned ${
          describe(tensor.aval)
        }.`,
        {
          operation: "shared.value",
          arguments: [{ name: this.name, shape, dtype }, {
            name: "value",
            shape: tensor.shape,
            dtype: tensor.dtype,
          }],
          remedy: "Its shape is fixed: reshape or broadcast the value, or make a new shared variable.",
        },
      );
    }
    if (tensor.aval.dtype === dtype && !tensor.aval.weak) return tensor;
    if (tensor.aval.weak || tensor.literal !== null) tensor = tensor.convertWeak(dtype);
    if (tensor.aval.dtype !== dtype) {
      throw new DTypeError(
        `Shared variable "${this.name}" is ${describe(this.#tensor.aval)} and was assigned ${
          describe(tensor.aval)
        }.`,
        {
          operation: "shared.value",
          arguments: [{ name: this.name, shape, dtype }, {
            name: "value",
            shape: tensor.shape,
            dtype: tensor.dtype,
          }],
          remedy:
            `Write value.cast("${dtype}"), or make the shared variable with { dtype: "${tensor.aval.dtype}" }${
              otherDefault(tensor.aval.dtype, dtype)
            }.`,
        },
      );
    }
    return tensor;
  }
}

/** The operations on tensors, applied to the value. */
export interface Shared extends TensorMethods {}
