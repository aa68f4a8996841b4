/** Mistakes with the namespaces: networks, optimisers, data, files, pictures; in the form of messages_table.ts. */
import { data, io, jit, nn, ones, optim, random, shared, type Tensor, tensor, viz, zeros } from "@damo/damo";
import type { Mistakes } from "./messages_table.ts";

const x = zeros([2, 3]);
const int = (values: number[] | number): Tensor => tensor(values, { dtype: "int32" });
const key = random.key(0);
// deno-lint-ignore no-explicit-any -- mistakes are made on purpose
const wrong = (value: unknown): any => value;

/** Sections 7 to 10. */
export const LIBRARIES: Mistakes = {
  "random.key of a fraction": ["DTypeError", () => random.key(0.5)],
  "a float in the place of a key": ["DTypeError", () => random.uniform(tensor([1, 2]), [2])],
  "random.uniform of integers": ["DTypeError", () => random.uniform(key, [2], { dtype: "int32" })],
  "random.randint without high": ["DamoError", () => random.randint(key, [2], wrong({ low: 1 }))],
  "random.randint of floats": [
    "DTypeError",
    () => random.randint(key, [2], { low: 0, high: 2, dtype: "float32" }),
  ],
  "random.randint of an empty range": ["DamoError", () => random.randint(key, [2], { low: 3, high: 3 })],
  "random.randint up to a float tensor": [
    "DTypeError",
    () => random.randint(key, [2], { low: 0, high: tensor(2.5) }),
  ],
  "random.categorical of integers": ["DTypeError", () => random.categorical(key, int([1, 2]))],
  "random.categorical of no classes": ["ShapeError", () => random.categorical(key, zeros([2, 0]))],
  "random.choice of too many": ["ShapeError", () => random.choice(key, 3, [4], { replace: false })],
  "random.choice with a strange replace": [
    "DamoError",
    () => random.choice(key, 3, [2], { replace: wrong("no") }),
  ],
  "random.choice with integer probabilities": [
    "DTypeError",
    () => random.choice(key, 2, [2], { p: int([1, 1]) }),
  ],
  "random.choice with too few probabilities": [
    "ShapeError",
    () => random.choice(key, 3, [2], { p: [0.5, 0.5] }),
  ],
  "random.normal with a mean that does not broadcast": [
    "ShapeError",
    () => random.normal(key, [2], { mean: zeros([3]) }),
  ],
  "random.bernoulli with p above 1": ["DamoError", () => random.bernoulli(key, [2], { p: 1.5 })],
  "random.gamma with scale and rate": ["DamoError", () => random.gamma(key, [2], { scale: 1, rate: 1 })],
  "nn.Linear of no size": ["ShapeError", () => new nn.Linear(0, 3)],
  "nn.softmax of a scalar": ["ShapeError", () => nn.softmax(1)],
  "optim.adam of integers": ["DTypeError", () => optim.adam({ n: int([1]) })],
  "nn.conv2d of three axes": ["ShapeError", () => nn.conv2d(zeros([3, 5, 5]), zeros([2, 3, 3, 3]))],
  "nn.conv2d with filters that are too large": [
    "ShapeError",
    () => nn.conv2d(zeros([1, 1, 2, 2]), zeros([1, 1, 3, 3])),
  ],
  "nn.conv2d with channels that do not fit": [
    "ShapeError",
    () => nn.conv2d(zeros([1, 3, 5, 5]), zeros([2, 4, 3, 3])),
  ],
  "nn.conv2d with groups of 0": [
    "ShapeError",
    () => nn.conv2d(zeros([1, 1, 5, 5]), zeros([1, 1, 3, 3]), { groups: 0 }),
  ],
  "nn.conv2d with a stride of 0": [
    "ShapeError",
    () => nn.conv2d(zeros([1, 1, 5, 5]), zeros([1, 1, 3, 3]), { stride: 0 }),
  ],
  "nn.conv2d with causal padding": [
    "DamoError",
    () => nn.conv2d(zeros([1, 1, 5, 5]), zeros([1, 1, 3, 3]), { padding: wrong("causal") }),
  ],
  "nn.conv2d with unknown padding": [
    "DamoError",
    () => nn.conv2d(zeros([1, 1, 5, 5]), zeros([1, 1, 3, 3]), { padding: wrong("sam") }),
  ],
  "nn.convTranspose2d with too much output padding": [
    "ShapeError",
    () => nn.convTranspose2d(zeros([1, 1, 3, 3]), zeros([1, 1, 2, 2]), wrong({ outputPadding: -1 })),
  ],
  "nn.maxPool2d of two axes": ["ShapeError", () => nn.maxPool2d(x, 2)],
  "nn.maxPool2d with too much padding": [
    "ShapeError",
    () => nn.maxPool2d(zeros([1, 1, 4, 4]), 2, { padding: 3 }),
  ],
  "nn.patches of one axis": ["ShapeError", () => nn.patches(zeros([4]), 2)],
  "nn.unpatches that do not fit": ["ShapeError", () => nn.unpatches(x, 2, [1, 1, 4, 4])],
  "nn.resize of two axes": ["ShapeError", () => nn.resize(x, { scale: 2, mode: "nearest" })],
  "nn.resize to two things": [
    "DamoError",
    () => nn.resize(zeros([1, 1, 2, 2]), { scale: 2, size: [4, 4], mode: "nearest" }),
  ],
  "nn.mse of two shapes": ["ShapeError", () => nn.mse(x, zeros([3, 2]))],
  "nn.mse with an unknown reduction": ["DamoError", () => nn.mse(x, x, { reduction: wrong("average") })],
  "nn.crossEntropy of labels that do not fit": ["ShapeError", () => nn.crossEntropy(x, [0, 1, 2])],
  "nn.ctcLoss with a blank outside": ["DamoError", () => nn.ctcLoss(zeros([2, 1, 3]), [[1]], { blank: 3 })],
  "nn.confusionMatrix of floats": ["DTypeError", () => nn.confusionMatrix([0.5], [1], 2)],
  "nn.batchNorm with a mean alone": ["DamoError", () => nn.batchNorm(x, { axes: [0], mean: zeros([3]) })],
  "nn.BatchNorm of other features": ["ShapeError", () => new nn.BatchNorm(4).forward(x)],
  "nn.LSTM of other features": ["ShapeError", () => new nn.LSTM(4, 2).forward(zeros([5, 1, 3]))],
  "nn.RNN with a state of another shape": [
    "ShapeError",
    () => new nn.RNN(3, 2).run(zeros([5, 1, 3]), zeros([1, 4])),
  ],
  "nn.convTranspose2d with too much padding": [
    "ShapeError",
    () => nn.convTranspose2d(zeros([1, 1, 1, 1]), zeros([1, 1, 1, 1]), { padding: 3 }),
  ],
  "nn.Linear with an initialiser of another shape": [
    "ShapeError",
    () => new nn.Linear(2, 3, { init: wrong(() => zeros([5])) }),
  ],
  "nn.attention with a mask of numbers": ["DTypeError", () => nn.attention(x, x, x, { mask: ones([2, 2]) })],
  "nn.MultiHeadAttention with heads that do not divide": ["DamoError", () => new nn.MultiHeadAttention(8, 3)],
  "nn.init of one size": ["DamoError", () => nn.init.glorotUniform(key, [3])],
  "nn.Sequential of a number": ["DamoError", () => new nn.Sequential(wrong(3))],
  "nn.Embedding of floats": ["DTypeError", () => new nn.Embedding(4, 2).forward(tensor([0.5]))],
  "optim of a module": [
    "DamoError",
    () => optim.sgd(wrong({ net: "net" }), { lr: 0.1 }).init(wrong({ net: "net" })),
  ],
  "optim with a strange rate": ["DamoError", () => optim.sgd([shared(1)], { lr: wrong("fast") })],
  "optim with gradients of another structure": [
    "DamoError",
    () => optim.sgd([shared(zeros([2]))], { lr: 0.1 }).step(wrong({ a: zeros([2]) })),
  ],
  "optim with a gradient of another shape": [
    "ShapeError",
    () => optim.sgd([shared(zeros([2]))], { lr: 0.1 }).step(wrong([zeros([3])])),
  ],
  "optim with a gradient of another dtype": [
    "DTypeError",
    () => optim.sgd([shared(zeros([2]))], { lr: 0.1 }).step(wrong([zeros([2], { dtype: "float64" })])),
  ],
  "optim.schedule.cosine of no steps": ["DamoError", () => wrong(optim.schedule.cosine)(0.1, -5)],
  "data.batches of nothing": ["DamoError", () => data.batches([], { batchSize: 2 })],
  "data.batches of two lengths": ["ShapeError", () => data.batches([x, zeros([3])], { batchSize: 2 })],
  "data.batches with a strange shuffle": [
    "DamoError",
    () => data.batches([x], { batchSize: 2, shuffle: wrong("yes") }),
  ],
  "data.prefetch of a strange depth": ["DamoError", () => data.prefetch([x], wrong({ depth: 0 }))],
  "data.idx of other bytes": ["FormatError", () => data.idx(Uint8Array.of(1, 2, 3, 4))],
  "viz.plot of text": ["DTypeError", () => viz.plot(wrong("loss"))],
  "viz.plot of no numbers": ["DTypeError", () => viz.plot(wrong([{ y: "none", label: "loss" }]))],
  "viz.plot of an empty range": ["DTypeError", () => viz.plot([1, 2], { yRange: [1, 1] })],
  "viz.plot of a logarithm below 0": [
    "DTypeError",
    () => viz.plot([1, 2], { yScale: "log", yRange: [-1, 1] }),
  ],
  "io.decode of nothing": ["FormatError", () => io.decode(new Uint8Array(3))],
  "a graph page with other inputs": [
    "ShapeError",
    () => jit((v: Tensor) => v.mul(2)).graph(x).toHtml({ inputs: [ones([5])] } as never),
  ],
};
