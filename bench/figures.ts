/** What a benchmark's nanoseconds mean: the figure that is printed beside them, and the aim where there is one. */
import { FMA_OPERATIONS, READ_BYTES } from "./limits.ts";

export interface Figure {
  readonly unit: string;
  /** The figure for the nanoseconds of one iteration; `least` gives those of another benchmark or of a peer (or NaN). */
  of(nanoseconds: number, least: (other: string) => number): number;
  readonly aim?: { readonly value: number; readonly better: "higher" | "lower" };
  /**
   * The benchmark that says what the machine can do at most, on `threads` threads; of a figure that is no rate, with the
   * number of its operations.
   */
  readonly limit?: { readonly name: string; readonly threads: number; readonly operations?: number };
}

/** A line of the table that no benchmark stands behind: a figure with its unit, and whether the aim was met. */
export interface Fact {
  readonly name: string;
  readonly value: string;
  readonly aim: string;
}

const FMA = "limit: multiply-add, one thread", READ = "limit: reading memory, one thread";
const CORES = navigator.hardwareConcurrency;

function gflops(m: number, n: number, k: number, aim?: number): Figure {
  return {
    unit: "GFLOP/s",
    of: (ns) => 2 * m * n * k / ns,
    aim: aim === undefined ? undefined : { value: aim, better: "higher" },
    limit: { name: FMA, threads: 1 },
  };
}

function per(count: number, unit: string, aim?: number): Figure {
  return {
    unit,
    of: (ns) => ns / count,
    aim: aim === undefined ? undefined : { value: aim, better: "lower" },
  };
}

function milliseconds(aim?: number): Figure {
  return {
    unit: "ms",
    of: (ns) => ns / 1e6,
    aim: aim === undefined ? undefined : { value: aim, better: "lower" },
  };
}

/** How many times longer than a peer, or than another benchmark of the same run. */
function times(other: string, unit: string, aim: number): Figure {
  return { unit, of: (ns, least) => ns / least(other), aim: { value: aim, better: "lower" } };
}

function perSecond(count: number, aim: number): Figure {
  return { unit: "per second", of: (ns) => count * 1e9 / ns, aim: { value: aim, better: "higher" } };
}

const timesNumPy = times("NumPy, one thread", "times NumPy", 3);

/** The programs of bench/autodiff_bench.ts. */
const DIFFERENTIATED = [
  "MLP 256-256-256-10, batch 128",
  "residual net of 8 blocks",
  "logsumexp of 1M",
  "chain of 3,000 operations on 1,024 numbers",
];

/** GFLOP/s beside what all cores can do. */
function operations(count: number): Figure {
  return { unit: "GFLOP/s", of: (ns) => count / ns, limit: { name: FMA, threads: CORES } };
}

/** GB/s beside what all cores can read. */
function bytes(count: number): Figure {
  return { unit: "GB/s", of: (ns) => count / ns, limit: { name: READ, threads: CORES } };
}

/** What so many products of 32 states with weights of 128x128 can take at the least on one thread. */
function products(count: number): Figure["limit"] {
  return { name: FMA, threads: 1, operations: count * 2 * 32 * 128 * 128 };
}

const convolution = 2 * 32 * 32 * 28 * 28 * 16 * 5 * 5;

export const figures: { readonly [name: string]: Figure } = {
  ...Object.fromEntries(
    DIFFERENTIATED.map((name) => [`gradient of ${name}`, times(name, "times its function", 4)]),
  ),
  "hvp": times("gradient for hvp", "times the gradient", 4),
  "matmul 512 NN": gflops(512, 512, 512, 45),
  "matmul 512 NT": gflops(512, 512, 512, 45),
  "matmul 512 TN": gflops(512, 512, 512, 45),
  "matmul 512 TT": gflops(512, 512, 512, 45),
  "matmul 512x512x510": gflops(512, 510, 512, 38),
  "chain of 1M": per(1e6, "ns per element", 5),
  "z = x + y on 8 numbers, 1,000 calls": per(1e6, "µs per call", 1.5),
  "linear regression 100x10, 1,000 steps": milliseconds(15),
  "the same step with a profile": times("MLP 784-512-512-10 step, batch 128", "times the step without", 1.05),
  [FMA]: { unit: "GFLOP/s", of: (ns) => FMA_OPERATIONS / ns },
  [READ]: { unit: "GB/s", of: (ns) => READ_BYTES / ns },
  "matmul 1024, all threads": operations(2 * 1024 ** 3),
  "matmul 512, all threads": operations(2 * 512 ** 3),
  "matmul 1023x1025x999, all threads": operations(2 * 1023 * 1025 * 999),
  "[128,784]x[784,10], all threads": operations(2 * 128 * 784 * 10),
  "vector times matrix 2048, all threads": bytes(4 * 2048 * 2048),
  "conv [32,16,32,32]*[32,16,5,5]": operations(convolution),
  "conv, forward and both gradients": operations(3 * convolution),
  "conv depthwise [8,64,56,56]*3x3": operations(2 * 8 * 64 * 54 * 54 * 9),
  "max pooling of [32,32,56,56]": bytes(4 * 32 * 32 * 56 * 56 * 1.25),
  "gradient of max pooling 3x3 of [32,32,45,45]": milliseconds(),
  "softmax 1024x1024": milliseconds(0.8),
  "layer norm 1024x1024": milliseconds(0.5),
  "sum of 4096x4096 over axis 0": bytes(4 * 4096 * 4096),
  "sum of 4096x4096 over axis 1": bytes(4 * 4096 * 4096),
  "sum of 4096x4096": bytes(4 * 4096 * 4096),
  "RNN 32x128, T = 100, forward": { ...milliseconds(5), limit: products(2 * 100) },
  // Both products of a step forward, to both weights, and to the state.
  "RNN 32x128, T = 100, with backward": { ...milliseconds(14), limit: products(5 * 100) },
  "scan of 10,000,000 steps": per(1e7, "ns per step", 8),
  "while of 1,000,000 steps": per(1e6, "ns per step", 15),
  "nested loops, 1,000 of 0 to 999 steps": per(499_500, "ns per step"),
  "gradient of a scan of 100,000 steps": per(1e5, "ns per step"),
  "gradient of a while of 100,000 steps": per(1e5, "ns per step"),
  "Hamiltonian Monte Carlo, 5,000 iterations": perSecond(5000, 4500),
  "sort 1M, float32": times("Float32Array.prototype.sort 1M", "times the engine's", 1),
  "sort 1M, float64": times("Float64Array.prototype.sort 1M", "times the engine's", 1),
  ...Object.fromEntries(
    ["float32", "float64"].flatMap((dtype) =>
      ["linalg.cholesky 512", "linalg.solve 512", "fft.rfft 2^20", "fft.irfft 2^20"].map((name) => [
        `${name}, ${dtype}`,
        timesNumPy,
      ])
    ),
  ),
};
