/**
 * `deno task bench:webgpu`: what programs cost on the WebGPU adapter of this machine. Every result is checked before
 * it is timed; a Markdown table is printed, or JSON with `--json`. `deno task bench:gpu` is the same with the sizes
 * of a real GPU.
 */
import { init, jit, memory, nn, random, type Tensor, tensor } from "@damo/damo";

interface Row {
  readonly workload: string;
  readonly milliseconds: number;
  readonly firstCall: number;
  readonly figure: string;
  readonly ok: boolean;
}

const large = Deno.args.includes("--large");
const rows: Row[] = [];

function normal(shape: number[], i: number): Tensor {
  return random.normal(random.key(i), shape);
}

/** Waits for the device by reading one number. */
function finish(result: Tensor): void {
  result.flatten().at(0).itemSync();
}

/** The least time of several calls, after a check of the result. */
function measure(
  workload: string,
  run: () => Tensor,
  figure: (milliseconds: number) => string,
  check: (result: Tensor) => boolean,
): void {
  const started = performance.now();
  const first = run();
  finish(first);
  const firstCall = performance.now() - started;
  const ok = check(first);
  let best = Infinity;
  const until = performance.now() + 1500;
  for (let i = 0; i < 5 || (performance.now() < until && i < 200); i++) {
    const start = performance.now();
    finish(run());
    best = Math.min(best, performance.now() - start);
  }
  rows.push({ workload, milliseconds: best, firstCall, figure: figure(best), ok });
}

function close(actual: number, expected: number, tolerance: number): boolean {
  return Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected));
}

function matmul(size: number): void {
  const a = normal([size, size], 1), b = normal([size, size], 2);
  const product = jit((a: Tensor, b: Tensor) => a.matmul(b));
  const x = a.at(size - 1).dataSync(), y = b.transpose().at(1).dataSync();
  const expected = Array.from(x as Float32Array).reduce((sum, value, i) => sum + value * y[i], 0);
  measure(
    `matmul ${size}x${size}`,
    () => product(a, b),
    (ms) => `${(2 * size ** 3 / ms / 1e6).toFixed(1)} GFLOP/s`,
    (c) => close(c.at(size - 1, 1).itemSync(), expected, 1e-4),
  );
}

function elementwise(length: number): void {
  const x = normal([length], 3);
  const chain = jit((x: Tensor) => x.mul(2).add(1).tanh().mul(x.mul(x).neg().exp()).add(x.sin()));
  const first = x.at(0).itemSync();
  const expected = Math.tanh(2 * first + 1) * Math.exp(-first * first) + Math.sin(first);
  measure(
    `tanh(2x+1) exp(-x²) + sin(x), ${length} elements`,
    () => chain(x),
    (ms) => `${(8 * length / ms / 1e6).toFixed(2)} GB/s`,
    (y) => close(y.at(0).itemSync(), expected, 1e-5),
  );
}

function rowKernels(size: number): void {
  const x = normal([size, size], 4);
  const rate = (ms: number) => `${(8 * size * size / ms / 1e6).toFixed(2)} GB/s`;
  const softmax = jit((x: Tensor) => nn.softmax(x));
  measure(
    `softmax ${size}x${size}`,
    () => softmax(x),
    rate,
    (y) => close(y.at(size - 1).sum().itemSync(), 1, 1e-5),
  );
  const normalise = jit((x: Tensor) => {
    const mean = x.mean({ axis: 1, keepDims: true });
    const centred = x.sub(mean);
    return centred.div(centred.square().mean({ axis: 1, keepDims: true }).add(1e-5).sqrt());
  });
  measure(
    `layer norm ${size}x${size}`,
    () => normalise(x),
    rate,
    (y) => close(y.at(0).square().mean().itemSync(), 1, 1e-3),
  );
}

function sums(size: number): void {
  const data = Float32Array.from({ length: size * size }, (_, i) => ((i * 7919) % 1000) / 1000);
  const expected = data.reduce((sum, value) => sum + value, 0);
  const x = tensor(data).reshape([size, size]);
  const rate = (ms: number) => `${(4 * size * size / ms / 1e6).toFixed(2)} GB/s`;
  const total = jit((x: Tensor) => x.sum());
  measure(`sum of ${size}x${size}`, () => total(x), rate, (s) => close(s.itemSync(), expected, 1e-6));
  for (const axis of [0, 1]) {
    const partial = jit((x: Tensor) => x.sum({ axis }));
    measure(
      `sum of ${size}x${size} over axis ${axis}`,
      () => partial(x),
      rate,
      (s) => close(Array.from(s.dataSync()).reduce((a, b) => a + b, 0), expected, 1e-6),
    );
  }
}

function scalars(): void {
  const x = tensor([1, 2, 3, 4, 5, 6, 7, 8]), y = x.mul(2);
  const add = jit((x: Tensor, y: Tensor) => x.add(y));
  measure("x + y on 8 numbers, read back", () => add(x, y), () => "", (z) => z.at(7).itemSync() === 24);
  measure("read a scalar", () => x, () => "", (z) => z.at(0).itemSync() === 1);
}

const device = await init({ device: "webgpu" });
matmul(512);
matmul(1024);
if (large) matmul(4096);
elementwise(large ? 1 << 26 : 1 << 22);
rowKernels(large ? 4096 : 1024);
sums(4096);
scalars();
const adapter = (await navigator.gpu.requestAdapter())?.info.description ?? "unknown";
if (Deno.args.includes("--json")) {
  console.log(JSON.stringify({ device, adapter, rows, memory: memory().webgpu }, null, 2));
} else {
  console.log(`Adapter: ${adapter}\n`);
  console.log("| workload | best ms | first call ms | | right |\n|---|---|---|---|---|");
  for (const { workload, milliseconds, firstCall, figure, ok } of rows) {
    const cells = [workload, milliseconds.toFixed(3), firstCall.toFixed(0), figure, ok ? "yes" : "NO"];
    console.log(`| ${cells.join(" | ")} |`);
  }
}
if (rows.some(({ ok }) => !ok)) Deno.exit(1);
