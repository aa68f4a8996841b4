/** Functions of nn at their edges: odd sizes, extreme values, and errors in words. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  DamoError,
  DTypeError,
  grad,
  hessian,
  jit,
  nn,
  ones,
  random,
  ShapeError,
  type Tensor,
  tensor,
  vmap,
  zeros,
} from "@damo/damo";
import { numbers } from "../support/operands.ts";
import { deviceTest } from "../support/devices.ts";

deviceTest("shapes of convolutions are what convOutputShape says", () => {
  const options: nn.ConvOptions[] = [
    {},
    { padding: "same", stride: 3 },
    { padding: "half", dilation: 2 },
    { padding: "full", stride: [2, 1] },
    { padding: [[1, 0], [2, 3]], groups: 2 },
    { padding: 2, flip: true },
  ];
  for (const [h, w] of [[1, 5], [7, 5], [17, 3]]) {
    for (const option of options) {
      const x = ones([1, 4, h, w]), filters = ones([2, option.groups === 2 ? 2 : 4, 1, 3]);
      if (option.dilation === 2 && w === 3) continue;
      const shape = nn.convOutputShape(x.shape, filters.shape, option);
      assertEquals([...nn.conv2d(x, filters, option).shape], shape);
    }
  }
  assertEquals(nn.convOutputShape([1, 3, 32, 32], [6, 3, 5, 5]), [1, 6, 28, 28]);
  assertEquals(nn.conv2d(ones([0, 1, 4, 4]), ones([2, 1, 3, 3])).shape, [0, 2, 2, 2]);
});

deviceTest("convolutions differentiate twice and map over examples", () => {
  const w = tensor([[[1, 2]]]);
  // The sum of squares of (x0 + 2 x1, x1 + 2 x2) has a constant second derivative.
  const second = hessian((x: Tensor) => nn.conv1d(x, w).square().sum())(tensor([[[1, 2, 3]]])) as Tensor;
  assertEquals(numbers(second), [2, 4, 0, 4, 10, 4, 0, 4, 8]);
  const images = random.normal(random.key(0), [3, 1, 2, 4, 4]),
    filters = random.normal(random.key(1), [3, 2, 2, 2, 2]);
  const each = vmap((x: Tensor, f: Tensor) => nn.conv2d(x, f, { padding: "same" }))(
    images,
    filters,
  ) as Tensor;
  for (let i = 0; i < 3; i++) {
    const one = numbers(nn.conv2d(images.at(i), filters.at(i), { padding: "same" }));
    numbers(each.at(i)).forEach((value, k) => assert(Math.abs(value - one[k]) < 1e-5));
  }
});

deviceTest("convolutions say what does not fit", () => {
  const x = ones([1, 3, 8, 8]);
  assertThrows(
    () => nn.conv2d(ones([3, 8, 8]), ones([2, 3, 3, 3])),
    ShapeError,
    "one image needs x.expandDims(0)",
  );
  assertThrows(
    () => nn.conv2d(x, ones([2, 4, 3, 3])),
    ShapeError,
    "see 4 channels, and x [1, 3, 8, 8] has 3",
  );
  assertThrows(() => nn.conv2d(x, ones([2, 3, 9, 3])), ShapeError, "the filter spans 9 along spatial axis 0");
  assertThrows(
    () => nn.conv2d(x, ones([2, 3, 5, 3]), { dilation: 2 }),
    ShapeError,
    "spans 9 (5 dilated by 2)",
  );
  assertThrows(() => nn.conv2d(x, ones([2, 3, 3, 3]), { stride: 0 }), ShapeError, "stride is 0");
  assertThrows(() => nn.conv2d(x, ones([2, 3, 3, 3]), { padding: -1 }), DamoError, "padding is -1");
  assertThrows(() => nn.conv2d(x, ones([2, 3, 3, 3]), { padding: "causal" }), DamoError, "one spatial axis");
  const padding = "smae" as unknown as "same";
  assertThrows(() => nn.conv2d(x, ones([2, 3, 3, 3]), { padding }), DamoError, 'padding is "smae"');
  const unknown = { strides: 2 } as unknown as nn.ConvOptions;
  assertThrows(() => nn.conv2d(x, ones([2, 3, 3, 3]), unknown), DamoError, 'unknown option "strides"');
  const bytes = tensor(new Uint8Array(64), { shape: [1, 1, 8, 8] });
  assertThrows(() => nn.conv2d(bytes, bytes), DTypeError, "Pass floats");
  assertThrows(() => nn.convTranspose2d(x, ones([2, 3, 3, 3])), ShapeError, "takes 2 channels");
  assertThrows(
    () => nn.convTranspose2d(ones([1, 1, 1, 1]), ones([1, 1, 2, 2]), { padding: 1 }),
    ShapeError,
    "gives 0",
  );
});

deviceTest("pooling: ties share the gradient, NaN propagates, integers have a maximum", () => {
  const x = tensor([[[[1, 1], [0, 1]]]]);
  const gradient = grad((v: Tensor) => nn.maxPool2d(v, 2).sum())(x);
  numbers(gradient).forEach((value, i) => assert(Math.abs(value - [1 / 3, 1 / 3, 0, 1 / 3][i]) < 1e-6));
  assert(Number.isNaN(nn.maxPool2d(tensor([[[[NaN, 1], [2, 3]]]]), 2).itemSync()));
  const integers = tensor(new Int32Array([-5, -3, -9, -7]), { shape: [1, 1, 2, 2] });
  assertEquals(numbers(nn.maxPool2d(integers, 2, { stride: 1, padding: 1 })).length, 9);
  assertEquals(numbers(nn.maxPool2d(integers, 2)), [-3]);
  assertEquals(numbers(nn.maxPool1d(tensor([[1, 5, 2]]), 3)), [5]);
  assertEquals(nn.avgPool2d(ones([0, 1, 4, 4]), 2).shape, [0, 1, 2, 2]);
  assertThrows(() => nn.maxPool2d(x, 3), ShapeError, "the window spans 3");
  assertThrows(() => nn.maxPool2d(x, 2, { padding: 2 }), ShapeError, "without elements");
  assertEquals([nn.avgPool2d(integers, 2).dtype, nn.avgPool2d(integers, 2).itemSync()], ["float32", -6]);
  assertThrows(() => nn.maxPool2d(x, 2, { padding: "full" }), DamoError, 'padding is "full"');
});

deviceTest("activations hold at extreme values", () => {
  const x = tensor([-Infinity, -1000, 0, 1000, Infinity]);
  assertEquals(numbers(nn.relu(x)), [0, 0, 0, 1000, Infinity]);
  assertEquals(numbers(nn.softplus(x)), [0, 0, Math.fround(Math.LN2), 1000, Infinity]);
  assertEquals(numbers(nn.elu(x)), [-1, -1, 0, 1000, Infinity]);
  assertEquals(numbers(nn.sigmoid(x)), [0, 0, 0.5, 1, 1]);
  assertEquals(numbers(nn.hardSigmoid(x)), [0, 0, 0.5, 1, 1]);
  assert(Number.isNaN(nn.relu(tensor(NaN)).itemSync()));
  const slopes = grad((v: Tensor) => nn.elu(v).sum())(tensor([-1000, 0, 1000]));
  assertEquals(numbers(slopes), [0, 1, 1]);
  assertEquals(numbers(grad((v: Tensor) => nn.relu(v).sum())(tensor([-1, 0, 1]))), [0, 0, 1]);
  const flat = grad((v: Tensor) => nn.softplus(v).sum())(tensor([-200, 0, 200]));
  assertEquals(numbers(flat), [0, 0.5, 1]);
  const whole = [-1, 0, 2], bytes = tensor(new Int8Array(whole)), floats = tensor(whole);
  const { elu, gelu, hardSigmoid, leakyRelu, logSoftmax, selu, silu, softmax, softplus, softsign } = nn;
  for (const f of [elu, gelu, hardSigmoid, leakyRelu, selu, silu, softplus, softsign, softmax, logSoftmax]) {
    assertEquals(f(bytes).dtype, "float32");
    assertEquals(numbers(f(bytes)), numbers(f(floats)));
  }
});

deviceTest("softmax and losses do not overflow", () => {
  assertThrows(() => nn.softmax(tensor(1)), ShapeError, "nn.softmax: axis -1 is out of range");
  assertThrows(
    () => nn.softmax(zeros([0, 3]), { axis: 5 }),
    ShapeError,
    "nn.softmax: axis 5 is out of range",
  );
  assertThrows(() => nn.logSoftmax(tensor(1)), ShapeError, "nn.logSoftmax: axis -1 is out of range");
  assertEquals(numbers(nn.softmax(tensor([1e4, 0]))), [1, 0]);
  assertEquals(numbers(nn.logSoftmax(tensor([1e4, 0]))), [0, -1e4]);
  assertEquals(nn.softmax(zeros([0, 3])).shape, [0, 3]);
  const labels = tensor([0, 1], { dtype: "int32" });
  const x = tensor([[1e4, 0], [1e4, 0]]);
  assertEquals(numbers(nn.crossEntropy(x, labels, { reduction: "none" })), [0, 1e4]);
  const step = jit((v: Tensor) =>
    grad((u: Tensor) => nn.binaryCrossEntropyWithLogits(u, 1, { reduction: "sum" }))(v)
  );
  assertEquals(numbers((step(tensor([-500, 0, 500])) as Tensor).add(0)), [-1, -0.5, 0]);
  const sure = nn.binaryCrossEntropy(tensor([0, 1, 1]), tensor([0, 1, 0]), { reduction: "none" });
  assert(numbers(sure)[0] === 0 && numbers(sure)[1] === 0 && numbers(sure)[2] > 80);
});

deviceTest("losses say what does not fit", () => {
  const x = ones([4, 3]);
  const labels = tensor([0, 1, 2], { dtype: "int32" });
  assertThrows(
    () => nn.crossEntropy(x, labels),
    ShapeError,
    "targets int32[3] do not fit logits float32[4, 3]",
  );
  assertThrows(() => nn.crossEntropy(labels, labels), DTypeError, "logits are int32[3]");
  assertThrows(() => nn.mse(ones([4, 1]), ones([4])), ShapeError, "broadcasting [N] against [N, 1]");
  const reduction = "average" as unknown as "mean";
  assertThrows(() => nn.mse(x, x, { reduction }), DamoError, 'reduction is "average"');
  assertThrows(() => nn.batchNorm(ones([4])), ShapeError, "Pass [N, features, ...]");
  assertThrows(() => nn.batchNorm(x, { gamma: ones([4]) }), ShapeError, "has features [3]");
  assertThrows(() => nn.batchNorm(x, { mean: ones([3]) }), DamoError, "only mean is given");
});

deviceTest("accuracy and the confusion matrix count", () => {
  const actual = tensor([0, 1, 2, 2, 5, -1], { dtype: "int32" }),
    predicted = tensor([0, 2, 2, 1, 0, 0], { dtype: "int32" });
  const matrix = nn.confusionMatrix(actual, predicted, 3);
  assertEquals(matrix.dtype, "int32");
  assertEquals(numbers(matrix), [1, 0, 0, 0, 0, 1, 0, 1, 1]);
  const compiled = jit((a: Tensor, p: Tensor) => nn.confusionMatrix(a, p, 3));
  assertEquals(numbers(compiled(actual, predicted)), numbers(matrix));
  const bytes = tensor(new Uint8Array([250, 250, 1]));
  assertEquals(nn.confusionMatrix(bytes, bytes, 251).at(250, 250).itemSync(), 2);
  assertEquals(nn.accuracy(tensor([[0, 1], [1, 0]]), tensor([1, 1], { dtype: "int32" })).itemSync(), 0.5);
  assertThrows(() => nn.confusionMatrix(actual, ones([6]), 3), DTypeError, "predicted is float32[6]");
  assertThrows(() => nn.confusionMatrix(actual, predicted, 0), ShapeError, "classes is 0");
});

deviceTest("ctcLoss: lengths are integers also in a plain array", () => {
  const x = tensor(Array.from({ length: 24 }, (_, i) => Math.sin(i)), { dtype: "float32" }).reshape([
    4,
    2,
    3,
  ]);
  const labels = [[1], [2]], lengths = tensor([4, 3], { dtype: "int32" });
  assertEquals(
    numbers(nn.ctcLoss(x, labels, { inputLengths: [4, 3] })),
    numbers(nn.ctcLoss(x, labels, { inputLengths: lengths })),
  );
});

deviceTest("ctcLoss: labels that cannot be said cost Infinity without a NaN in the gradient", () => {
  const labels = tensor([[1, 1], [1, -1]], { dtype: "int32" });
  const x = random.normal(random.key(3), [2, 2, 3]);
  const loss = numbers(nn.ctcLoss(x, labels));
  assertEquals(loss[0], Infinity);
  assert(Number.isFinite(loss[1]));
  const gradient = numbers(grad((v: Tensor) => nn.ctcLoss(v, labels).sum())(x));
  assert(gradient.every((value) => !Number.isNaN(value)));
  const mean = nn.ctcLoss(x, tensor([[1], [2]], { dtype: "int32" }), { reduction: "mean" });
  assertEquals(mean.shape, []);
  assertThrows(() => nn.ctcLoss(x, labels, { blank: 3 }), DamoError, "blank is 3");
  assertThrows(() => nn.ctcLoss(x, ones([2, 2])), DTypeError, "integer labels");
  assertThrows(() => nn.ctcLoss(x, tensor([[1]], { dtype: "int32" })), ShapeError, "for the same N");
});

deviceTest("patches and resize say what does not fit", () => {
  assertThrows(() => nn.patches(ones([2, 2]), 3), ShapeError, "the window spans 3");
  assertThrows(() => nn.unpatches(ones([3, 4]), 2, [1, 4, 4]), ShapeError, "are [4, 4]");
  assertThrows(() => nn.resize(ones([1, 1, 2, 2]), {}), DamoError, "neither of scale and size");
  assertThrows(
    () => nn.resize(ones([1, 1, 2, 2]), { scale: 2, size: 4 }),
    DamoError,
    "both of scale and size",
  );
  assertThrows(() => nn.resize(ones([1, 1, 2, 2]), { scale: 0.1 }), ShapeError, "makes no image of [2, 2]");
  assertEquals(nn.resize(ones([1, 1, 3, 3]), { size: [1, 5] }).shape, [1, 1, 1, 5]);
});
