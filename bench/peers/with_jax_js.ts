/**
 * What jax-js needs for the benchmarks of the same names, on its WebAssembly device: JSON of nanoseconds, least and mean.
 *
 *     deno run --node-modules-dir=none --allow-read --allow-env bench/peers/with_jax_js.ts '["sort 1M, float32"]'
 */
import { uniform } from "../noise.ts";

/** The part of jax-js that is used here. An array is freed by its use; `ref` keeps it for a further one. */
interface JaxArray {
  readonly ref: JaxArray;
  reshape(shape: number[]): JaxArray;
  transpose(): JaxArray;
  add(other: JaxArray): JaxArray;
  slice(index: number): JaxArray;
  mean(): JaxArray;
  dispose(): void;
}
type Maker = (...args: (JaxArray | number)[]) => unknown;
interface Weights {
  readonly w: JaxArray;
  readonly u: JaxArray;
}
type Net = (weights: Weights, xs: JaxArray) => JaxArray;
interface Jax {
  readonly numpy: {
    readonly array: (data: Float32Array) => JaxArray;
    readonly eye: (size: number) => JaxArray;
    readonly matmul: (a: JaxArray, b: JaxArray) => JaxArray;
    readonly zeros: (shape: number[]) => JaxArray;
    readonly tanh: (x: JaxArray) => JaxArray;
    readonly square: (x: JaxArray) => JaxArray;
    readonly sort: Maker;
    readonly argsort: Maker;
    readonly linalg: Readonly<Record<"cholesky" | "solve" | "inv" | "svd" | "eigh", Maker>>;
    readonly fft: { readonly rfft: Maker };
  };
  readonly lax: { readonly topK: Maker };
  jit<F>(fn: F): F;
  grad(fn: Net): (weights: Weights, xs: JaxArray) => unknown;
  init(device: string): Promise<unknown>;
  defaultDevice(device: string): unknown;
  blockUntilReady(value: unknown): Promise<unknown>;
}

// A variable, so that nothing is fetched unless this file runs.
const specifier = "npm:@jax-js/jax@0.1.25";
const jax: Jax = await import(specifier);
const wanted = new Set<string>(JSON.parse(Deno.args[0]));
const results: Record<string, { min: number; avg: number }> = {};
await jax.init("wasm");
jax.defaultDevice("wasm");

async function bench(name: string, fn: () => unknown): Promise<void> {
  if (!wanted.has(name)) return;
  const times: number[] = [], start = performance.now();
  // Its slow functions take seconds: those run once.
  while (times.length < 10 && performance.now() - start < 2000) {
    const begin = performance.now();
    await jax.blockUntilReady(fn());
    times.push((performance.now() - begin) * 1e6);
  }
  results[name] = { min: Math.min(...times), avg: times.reduce((a, b) => a + b) / times.length };
}

const { numpy: np, lax } = jax;
const noise = (size: number): JaxArray => np.array(Float32Array.from(uniform(size)));

const x = noise(1_000_000), rows = noise(1_000_000).reshape([1000, 1000]);
await bench("sort 1M, float32", () => np.sort(x.ref));
await bench("sort 1000 rows of 1000, float32", () => np.sort(rows.ref));
await bench("argsort 1M, float32", () => np.argsort(x.ref));
await bench("topk 10 of 1M, float32", () => lax.topK(x.ref, 10));

const a = noise(512 * 512).reshape([512, 512]), b = noise(512);
const positive = np.matmul(a.ref, a.ref.transpose()).add(np.eye(512));
const small = noise(256 * 256).reshape([256, 256]);
await bench("linalg.cholesky 512, float32", () => np.linalg.cholesky(positive.ref));
await bench("linalg.solve 512, float32", () => np.linalg.solve(a.ref, b.ref));
await bench("linalg.inv 512, float32", () => np.linalg.inv(a.ref));
await bench("linalg.svd 256, float32", () => np.linalg.svd(small.ref));
await bench("linalg.eigh 256, float32", () => np.linalg.eigh(small.ref.add(small.ref.transpose())));

const signal = noise(2 ** 20);
await bench("fft.rfft 2^20, float32", () => np.fft.rfft(signal.ref));

const scaled = (size: number): JaxArray => np.array(Float32Array.from(uniform(size), (value) => 0.1 * value));
const xs = scaled(100 * 32 * 128).reshape([100, 32, 128]);
const w = scaled(128 * 128).reshape([128, 128]), u = scaled(128 * 128).reshape([128, 128]);
/** Without loops of its own it unrolls. */
const rnn: Net = (weights, xs) => {
  let h = np.zeros([32, 128]);
  for (let t = 0; t < 100; t++) {
    h = np.tanh(np.matmul(xs.ref.slice(t), weights.w.ref).add(np.matmul(h, weights.u.ref)));
  }
  for (const used of [xs, weights.w, weights.u]) used.dispose();
  return np.square(h).mean();
};
const weights = (): Weights => ({ w: w.ref, u: u.ref });
const forward = jax.jit(rnn), backward = jax.jit(jax.grad(rnn));
if ([...wanted].some((name) => name.startsWith("RNN"))) await jax.blockUntilReady(forward(weights(), xs.ref));
await bench("RNN 32x128, T = 100, forward", () => forward(weights(), xs.ref));
const name = "RNN 32x128, T = 100, with backward";
if (wanted.has(name)) {
  const begin = performance.now();
  await jax.blockUntilReady(backward(weights(), xs.ref));
  const nanoseconds = (performance.now() - begin) * 1e6;
  results[`${name}, first call`] = { min: nanoseconds, avg: nanoseconds };
}
await bench(name, () => backward(weights(), xs.ref));

console.log(JSON.stringify(results));
Deno.exit(0);
