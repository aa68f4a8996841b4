/**
 * Profiling: where the time of a training function goes, and the line that is to blame.
 *
 * Theano prints its profile when the process ends, by flags of the environment. Here `{ profile: true }` measures one
 * function, and every kernel names the lines of the user's source it was made from.
 */
import { grad, jit, nn, random, shared, type Tensor, zeros } from "@damo/damo";

const key = random.key(1);
const w1 = shared(random.normal(key, [64, 256], { std: 0.1 }), { name: "w1" });
const w2 = shared(random.normal(random.foldIn(key, 1), [256, 10], { std: 0.1 }), { name: "w2" });

const train = jit((x: Tensor, labels: Tensor) => {
  const hidden = nn.relu(x.dot(w1.value));
  // The culprit: a distance of everything to everything, that only its mean is used of.
  const spread = hidden.expandDims(1).sub(hidden.expandDims(0)).abs().exp().sum({ axis: 2 }).log().mean();
  const cost = nn.crossEntropy(hidden.dot(w2.value), labels).add(spread.mul(1e-6));
  const [g1, g2] = grad(cost, [w1, w2]);
  w1.value = w1.value.sub(g1.mul(0.1));
  w2.value = w2.value.sub(g2.mul(0.1));
  return cost;
}, { name: "train", profile: true });

const x = random.normal(random.foldIn(key, 2), [128, 64]);
const labels = zeros([128], { dtype: "int32" });
for (let i = 0; i < 5; i++) train(x, labels);

const report = String(train.profile);
console.log(report);
const nodes = report.slice(report.indexOf("\nNodes"));
const slowest = nodes.split("\n").find((line) => /05_profiling\.ts:\d+/.test(line)) ?? "";
console.log(`\nThe slowest kernel: ${slowest.trim()}`);
if (!slowest.includes(" exp ")) throw new Error("the profile does not point at the culprit");
