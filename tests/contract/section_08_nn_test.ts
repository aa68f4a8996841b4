/** API.md, section 8: nn, optim, data. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  DamoError,
  data,
  DTypeError,
  grad,
  jit,
  nn,
  ones,
  optim,
  random,
  RandomStream,
  shared,
  type Tensor,
  tensor,
  zeros,
} from "@damo/damo";
import * as nnEntry from "@damo/damo/nn";
import * as optimEntry from "@damo/damo/optim";
import { list, message } from "./support.ts";

const f64 = (x: number | number[] | number[][]): Tensor => tensor(x, { dtype: "float64" });
const int = (x: number | number[] | number[][]): Tensor => tensor(x, { dtype: "int32" });
const near = (a: unknown, b: unknown, tolerance = 1e-6) => {
  const x = [a].flat(9) as number[], y = [b].flat(9) as number[];
  assertEquals(x.length, y.length);
  x.forEach((v, i) => assertAlmostEquals(v, y[i], tolerance));
};

Deno.test("layers: forward, parameters, stateDict, loadStateDict, train, eval", () => {
  assert(nnEntry.Linear === nn.Linear && optimEntry.sgd === optim.sgd);
  const layers: [nn.Module, Tensor, number[]][] = [
    [new nn.Linear(3, 2, { bias: true, seed: 1 }), zeros([5, 3]), [5, 2]],
    [new nn.Conv1d(2, 4, 3), zeros([1, 2, 8]), [1, 4, 6]],
    [new nn.Conv2d(2, 4, 3), zeros([1, 2, 8, 8]), [1, 4, 6, 6]],
    [new nn.Conv2d(2, 4, [3, 5], { padding: "same", stride: 2 }), zeros([1, 2, 9, 8]), [1, 4, 5, 4]],
    [new nn.Conv3d(1, 2, 3), zeros([1, 1, 4, 4, 4]), [1, 2, 2, 2, 2]],
    [new nn.ConvTranspose2d(2, 3, 3, { stride: 2 }), zeros([1, 2, 4, 4]), [1, 3, 9, 9]],
    [new nn.Embedding(10, 4), int([[1, 2]]), [1, 2, 4]],
    [new nn.BatchNorm(3, { eps: 1e-5, momentum: 0.1 }), zeros([4, 3]), [4, 3]],
    [new nn.LayerNorm(3), zeros([4, 3]), [4, 3]],
    [new nn.Dropout(0.5), zeros([4, 3]), [4, 3]],
    [new nn.RNN(3, 5), zeros([7, 2, 3]), [7, 2, 5]],
    [new nn.GRU(3, 5), zeros([7, 2, 3]), [7, 2, 5]],
    [new nn.LSTM(3, 5), zeros([7, 2, 3]), [7, 2, 5]],
    [new nn.MultiHeadAttention(8, 2), zeros([2, 6, 8]), [2, 6, 8]],
    [new nn.Sequential(new nn.Linear(3, 4), nn.relu, new nn.Linear(4, 1)), zeros([5, 3]), [5, 1]],
    [new nn.Sequential([new nn.Linear(3, 4), nn.tanh]), zeros([5, 3]), [5, 4]],
  ];
  for (const [layer, x, shape] of layers) {
    const name = layer.constructor.name;
    const out = (layer.forward as (x: Tensor) => unknown)(x);
    const first = (Array.isArray(out) ? out[0] : out) as Tensor;
    assertEquals(first.shape, shape, name);
    layer.train();
    layer.eval();
    const state = layer.stateDict();
    layer.loadStateDict(state);
    for (const [key, value] of Object.entries(state)) assert(value.size > 0 && key.length > 0);
    assertEquals(layer.parameters().every((p) => p.dtype === "float32"), true, name);
    const before = list(
      jit((v: Tensor) => {
        const result = (layer.forward as (x: Tensor) => unknown)(v);
        return (Array.isArray(result) ? result[0] : result) as Tensor;
      })(x),
    );
    near(before, list(first), 1e-5);
  }
  assertEquals(new nn.Linear(3, 2, { bias: false }).parameters().length, 1);
  assertEquals(
    list(new nn.Linear(3, 2, { seed: 5 }).parameters()[0].value),
    list(new nn.Linear(3, 2, { seed: 5 }).parameters()[0].value),
  );
  const net = new nn.Sequential(new nn.Linear(2, 2), new nn.Linear(2, 1));
  const text = message(
    () => net.loadStateDict({ "0.weight": zeros([3, 2]), extra: zeros([1]) }),
    DamoError,
    "0.weight",
    "extra",
  );
  for (const missing of ["0.bias", "1.weight", "1.bias"]) assert(text.includes(missing), text);
});

Deno.test("convolutions: paddings, strides, dilation, groups, flip", () => {
  const x = tensor([[[1, 2, 3, 4]]]), w = tensor([[[1, 10, 100]]]);
  const conv = (options?: object) => list(nn.conv1d(x, w, options)) as number[][][];
  assertEquals(conv()[0][0], [321, 432]);
  assertEquals(conv({ padding: "valid" })[0][0], [321, 432]);
  assertEquals(conv({ flip: true })[0][0], [123, 234]);
  assertEquals(conv({ padding: "same" })[0][0], [210, 321, 432, 43]);
  assertEquals(conv({ padding: "half" })[0][0], [210, 321, 432, 43]);
  assertEquals(conv({ padding: "full" })[0][0], [100, 210, 321, 432, 43, 4]);
  assertEquals(conv({ padding: "causal" })[0][0], [100, 210, 321, 432]);
  assertEquals(conv({ padding: 1 })[0][0], [210, 321, 432, 43]);
  assertEquals(conv({ padding: [[2, 0]] })[0][0], [100, 210, 321, 432]);
  assertEquals(conv({ stride: 2, padding: "same" })[0][0].length, 2);
  assertEquals(conv({ dilation: 2, padding: "full" })[0][0].length, 8);
  assertEquals(nn.conv2d(zeros([1, 4, 5, 5]), zeros([6, 2, 3, 3]), { groups: 2 }).shape, [1, 6, 3, 3]);
  assertEquals(
    nn.conv2d(zeros([1, 1, 7, 5]), zeros([1, 1, 2, 2]), { padding: "same", stride: [2, 3] }).shape,
    [1, 1, 4, 2],
  );
  assertEquals(nn.conv2d(zeros([1, 1, 4, 4]), zeros([1, 1, 2, 2]), { padding: "half" }).shape, [1, 1, 5, 5]);
  assertEquals(nn.conv3d(zeros([1, 1, 3, 3, 3]), zeros([2, 1, 2, 2, 2])).shape, [1, 2, 2, 2, 2]);
  assertEquals(nn.conv2d(zeros([0, 1, 4, 4]), zeros([2, 1, 3, 3])).shape, [0, 2, 2, 2]);
  const up = nn.convTranspose2d(tensor([[[[1, 2]]]]), tensor([[[[1, 10]]]]), { stride: 2 });
  assertEquals(list(up), [[[[1, 10, 2, 20]]]].map((a) => a) as never);
  message(() => nn.conv2d(zeros([1, 3, 5, 5]), zeros([6, 2, 3, 3])), DamoError, "conv2d", "3", "2");
  message(
    () => nn.conv2d(zeros([1, 1, 5, 5]), zeros([1, 1, 3, 3]), { padding: "sam" as never }),
    DamoError,
    "sam",
  );
  message(() => nn.conv2d(zeros([1, 1, 2, 2]), zeros([1, 1, 3, 3])), DamoError, "conv2d");
});

Deno.test("pooling, patches, resize", () => {
  const x = tensor([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]);
  assertEquals(list(nn.maxPool2d(x, 2)), [[[[5]]]]);
  assertEquals(list(nn.maxPool2d(x, 2, { ceilMode: true })), [[[[5, 6], [8, 9]]]]);
  assertEquals(list(nn.maxPool2d(x, 2, { stride: 1 })), [[[[5, 6], [8, 9]]]]);
  assertEquals(list(nn.avgPool2d(x, 2, { stride: 1 })), [[[[3, 4], [6, 7]]]]);
  assertEquals(list(nn.sumPool2d(x, [3, 1])), [[[[12, 15, 18]]]]);
  assertEquals((list(nn.avgPool2d(x, 2, { padding: 1 })) as number[][][][])[0][0][0][0], 1);
  assertEquals(
    (list(nn.avgPool2d(x, 2, { padding: 1, countPadding: true })) as number[][][][])[0][0][0][0],
    0.25,
  );
  assertEquals([nn.maxPool1d(zeros([1, 1, 6]), 2).shape, nn.avgPool3d(zeros([1, 1, 4, 4, 4]), 2).shape], [[
    1,
    1,
    3,
  ], [1, 1, 2, 2, 2]]);
  assertEquals(list(nn.maxPool2d(tensor([[[[-1, -2], [-3, -4]]]]), 2, { padding: 1 })), [[[[-1, -2], [
    -3,
    -4,
  ]]]]);
  const rows = nn.patches(x, 2, { stride: 1 });
  assertEquals(rows.size, 16);
  assertEquals(nn.unpatches(nn.patches(zeros([1, 1, 4, 4]), 2), 2, [1, 1, 4, 4]).shape, [1, 1, 4, 4]);
  const y = tensor([[[[0, 1], [2, 3]]]]);
  assertEquals(list(nn.resize(y, { scale: 2, mode: "nearest" })), [[[
    [0, 0, 1, 1],
    [0, 0, 1, 1],
    [2, 2, 3, 3],
    [2, 2, 3, 3],
  ]]]);
  near((list(nn.resize(y, { size: [2, 4], mode: "bilinear" })) as number[][][][])[0][0][0], [
    0,
    0.25,
    0.75,
    1,
  ]);
});

Deno.test("activations and softmax", () => {
  const v = [-2, -0.5, 0, 1, 3];
  const x = f64(v);
  const truths: [(t: Tensor) => Tensor, (t: number) => number][] = [
    [nn.relu, (t) => Math.max(t, 0)],
    [(t) => nn.leakyRelu(t, 0.1), (t) => t < 0 ? 0.1 * t : t],
    [nn.elu, (t) => t < 0 ? Math.expm1(t) : t],
    [nn.selu, (t) => 1.0507009873554805 * (t < 0 ? 1.6732632423543772 * Math.expm1(t) : t)],
    [nn.silu, (t) => t / (1 + Math.exp(-t))],
    [nn.softplus, (t) => Math.log1p(Math.exp(t))],
    [nn.softsign, (t) => t / (1 + Math.abs(t))],
    [nn.sigmoid, (t) => 1 / (1 + Math.exp(-t))],
    [nn.tanh, Math.tanh],
  ];
  for (const [f, truth] of truths) near(list(f(x)), v.map(truth), 1e-12);
  near(list(nn.gelu(f64([1]))), [0.8413447460685429], 1e-3);
  near(list(nn.hardSigmoid(f64([-9, 0, 9]))), [0, 0.5, 1], 1e-12);
  near(list(nn.softmax(f64([1, 2, 3]))), [0.09003057, 0.24472847, 0.66524096]);
  near(list(nn.softmax(f64([[1, 2], [1, 2]]), { axis: 0 })), [0.5, 0.5, 0.5, 0.5]);
  near(list(nn.logSoftmax(f64([1000, 0]))), [0, -1000]);
  assertEquals(nn.softmax(zeros([0, 3])).shape, [0, 3]);
});

Deno.test("losses and their reductions", () => {
  const logits = f64([[1, 2, 3], [1, 1, 1]]);
  const each = [Math.log(1 + Math.exp(-1) + Math.exp(-2)), Math.log(3)];
  near(nn.crossEntropy(logits, int([2, 0])).itemSync(), (each[0] + each[1]) / 2);
  near(list(nn.crossEntropy(logits, [2, 0], { reduction: "none" })), each);
  near(nn.crossEntropy(logits, [[0, 0, 1], [1, 0, 0]], { reduction: "sum" }).itemSync(), each[0] + each[1]);
  near(nn.binaryCrossEntropy(f64([0.8, 0.3]), f64([1, 0])).itemSync(), -(Math.log(0.8) + Math.log(0.7)) / 2);
  near(
    nn.binaryCrossEntropyWithLogits(f64([100, -100]), f64([0, 1]), { reduction: "none" }).dataSync()[0],
    100,
  );
  near(nn.mse(f64([1, 2]), f64([3, 2])).itemSync(), 2);
  near(nn.l1(f64([1, 2]), f64([3, 2]), { reduction: "sum" }).itemSync(), 2);
  const ctc = nn.ctcLoss(zeros([2, 1, 2]), int([[1]]));
  assertEquals(ctc.shape, [1]);
  near(list(ctc), [-Math.log(3 / 4)]);
  near(list(nn.ctcLoss(zeros([3, 2, 2]), [[1], [-1]], { inputLengths: int([2, 1]), blank: 0 })), [
    -Math.log(3 / 4),
    Math.log(2),
  ]);
  message(() => nn.mse(f64([1, 2]), f64([1, 2, 3])), DamoError, "mse", "float64[2]", "float64[3]");
  message(() => nn.mse(f64([1]), f64([1]), { reduction: "avg" as never }), DamoError, "avg");
  message(() => nn.crossEntropy(logits, int([2])), DamoError, "crossEntropy", "int32[1]");
  near(nn.accuracy(logits, [2, 1]).itemSync(), 0.5);
  assertEquals(list(nn.confusionMatrix([0, 1, 1], [0, 1, 0], 2)), [[1, 0], [1, 1]]);
});

Deno.test("batchNorm, layerNorm, dropout", () => {
  const x = f64([[1, 2], [3, 6]]);
  near(list(nn.batchNorm(x, { axes: [0], eps: 0 })), [[-1, -1], [1, 1]]);
  near(
    list(
      nn.batchNorm(x, {
        gamma: f64([2, 3]),
        beta: f64([1, 0]),
        axes: [0],
        eps: 0,
        mean: f64([2, 4]),
        variance: f64([1, 4]),
      }),
    ),
    [[-1, -3], [3, 3]],
  );
  near(list(nn.layerNorm(x, { eps: 0 } as never)), [[-1, 1], [-1, 1]]);
  const layer = new nn.Dropout(0.5, { seed: 1 } as never);
  layer.train();
  const step = jit(() => layer.forward(ones([1000])));
  const a = list(step()) as number[], b = list(step()) as number[];
  assert(String(a) !== String(b));
  assert(a.every((v) => v === 0 || v === 2) && Math.abs(a.filter((v) => v > 0).length - 500) < 80);
  layer.eval();
  assertEquals(list(layer.forward(ones([3]))), [1, 1, 1]);
  const dropped = nn.dropout(ones([1000]), 0.25 as never, new RandomStream(3) as never);
  assert((list(dropped) as number[]).some((v) => v === 0));
  const norm = new nn.BatchNorm(2, { momentum: 0.5 });
  norm.train();
  const train = jit((v: Tensor) => norm.forward(v));
  train(tensor([[1, 2], [3, 6]]));
  const state = norm.stateDict();
  const running = Object.entries(state).map(([k, v]) => [k, list(v)]);
  assert(running.some(([, v]) => String(v) === "1,2"), JSON.stringify(running));
  norm.eval();
  const frozen = String(running);
  train(tensor([[100, 100], [100, 100]]));
  assertEquals(String(Object.entries(norm.stateDict()).map(([k, v]) => [k, list(v)])), frozen);
});

Deno.test("init", () => {
  const limit = Math.sqrt(6 / 300);
  const w = list(nn.init.glorotUniform(random.key(1), [100, 200])) as number[][];
  assert(w.flat().every((v) => Math.abs(v) <= limit * 1.0001));
  for (
    const name of [
      "uniform",
      "normal",
      "glorotUniform",
      "glorotNormal",
      "heNormal",
      "heUniform",
      "orthogonal",
      "zeros",
      "ones",
    ] as const
  ) {
    assertEquals(nn.init[name](random.key(1), [4, 4]).shape, [4, 4], name);
  }
});

Deno.test("optimisers: step on shared parameters and the pure form, all of them", () => {
  for (const name of ["sgd", "adam", "adamW", "rmsProp", "adaGrad", "adaDelta"] as const) {
    const w = shared(f64([1, -2]), { name: "w" });
    const optimizer = optim[name]([w] as never, { lr: 0.1 } as never);
    const loss = () => w.value.square().sum();
    const train = jit(() => {
      const cost = loss();
      optimizer.step(grad(cost, [w] as never) as never);
      return cost;
    });
    const first = train().itemSync();
    for (let i = 0; i < 20; i++) train();
    assert(train().itemSync() < first, name);
    let params = { w: f64([1, -2]) };
    const pure = optim[name](params as never, { lr: 0.1 } as never);
    let state = pure.init(params as never);
    const step = jit((p: typeof params, s: typeof state) =>
      pure.apply(grad((q: typeof params) => q.w.square().sum())(p) as never, s, p as never)
    );
    for (let i = 0; i < 22; i++) {
      [params, state] = step(params, state) as unknown as [typeof params, typeof state];
    }
    near(list(params.w), list(w.value), 1e-9);
  }
  const constant = optim.schedule.constant(0.1),
    cosine = optim.schedule.cosine,
    warmup = optim.schedule.warmup;
  assert(
    typeof constant === "function" && typeof cosine === "function" && typeof warmup === "function" &&
      typeof optim.schedule.step === "function",
  );
  const w = shared(f64(1));
  const byRate = optim.sgd([w] as never, { lr: constant } as never);
  jit(() => byRate.step([f64(1)] as never))();
  near(w.value.itemSync(), 0.9);
  const clipped = optim.clipByGlobalNorm({ a: f64([3]), b: f64([4]) } as never, 1) as unknown as {
    a: Tensor;
    b: Tensor;
  };
  near([list(clipped.a), list(clipped.b)], [0.6, 0.8]);
});

Deno.test("data: batches, prefetch, idx", async () => {
  const x = tensor([[0], [1], [2], [3], [4]]), y = int([0, 1, 2, 3, 4]);
  const plain = [...data.batches([x, y], { batchSize: 2 })];
  assertEquals(plain.map(([a, b]) => [a.shape, list(b)]), [[[2, 1], [0, 1]], [[2, 1], [2, 3]], [[1, 1], [
    4,
  ]]]);
  assertEquals([...data.batches([x, y], { batchSize: 2, dropLast: true })].length, 2);
  const shuffled = [...data.batches([x, y], { batchSize: 2, shuffle: 1 })];
  const seen = shuffled.flatMap(([a, b]) => {
    assertEquals((list(a) as number[][]).flat(), list(b));
    return list(b) as number[];
  });
  assertEquals(seen.toSorted(), [0, 1, 2, 3, 4]);
  assertEquals(
    shuffled.map(([, b]) => list(b)),
    [...data.batches([x, y], { batchSize: 2, shuffle: 1 })].map(([, b]) => list(b)),
  );
  message(() => [...data.batches([x, int([1])], { batchSize: 2 })], DamoError, "5", "1");
  let count = 0;
  for await (const [a] of data.prefetch(data.batches([x, y], { batchSize: 2 }))) count += a.shape[0];
  assertEquals(count, 5);
  const bytes = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 255);
  const images = data.idx(bytes);
  assertEquals([images.dtype, list(images)], ["uint8", [[1, 2], [3, 255]]]);
  message(() => data.idx(bytes.slice(0, 10)), DamoError);
  message(() => new nn.Embedding(4, 2).forward(f64([0.5])), DTypeError, "Embedding");
});
