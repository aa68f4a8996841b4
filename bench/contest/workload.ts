/** What every contestant computes: the inputs, the outputs expected by plain loops, and the aim. */
import * as loops from "./plain_loops.ts";

/** One input: float32, or int32 for labels. */
export interface InputSpec {
  readonly shape: readonly number[];
  /** Values lie evenly in [-scale, scale]; 0 makes zeros; labels are classes 0 to 9. */
  readonly scale: number | "labels";
}

/** A part of an output that is compared: flat positions and what must stand there. */
export interface Expected {
  readonly positions: ArrayLike<number>;
  readonly values: ArrayLike<number>;
}

export type Values = Float32Array | Int32Array;

export interface Workload {
  readonly name: string;
  /** What contestants prepare, where that is not the name. */
  readonly program?: string;
  /** What processes show that have compiled nothing, each measured once: fresh_processes.ts. */
  readonly fresh?: "first call" | "first result";
  readonly inputs: { readonly [name: string]: InputSpec };
  /** Billions of multiplications and additions of one run, where they are what takes the time. */
  readonly billions?: number;
  /** Bytes of memory that one run reads, where reading is what takes the time. */
  readonly bytes?: number;
  /** What one run stands for: its time is divided by this. */
  readonly repeats?: number;
  readonly unit: "ms" | "µs" | "GFLOP/s";
  /** The figure to reach on the machine that the aims were set on. */
  readonly aim: number;
  /** Largest error of an output, relative to its largest value. */
  readonly tolerance: number;
  expected(inputs: { readonly [name: string]: Values }): Expected[];
}

function product(m: number, n: number, k: number, aim: number, layout = "NN"): Workload {
  return {
    name: `matmul ${m}x${k}x${n} ${layout}`,
    inputs: {
      a: { shape: layout[0] === "N" ? [m, k] : [k, m], scale: 1 },
      b: { shape: layout[1] === "N" ? [k, n] : [n, k], scale: 1 },
    },
    billions: 2 * m * n * k / 1e9,
    unit: "GFLOP/s",
    aim,
    tolerance: 1e-4,
    expected: ({ a, b }) => [loops.productSamples(a, b, { m, n, k, layout })],
  };
}

function chain(count: number, name: string, aim: number): Workload {
  return {
    name: `chain ${name}`,
    inputs: { x: { shape: [count], scale: 3 } },
    unit: "ms",
    aim,
    tolerance: 1e-5,
    expected: ({ x }) => [loops.chainSamples(x)],
  };
}

const square = { shape: [1024, 1024], scale: 3 };
const table = { x: { shape: [4096, 4096], scale: 1 } };
const images = {
  x: { shape: [32, 16, 32, 32], scale: 1 },
  w: { shape: [32, 16, 5, 5], scale: 0.1 },
};
const mlp: Workload["inputs"] = {
  x: { shape: [128, 784], scale: 1 },
  labels: { shape: [128], scale: "labels" },
  w1: { shape: [784, 512], scale: 0.05 },
  w2: { shape: [512, 512], scale: 0.06 },
  w3: { shape: [512, 10], scale: 0.1 },
};
const recurrent = (steps: number): Workload["inputs"] => ({
  xs: { shape: [steps, 32, 128], scale: 1 },
  w: { shape: [128, 128], scale: 0.1 },
  u: { shape: [128, 128], scale: 0.1 },
  b: { shape: [128], scale: 0.1 },
});

/** Operations of a product of 32 states or inputs of 128 numbers with their weights. */
const STEP_PRODUCT = 2 * 32 * 128 * 128;
/** Operations of the convolution of all images. */
const CONVOLUTION = 2 * 32 * 32 * 28 * 28 * 16 * 5 * 5;

/** Rows, columns and kernel of the workloads; the order is that of the results. */
export const workloads: readonly Workload[] = [
  product(512, 512, 512, 95),
  product(512, 512, 512, 95, "NT"),
  product(512, 512, 512, 95, "TN"),
  product(512, 512, 512, 95, "TT"),
  product(1024, 1024, 1024, 95),
  product(2048, 2048, 2048, 95),
  product(512, 510, 512, 80),
  product(1023, 999, 1025, 80),
  product(128, 10, 784, 50),
  chain(1 << 20, "1M", 2.5),
  chain(1 << 24, "16M", 40),
  {
    name: "softmax 1024x1024",
    inputs: { x: square },
    unit: "ms",
    aim: 0.8,
    tolerance: 1e-5,
    expected: ({ x }) => [loops.softmaxRows(x, 1024)],
  },
  {
    name: "layer norm 1024x1024",
    inputs: { x: square, gamma: { shape: [1024], scale: 1 }, beta: { shape: [1024], scale: 1 } },
    unit: "ms",
    aim: 0.5,
    tolerance: 1e-5,
    expected: ({ x, gamma, beta }) => [loops.layerNormRows(x, gamma, beta)],
  },
  ...([["axis 0", 2], ["axis 1", 1.6], ["all", 1.6]] as const).map(([axis, aim]): Workload => ({
    name: `sum 4096x4096 ${axis}`,
    inputs: table,
    bytes: 4 * 4096 * 4096,
    unit: "ms",
    aim,
    // The sum of all is small beside the magnitudes that cancel in it.
    tolerance: 1e-3,
    expected: ({ x }) => [loops.sums(x, 4096, axis)],
  })),
  {
    name: "MLP step",
    inputs: mlp,
    // Forward, to the weights, and to all inputs but the first.
    billions: 2 * 128 * (2 * 784 * 512 + 3 * 512 * (512 + 10)) / 1e9,
    unit: "ms",
    aim: 5,
    tolerance: 1e-4,
    expected: (inputs) => [loops.mlpLosses(inputs, 2)],
  },
  {
    name: "convolution forward",
    inputs: images,
    billions: CONVOLUTION / 1e9,
    unit: "ms",
    aim: 9,
    tolerance: 1e-4,
    expected: ({ x, w }) => [loops.convolution(x, w)],
  },
  {
    name: "convolution with both gradients",
    inputs: images,
    billions: 3 * CONVOLUTION / 1e9,
    unit: "ms",
    aim: 28,
    tolerance: 1e-4,
    expected: ({ x, w }) => loops.convolutionGradients(x, w),
  },
  {
    name: "RNN of 100 steps forward",
    inputs: recurrent(100),
    billions: 100 * 2 * STEP_PRODUCT / 1e9,
    unit: "ms",
    aim: 3,
    tolerance: 1e-4,
    expected: (inputs) => [loops.rnnState(inputs)],
  },
  {
    name: "RNN of 100 steps with backward",
    inputs: recurrent(100),
    // Of input and state forward, to both weights and to the state backward.
    billions: 100 * 5 * STEP_PRODUCT / 1e9,
    unit: "ms",
    aim: 9,
    tolerance: 1e-3,
    expected: (inputs) => loops.rnnGradients(inputs),
  },
  {
    name: "1,000 steps of linear regression",
    inputs: { x: { shape: [100, 10], scale: 1 }, y: { shape: [100], scale: 1 } },
    unit: "ms",
    aim: 7,
    tolerance: 1e-3,
    expected: (inputs) => [loops.regression(inputs, 1000)],
  },
  {
    name: "z = x + y on 8 numbers",
    inputs: { x: { shape: [8], scale: 1 }, y: { shape: [8], scale: 1 } },
    repeats: 1000,
    unit: "µs",
    aim: 1,
    tolerance: 1e-6,
    expected: ({ x, y }) => [loops.everything(Float32Array.from(x, (v, i) => v + y[i]))],
  },
  {
    name: "first call: MLP step",
    program: "MLP step",
    fresh: "first call",
    inputs: mlp,
    unit: "ms",
    aim: 60,
    tolerance: 1e-4,
    // The first step is the call that is timed.
    expected: (inputs) => [loops.everything(Array.from(loops.mlpLosses(inputs, 3).values).slice(1))],
  },
  {
    name: "first call: RNN of 500 steps with backward",
    program: "RNN of 500 steps with backward",
    fresh: "first call",
    inputs: recurrent(500),
    unit: "ms",
    aim: 150,
    tolerance: 1e-3,
    expected: (inputs) => loops.rnnGradients(inputs),
  },
  {
    name: "import and first result over an empty script",
    fresh: "first result",
    inputs: {},
    unit: "ms",
    aim: 60,
    tolerance: 0,
    // The scripts of bench/startup compare by themselves.
    expected: () => [],
  },
];

/** The same values for every contestant, from a linear congruential generator (Numerical Recipes). */
export function makeValues(spec: InputSpec, seed: number): Values {
  const count = spec.shape.reduce((a, b) => a * b, 1);
  if (spec.scale === "labels") return Int32Array.from({ length: count }, (_, i) => (i * 7) % 10);
  const values = new Float32Array(count);
  let state = seed >>> 0;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = (state / 2147483648 - 1) * spec.scale;
  }
  return values;
}
