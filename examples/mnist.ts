/**
 * Trains a multilayer perceptron on the real MNIST digits: `deno task mnist`.
 *
 * The data set stays in shared uint8 tensors; a compiled step draws its minibatch by index, computes loss and
 * gradients, and updates parameters and optimiser state in place.
 */
import { defaultDevice, grad, init, jit, nn, optim, shared, type Tensor, viz } from "@damo/damo";
import { loadMnist } from "./mnist_data.ts";
import { Progress } from "./progress.ts";

const BATCH = 128;
const EPOCHS = 6;
const CLASSES = 10;

await init({ device: "auto" });
const { train, test } = loadMnist();
const samples = train.images.shape[0], steps = Math.floor(samples / BATCH);
console.log(
  `MNIST: ${samples} images to train on, ${test.images.shape[0]} to test with, on ${defaultDevice()}.`,
);

const net = new nn.Sequential([
  new nn.Linear(784, 512, { seed: 1 }),
  nn.relu,
  new nn.Linear(512, 512, { seed: 2 }),
  nn.relu,
  new nn.Linear(512, CLASSES, { seed: 3 }),
]);
const parameters = net.parameters();
// From 1e-3 down to nothing along a cosine.
const optimizer = optim.adam(parameters, {
  lr: (step) => step.mul(Math.PI / (EPOCHS * steps)).cos().add(1).mul(0.5e-3),
});

/** The order in which an epoch visits the samples. */
const order = shared(new Int32Array(samples), { name: "order" });

function toInput(images: Tensor): Tensor {
  return images.cast("float32").div(255).reshape([images.shape[0], 784]);
}

const trainStep = jit((batch: Tensor) => {
  const rows = order.value.narrow(0, batch.mul(BATCH), BATCH);
  const labels = train.labels.value.at(rows);
  const logits = net.forward(toInput(train.images.value.at(rows)));
  const loss = nn.crossEntropy(logits, labels);
  optimizer.step(grad(loss, parameters));
  return { loss, accuracy: nn.accuracy(logits, labels) };
}, { name: "trainStep" });

const TEST_BATCH = 1000;
const testAccuracy = jit((part: Tensor) => {
  const start = part.mul(TEST_BATCH);
  const images = test.images.value.narrow(0, start, TEST_BATCH);
  return nn.accuracy(net.forward(toInput(images)), test.labels.value.narrow(0, start, TEST_BATCH));
}, { name: "testAccuracy" });

/** Fisher and Yates' shuffle with a small generator, another order for each epoch. */
function shuffled(count: number, seed: number): Int32Array {
  const list = Int32Array.from({ length: count }, (_, i) => i);
  let state = seed;
  for (let i = count - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = Math.floor(state / 2 ** 32 * (i + 1));
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}

const index = Array.from({ length: steps }, (_, i) => shared(new Int32Array([i])).value.reshape([]));
const losses: number[] = [];
const progress = new Progress();
const begin = performance.now();
let compileTime = 0;
for (let epoch = 1; epoch <= EPOCHS; epoch++) {
  order.value = shuffled(samples, epoch);
  const start = performance.now();
  let meanLoss = 0, meanAccuracy = 0;
  for (let i = 0; i < steps; i++) {
    const { loss, accuracy } = trainStep(index[i]);
    // Reading a value waits for it; every tenth step is enough for the bar and the curve.
    if (i % 10 !== 0 && i !== steps - 1) continue;
    const value = loss.itemSync();
    losses.push(value);
    meanLoss = i === 0 ? value : 0.9 * meanLoss + 0.1 * value;
    meanAccuracy = i === 0 ? accuracy.itemSync() : 0.9 * meanAccuracy + 0.1 * accuracy.itemSync();
    if (compileTime === 0) compileTime = performance.now() - start;
    const rate = (i + 1) * BATCH / (performance.now() - start) * 1000;
    const text = `loss ${meanLoss.toFixed(4)}  accuracy ${(100 * meanAccuracy).toFixed(2)} %  ` +
      `${Math.round(rate).toLocaleString("en")} images/s  first call ${Math.round(compileTime)} ms`;
    progress.show(`epoch ${epoch}/${EPOCHS}`, i + 1, steps, text);
  }
}

const parts = test.images.shape[0] / TEST_BATCH;
let correct = 0;
for (let part = 0; part < parts; part++) correct += testAccuracy(index[part]).itemSync() / parts;
const seconds = (performance.now() - begin) / 1000;
console.log(
  `Test accuracy ${(100 * correct).toFixed(2)} % after ${EPOCHS} epochs in ${seconds.toFixed(1)} s.`,
);

const curve = viz.plot(
  [{ label: "training loss", y: losses, x: losses.map((_, i) => 10 * i), smooth: 0.9 }],
  {
    title: "MNIST, 784-512-512-10",
    xLabel: "step",
    yLabel: "cross-entropy",
    yScale: "log",
  },
);
Deno.writeTextFileSync("mnist.svg", curve);
console.log("The loss curve is in mnist.svg.");
