/** What a benchmark's nanoseconds mean: the figure that is printed beside them, and the aim where there is one. */

export interface Figure {
  readonly unit: string;
  /** The figure for the nanoseconds of one iteration. */
  of(nanoseconds: number): number;
  readonly aim?: { readonly value: number; readonly better: "higher" | "lower" };
}

function gflops(m: number, n: number, k: number, aim?: number): Figure {
  return {
    unit: "GFLOP/s",
    of: (ns) => 2 * m * n * k / ns,
    aim: aim === undefined ? undefined : { value: aim, better: "higher" },
  };
}

function per(count: number, unit: string, aim: number): Figure {
  return { unit, of: (ns) => ns / count, aim: { value: aim, better: "lower" } };
}

function milliseconds(aim?: number): Figure {
  return {
    unit: "ms",
    of: (ns) => ns / 1e6,
    aim: aim === undefined ? undefined : { value: aim, better: "lower" },
  };
}

export const figures: { readonly [name: string]: Figure } = {
  "matmul 512 NN": gflops(512, 512, 512, 45),
  "matmul 512 NT": gflops(512, 512, 512, 45),
  "matmul 512 TN": gflops(512, 512, 512, 45),
  "matmul 512 TT": gflops(512, 512, 512, 45),
  "matmul 512x512x510": gflops(512, 510, 512, 38),
  "chain of 1M": per(1e6, "ns per element", 5),
  "z = x + y on 8 numbers, 1,000 calls": per(1e6, "µs per call", 1.5),
  "linear regression 100x10, 1,000 steps": milliseconds(15),
  "MLP step, first call": milliseconds(100),
};
