/** Kernels on all threads: products, convolutions, rows, reductions, and what the machine can do at most. */
import { cumsum, grad, jit, matmul, nn, optim, random, type Tensor, tensor } from "@damo/damo";
import { fmaLimit, readLimit } from "./limits.ts";

const key = random.key(0);
let count = 0;

function normal(shape: number[]): Tensor {
  return random.normal(random.foldIn(key, count++), shape, { std: 0.5 });
}

Deno.bench({ name: "limit: multiply-add, one thread", group: "limits", fn: () => void fmaLimit() });
Deno.bench({ name: "limit: reading memory, one thread", group: "limits", fn: () => void readLimit() });

/** Results are given back at once, so that their memory is used again. */
function bench(
  group: string,
  name: string,
  fn: (...tensors: Tensor[]) => Tensor | Tensor[],
  ...inputs: Tensor[]
): void {
  const compiled = jit(fn, { name });
  const dispose = (result: Tensor | Tensor[]): void => {
    for (const tensor of Array.isArray(result) ? result : [result]) tensor.dispose();
  };
  for (let i = 0; i < 3; i++) dispose(compiled(...inputs));
  Deno.bench({ name, group, fn: () => dispose(compiled(...inputs)) });
}

const a = normal([1024, 1024]), b = normal([1024, 1024]);
const product = (x: Tensor, y: Tensor): Tensor => matmul(x, y);
bench("products", "matmul 1024, all threads", product, a, b);
bench("products", "matmul 512, all threads", product, normal([512, 512]), normal([512, 512]));
bench("products", "matmul 1023x1025x999, all threads", product, normal([1023, 1025]), normal([1025, 999]));
bench("products", "[128,784]x[784,10], all threads", product, normal([128, 784]), normal([784, 10]));
bench("products", "vector times matrix 2048, all threads", product, normal([1, 2048]), normal([2048, 2048]));

/**
 * Weights in the order in which products read them, kept between calls, and the same calls with weights that might have
 * changed since the last one.
 */
function benchKept(name: string, fn: (x: Tensor, w: Tensor) => Tensor, rows: number, size: number): void {
  const x = normal([rows, size]), w = normal([size, size]);
  const { heap, block } = w.rawStorage() as unknown as {
    block: object;
    heap: { cache: { changed(block: object): void } };
  };
  const compiled = jit(fn, { name });
  const call = (): void => compiled(x, w).dispose();
  const callChanged = (): void => {
    heap.cache.changed(block);
    call();
  };
  for (let i = 0; i < 20; i++) {
    call();
    callChanged();
  }
  const shown = `[${rows},${size}]x[${size},${size}]${name}`;
  Deno.bench({ name: `${shown}, kept in panels`, group: "weights", fn: call });
  Deno.bench({ name: `${shown}, not kept`, group: "weights", fn: callChanged });
}

for (const [rows, size] of [[4, 1024], [8, 512], [32, 512], [32, 1024], [128, 512]]) {
  benchKept("", (x, w) => matmul(x, w), rows, size);
}
for (const [rows, size] of [[4, 1024], [32, 512]]) {
  benchKept(" transposed", (x, w) => matmul(x, w.T), rows, size);
}

const images = normal([32, 16, 32, 32]),
  filters = normal([32, 16, 5, 5]),
  cotangent = normal([32, 32, 28, 28]);
const convolve = (x: Tensor, w: Tensor): Tensor => nn.conv2d(x, w);
bench("convolutions", "conv [32,16,32,32]*[32,16,5,5]", convolve, images, filters);
bench(
  "convolutions",
  "conv, forward and both gradients",
  (
    x,
    w,
    r,
  ) => [
    convolve(x, w),
    ...grad((x: Tensor, w: Tensor) => convolve(x, w).mul(r).sum(), { argnums: [0, 1] })(x, w),
  ],
  images,
  filters,
  cotangent,
);
bench(
  "convolutions",
  "conv depthwise [8,64,56,56]*3x3",
  (x, w) => nn.conv2d(x, w, { groups: 64 }),
  normal([8, 64, 56, 56]),
  normal([64, 1, 3, 3]),
);
bench("convolutions", "max pooling of [32,32,56,56]", (x) => nn.maxPool2d(x, 2), normal([32, 32, 56, 56]));
bench(
  "convolutions",
  "gradient of max pooling 3x3 of [32,32,45,45]",
  (x) => [grad((x: Tensor) => nn.maxPool2d(x, 3, { stride: 1, padding: 1 }).square().sum())(x) as Tensor],
  normal([32, 32, 45, 45]),
);

const labels = tensor(Int32Array.from({ length: 1024 }, (_, i) => i));
bench("rows", "softmax 1024x1024", (x) => nn.softmax(x), a);
bench("rows", "layer norm 1024x1024", (x) => nn.layerNorm(x), a);
bench(
  "rows",
  "gradient of cross-entropy 1024x1024",
  (x) => grad((x: Tensor) => nn.crossEntropy(x, labels))(x),
  a,
);
bench("rows", "running sums of 1024x1024 along axis 0", (x) => cumsum(x, { axis: 0 }), a);

const large = normal([4096, 4096]);
bench("reductions", "sum of 4096x4096 over axis 0", (x) => x.sum({ axis: 0 }), large);
bench("reductions", "sum of 4096x4096 over axis 1", (x) => x.sum({ axis: 1 }), large);
bench("reductions", "sum of 4096x4096", (x) => x.sum(), large);

const model = new nn.Sequential(
  new nn.Linear(784, 512),
  nn.relu,
  new nn.Linear(512, 512),
  nn.relu,
  new nn.Linear(512, 10),
);
const adam = optim.adam(model.parameters(), { lr: 1e-3 });
const batch = normal([128, 784]), digits = tensor(Int32Array.from({ length: 128 }, (_, i) => i % 10));
bench("training", "MLP 784-512-512-10 step with adam, batch 128", (x) => {
  const cost = nn.crossEntropy(model.forward(x), digits);
  adam.step(grad(cost, model.parameters()) as never);
  return cost;
}, batch);
