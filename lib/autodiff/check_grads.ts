/** checkGrads: derivatives compared with finite differences. */
import { isFloat, newTypedArray, type TypedArray } from "../trace/dtype.ts";
import { GradientError } from "../trace/errors.ts";
import { checkChoice, checkFunction, checkOptions } from "../trace/ops/options.ts";
import { adoptNames, functionName } from "../trace/parameter_names.ts";
import { toTensor, upload } from "../trace/ops/convert.ts";
import { Shared } from "../trace/shared.ts";
import { Tensor } from "../trace/tensor.ts";
import { currentTrace } from "../trace/trace.ts";
import { flatten, unflatten } from "../trace/tree.ts";
import { flattenResult } from "./arguments.ts";
import type { AnyFunction } from "./types.ts";
import { jvp, vjp } from "./vjp.ts";

/** Options of {@link checkGrads}. */
export interface CheckGradsOptions {
  /** Derivatives up to this order are checked: 2 when absent. */
  readonly order?: number;
  /** Which modes to check; both when absent. Every combination is checked for higher orders. */
  readonly modes?: readonly ("forward" | "reverse")[];
  /** The allowed difference relative to 1 + the size of the derivative: by dtype when absent. */
  readonly tolerance?: number;
  /** The step of the differences, relative to the random direction: by dtype when absent. */
  readonly step?: number;
  /** Chooses the random directions. */
  readonly seed?: number;
}

/** What {@link checkGrads} found. */
export interface CheckGradsResult {
  /** How many derivatives were compared. */
  readonly checked: number;
  /** The largest difference found, relative to 1 + the size of the derivative. */
  readonly largestError: number;
}

/** Step and tolerance: the difference of fourth order is off by about step^4 + rounding / step. */
const SETTINGS: { readonly [d: string]: { readonly step: number; readonly tolerance: number } } = {
  float64: { step: 1e-4, tolerance: 1e-7 },
  float32: { step: 3e-2, tolerance: 5e-3 },
  float16: { step: 2e-1, tolerance: 2e-1 },
};

type Flat = (...leaves: Tensor[]) => Tensor[];

/**
 * Compares the derivatives of a function at a point with finite differences of fourth order along random directions:
 * forward mode, reverse mode, and for higher orders every combination of them. Use float64 arguments: float32 leaves
 * only two or three digits. The function must be smooth near the point. Integer tensors and plain values among the
 * arguments stay as they are.
 *
 * @throws {GradientError} with both numbers and the transforms applied, when a derivative is off.
 * @example
 * ```ts
 * import { checkGrads, tensor } from "@damo/damo";
 * checkGrads((x) => x.sin().mul(x).sum(), [tensor([0.3, 1.2], { dtype: "float64" })]);
 * ```
 */
export function checkGrads(
  fn: AnyFunction,
  args: readonly unknown[],
  options: CheckGradsOptions = {},
): CheckGradsResult {
  checkFunction("checkGrads", fn);
  const context = `checkGrads of ${functionName(fn)}`;
  checkOptions(context, options, ["order", "modes", "tolerance", "step", "seed"]);
  for (const mode of options.modes ?? []) checkChoice(context, "modes", mode, ["forward", "reverse"]);
  if (currentTrace() !== null) {
    throw new GradientError(
      `${context}: called inside a traced function, where there are no values to compare.`,
      {
        operation: context,
        remedy: "Call it outside jit, grad and the like.",
      },
    );
  }
  const { leaves, flat } = flattenFunction(fn, args);
  if (leaves.length === 0) {
    throw new GradientError(`${context}: no argument is of a float dtype.`, {
      operation: context,
      remedy: "Pass at least one float tensor.",
    });
  }
  const checker = new Checker(leaves, options, context);
  checker.check(flat, options.order ?? 2, "");
  return { checked: checker.checked, largestError: checker.largestError };
}

/** The function of its float leaves alone, with float results alone. */
function flattenFunction(fn: AnyFunction, args: readonly unknown[]): { leaves: Tensor[]; flat: Flat } {
  const isLeaf = (value: unknown): value is Tensor | Shared | TypedArray =>
    value instanceof Tensor || value instanceof Shared ||
    (ArrayBuffer.isView(value) && !(value instanceof DataView));
  const { leaves, spec } = flatten(args, isLeaf);
  const tensors = leaves.map((leaf) => leaf instanceof Shared ? leaf.value : toTensor(leaf));
  const places = tensors.flatMap((tensor, i) => isFloat(tensor.dtype) ? [i] : []);
  const flat: Flat = (...moving) => {
    const all: Tensor[] = [...tensors];
    places.forEach((place, i) => all[place] = moving[i]);
    const { tensors: results } = flattenResult(fn(...unflatten(spec, all) as unknown[]));
    return results.filter((result) => isFloat(result.dtype));
  };
  adoptNames(flat, fn, "");
  Object.defineProperty(flat, "name", { value: fn.name });
  return { leaves: places.map((place) => tensors[place]), flat };
}

class Checker {
  checked = 0;
  largestError = 0;
  readonly #random: () => number;
  readonly #step: number;
  readonly #tolerance: number;
  readonly #modes: readonly ("forward" | "reverse")[];

  constructor(readonly point: readonly Tensor[], options: CheckGradsOptions, readonly context: string) {
    const settings = point.map((leaf) => SETTINGS[leaf.dtype]);
    this.#step = options.step ?? Math.max(...settings.map((s) => s.step));
    this.#tolerance = options.tolerance ?? Math.max(...settings.map((s) => s.tolerance));
    this.#modes = options.modes ?? ["forward", "reverse"];
    this.#random = normals(options.seed ?? 0);
  }

  /** Compares the first derivative of `flat`, and goes on with its derivatives as functions. */
  check(flat: Flat, order: number, path: string): void {
    const results = flat(...this.point);
    const tangents = this.point.map((leaf) => this.#direction(leaf));
    const cotangents = results.map((result) => this.#direction(result));
    const expected = this.#difference(flat, tangents, cotangents);
    if (this.#modes.includes("forward")) {
      const [, moved] = jvp(flat, this.point as Tensor[], tangents);
      this.#compare(inner(moved, cotangents), expected, `${path}forward`);
    }
    if (this.#modes.includes("reverse")) {
      const [, pullback] = vjp(flat, ...this.point);
      this.#compare(inner(pullback(cotangents) as Tensor[], tangents), expected, `${path}reverse`);
    }
    if (order <= 1) return;
    if (this.#modes.includes("forward")) {
      const forward: Flat = (...leaves) => jvp(flat, leaves, tangents)[1];
      this.check(forward, order - 1, `${path}forward, then `);
    }
    if (this.#modes.includes("reverse")) {
      const reverse: Flat = (...leaves) => vjp(flat, ...leaves)[1](cotangents) as Tensor[];
      this.check(reverse, order - 1, `${path}reverse, then `);
    }
  }

  #direction(like: Tensor): Tensor {
    return filledBy(like, () => this.#random());
  }

  /** d/dh <u, f(x + h v)> at h = 0: (8 (g(h) - g(-h)) - (g(2h) - g(-2h))) / 12h. */
  #difference(flat: Flat, tangents: readonly Tensor[], cotangents: readonly Tensor[]): number {
    const h = this.#step;
    const directions = tangents.map((tangent) => tangent.dataSync());
    const at = (k: number): number => {
      const moved = this.point.map((leaf, i) => {
        const data = leaf.dataSync();
        return fromData(leaf, data.map((value, j) => value + k * h * directions[i][j]) as TypedArray);
      });
      return inner(flat(...moved), cotangents);
    };
    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h);
  }

  #compare(actual: number, expected: number, path: string): void {
    this.checked++;
    const error = Math.abs(actual - expected) / (1 + Math.max(Math.abs(actual), Math.abs(expected)));
    if (error > this.largestError) this.largestError = error;
    if (error <= this.#tolerance) return;
    throw new GradientError(
      `${this.context}: ${path} mode gives the directional derivative ${actual}, finite differences give ${expected}.`,
      {
        operation: this.context,
        arguments: [{ name: "actual", value: actual }, { name: "expected", value: expected }],
        remedy:
          `They may differ by ${this.#tolerance} of 1 + their size. Check the rule, that the function is smooth ` +
          "there, or with float64 arguments; { tolerance } and { step } can be set.",
      },
    );
  }
}

/** The inner product of two lists of tensors, in float64. */
function inner(a: readonly Tensor[], b: readonly Tensor[]): number {
  let sum = 0;
  a.forEach((tensor, i) => {
    const left = tensor.dataSync(), right = b[i].dataSync();
    for (let j = 0; j < left.length; j++) sum += left[j] * right[j];
  });
  return sum;
}

function filledBy(like: Tensor, next: () => number): Tensor {
  const data = newTypedArray(like.dtype, like.size);
  for (let i = 0; i < data.length; i++) data[i] = next();
  return fromData(like, data);
}

function fromData(like: Tensor, data: TypedArray): Tensor {
  return upload(data, like.dtype, like.shape, like.device);
}

/** Normally distributed numbers from a seed, the same on every machine: splitmix32 and Box and Muller's method. */
function normals(seed: number): () => number {
  let state = seed | 0;
  const uniform = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let z = state ^ (state >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 4294967296;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
