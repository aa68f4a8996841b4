/** Tracing a function for the arguments of a call. */
import { defaultFloat, isFloat } from "../trace/dtype.ts";
import { checkNotAsync } from "../trace/ops/options.ts";
import { castPrimitive } from "../trace/primitives/cast.ts";
import type { Aval } from "../trace/shape.ts";
import { Shared } from "../trace/shared.ts";
import type { Device } from "../trace/storage.ts";
import { type NumberOrigin, Tensor } from "../trace/tensor.ts";
import { bindOne, type TracedFunction, traceFunction } from "../trace/trace.ts";
import { flatten, type TreeSpec } from "../trace/tree.ts";
import { rebuild } from "./prepare.ts";
import type { Arguments, Limits } from "./signature.ts";

/** What tracing gave. */
export interface CallTrace {
  readonly traced: TracedFunction;
  /** The structure of the result. */
  readonly result: TreeSpec;
  /** Per leaf: whether the trace depends on that number being integral or fractional, and which it was. */
  readonly integral: readonly (boolean | null)[];
  /** Per leaf: between what the trace depends on that number being. */
  readonly limits: readonly (Limits | null)[];
  /** Plain values besides the arguments that the trace depends on, and what they were. */
  readonly conditions: ReadonlyMap<() => unknown, unknown>;
}

export interface TraceCallOptions {
  readonly name: string;
  readonly device: Device;
  /** Shared variables that stand for others. */
  readonly swap: ReadonlyMap<Shared, Shared> | null;
  readonly debug: boolean;
}

/** Traces `fn` once on tensors of the types of `flat`. Number leaves are traced as weak scalars. */
export function traceCall(
  fn: (...args: never[]) => unknown,
  flat: Arguments,
  options: TraceCallOptions,
): CallTrace {
  const { name, device, swap, debug } = options;
  const integral: (boolean | null)[] = flat.leaves.map(() => null);
  const limits: (Limits | null)[] = flat.leaves.map(() => null);
  const avals = flat.leaves.map((leaf): Aval =>
    typeof leaf === "number"
      ? { shape: [], dtype: device === "webgpu" ? "float32" : "float64", weak: true }
      : { shape: leaf.aval.shape, dtype: leaf.aval.dtype }
  );
  let result: TreeSpec | null = null;
  let conditions: ReadonlyMap<() => unknown, unknown> = new Map();
  const traced = traceFunction(
    (inputs, trace) => {
      trace.swap = swap;
      trace.debug = debug;
      conditions = trace.conditions;
      flat.leaves.forEach((leaf, i) => {
        if (typeof leaf === "number") {
          inputs[i].origin = new ArgumentNumber(leaf, integral, limits, i);
        }
      });
      const returned = fn(...rebuild(flat.specs, inputs) as never[]);
      checkNotAsync(name, returned);
      const results = flatten(returned, isResultLeaf);
      result = results.spec;
      return results.leaves.map((leaf) => definite(leaf instanceof Shared ? leaf.value : leaf));
    },
    avals,
    { name, inputNames: flat.paths },
  );
  return { traced, result: result!, integral, limits, conditions };
}

function isResultLeaf(value: unknown): value is Tensor | Shared {
  return value instanceof Tensor || value instanceof Shared;
}

/** A number argument: whoever asks whether it is integral makes the trace depend on the answer. */
class ArgumentNumber implements NumberOrigin {
  readonly integral: boolean;
  readonly #value: number;
  readonly #observed: (boolean | null)[];
  readonly #limits: (Limits | null)[];
  readonly #index: number;

  constructor(value: number, observed: (boolean | null)[], limits: (Limits | null)[], index: number) {
    this.integral = Number.isInteger(value);
    this.#value = value;
    this.#observed = observed;
    this.#limits = limits;
    this.#index = index;
  }

  observe(): void {
    this.#observed[this.#index] = this.integral;
  }

  within(low: number, high: number): number {
    const [least, most] = this.#limits[this.#index] ?? [-Infinity, Infinity];
    this.#limits[this.#index] = [Math.max(low, least), Math.min(high, most)];
    return this.#value;
  }
}

/** Results have a dtype of their own: a weak number becomes the default float. */
function definite(tensor: Tensor): Tensor {
  const { dtype, weak } = tensor.aval;
  if (!weak) return tensor;
  const target = isFloat(dtype) ? defaultFloat() : dtype;
  return tensor.literal !== null
    ? tensor.convertWeak(target)
    : bindOne(castPrimitive, [tensor], { dtype: target });
}
