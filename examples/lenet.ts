/**
 * Trains a convolutional network in the manner of LeNet-5 on the real MNIST digits: `deno task lenet`.
 *
 * After every epoch the parameters, the state of the optimiser and the number of the epoch go into
 * lenet/checkpoint.safetensors; stopped at any moment, the next start goes on from there and comes to the same end. At the
 * end: the confusion matrix, and pictures of the first filters and of the digits that were taken for others.
 */
import {
  defaultDevice,
  grad,
  init,
  io,
  jit,
  nn,
  optim,
  pad,
  random,
  shared,
  type Tensor,
  viz,
} from "@damo/damo";
import { loadMnist } from "./mnist_data.ts";
import { Progress } from "./progress.ts";

const BATCH = 64;
const EPOCHS = 5;
const CLASSES = 10;
const FOLDER = "lenet";
const CHECKPOINT = `${FOLDER}/checkpoint.safetensors`;

await init({ device: "auto" });
const { train, test } = loadMnist();
const samples = train.images.shape[0], steps = Math.floor(samples / BATCH);
console.log(
  `LeNet: ${samples} images to train on, ${test.images.shape[0]} to test with, on ${defaultDevice()}.`,
);

const filters = new nn.Conv2d(1, 8, 5, { padding: "same", seed: 1 });
const net = new nn.Sequential([
  filters,
  nn.relu,
  (x) => nn.maxPool2d(x, 2),
  new nn.Conv2d(8, 16, 5, { seed: 2 }),
  nn.relu,
  (x) => nn.maxPool2d(x, 2),
  (x) => x.flatten(2),
  new nn.Linear(400, 128, { seed: 3 }),
  nn.relu,
  new nn.Linear(128, CLASSES, { seed: 4 }),
]);
const parameters = net.parameters();
const optimizer = optim.adam(parameters, { lr: optim.schedule.cosine(2e-3, EPOCHS * steps) });
const [orderKey, shiftKey] = random.split(random.key(2024));

/** The order in which an epoch visits the samples. */
const order = shared(new Int32Array(samples), { name: "order" });

function toInput(images: Tensor): Tensor {
  return images.cast("float32").div(255).expandDims(1);
}

/** A batch, moved by up to one pixel: digits do not change by it, and the network learns that. */
function moved(images: Tensor, key: Tensor): Tensor {
  const [down, right] = random.split(key).map((own) => random.randint(own, [], { low: 0, high: 3 }));
  return pad(images, [[0, 0], [1, 1], [1, 1]]).narrow(1, down, 28).narrow(2, right, 28);
}

const trainStep = jit((epoch: Tensor, batch: Tensor) => {
  const rows = order.value.narrow(0, batch.mul(BATCH), BATCH);
  const images = moved(train.images.value.at(rows), random.foldIn(shiftKey, epoch.mul(steps).add(batch)));
  const labels = train.labels.value.at(rows);
  const logits = net.forward(toInput(images));
  const loss = nn.crossEntropy(logits, labels);
  optimizer.step(grad(loss, parameters));
  return { loss, accuracy: nn.accuracy(logits, labels) };
}, { name: "trainStep" });

const TEST_BATCH = 1000;
const parts = test.images.shape[0] / TEST_BATCH;
const testPart = jit((part: Tensor) => {
  const images = test.images.value.narrow(0, part.mul(TEST_BATCH), TEST_BATCH);
  const labels = test.labels.value.narrow(0, part.mul(TEST_BATCH), TEST_BATCH);
  const predicted = net.forward(toInput(images)).argmax({ axis: -1 });
  return { confusion: nn.confusionMatrix(labels, predicted, CLASSES), predicted };
}, { name: "testPart" });

/** Numbers as tensors, so that an argument is one buffer that is there already. */
const number = Array.from({ length: steps }, (_, i) => shared(i, { dtype: "int32" }).value);

function runTest(): { accuracy: number; confusion: number[][]; predicted: number[] } {
  const confusion = Array.from({ length: CLASSES }, () => new Array<number>(CLASSES).fill(0));
  const predicted: number[] = [];
  for (let part = 0; part < parts; part++) {
    const result = testPart(number[part]);
    const counts = result.confusion.arraySync() as number[][];
    counts.forEach((row, i) => row.forEach((count, j) => confusion[i][j] += count));
    predicted.push(...result.predicted.dataSync());
  }
  const right = confusion.reduce((sum, row, i) => sum + row[i], 0);
  return { accuracy: right / test.images.shape[0], confusion, predicted };
}

/** Loads the checkpoint if there is one; the epoch to begin with. */
async function resume(): Promise<number> {
  const there = await Deno.stat(CHECKPOINT).then(() => true, () => false);
  if (!there) return 1;
  const saved = await io.load(CHECKPOINT);
  net.loadStateDict(saved.net);
  optimizer.loadStateDict(saved.optimizer);
  const done = saved.epoch.itemSync();
  console.log(`Going on after epoch ${done}; delete ${CHECKPOINT} to begin anew.`);
  return done + 1;
}

await Deno.mkdir(FOLDER, { recursive: true });
const first = await resume();
const progress = new Progress();
const begin = performance.now();
for (let epoch = first; epoch <= EPOCHS; epoch++) {
  order.value = random.permutation(random.foldIn(orderKey, epoch), samples);
  const start = performance.now();
  let meanLoss = 0;
  for (let i = 0; i < steps; i++) {
    const { loss } = trainStep(number[epoch], number[i]);
    // Reading a value waits for it; every tenth step is enough for the bar.
    if (i % 10 !== 0 && i !== steps - 1) continue;
    meanLoss = i === 0 ? loss.itemSync() as number : 0.9 * meanLoss + 0.1 * (loss.itemSync() as number);
    const rate = (i + 1) * BATCH / (performance.now() - start) * 1000;
    const last = i === steps - 1 ? `  test ${(100 * runTest().accuracy).toFixed(2)} %` : "";
    const text = `loss ${meanLoss.toFixed(4)}  ${Math.round(rate).toLocaleString("en")} images/s${last}`;
    progress.show(`epoch ${epoch}/${EPOCHS}`, i + 1, steps, text);
  }
  await io.save(CHECKPOINT, { net: net.stateDict(), optimizer: optimizer.stateDict(), epoch });
}

const { accuracy, confusion, predicted } = runTest();
const minutes = (performance.now() - begin) / 60_000;
console.log(
  `Test accuracy ${(100 * accuracy).toFixed(2)} % after ${EPOCHS} epochs (${minutes.toFixed(1)} minutes).`,
);
console.log("\nActual digit (rows) and what it was taken for:");
console.log(`     ${Array.from({ length: CLASSES }, (_, j) => String(j).padStart(5)).join("")}`);
confusion.forEach((row, i) =>
  console.log(`${String(i).padStart(5)}${row.map((n) => String(n).padStart(5)).join("")}`)
);

await Deno.writeTextFile(
  `${FOLDER}/filters.svg`,
  viz.image(filters.weight.value.reshape([8, 5, 5]), { colors: "diverging", scale: 16, columns: 8 }),
);
const labels = test.labels.value.dataSync();
const wrong = predicted.flatMap((digit, i) => digit === labels[i] ? [] : [i]).slice(0, 40);
await Deno.writeTextFile(
  `${FOLDER}/mistakes.svg`,
  viz.image(test.images.value.at(Int32Array.from(wrong)), {
    scale: 3,
    columns: 10,
    labels: wrong.map((i) => `${labels[i]} as ${predicted[i]}`),
  }),
);
console.log(`\nThe first filters are in ${FOLDER}/filters.svg, some mistakes in ${FOLDER}/mistakes.svg.`);
if (accuracy < 0.99) throw new Error(`The test accuracy is ${accuracy}, not 0.99.`);
