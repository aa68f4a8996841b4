/** Layers: modes, state, seeds, and what they say of wrong arguments. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  DamoError,
  DTypeError,
  grad,
  jit,
  nn,
  ones,
  optim,
  random,
  ShapeError,
  type Shared,
  shared,
  type Tensor,
  tensor,
  type TensorLike,
} from "@damo/damo";
import { numbers } from "../support/operands.ts";
import { deviceTest, wide, within } from "../support/devices.ts";

function near(actual: Tensor, expected: readonly number[], tolerance = 1e-6): void {
  const found = numbers(actual);
  assertEquals(found.length, expected.length);
  found.forEach((value, i) => {
    assert(Math.abs(value - expected[i]) <= tolerance, `element ${i} is ${value}, expected ${expected[i]}`);
  });
}

deviceTest("batch norm takes batch statistics while training and the running ones afterwards", () => {
  const layer = new nn.BatchNorm(2, { momentum: 0.25 });
  const x = tensor([[1, 10], [3, 30], [5, 80]]);
  // Means 3 and 40; variances with divisor 3: 8/3 and 2600/3, with divisor 2: 4 and 1300.
  const trained = layer.forward(x);
  near(trained.at(0), [-2 / Math.sqrt(8 / 3 + 1e-5), -30 / Math.sqrt(2600 / 3 + 1e-5)]);
  near(layer.mean.value, [0.75, 10]);
  near(layer.variance.value, [0.75 + 1, 0.75 + 325], 1e-4);
  layer.eval();
  const expected = [(1 - 0.75) / Math.sqrt(1.75 + 1e-5), 0];
  near(layer.forward(x).at(0), expected);
  near(layer.mean.value, [0.75, 10]);
  assertEquals(layer.parameters().length, 2);
  assertEquals(Object.keys(layer.stateDict()), ["gamma", "beta", "mean", "variance"]);
});

deviceTest(
  "a compiled training step updates parameters and running statistics once, also through gradients",
  () => {
    const layer = new nn.BatchNorm(1, { momentum: 0.5 });
    const optimizer = optim.sgd(layer.parameters(), { lr: 0.1 });
    const step = jit((x: Tensor) => {
      const cost = layer.forward(x).square().mean();
      optimizer.step(grad(cost, layer.parameters()));
      return cost;
    });
    step(tensor([[1], [3]]));
    near(layer.mean.value, [1]);
    near(layer.variance.value, [0.5 + 1]);
    assert(layer.gamma.value.itemSync() < 1);
    step(tensor([[1], [3]]));
    near(layer.mean.value, [1.5]);
    assertEquals(step.cacheSize, 1);
  },
);

deviceTest("compiled functions follow train and eval", () => {
  const net = new nn.Sequential([new nn.Dropout(0.5, { seed: 3 }), new nn.BatchNorm(4)]);
  const run = jit((x: Tensor) => net.forward(x));
  const x = ones([8, 4]);
  run(x);
  assert(net.layers[1] instanceof nn.BatchNorm);
  const mean = numbers(net.layers[1].mean.value);
  net.eval();
  assertEquals(net.layers[0] instanceof nn.Module && net.layers[0].training, false);
  const first = numbers(run(x)), second = numbers(run(x));
  assertEquals(first, second);
  assertEquals(numbers(net.layers[1].mean.value), mean);
  net.train();
  run(x);
  assert(String(numbers(net.layers[1].mean.value)) !== String(mean));
  assertEquals(run.cacheSize, 2);
});

deviceTest("dropout keeps the mean, differs from call to call, and passes gradients where it keeps", () => {
  const layer = new nn.Dropout(0.25, { seed: 1 });
  const draw = jit((x: Tensor) => layer.forward(x));
  const a = numbers(draw(ones([4000]))), b = numbers(draw(ones([4000])));
  assert(String(a) !== String(b));
  const kept = a.filter((value) => value !== 0);
  assert(kept.every((value) => Math.abs(value - 4 / 3) < 1e-6));
  assert(Math.abs(kept.length / 4000 - 0.75) < 0.03);
  const key = random.key(5);
  const out = nn.dropout(ones([20]), 0.5, { random: key });
  const gradient = grad((x: Tensor) => nn.dropout(x, 0.5, { random: key }).sum())(ones([20]));
  assertEquals(numbers(gradient), numbers(out));
  assertEquals(numbers(nn.dropout(ones([3]), 0.5, { random: key, training: false })), [1, 1, 1]);
  assertEquals(numbers(nn.dropout(ones([3]), 1, { random: key })), [0, 0, 0]);
  assertEquals(numbers(nn.dropout(tensor([NaN, 1, 2]), 1, { random: key })), [0, 0, 0]);
  const twin = new nn.Dropout(0.25, { seed: 1 });
  assertEquals(numbers(twin.forward(ones([4000]))), a);
});

deviceTest("layers of one seed are alike, layers without one are not, and init is the user's", () => {
  const make = (seed?: number) => numbers(new nn.Linear(3, 4, { seed }).weight.value).join();
  assertEquals(make(7), make(7));
  assert(make() !== make());
  const layer = new nn.Linear(3, 2, { init: (_key, shape) => ones(shape).mul(2), bias: false });
  assertEquals(numbers(layer.forward(tensor([[1, 1, 1]]))), [6, 6]);
  assertEquals(layer.parameters().length, 1);
  assertEquals(new nn.Linear(2, 2, { dtype: wide() }).weight.dtype, wide());
  const wrong: nn.Initializer = () => ones([3]);
  assertThrows(() => new nn.Linear(3, 2, { init: wrong }), ShapeError, "init made float32[3]");
});

deviceTest("initial values have the spread of their papers", () => {
  const key = random.key(1);
  const spread = (x: Tensor) => Number(x.variance());
  const shape = [40, 60];
  assert(Math.abs(spread(nn.init.glorotUniform(key, shape)) / 0.02 - 1) < 0.05);
  assert(Math.abs(spread(nn.init.glorotNormal(key, shape)) / 0.02 - 1) < 0.1);
  assert(Math.abs(spread(nn.init.heUniform(key, shape)) / 0.05 - 1) < 0.05);
  assert(Math.abs(spread(nn.init.heNormal(key, [16, 8, 3, 3])) / (2 / 72) - 1) < 0.15);
  assertThrows(() => nn.init.glorotUniform(key, [3]), DamoError, "no fan-in and fan-out");
  for (const [rows, columns] of [[3, 5], [5, 3], [4, 4], [1, 3]]) {
    const w = nn.init.orthogonal(key, [rows, columns], { gain: 2, dtype: wide() });
    const product = rows <= columns ? w.matmul(w.transpose()) : w.transpose().matmul(w);
    const size = Math.min(rows, columns);
    const identity = Array.from({ length: size * size }, (_, i) => i % (size + 1) === 0 ? 4 : 0);
    near(product, identity, within(1e-12));
  }
  assertEquals(nn.init.orthogonal(key, [2, 3, 2, 2]).shape, [2, 3, 2, 2]);
});

deviceTest("an embedding gives rows, and its gradient adds up what is read twice", () => {
  const layer = new nn.Embedding(4, 2);
  layer.weight.value = tensor([[0, 1], [2, 3], [4, 5], [6, 7]]);
  const index = tensor([[1, 3], [1, 0]], { dtype: "int32" });
  assertEquals(numbers(layer.forward(index)), [2, 3, 6, 7, 2, 3, 0, 1]);
  const step = jit((i: Tensor) => grad(layer.forward(i).sum(), layer.weight));
  assertEquals(numbers(step(index) as Tensor), [1, 1, 2, 2, 0, 0, 1, 1]);
  assertThrows(() => layer.forward(tensor([1.5])), DTypeError, "x is float32[1]");
});

deviceTest("recurrent layers run step by step as they run at once, from a state too", () => {
  for (const layer of [new nn.RNN(2, 3, { seed: 1 }), new nn.GRU(2, 3, { seed: 1 })]) {
    const x = random.normal(random.key(2), [4, 5, 2]);
    const [outputs, last] = layer.run(x);
    let state: Tensor = ones([5, 3]).mul(0);
    for (let t = 0; t < 4; t++) {
      state = layer.step(x.at(t), state);
      near(outputs.at(t), numbers(state));
    }
    near(last, numbers(state));
    const [rest] = layer.run(x.narrow(0, 2, 2), outputs.at(1));
    near(rest.at(1), numbers(outputs.at(3)));
    assertThrows(() => layer.run(x, ones([4, 3])), ShapeError, "must be [5, 3]");
  }
  const lstm = new nn.LSTM(2, 3, { seed: 1 });
  const x = random.normal(random.key(3), [3, 2]);
  const [outputs, { h, c }] = lstm.run(x);
  near(outputs.at(2), numbers(h));
  const halfway = lstm.run(x.narrow(0, 0, 2))[1];
  const next = lstm.step(x.at(2), halfway);
  near(next.h, numbers(h));
  near(next.c, numbers(c));
  assertEquals(numbers(lstm.bias!.value), [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
  assertEquals(new nn.RNN(2, 3).forward(ones([1, 2])).shape, [1, 3]);
});

deviceTest("attention looks where its mask allows, and a query without keys is no NaN", () => {
  const q = ones([2, 2]), v = tensor([[1], [5]]);
  const mask = tensor([[true, false], [false, true]]);
  near(nn.attention(q, q, v, { mask }), [1, 5]);
  near(nn.attention(q, q, v, { causal: true }), [1, 3]);
  near(nn.attention(q, q, v, { mask: tensor([[false, false], [true, true]]) }), [3, 3]);
  assertThrows(() => nn.attention(q, q, v, { mask: ones([2, 2]) }), DTypeError, "the mask is float32[2, 2]");
  const cross = new nn.MultiHeadAttention(4, 2, { keyFeatures: 3 });
  assertEquals(cross.forward(ones([1, 2, 4]), ones([1, 5, 3])).shape, [1, 2, 4]);
  assertThrows(() => new nn.MultiHeadAttention(5, 2), DamoError, "cannot be cut into 2 heads");
});

class Branches extends nn.Module {
  readonly inner = { left: new nn.Linear(2, 2), right: [new nn.Linear(2, 2, { bias: false })] };
  readonly tied = this.inner.left;
  readonly scale: Shared = shared(2);
  override forward(x: TensorLike): Tensor {
    return this.inner.left.forward(x).add(this.inner.right[0].forward(x)).mul(this.scale);
  }
}

deviceTest("modules find state in arrays and objects, and what is tied counts once", () => {
  const net = new Branches();
  assertEquals([...net.state().keys()], [
    "inner.left.weight",
    "inner.left.bias",
    "inner.right.0.weight",
    "scale",
  ]);
  assertEquals(net.parameters().length, 4);
  net.eval();
  assertEquals(net.inner.right[0].training, false);
});

deviceTest("a state dict goes from one module to another, flat or nested", () => {
  const make = () => new nn.Sequential([new nn.Linear(2, 3), nn.relu, new nn.BatchNorm(3)]);
  const a = make(), b = make(), c = make();
  const x = ones([4, 2]);
  a.forward(x);
  b.loadStateDict(a.stateDict());
  const d = a.stateDict();
  c.loadStateDict({
    layers: [
      { weight: d["layers.0.weight"], bias: d["layers.0.bias"] },
      {},
      {
        gamma: d["layers.2.gamma"],
        beta: d["layers.2.beta"],
        mean: d["layers.2.mean"],
        variance: d["layers.2.variance"],
      },
    ],
  });
  for (const net of [a, b, c]) net.eval();
  assertEquals(numbers(b.forward(x)), numbers(a.forward(x)));
  assertEquals(numbers(c.forward(x)), numbers(a.forward(x)));
});

deviceTest("a state dict that does not fit names every entry and changes nothing", () => {
  const layer = new nn.Linear(2, 3);
  const before = numbers(layer.weight.value);
  const error = assertThrows(
    () => layer.loadStateDict({ weight: ones([3, 2]), offset: ones([3]) }),
    DamoError,
    "missing: bias; unexpected: offset; of another shape: weight is float32[3, 2], not float32[2, 3]",
  );
  assertEquals((error as DamoError).detail.missing, ["bias"]);
  assertThrows(
    () => new nn.Linear(2, 3, { dtype: "float16" }).loadStateDict({ weight: ones([2, 3]), bias: ones([3]) }),
    DTypeError,
    "weight is float32[2, 3], not float16[2, 3]",
  );
  assertEquals(numbers(layer.weight.value), before);
  layer.loadStateDict({ weight: ones([2, 3], { dtype: "float16" }), bias: new Float32Array([1, 2, 3]) });
  assertEquals(numbers(layer.bias!.value), [1, 2, 3]);
});

deviceTest("layers refuse sizes, options and inputs that make no sense", () => {
  assertThrows(() => new nn.Linear(0, 2), ShapeError, "in is 0");
  assertThrows(() => new nn.Linear(2, 2.5), ShapeError, "out is 2.5");
  const unknown = { baias: true } as unknown as nn.LinearOptions;
  assertThrows(() => new nn.Linear(2, 2, unknown), DamoError, '"baias"');
  assertThrows(() => new nn.Conv2d(2, 2, 3, unknown), DamoError, '"baias"');
  assertThrows(() => new nn.Dropout(1.5), DamoError, "the rate is 1.5");
  assertThrows(() => new nn.BatchNorm(3, { momentum: 2 }), DamoError, "momentum is 2");
  assertThrows(() => new nn.Linear(2, 3).forward(ones([4, 3])), ShapeError, "takes [..., 2]");
  assertThrows(() => new nn.BatchNorm(3).forward(ones([2, 4])), ShapeError, "axis 1 must hold 3 features");
  assertThrows(() => new nn.LayerNorm([2, 3]).forward(ones([2, 4])), ShapeError, "must end in [2, 3]");
  assertThrows(() => new nn.RNN(2, 3).forward(ones([4, 3])), ShapeError, "the layer takes [T, ..., 2]");
  assertThrows(() => new nn.Conv2d(3, 4, [1, 2, 3]), ShapeError, "window is [1,2,3]");
  assertThrows(() => new nn.Conv2d(3, 4, 3, { groups: 2 }), ShapeError, "3 and 4 channels in 2 groups");
  assertThrows(() => new nn.Sequential([3 as unknown as nn.Layer]), DamoError, "layer 0 is 3");
  const odd = { activation: "sine" } as unknown as nn.RnnOptions;
  assertThrows(() => new nn.RNN(2, 3, odd), DamoError, 'activation is "sine"');
});
