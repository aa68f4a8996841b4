/** Data sets cut into batches. */
import { DamoError, ShapeError } from "../trace/errors.ts";
import { strong, type TensorLike } from "../trace/ops/convert.ts";
import { narrow } from "../trace/ops/index_read.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { take } from "../trace/ops/taking.ts";
import { describe } from "../trace/shape.ts";
import type { Tensor } from "../trace/tensor.ts";
import { foldIn, key, permutation } from "../random/mod.ts";

/** Options of batches. */
export interface BatchOptions {
  /** Examples in a batch. */
  readonly batchSize: number;
  /** A seed: the examples come in random order, another one at every iteration. In their own order when left out. */
  readonly shuffle?: number;
  /** Leaves out the last batch when it is not full; false by default. */
  readonly dropLast?: boolean;
}

/** The batches of a data set, to be iterated as often as needed. */
export class Batches<T extends readonly TensorLike[]> implements Iterable<{ [K in keyof T]: Tensor }> {
  /** The number of batches of one iteration. */
  readonly length: number;
  /** The number of examples. */
  readonly count: number;
  readonly #arrays: readonly Tensor[];
  readonly #options: BatchOptions;
  #epoch = 0;

  /** @internal */
  constructor(arrays: readonly Tensor[], options: BatchOptions) {
    this.#arrays = arrays;
    this.#options = options;
    this.count = arrays[0].shape[0];
    const full = this.count / options.batchSize;
    this.length = options.dropLast ? Math.floor(full) : Math.ceil(full);
  }

  /** One pass over the data: a tuple of tensors a batch. */
  *[Symbol.iterator](): Iterator<{ [K in keyof T]: Tensor }> {
    const { batchSize, shuffle } = this.#options;
    const order = shuffle === undefined ? null : permutation(foldIn(key(shuffle), this.#epoch++), this.count);
    for (let i = 0; i < this.length; i++) {
      const start = i * batchSize, size = Math.min(batchSize, this.count - start);
      const rows = order && narrow(order, 0, start, size);
      yield this.#arrays.map((x) => rows ? take(x, rows, 0) : narrow(x, 0, start, size)) as {
        [K in keyof T]: Tensor;
      };
    }
  }
}

/**
 * Batches of a data set: `arrays` are tensors, typed arrays or nested arrays with one example per entry of the first axis; each
 * batch is a tuple with the same number of examples of each. With a seed in `shuffle` every iteration has another order, the
 * same in every run.
 *
 * @throws {ShapeError} when the arrays differ in length, or the batch size is no positive integer.
 * @throws {DamoError} for no arrays or a seed that is no integer.
 * @example
 * ```ts
 * import { data, tensor } from "@damo/damo";
 * const x = tensor([[1, 1], [2, 2], [3, 3]]), y = new Int32Array([1, 2, 3]);
 * for (const [images, labels] of data.batches([x, y], { batchSize: 2, shuffle: 0 })) {
 *   console.assert(images.shape[0] === labels.shape[0]);
 * }
 * ```
 */
export function batches<T extends readonly TensorLike[]>(
  arrays: readonly [...T],
  options: BatchOptions,
): Batches<T> {
  const operation = "data.batches";
  checkOptions(operation, options, ["batchSize", "shuffle", "dropLast"]);
  const { batchSize, shuffle } = options ?? {};
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new ShapeError(`${operation}: batchSize is ${String(batchSize)}.`, {
      operation,
      arguments: [{ name: "batchSize", value: batchSize }],
      remedy: "Pass { batchSize } as a positive integer.",
    });
  }
  if (shuffle !== undefined && !Number.isSafeInteger(shuffle)) {
    throw new DamoError(`${operation}: shuffle is ${String(shuffle)}.`, {
      operation,
      arguments: [{ name: "shuffle", value: shuffle }],
      remedy: "Pass an integer, the seed of the order, or leave it out.",
    });
  }
  if (!Array.isArray(arrays) || arrays.length === 0) {
    throw new DamoError(`${operation}: there are no arrays.`, {
      operation,
      remedy: "Pass an array of tensors or typed arrays: data.batches([images, labels], { batchSize: 32 }).",
    });
  }
  const tensors = arrays.map((x) => strong(x, operation));
  const odd = tensors.findIndex((x) => x.ndim === 0 || x.shape[0] !== tensors[0].shape[0]);
  if (odd >= 0 && tensors[odd].ndim === 0) {
    throw new ShapeError(`${operation}: array ${odd} is a scalar ${describe(tensors[odd].aval)}.`, {
      operation,
      arguments: [{ name: `array ${odd}`, shape: [], dtype: tensors[odd].dtype }],
      remedy: "Arrays hold their examples along the first axis.",
    });
  }
  if (odd >= 0) {
    throw new ShapeError(
      `${operation}: array ${odd} is ${describe(tensors[odd].aval)}, and array 0 is ${
        describe(tensors[0].aval)
      }.`,
      {
        operation,
        arguments: tensors.map((x, i) => ({ name: `arrays[${i}]`, shape: x.shape, dtype: x.dtype })),
        remedy: "All arrays need the same number of examples along their first axis.",
      },
    );
  }
  return new Batches<T>(tensors, options);
}
