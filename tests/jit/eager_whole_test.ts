import { assert, assertEquals, assertGreater, assertLessOrEqual, assertThrows } from "@std/assert";
import {
  allClose,
  clip,
  DamoError,
  einsum,
  fft,
  hypot,
  isClose,
  jit,
  linalg,
  logaddexp,
  logsumexp,
  mean,
  memory,
  nn,
  norm,
  optim,
  random,
  searchsorted,
  std,
  type Tensor,
  tensor,
  variance,
} from "@damo/damo";
import { EagerExecutor } from "../../lib/jit/eager.ts";
import { withExecutor } from "../../lib/trace/storage.ts";
import { whole } from "../../lib/trace/whole.ts";
import { counting } from "./counting_backend.ts";

/** Runs composed functions operation by operation. */
class SingleOperations extends EagerExecutor {
  override whole(): null {
    return null;
  }
}

const SHAPE = [37, 19];

/** Composed functions of a matrix of floats, one of probabilities, labels for the rows, and a key. */
const FUNCTIONS: Record<string, (x: Tensor, p: Tensor, labels: Tensor, key: Tensor) => Tensor> = {
  "nn.relu": (x) => nn.relu(x),
  "nn.leakyRelu": (x) => nn.leakyRelu(x, 0.1),
  "nn.elu": (x) => nn.elu(x, 0.7),
  "nn.selu": (x) => nn.selu(x),
  "nn.gelu": (x) => nn.gelu(x),
  "nn.silu": (x) => nn.silu(x),
  "nn.softplus": (x) => nn.softplus(x),
  "nn.softsign": (x) => nn.softsign(x),
  "nn.hardSigmoid": (x) => nn.hardSigmoid(x),
  "nn.softmax": (x) => nn.softmax(x, { axis: 0 }),
  "nn.logSoftmax": (x) => nn.logSoftmax(x),
  "nn.layerNorm": (x, p) => nn.layerNorm(x, { gamma: p.at(0), beta: p.at(1) }),
  "nn.batchNorm": (x, p) => nn.batchNorm(x, { gamma: p.at(2) }),
  "nn.attention": (x, p) => nn.attention(x, p, x, { causal: true }),
  "nn.crossEntropy": (x, _, labels) => nn.crossEntropy(x, labels),
  "nn.mse": (x, p) => nn.mse(x, p),
  "nn.l1": (x, p) => nn.l1(x, p, { reduction: "sum" }),
  "nn.binaryCrossEntropy": (x, p) => nn.binaryCrossEntropy(p, x.gt(0).cast("float32")),
  "nn.binaryCrossEntropyWithLogits": (x, p) => nn.binaryCrossEntropyWithLogits(x, p, { reduction: "none" }),
  "mean": (x) => mean(x, { axis: 0 }),
  "variance": (x) => variance(x, { axis: 1, ddof: 1 }),
  "std": (x) => std(x, { keepDims: true }),
  "logsumexp": (x) => logsumexp(x, { axis: [0, 1] }),
  "norm": (x) => norm(x, { ord: 3, axis: 1 }),
  "isClose": (x, p) => isClose(x, p, { atol: 0.5 }),
  "allClose": (x, p) => allClose(x, p, { rtol: 0.5 }),
  "logaddexp": (x, p) => logaddexp(x, p),
  "random.uniform": (_x, _p, _l, key) => random.uniform(key, SHAPE, { low: -2, high: 3 }),
  "random.normal": (_x, p, _l, key) => random.normal(key, SHAPE, { mean: 1, std: p }),
  "random.truncatedNormal": (_x, _p, _l, key) => random.truncatedNormal(key, SHAPE, { std: 2 }),
  "random.exponential": (_x, _p, _l, key) => random.exponential(key, SHAPE, { rate: 3 }),
  "random.bernoulli": (_x, _p, _l, key) => random.bernoulli(key, SHAPE, { p: 0.3 }),
  "random.randint": (_x, _p, _l, key) => random.randint(key, SHAPE, { low: -7, high: 100 }),
  "random.categorical": (x, _p, _l, key) => random.categorical(key, x, { axis: 0 }),
  "random.gamma": (_x, p, _l, key) => random.gamma(key, SHAPE, { alpha: p, scale: 2 }),
  "random.poisson": (_x, _p, _l, key) => random.poisson(key, [64, 65], { rate: 4 }),
  "random.binomial": (_x, _p, _l, key) => random.binomial(key, [4096], { n: 100, p: 0.5 }),
  "random.permutation": (_x, _p, _l, key) => random.permutation(key, 2000),
  "random.foldIn": (_x, _p, _l, key) => random.foldIn(key, 3),
  "nn.maxPool1d": (x) => nn.maxPool1d(x, 3, { stride: 2, padding: 1 }),
  "nn.avgPool1d": (x) => nn.avgPool1d(x, 3, { stride: 1, padding: "same" }),
  "nn.sumPool1d": (x) => nn.sumPool1d(x, 4),
  "nn.resize": (x) => nn.resize(x.expandDims(0), { size: 25 }),
  "nn.accuracy": (x, _, labels) => nn.accuracy(x, labels),
  "nn.ctcLoss": (x, _, labels) => nn.ctcLoss(x.expandDims(1), labels.narrow(0, 1, 6).expandDims(0)),
  "optim.globalNorm": (x, p) => optim.globalNorm({ x, p: [p] }),
  "optim.clipByGlobalNorm": (x, p) => optim.clipByGlobalNorm([x, p], 0.5)[1],
  "hypot": (x, p) => hypot(x, p),
  "clip": (x, p) => clip(x, p.neg(), 0.25),
  "nn.Linear": (x) => new nn.Linear(SHAPE[1], 3, { seed: 1 }).forward(x),
  "einsum": (x, p) => einsum("ij,kj,kl->il", x, p, x),
  "searchsorted": (x, p) => searchsorted(p.at(0).sort(), x),
  "fft.rfft": (x) => fft.rfft(x, 32).im,
  "fft.irfft": (x, p) => fft.irfft({ re: x, im: p }),
  "fft.ifft": (x, p) => fft.ifft({ re: x, im: p }).re,
  "linalg.inv": (x) => linalg.inv(x.narrow(0, 0, SHAPE[1])),
  "linalg.solve": (x, p) => linalg.solve(x.narrow(0, 0, SHAPE[1]), p.at(0)),
  "linalg.solveTriangular": (_, p) => linalg.solveTriangular(p.narrow(0, 0, SHAPE[1]), p.at(0)),
  "linalg.det": (x) => linalg.det(x.narrow(0, 0, SHAPE[1])),
  "linalg.slogdet": (x) => linalg.slogdet(x.narrow(0, 0, SHAPE[1])).logabsdet,
  "linalg.pinv": (x) => linalg.pinv(x),
  "linalg.lstsq": (x, p) => linalg.lstsq(x, p),
  "linalg.expm": (x) => linalg.expm(x.narrow(0, 0, SHAPE[1])),
  "linalg.cholesky": (x) => linalg.cholesky(einsum("ij,ik->jk", x, x)),
  "linalg.eigh": (x) => linalg.eigh(einsum("ij,ik->jk", x, x)).values,
};

function operands(): [Tensor, Tensor, Tensor, Tensor] {
  const size = SHAPE[0] * SHAPE[1];
  return [
    tensor(Float32Array.from({ length: size }, (_, i) => 3 * Math.sin(1.7 * i)), { shape: SHAPE }),
    tensor(Float32Array.from({ length: size }, (_, i) => 0.5 + 0.4 * Math.cos(i)), { shape: SHAPE }),
    tensor(Int32Array.from({ length: SHAPE[0] }, (_, i) => (7 * i) % SHAPE[1])),
    random.key(5),
  ];
}

for (const [name, f] of Object.entries(FUNCTIONS)) {
  Deno.test(`${name} outside a trace is one program, with the bits that it has inside one`, () => {
    const given = operands();
    const direct = f(...given), again = f(...given), compiled = jit(f)(...given);
    assertEquals(direct.aval, { shape: compiled.shape, dtype: compiled.dtype });
    assertEquals(direct.dataSync(), compiled.dataSync());
    assertEquals(again.dataSync(), direct.dataSync());
    counting((backend) => {
      const given = operands();
      f(...given);
      assertEquals(backend.compiled.filter((one) => one === name).length, 1);
      const before = backend.compiled.length;
      f(...given);
      assertEquals(backend.compiled.length, before, "the second call compiles nothing");
    });
  });
}

Deno.test("a composed function leaves nothing in memory but its result", () => {
  const key = random.key(1), n = 1 << 18;
  const x = random.normal(key, [n]);
  const before = memory().wasm.live;
  const results = [random.normal(key, [n], { std: 2 }), nn.gelu(x), nn.softmax(x)];
  const kept = memory().wasm.live - before;
  assertEquals(results.map(({ size }) => size), [n, n, n]);
  assertLessOrEqual(kept, 3 * (4 * n + 4096));
  const single = memory().wasm.live;
  const other = withExecutor(new SingleOperations(), () => random.normal(key, [n], { std: 2 }));
  assertGreater(memory().wasm.live - single, 2 * 4 * n, "operation by operation there are intermediates");
  assertEquals(other.shape, [n]);
});

Deno.test("numbers are no part of the signature of a composed function, sizes and plain values are", () => {
  counting((backend) => {
    const key = random.key(1), x = tensor([1, -2, 3]);
    const compilations = (body: () => void): number => {
      const before = backend.compiled.length;
      body();
      return backend.compiled.length - before;
    };
    assertEquals(compilations(() => random.uniform(key, [3], { low: 1, high: 2 })), 1);
    assertEquals(compilations(() => random.uniform(key, [3], { low: -5, high: 0.5 })), 0);
    assertEquals(compilations(() => random.uniform(key, [4], { low: -5, high: 0.5 })), 1);
    assertEquals(compilations(() => nn.leakyRelu(x, 0.5)), 1);
    assertEquals(nn.leakyRelu(x, 0.25).arraySync(), [1, -0.5, 3]);
    assertEquals(compilations(() => nn.leakyRelu(x, 0.125)), 0);
    assertEquals(compilations(() => variance(x)), 1);
    assertEquals(compilations(() => variance(x, { ddof: 1 })), 1);
    assertEquals(compilations(() => variance(x.cast("float64"))), 2, "the cast and the variance");
    assertEquals(compilations(() => nn.softmax(x, { axis: -1 })), 1);
    assertEquals(compilations(() => nn.softmax(x, { axis: 0 })), 1);
  });
});

Deno.test("a thousand signatures keep the programs of composed functions bounded", () => {
  counting((backend) => {
    for (let n = 1; n <= 1000; n++) nn.softsign(tensor(new Float32Array(n).fill(1)));
    assertEquals(backend.compiled.length, 1000);
    assertLessOrEqual(backend.compiled.length - backend.disposed, 128);
    assertEquals(nn.softsign(tensor([1, -3])).arraySync(), [0.5, -0.75]);
  });
});

/** What is thrown with composed functions as one program, and operation by operation, by one and the same line. */
function errorsOf(call: () => unknown): [DamoError, DamoError] {
  const raise = () => call();
  return [
    assertThrows(raise, DamoError) as DamoError,
    withExecutor(new SingleOperations(), () => assertThrows(raise, DamoError) as DamoError),
  ];
}

Deno.test("errors of composed functions name the operation and the line as operation by operation, every time", () => {
  const x = tensor([[1, 2, 3]]), key = random.key(0), gone = tensor([1, 2, 3]);
  gone.dispose();
  const calls: (() => unknown)[] = [
    () => nn.layerNorm(x, { gamma: tensor([1, 2]) }),
    () => nn.softmax(x, { axis: 5 }),
    () => nn.mse(x, tensor([1, 2])),
    () => nn.crossEntropy(x, tensor([0, 1])),
    () => random.normal(key, [2], { std: tensor([1, 2, 3]) }),
    () => random.normal(tensor([1, 2]), [2]),
    () => random.uniform(key, [-1]),
    () => random.randint(key, [2], { high: tensor([0.5, 1]) }),
    () => std(x, { axis: 2 }),
    () => nn.gelu(gone),
    () => nn.mse(gone, 1),
  ];
  for (const call of calls) {
    for (let i = 0; i < 2; i++) {
      const [error, expected] = errorsOf(call);
      assertEquals(error.message, expected.message);
      assertEquals(error.name, expected.name);
      assertEquals(error.detail.operation, expected.detail.operation);
      assert(error.message.includes("eager_whole_test.ts"), error.message);
    }
  }
});

function readsItsArgument(x: Tensor): Tensor {
  return Number(x.sum()) > 0 ? x.mul(2) : x.neg();
}

function itself(x: Tensor): Tensor {
  return x;
}

function twice(x: Tensor): Tensor[] {
  return [x.neg(), x.mul(2)];
}

Deno.test("what cannot be traced, or gives its argument back, happens operation by operation", () => {
  const x = tensor([1, 2]), y = tensor([-1, -2]);
  for (let i = 0; i < 2; i++) {
    assertEquals(whole("test", readsItsArgument, x).arraySync(), [2, 4]);
    assertEquals(whole("test", readsItsArgument, y).arraySync(), [1, 2]);
    assertEquals(whole("test", itself, x), x);
    assertEquals(whole("test", twice, x).map((t) => t.arraySync()), [[-1, -2], [2, 4]]);
  }
});
