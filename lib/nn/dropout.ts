/** Dropout: some values are left out while training. */
import { DamoError } from "../trace/errors.ts";
import type { TensorLike } from "../trace/ops/convert.ts";
import { where } from "../trace/ops/logic.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { Tensor } from "../trace/tensor.ts";
import { whole } from "../trace/whole.ts";
import { bernoulli, RandomStream } from "../random/mod.ts";
import { floatInput } from "./activation.ts";
import { Module } from "./module.ts";
import { freshSeed } from "./sizes.ts";

/** Options of dropout. */
export interface DropoutOptions {
  /** A key or a stream that decides what is left out; a stream of the library's own when left out. */
  readonly random?: TensorLike | RandomStream;
  /** False to change nothing; true by default. */
  readonly training?: boolean;
}

let ownStream: RandomStream | null = null;

function checkRate(operation: string, rate: unknown): number {
  if (typeof rate === "number" && rate >= 0 && rate <= 1) return rate;
  throw new DamoError(`${operation}: the rate is ${String(rate)}.`, {
    operation,
    arguments: [{ name: "rate", value: rate }],
    remedy: "Pass the fraction that is left out, a number from 0 to 1.",
  });
}

/**
 * Each element with probability `rate` replaced by 0, the others divided by 1 - rate so that the mean stays (Srivastava,
 * Hinton, Krizhevsky, Sutskever and Salakhutdinov, JMLR 2014).
 *
 * @throws {DamoError} for a rate outside 0 to 1.
 * @example
 * ```ts
 * import { nn, ones, random } from "@damo/damo";
 * const y = nn.dropout(ones([1000]), 0.5, { random: random.key(0) });
 * console.assert(new Set(y.dataSync()).size === 2 && Math.abs(Number(y.mean()) - 1) < 0.1);
 * ```
 */
export function dropout(x: TensorLike, rate: number, options: DropoutOptions = {}): Tensor {
  const operation = "nn.dropout";
  checkOptions(operation, options, ["random", "training"]);
  const value = floatInput(operation, x);
  checkRate(operation, rate);
  if (options.training === false || rate === 0) return value;
  const source = options.random ?? (ownStream ??= new RandomStream(freshSeed()));
  const p = 1 - rate;
  const kept = source instanceof RandomStream
    ? source.bernoulli(value.shape, { p })
    : bernoulli(source, value.shape, { p });
  return whole(operation, keptPart, value, kept, Tensor.literal(rate === 1 ? 0 : 1 / p, value.dtype));
}

function keptPart(x: Tensor, kept: Tensor, factor: Tensor): Tensor {
  return where(kept, x.mul(factor), 0);
}

/** Options of the layer Dropout. */
export interface DropoutLayerOptions {
  /** Seeds what is left out; each layer gets another seed when left out. */
  readonly seed?: number;
}

/**
 * Leaves values out in training mode, and passes them on in evaluation mode. See {@link dropout}.
 *
 * @example
 * ```ts
 * import { nn, ones } from "@damo/damo";
 * const layer = new nn.Dropout(0.5, { seed: 1 });
 * console.assert(layer.forward(ones([100])).dataSync().includes(0));
 * console.assert(!layer.eval().forward(ones([100])).dataSync().includes(0));
 * ```
 */
export class Dropout extends Module {
  /** The fraction that is left out. */
  readonly rate: number;
  /** Decides what is left out; its state advances at every call, and can be set and copied. */
  readonly stream: RandomStream;

  /**
   * Makes the layer.
   *
   * @param rate The fraction that is left out.
   * @throws {DamoError} for a rate outside 0 to 1.
   */
  constructor(rate: number, options: DropoutLayerOptions = {}) {
    super();
    checkOptions("nn.Dropout", options, ["seed"]);
    this.rate = checkRate("nn.Dropout", rate);
    this.stream = new RandomStream(options.seed ?? freshSeed());
  }

  /** `x` with values left out in training mode; `x` itself otherwise. */
  override forward(x: TensorLike): Tensor {
    return dropout(x, this.rate, { random: this.stream, training: this.training });
  }
}
