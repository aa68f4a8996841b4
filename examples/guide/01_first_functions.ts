/**
 * First functions: scalars, a network in five lines, a part of a graph, and gradients.
 *
 * Theano declares symbolic inputs, builds an expression and hands both to `theano.function`. Here a function is a
 * function: `jit` traces it when it is first called, and types come from the arguments.
 */
import { grad, jit, nn, shared, type Tensor, tensor } from "@damo/damo";
import { expect } from "../expect.ts";

// Scalars.
const add = jit((x: Tensor, y: Tensor) => x.add(y));
expect(add(tensor(1), tensor(2)), 3);

// A network evaluator: softmax(x W + b).
const W = tensor([[1, 0, -1], [0.5, 2, 0]]);
const b = tensor([0, 0.1, 0.2]);
const logits = (x: Tensor) => x.dot(W).add(b);
const evaluate = jit((x: Tensor) => nn.softmax(logits(x)));
expect(evaluate(tensor([[1, 2], [0, -1]])).sum({ axis: 1 }), [1, 1]);

// Only a part of it: what is inside is a function too, and nothing before an argument is computed.
const afterwards = jit((logits: Tensor) => nn.softmax(logits));
expect(afterwards(logits(tensor([[1, 2]]))), evaluate(tensor([[1, 2]])).arraySync());

// Gradients. That of x**2 is one multiplication, 2 x: the compiled program has nothing else.
const slope = jit(grad((x: Tensor) => x.pow(2)));
expect(slope(tensor(4)), 8);
const operations = slope.lower(tensor(4)).kernels.flatMap((kernel) => kernel.operations);
if (operations.join() !== "mul") throw new Error(`the gradient of x**2 computes ${operations}`);
expect(grad((x: Tensor) => x.tanh())(tensor(0.5)), 1 - Math.tanh(0.5) ** 2);
expect(grad((x: Tensor) => x.square().sum())(tensor([1, -2, 3])), [2, -4, 6]);

// Theano's form: of a cost, with respect to shared variables, inside a function.
const w = shared([0.3, -0.2], { name: "w" });
const costAndGradient = jit((x: Tensor) => {
  const cost = w.value.mul(x).sum().square();
  return { cost, gradient: grad(cost, w) };
});
const { cost, gradient } = costAndGradient(tensor([1, 2]));
expect(cost, 0.01);
expect(gradient, [-0.2, -0.4]);
