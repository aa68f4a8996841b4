/** The workloads as plain loops in float64: what every contestant's results are compared with. */
import type { Expected, Values } from "./workload.ts";

type Inputs = { readonly [name: string]: Values };

/** All values of an output. */
export function everything(values: ArrayLike<number>): Expected {
  return { positions: Array.from({ length: values.length }, (_, i) => i), values };
}

/** About `count` positions spread over an output, the first and the last among them. */
function spread(size: number, count: number): number[] {
  const step = Math.max(1, Math.floor(size / count));
  const positions = Array.from({ length: Math.ceil(size / step) }, (_, i) => i * step);
  return [...positions, size - 1];
}

interface ProductSizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly layout: string;
}

export function productSamples(a: Values, b: Values, { m, n, k, layout }: ProductSizes): Expected {
  const positions = spread(m * n, 4001);
  const values = positions.map((position) => {
    const row = Math.floor(position / n), column = position % n;
    let sum = 0;
    for (let p = 0; p < k; p++) {
      sum += a[layout[0] === "N" ? row * k + p : p * m + row] *
        b[layout[1] === "N" ? p * n + column : column * k + p];
    }
    return sum;
  });
  return { positions, values };
}

export function chainSamples(x: Values): Expected {
  const positions = spread(x.length, 100_003);
  const values = positions.map((i) => Math.tanh(2 * x[i] + 1) * Math.exp(-x[i] * x[i]) + Math.sin(x[i]));
  return { positions, values };
}

export function softmaxRows(x: Values, columns: number): Expected {
  const values = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += columns) {
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += Math.exp(x[start + j]);
    for (let j = 0; j < columns; j++) values[start + j] = Math.exp(x[start + j]) / sum;
  }
  return everything(values);
}

export function layerNormRows(x: Values, gamma: Values, beta: Values): Expected {
  const columns = gamma.length;
  const values = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += columns) {
    let mean = 0, variance = 0;
    for (let j = 0; j < columns; j++) mean += x[start + j] / columns;
    for (let j = 0; j < columns; j++) variance += (x[start + j] - mean) ** 2 / columns;
    for (let j = 0; j < columns; j++) {
      values[start + j] = (x[start + j] - mean) / Math.sqrt(variance + 1e-5) * gamma[j] + beta[j];
    }
  }
  return everything(values);
}

export function sums(x: Values, size: number, axis: "axis 0" | "axis 1" | "all"): Expected {
  const values = new Float64Array(axis === "all" ? 1 : size);
  for (let i = 0; i < x.length; i++) {
    values[axis === "all" ? 0 : axis === "axis 0" ? i % size : Math.floor(i / size)] += x[i];
  }
  return everything(values);
}

/** c = a b of m x k and k x n. */
function multiply(a: ArrayLike<number>, b: ArrayLike<number>, m: number, k: number): Float64Array {
  const n = b.length / k;
  const c = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let p = 0; p < k; p++) {
      const factor = a[i * k + p];
      for (let j = 0; j < n; j++) c[i * n + j] += factor * b[p * n + j];
    }
  }
  return c;
}

function transposed(a: ArrayLike<number>, rows: number): Float64Array {
  const columns = a.length / rows;
  const t = new Float64Array(a.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) t[j * rows + i] = a[i * columns + j];
  return t;
}

function columnSums(a: ArrayLike<number>, columns: number): Float64Array {
  const total = new Float64Array(columns);
  for (let i = 0; i < a.length; i++) total[i % columns] += a[i];
  return total;
}

/** The losses of the first steps of plain gradient descent with rate 0.1. */
export function mlpLosses({ x, labels, w1, w2, w3 }: Inputs, steps: number): Expected {
  const batch = labels.length;
  const sizes = [784, 512, 512, 10];
  const weights = [w1, w2, w3].map((w) => Float64Array.from(w));
  const biases = [512, 512, 10].map((size) => new Float64Array(size));
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const layers: ArrayLike<number>[] = [x];
    for (let l = 0; l < 3; l++) {
      const z = multiply(layers[l], weights[l], batch, sizes[l]);
      for (let i = 0; i < z.length; i++) {
        z[i] += biases[l][i % sizes[l + 1]];
        if (l < 2) z[i] = Math.max(z[i], 0);
      }
      layers.push(z);
    }
    let delta = Float64Array.from(softmaxRows(Float32Array.from(layers[3]), 10).values);
    let loss = 0;
    for (let i = 0; i < batch; i++) {
      loss -= Math.log(delta[i * 10 + labels[i]]) / batch;
      delta[i * 10 + labels[i]] -= 1;
    }
    delta = delta.map((value) => value / batch);
    losses.push(loss);
    for (let l = 2; l >= 0; l--) {
      const weightGradient = multiply(transposed(layers[l], batch), delta, sizes[l], batch);
      const biasGradient = columnSums(delta, sizes[l + 1]);
      const below = multiply(delta, transposed(weights[l], sizes[l]), batch, sizes[l + 1]);
      delta = below.map((value, i) => layers[l][i] > 0 ? value : 0);
      weights[l].forEach((_, i) => weights[l][i] -= 0.1 * weightGradient[i]);
      biases[l].forEach((_, i) => biases[l][i] -= 0.1 * biasGradient[i]);
    }
  }
  return everything(losses);
}

/** Calls back for each term of the convolution [32, 16, 32, 32] * [32, 16, 5, 5]: positions in y, x and w. */
function eachTerm(visit: (y: number, x: number, w: number) => void): void {
  for (let image = 0; image < 32; image++) {
    for (let out = 0; out < 32; out++) {
      for (let row = 0; row < 28; row++) {
        for (let column = 0; column < 28; column++) {
          const y = ((image * 32 + out) * 28 + row) * 28 + column;
          for (let channel = 0; channel < 16; channel++) {
            for (let i = 0; i < 5; i++) {
              const x = ((image * 16 + channel) * 32 + row + i) * 32 + column;
              const w = ((out * 16 + channel) * 5 + i) * 5;
              for (let j = 0; j < 5; j++) visit(y, x + j, w + j);
            }
          }
        }
      }
    }
  }
}

function convolve(x: Values, w: Values): Float64Array {
  const y = new Float64Array(32 * 32 * 28 * 28);
  eachTerm((at, from, weight) => y[at] += x[from] * w[weight]);
  return y;
}

export function convolution(x: Values, w: Values): Expected {
  return everything(convolve(x, w));
}

/** The gradients of the sum of squares with respect to images and filters. */
export function convolutionGradients(x: Values, w: Values): Expected[] {
  const y = convolve(x, w);
  const dx = new Float64Array(x.length), dw = new Float64Array(w.length);
  eachTerm((at, from, weight) => {
    dx[from] += 2 * y[at] * w[weight];
    dw[weight] += 2 * y[at] * x[from];
  });
  return [everything(dx), everything(dw)];
}

/** All states h = tanh(x W + h U + b), the first being zero. */
function rnnStates({ xs, w, u, b }: Inputs): Float64Array[] {
  const size = 32 * 128;
  const states = [new Float64Array(size)];
  for (let start = 0; start < xs.length; start += size) {
    const input = multiply(xs.subarray(start, start + size), w, 32, 128);
    const carried = multiply(states.at(-1)!, u, 32, 128);
    states.push(input.map((value, i) => Math.tanh(value + carried[i] + b[i % 128])));
  }
  return states;
}

export function rnnState(inputs: Inputs): Expected {
  return everything(rnnStates(inputs).at(-1)!);
}

/** The gradients of the sum of squares of the last state with respect to W, U and b. */
export function rnnGradients(inputs: Inputs): Expected[] {
  const states = rnnStates(inputs);
  const { xs, w, u, b } = inputs;
  const size = 32 * 128;
  const dw = new Float64Array(w.length), du = new Float64Array(u.length), db = new Float64Array(b.length);
  const add = (to: Float64Array, from: Float64Array) => from.forEach((value, i) => to[i] += value);
  let back: Float64Array = states.at(-1)!.map((value) => 2 * value);
  for (let t = states.length - 2; t >= 0; t--) {
    const delta = back.map((value, i) => value * (1 - states[t + 1][i] ** 2));
    add(dw, multiply(transposed(xs.subarray(t * size, (t + 1) * size), 32), delta, 128, 32));
    add(du, multiply(transposed(states[t], 32), delta, 128, 32));
    add(db, columnSums(delta, 128));
    back = multiply(delta, transposed(u, 128), 32, 128);
  }
  return [dw, du, db].map(everything);
}

/** The weights after steps of gradient descent on mean((x w - y)^2) with rate 0.1 from zero. */
export function regression({ x, y }: Inputs, steps: number): Expected {
  let weights = new Float64Array(10);
  for (let step = 0; step < steps; step++) {
    const residual = multiply(x, weights, 100, 10).map((value, i) => value - y[i]);
    const gradient = multiply(transposed(x, 100), residual, 10, 100);
    weights = weights.map((weight, i) => weight - 0.1 * 2 / 100 * gradient[i]);
  }
  return everything(weights);
}
