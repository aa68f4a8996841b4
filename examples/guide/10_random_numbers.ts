/**
 * Random numbers: keys, streams, distributions, the same numbers everywhere.
 *
 * Theano's `RandomStreams` hides its state in updates that are easily forgotten. Here a key is a value that always gives
 * the same numbers, and a stream is a shared variable that every compiled draw moves on.
 */
import { jit, nn, random, RandomStream, type Tensor, tensor } from "@damo/damo";
import { expect } from "../expect.ts";

// A key: the same numbers each time, inside and outside compiled functions. Others come from other keys.
const key = random.key(42);
const draw = jit((key: Tensor) => random.uniform(key, [3]));
expect(draw(key), random.uniform(key, [3]).arraySync(), 0);
const [first, second] = random.split(key);
if (String(draw(first)) === String(draw(second))) throw new Error("two keys, one sequence");

// A stream: state that advances, in place, and can be set back.
const stream = new RandomStream(1);
const normals = jit(() => stream.normal([2]));
const start = stream.state.value;
const one = normals().arraySync(), two = normals().arraySync();
if (String(one) === String(two)) throw new Error("the stream stands still");
stream.state.value = start;
expect(normals(), one, 0);

// The distributions, by their moments.
const n = 100_000;
function moments(x: Tensor, mean: number, variance: number): void {
  expect(x.mean(), mean, 0.03);
  expect(x.cast("float32").variance(), variance, 0.03);
}
const keys = random.split(random.key(7), 9);
moments(random.uniform(keys[0], [n], { low: -1, high: 3 }), 1, 16 / 12);
moments(random.normal(keys[1], [n], { mean: 2, std: 0.5 }), 2, 0.25);
moments(random.bernoulli(keys[2], [n], { p: 0.3 }), 0.3, 0.21);
moments(random.binomial(keys[3], [n], { n: 10, p: 0.4 }), 4, 2.4);
moments(random.poisson(keys[4], [n], { rate: 3 }), 3, 3);
moments(random.exponential(keys[5], [n]), 1, 1);
moments(random.randint(keys[6], [n], { low: 0, high: 6 }), 2.5, 35 / 12);
const logits = tensor([0, 1, 2]);
const classes = random.categorical(keys[7], logits.expandDims(0).broadcastTo([n, 3]));
expect(nn.softmax(logits), [0, 1, 2].map((k) => classes.eq(k).mean().itemSync() as number), 0.01);
expect(random.permutation(keys[8], 10).sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
