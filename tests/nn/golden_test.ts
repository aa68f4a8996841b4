/** Functions and layers against what NumPy computed from their definitions, forward and gradient. */
import { assertEquals } from "@std/assert";
import { grad, jit, nn, type Tensor, tensor, vjp } from "@damo/damo";
import { assertGradients, assertResult, type NnCase, nnCases, nnOperand, nnWeights } from "./golden.ts";
import { deviceTest, wide } from "../support/devices.ts";

type Fn = (inputs: Tensor[], options: never, extra: readonly unknown[]) => Tensor;
// deno-lint-ignore no-explicit-any -- the options of a case come from a file
type Loose = any;

const integers = (list: unknown) => tensor(list as number[]).cast("int32");
const own = nn as unknown as Record<string, (...args: Loose[]) => Tensor>;

/** How a case calls the function that it names; others get the inputs, the extra arguments and the options. */
const CALLS: Readonly<Record<string, Fn>> = {
  crossEntropy: ([x], options, [labels]) => nn.crossEntropy(x, integers(labels), options),
  crossEntropyOfProbabilities: ([x, t], options) => nn.crossEntropy(x, t, options),
  binaryCrossEntropy: ([x, t], options) => nn.binaryCrossEntropy(nn.sigmoid(x), t, options),
  ctcLoss: ([x], options: Loose, [labels]) => {
    const lengths = options.inputLengths ? { inputLengths: integers(options.inputLengths) } : {};
    return nn.ctcLoss(x, integers(labels), { ...options as object, ...lengths });
  },
  batchNorm: ([x, gamma, beta], options: Loose) => nn.batchNorm(x, { gamma, beta, ...options as object }),
  batchNormOfGiven: ([x, gamma, beta, mean, root]) =>
    nn.batchNorm(x, { gamma, beta, mean, variance: root.square() }),
  layerNorm: ([x, gamma, beta], options: Loose) => nn.layerNorm(x, { gamma, beta, ...options as object }),
};

const ACTIVATIONS = [
  "relu",
  "leakyRelu",
  "elu",
  "selu",
  "gelu",
  "silu",
  "softplus",
  "softsign",
  "hardSigmoid",
  "sigmoid",
  "tanh",
];

function callOf(test: NnCase): (inputs: Tensor[]) => Tensor {
  const { fn, options, extra } = test;
  if (ACTIVATIONS.includes(fn)) return ([x]) => own[fn](x.mul(3).add(0.05));
  const call = CALLS[fn];
  if (call) return (inputs) => call(inputs, options as never, extra);
  return (inputs) => own[fn](...inputs, ...extra, options);
}

const cases = nnCases();
const functions = cases.filter(({ fn }) => fn[0] === fn[0].toLowerCase());
const layers = cases.filter(({ fn }) => fn[0] !== fn[0].toLowerCase());

for (const name of new Set(functions.map(({ fn }) => fn))) {
  deviceTest(`nn.${name} gives NumPy's values and gradients`, () => {
    for (const test of functions.filter(({ fn }) => fn === name)) {
      const call = callOf(test);
      const inputs = test.shapes.map(nnOperand);
      assertResult(test, call(inputs));
      const compiled = jit((...xs: Tensor[]) => {
        const [out, pullback] = vjp((...ys: Tensor[]) => call(ys), ...xs);
        return [out, pullback(nnWeights(test.shape))] as const;
      });
      const [out, gradients] = compiled(...inputs) as unknown as [Tensor, Tensor[]];
      assertResult(test, out);
      assertGradients(test, gradients);
    }
  });
}

const BUILD: Readonly<Record<string, (extra: never[], options: Loose) => nn.Module>> = {
  Linear: ([inputs, outputs]) => new nn.Linear(inputs, outputs, { dtype: wide() }),
  Conv2d: ([inputs, outputs, window], options) =>
    new nn.Conv2d(inputs, outputs, window, { ...options, dtype: wide() }),
  RNN: ([inputs, hidden], options) => new nn.RNN(inputs, hidden, { ...options, dtype: wide() }),
  GRU: ([inputs, hidden]) => new nn.GRU(inputs, hidden, { dtype: wide() }),
  LSTM: ([inputs, hidden]) => new nn.LSTM(inputs, hidden, { dtype: wide() }),
  MultiHeadAttention: ([features, heads]) => new nn.MultiHeadAttention(features, heads, { dtype: wide() }),
  MultiHeadAttentionCausal: ([features, heads]) =>
    new nn.MultiHeadAttention(features, heads, { dtype: wide() }),
  LayerNorm: ([features]) => new nn.LayerNorm(features, { dtype: wide() }),
  BatchNorm: ([features]) => new nn.BatchNorm(features, { dtype: wide() }),
};

for (const test of layers) {
  deviceTest(`nn.${test.fn} ${JSON.stringify(test.options)} gives NumPy's values and gradients`, () => {
    const layer = BUILD[test.fn](test.extra as never[], test.options);
    const parameters = layer.parameters();
    assertEquals(parameters.map(({ shape }) => [...shape]), test.shapes.slice(1).map((shape) => [...shape]));
    parameters.forEach((parameter, i) => parameter.value = nnOperand(test.shapes[i + 1], i + 1));
    const forward = (x: Tensor) =>
      test.fn === "MultiHeadAttentionCausal"
        ? (layer as nn.MultiHeadAttention).forward(x, x, x, { causal: true })
        : layer.forward(x);
    const x = nnOperand(test.shapes[0], 0);
    const step = jit((x: Tensor) => {
      const out = forward(x);
      const cost = out.mul(nnWeights(test.shape)).sum();
      return { out, gradients: grad(cost, [x, ...parameters]) };
    });
    const { out, gradients } = step(x) as unknown as { out: Tensor; gradients: Tensor[] };
    assertResult(test, out);
    assertGradients(test, gradients);
    // Outside compiled functions too.
    assertResult(test, forward(x));
  });
}
