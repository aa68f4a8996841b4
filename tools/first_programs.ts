/** What first programs do. `eager_functions.ts` finds out which functions that takes; nothing here is measured. */
import { grad, init, jit, nn, ones, random, scan, shared, type Tensor, tensor, zeros } from "../mod.ts";

await init({ threads: 1 });
const key = random.key(0);

/** Operations one by one. */
const numbers = tensor([[1, 2], [3, 4]]);
numbers.matmul(numbers).add(1).exp().sum().itemSync();
String(numbers.T.mean({ axis: 0 }));

/** The gradient of an expression. */
const slope = jit(grad((x: Tensor) => x.square().sub(x.div(2)).tanh().sum()));
(slope(numbers) as Tensor).dataSync();

/** A step of training. */
const sizes = [5, 7, 3];
const layers = sizes.slice(1).map((size, i) => [
  shared(random.normal(random.foldIn(key, i), [sizes[i], size], { std: 0.1 })),
  shared(zeros([size])),
]);
const step = jit((images: Tensor, labels: Tensor): Tensor => {
  const [first, second] = layers;
  const h = nn.relu(images.matmul(first[0].value).add(first[1].value));
  const cost = nn.crossEntropy(h.matmul(second[0].value).add(second[1].value), labels);
  const gradients = grad(cost, layers) as Tensor[][];
  layers.forEach((pair, i) => pair.forEach((p, k) => p.value = p.value.sub(gradients[i][k].mul(0.1))));
  return cost;
});
step(ones([6, 5]), tensor(Int32Array.of(0, 1, 2, 0, 1, 2))).itemSync();

/** The gradient of a recurrent net, over a few steps and over many. */
function recurrent(xs: Tensor, w: Tensor, u: Tensor): Tensor {
  const advance = (h: Tensor, x: Tensor): [Tensor, undefined] => [
    x.matmul(w).add(h.matmul(u)).tanh(),
    undefined,
  ];
  return scan(advance, zeros([4, 8]), xs)[0].square().mean();
}
const weights = random.normal(key, [8, 8]);
for (const length of [10, 10_000]) {
  const gradients = jit(grad(recurrent, { argnums: [1, 2] }) as (...args: Tensor[]) => Tensor[]);
  gradients(zeros([length, 4, 8]), weights, weights)[0].dataSync();
}
