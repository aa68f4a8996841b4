/** The workloads of the WebGPU benchmark: their operands, what is right, and how they are measured. */

/** Operands and sizes; `large` are those of a real GPU. */
export interface Sizes {
  readonly products: readonly number[];
  readonly elements: number;
  readonly rows: number;
  readonly summed: number;
}

export const SMALL: Sizes = { products: [512, 1024], elements: 1 << 22, rows: 1024, summed: 4096 };
export const LARGE: Sizes = { products: [1024, 4096], elements: 1 << 26, rows: 4096, summed: 4096 };

/** One library's way to do a workload. */
export interface Work {
  readonly workload: string;
  /** Computes once and waits for the end. */
  readonly run: () => void | Promise<void>;
  /** Whether what `run` computed is right. */
  readonly check: () => boolean | Promise<boolean>;
}

export interface Row {
  readonly workload: string;
  readonly milliseconds: number;
  readonly firstCall: number;
  readonly ok: boolean;
  /** Why there is no figure. */
  readonly refused?: string;
}

/** Prints the first call, whether it was right, and the least time of several calls of each, a line of JSON for each. */
export async function measureAll(works: readonly (() => Work | Promise<Work>)[]): Promise<void> {
  const print = (row: Row) => console.log(JSON.stringify(row));
  for (const make of works) {
    let work: Work | null = null;
    try {
      work = await make();
      const started = performance.now();
      await work.run();
      const firstCall = performance.now() - started;
      const ok = await work.check();
      let milliseconds = Infinity;
      const until = performance.now() + 1200;
      for (let i = 0; i < 3 || (performance.now() < until && i < 200); i++) {
        const start = performance.now();
        await work.run();
        milliseconds = Math.min(milliseconds, performance.now() - start);
      }
      print({ workload: work.workload, milliseconds, firstCall, ok });
    } catch (error) {
      const refused = (error as Error).message.split("\n")[0];
      print({ workload: work?.workload ?? "", milliseconds: NaN, firstCall: NaN, ok: false, refused });
    }
  }
}

/** Numbers of about -1 to 1 that every library gets. */
export function noise(length: number, seed: number, scale = 1): Float32Array<ArrayBuffer> {
  let state = seed * 2654435761 >>> 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return scale * (state / 2 ** 31 - 1);
  });
}

export function isClose(actual: number, expected: number, tolerance: number): boolean {
  return Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected));
}

/** An element of the product of two square matrices. */
export function productAt(
  a: Float32Array,
  b: Float32Array,
  size: number,
  row: number,
  column: number,
): number {
  let sum = 0;
  for (let k = 0; k < size; k++) sum += a[row * size + k] * b[k * size + column];
  return sum;
}

export function chainOf(x: number): number {
  return Math.tanh(2 * x + 1) * Math.exp(-x * x) + Math.sin(x);
}

/** The last element of the softmax, and of the layer norm, of a matrix's last row. */
export function lastOfRows(x: Float32Array, size: number): { softmax: number; layerNorm: number } {
  const row = Array.from(x.subarray((size - 1) * size)), last = row[size - 1];
  const mean = row.reduce((a, b) => a + b, 0) / size;
  const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / size;
  return {
    softmax: Math.exp(last) / row.reduce((sum, value) => sum + Math.exp(value), 0),
    layerNorm: (last - mean) / Math.sqrt(variance + 1e-5),
  };
}

/** The net 784-512-512-10, a batch of 128, and its first loss. */
export const MLP = {
  sizes: [784, 512, 512, 10],
  batch: 128,
  weights: (): Float32Array<ArrayBuffer>[] => [
    noise(784 * 512, 1, 0.06),
    noise(512 * 512, 2, 0.08),
    noise(512 * 10, 3, 0.08),
  ],
  x: (): Float32Array<ArrayBuffer> => noise(128 * 784, 4),
  labels: (): Int32Array<ArrayBuffer> => Int32Array.from({ length: 128 }, (_, i) => i % 10),
  rate: 0.1,
};

export function mlpLoss(): number {
  const weights = MLP.weights(), labels = MLP.labels();
  let h: ArrayLike<number> = MLP.x();
  for (let layer = 0; layer < 3; layer++) {
    const [inner, outer] = MLP.sizes.slice(layer, layer + 2);
    const next = new Float64Array(MLP.batch * outer);
    for (let i = 0; i < MLP.batch; i++) {
      for (let k = 0; k < inner; k++) {
        const value = h[i * inner + k];
        for (let j = 0; j < outer; j++) next[i * outer + j] += value * weights[layer][k * outer + j];
      }
    }
    h = layer < 2 ? next.map((x) => Math.max(x, 0)) : next;
  }
  let loss = 0;
  for (let i = 0; i < MLP.batch; i++) {
    const row = Array.from({ length: 10 }, (_, j) => h[i * 10 + j]);
    const most = Math.max(...row);
    loss += most + Math.log(row.reduce((sum, x) => sum + Math.exp(x - most), 0)) - row[labels[i]];
  }
  return loss / MLP.batch;
}

/** A recurrent net of 100 steps. */
export const RNN = {
  steps: 100,
  batch: 32,
  state: 128,
  W: (): Float32Array<ArrayBuffer> => noise(128 * 128, 5, 0.1),
  U: (): Float32Array<ArrayBuffer> => noise(128 * 128, 6, 0.1),
  xs: (): Float32Array<ArrayBuffer> => noise(100 * 32 * 128, 7),
};

/** A loop over a large state that ends when its numbers are small. */
export const SHRINK = {
  length: 65_536,
  steps: 100,
  factor: 0.9,
  first: 0.9 ** -99.5 / 256,
  last: 0.9 ** 0.5 / 256,
};

/** The sum of squares of the last state with U moved by `by` in one element. */
function rnnCost(by: number): number {
  const { steps, batch, state } = RNN;
  const W = RNN.W(), U = Float64Array.from(RNN.U()), xs = RNN.xs();
  U[5] += by;
  // Every example is on its own: the first four are enough beside a check of the others by their sum.
  let h = new Float64Array(batch * state);
  for (let t = 0; t < steps; t++) {
    const next = new Float64Array(batch * state);
    for (let i = 0; i < batch; i++) {
      for (let k = 0; k < state; k++) {
        const x = xs[(t * batch + i) * state + k], own = h[i * state + k];
        for (let j = 0; j < state; j++) {
          next[i * state + j] += x * W[k * state + j] + own * U[k * state + j];
        }
      }
    }
    h = next.map(Math.tanh);
  }
  return h.reduce((sum, x) => sum + x * x, 0);
}

/** The derivative of the cost with respect to element 5 of U, by differences. */
export function rnnSlope(): number {
  return (rnnCost(1e-4) - rnnCost(-1e-4)) / 2e-4;
}

/** Names that the rows of all libraries share. */
export const NAMES = {
  product: (size: number): string => `matmul ${size}x${size}`,
  chain: (length: number): string => `tanh(2x+1) exp(-x²) + sin(x), ${length} elements`,
  softmax: (size: number): string => `softmax ${size}x${size}`,
  layerNorm: (size: number): string => `layer norm ${size}x${size}`,
  sum: (size: number, axis?: number): string =>
    `sum of ${size}x${size}${axis === undefined ? "" : ` over axis ${axis}`}`,
  mlp: "MLP 784-512-512-10, batch 128, training step",
  rnn: "RNN 32x128, T = 100, with backward",
  shrink: (length: number, steps: number): string =>
    `while loop with a condition on ${length} numbers, ${steps} steps`,
  read: "x + 1 of one number, read back",
  add: "x + x on 8 numbers, read back",
};

/** What a time means. */
export function figureOf(workload: string, milliseconds: number): string {
  const product = /^matmul (\d+)x/.exec(workload);
  if (product) return `${(2 * Number(product[1]) ** 3 / milliseconds / 1e6).toFixed(1)} GFLOP/s`;
  const steps = /, (\d+) steps/.exec(workload);
  if (steps) return `${(1000 * Number(steps[1]) / milliseconds).toFixed(0)} steps/s`;
  const square = /(\d+)x\1/.exec(workload);
  const elements = /, (\d+) elements/.exec(workload);
  const touched = elements
    ? 8 * Number(elements[1])
    : square
    ? (workload.startsWith("sum") ? 4 : 8) * Number(square[1]) ** 2
    : 0;
  return touched > 0 ? `${(touched / milliseconds / 1e6).toFixed(2)} GB/s` : "";
}
