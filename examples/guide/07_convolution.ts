/**
 * Convolution and pooling: one filter, three filters, two layers on colour images.
 *
 * Theano's `conv2d` flips filters by default and wants shapes for speed; `nn.conv2d` correlates, with `flip: true` for the
 * other, and shapes are known anyway. Layouts are the same: images [N, C, H, W], filters [O, C, H, W].
 */
import { arange, grad, jit, nn, random, type Tensor, tensor } from "@damo/damo";
import { expect } from "../expect.ts";

// One filter over one image; flipped it is true convolution.
const image = tensor([[0, 0, 0, 0], [0, 1, 2, 0], [0, 3, 4, 0]]).dimshuffle("x", "x", 0, 1);
const edge = tensor([[1, -1]]).dimshuffle("x", "x", 0, 1);
expect(nn.conv2d(image, edge), [[[[0, 0, 0], [-1, -1, 2], [-3, -1, 4]]]]);
expect(nn.conv2d(image, edge, { flip: true }), [[[[0, 0, 0], [1, 1, -2], [3, 1, -4]]]]);

// Three filters give three maps. Paddings have Theano's names too.
const three = random.normal(random.key(1), [3, 1, 3, 3]);
expect([...nn.conv2d(image, three).shape], [1, 3, 1, 2]);
expect([...nn.conv2d(image, three, { padding: "half" }).shape], [1, 3, 3, 4]);
expect([...nn.conv2d(image, three, { padding: "full" }).shape], [1, 3, 5, 6]);

// Pooling: the greatest, the mean, the sum of windows.
const numbers = arange(16).reshape([1, 1, 4, 4]);
expect(nn.maxPool2d(numbers, 2), [[[[5, 7], [13, 15]]]]);
expect(nn.avgPool2d(numbers, 2), [[[[2.5, 4.5], [10.5, 12.5]]]]);
expect(nn.sumPool2d(numbers, [4, 1]), [[[[24, 28, 32, 36]]]]);
expect([...nn.maxPool2d(numbers, 3, { stride: 2, ceilMode: true }).shape], [1, 1, 2, 2]);

// Relatives: along time without looking ahead, in three dimensions, back to a larger image, in groups, with gaps.
expect(nn.conv1d(tensor([[[1, 2, 3]]]), tensor([[[1, 1]]]), { padding: "causal" }), [[[1, 3, 5]]]);
const volume = random.normal(random.key(3), [1, 2, 5, 6, 7]),
  cubes = random.normal(random.key(4), [4, 2, 3, 3, 3]);
expect([...nn.conv3d(volume, cubes).shape], [1, 4, 3, 4, 5]);
const enlarged = nn.convTranspose2d(tensor([[[[1, 2]]]]), tensor([[[[1, 10]]]]), { stride: [1, 2] });
expect(enlarged.ravel(), [1, 10, 2, 20]);
const pairs = random.normal(random.key(5), [2, 4, 9, 9]),
  depthwise = random.normal(random.key(6), [4, 1, 3, 3]);
expect([...nn.conv2d(pairs, depthwise, { groups: 4, stride: 2, dilation: 2 }).shape], [2, 4, 3, 3]);

// What a convolution multiplies, and images made larger.
expect(nn.patches(numbers, 2, { stride: 2 }).at(-1), [10, 11, 14, 15]);
expect(nn.resize(tensor([[[[1, 3]]]]), { scale: [1, 2], mode: "nearest" }), [[[[1, 1, 3, 3]]]]);

// Two layers on 32 x 32 RGB, pooling, flatten, a hidden layer, ten classes.
const net = new nn.Sequential([
  new nn.Conv2d(3, 8, 5, { seed: 1 }), // 28 x 28
  nn.relu,
  (x) => nn.maxPool2d(x, 2), // 14 x 14
  new nn.Conv2d(8, 16, 5, { seed: 2 }), // 10 x 10
  nn.relu,
  (x) => nn.maxPool2d(x, 2), // 5 x 5
  (x) => x.flatten(2),
  new nn.Linear(400, 32, { seed: 3 }),
  nn.tanh,
  new nn.Linear(32, 10, { seed: 4 }),
]);
const photos = random.uniform(random.key(2), [4, 3, 32, 32]);
const labels = tensor([3, 1, 4, 1], { dtype: "int32" });
const train = jit((photos: Tensor, labels: Tensor) => {
  const cost = nn.crossEntropy(net.forward(photos), labels);
  const parameters = net.parameters(), slopes = grad(cost, parameters);
  parameters.forEach((parameter, i) => parameter.value = parameter.value.sub(slopes[i].mul(0.05)));
  return cost;
});
const before = train(photos, labels).itemSync() as number;
for (let i = 0; i < 30; i++) train(photos, labels);
const after = train(photos, labels).itemSync() as number;
console.log(`cross-entropy ${before.toFixed(3)}, after 30 steps ${after.toFixed(3)}`);
if (!(after < before / 2)) throw new Error("the network does not learn");
expect([...net.forward(photos).shape], [4, 10]);
