/** The workloads with any library: it brings its arrays and operations, and everything else is the same for all. */
import {
  chainOf,
  isClose,
  lastOfRows,
  measureAll,
  mlpLoss,
  NAMES,
  noise,
  productAt,
  RNN,
  rnnSlope,
  SHRINK,
  type Sizes,
  type Work,
} from "./workloads.ts";

type Awaitable<T> = T | Promise<T>;

/** A net in training. */
export interface Training {
  /** Trains once and waits for the end. */
  readonly step: () => Awaitable<void>;
  /** The losses of the steps so far, the first two at least. */
  readonly losses: () => Awaitable<readonly number[]>;
}

/** What a library brings; `A` is its array. The functions that operations give compute a new result with each call. */
export interface Library<A> {
  array(data: Float32Array<ArrayBuffer>, shape: number[]): A;
  matmul(a: A, b: A): () => A;
  /** tanh(2x + 1) exp(-x²) + sin(x). */
  chain(x: A): () => A;
  /** Over the columns of each row. */
  softmax(x: A): () => A;
  layerNorm(x: A): () => A;
  /** Over an axis, or altogether. */
  sum(x: A, axis: number | undefined): () => A;
  /** The net `MLP`, trained by gradient descent. */
  mlp(): Training;
  /** The derivative of the sum of squares of the last state with respect to U, beside that with respect to W. */
  rnn(xs: A, W: A, U: A): () => A;
  /** Multiplies by a factor as long as the squares sum to more than 1. */
  shrink(x: A, factor: number): () => Awaitable<A>;
  /** x + x. */
  double(x: A): () => A;
  /** x + 1. */
  increment(x: A): () => A;
  /** Waits until a result is there. */
  finish(result: A): Awaitable<void>;
  data(result: A): Awaitable<ArrayLike<number>>;
  /** Lets go of a result. */
  dispose(result: A): void;
}

/** With `--only=words` the workloads whose names contain them. */
const only = Deno.args.find((arg) => arg.startsWith("--only="))?.slice("--only=".length) ?? "";

/** Measures the workloads with a library, and prints a line of JSON for each. */
export async function measureLibrary<A>(library: Library<A>, sizes: Sizes): Promise<void> {
  const square = (size: number, seed: number, shift = 0): [Float32Array<ArrayBuffer>, A] => {
    const data = noise(size * size, seed).map((x) => x + shift);
    return [data, library.array(data, [size, size])];
  };
  const works: (() => Work)[] = [];
  /** A workload: a function that computes a new result, and whether that is right. */
  const add = (
    workload: string,
    prepare: () => {
      readonly make: () => Awaitable<A>;
      readonly check: (data: ArrayLike<number>) => boolean;
    },
    wait: (result: A) => Awaitable<unknown> = library.finish,
  ): void => {
    if (!workload.includes(only)) return;
    works.push(() => {
      const { make, check } = prepare();
      return {
        workload,
        run: async () => {
          const result = await make();
          await wait(result);
          library.dispose(result);
        },
        check: async () => {
          const result = await make();
          const data = await library.data(result);
          library.dispose(result);
          return check(data);
        },
      };
    });
  };

  for (const size of sizes.products) {
    add(NAMES.product(size), () => {
      const [left, a] = square(size, 1), [right, b] = square(size, 2);
      const expected = productAt(left, right, size, size - 1, 1);
      const check = (c: ArrayLike<number>) => isClose(c[(size - 1) * size + 1], expected, 1e-3);
      return { make: library.matmul(a, b), check };
    });
  }
  const { elements, rows, summed } = sizes;
  add(NAMES.chain(elements), () => {
    const data = noise(elements, 3), expected = chainOf(data[elements - 1]);
    const check = (y: ArrayLike<number>) => isClose(y[elements - 1], expected, 1e-5);
    return { make: library.chain(library.array(data, [elements])), check };
  });
  add(NAMES.softmax(rows), () => {
    const [data, x] = square(rows, 4), expected = lastOfRows(data, rows).softmax * rows;
    const check = (y: ArrayLike<number>) => isClose(y[rows * rows - 1] * rows, expected, 1e-4);
    return { make: library.softmax(x), check };
  });
  add(NAMES.layerNorm(rows), () => {
    const [data, x] = square(rows, 4), expected = lastOfRows(data, rows).layerNorm;
    const check = (y: ArrayLike<number>) => isClose(y[rows * rows - 1], expected, 1e-4);
    return { make: library.layerNorm(x), check };
  });
  for (const axis of [undefined, 0, 1]) {
    add(NAMES.sum(summed, axis), () => {
      const [data, x] = square(summed, 5, 1), expected = data.reduce((sum, x) => sum + x, 0);
      const check = (s: ArrayLike<number>) =>
        isClose(Array.from(s).reduce((a, b) => a + b, 0), expected, 1e-5);
      return { make: library.sum(x, axis), check };
    });
  }
  if (NAMES.mlp.includes(only)) {
    works.push(() => {
      const { step, losses } = library.mlp();
      const check = async () => {
        await step();
        const [first, second] = await losses();
        return isClose(first, mlpLoss(), 1e-3) && second < first;
      };
      return { workload: NAMES.mlp, run: step, check };
    });
  }
  add(NAMES.rnn, () => {
    const { steps, batch, state } = RNN;
    const xs = library.array(RNN.xs(), [steps, batch, state]);
    const W = library.array(RNN.W(), [state, state]), U = library.array(RNN.U(), [state, state]);
    return { make: library.rnn(xs, W, U), check: (dU) => isClose(dU[5], rnnSlope(), 2e-3) };
  });
  add(NAMES.shrink(SHRINK.length, SHRINK.steps), () => {
    const { length, factor, first, last } = SHRINK;
    const x = library.array(new Float32Array(length).fill(first), [length]);
    return { make: library.shrink(x, factor), check: (x) => isClose(x[length - 1] / last, 1, 1e-4) };
  });
  add(NAMES.add, () => {
    const x = library.array(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), [8]);
    return { make: library.double(x), check: (z) => z[7] === 16 };
  }, library.data);
  add(NAMES.read, () => {
    const x = library.array(Float32Array.of(1.5), [1]);
    return { make: library.increment(x), check: (y) => y[0] === 2.5 };
  }, library.data);
  await measureAll(works);
}
