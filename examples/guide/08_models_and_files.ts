/**
 * Models and files: layers as classes, parameters by name, checkpoints, compiled functions.
 *
 * Theano leaves layers to the user and saves by pickle, which ties a file to versions and classes. Here layers are classes
 * with `stateDict`, files are safetensors or npz that Python reads, and a compiled function can be a file too.
 */
import { exportFunction, grad, importFunction, io, jit, nn, optim, random, type Tensor } from "@damo/damo";
import { expect, expectError } from "../expect.ts";

/** A layer of one's own: shared variables in fields are its parameters. */
class Residual extends nn.Module {
  readonly inner: nn.Linear;

  constructor(features: number, seed: number) {
    super();
    this.inner = new nn.Linear(features, features, { seed });
  }

  override forward(x: Tensor): Tensor {
    return nn.relu(this.inner.forward(x)).add(x);
  }
}

const build = (seed: number) =>
  new nn.Sequential([new Residual(4, seed), new nn.Dropout(0.1), new nn.Linear(4, 3, { seed: seed + 1 })]);
const model = build(1);
const x = random.normal(random.key(5), [6, 4]);
const labels = x.argmax({ axis: 1 }).minimum(2);
const optimizer = optim.adam(model.parameters(), { lr: 0.01 });
const train = jit((x: Tensor, labels: Tensor) => {
  const cost = nn.crossEntropy(model.forward(x), labels);
  optimizer.step(grad(cost, model.parameters()));
  return cost;
}, { name: "train" });
for (let i = 0; i < 10; i++) train(x, labels);

// Parameters by name; the file is written beside the old one and renamed, so that a crash never loses both.
console.log(Object.keys(model.stateDict()).join(", "));
model.eval();
for (const file of ["model.safetensors", "model.npz"]) {
  await io.save(file, model.stateDict());
  const copy = build(100).eval();
  copy.loadStateDict(await io.load(file));
  expect(copy.forward(x), model.forward(x).arraySync());
}

// A checkpoint is a tree of whatever one needs to go on.
await io.save("checkpoint.safetensors", {
  model: model.stateDict(),
  optimizer: optimizer.stateDict(),
  epoch: 10,
});
const saved = await io.load("checkpoint.safetensors");
const later = build(7);
later.loadStateDict(saved.model);
const continued = optim.adam(later.parameters(), { lr: 0.01 });
continued.loadStateDict(saved.optimizer);
expect(saved.epoch, 10);

// What does not fit is named completely.
const wrong = new nn.Sequential([new Residual(5, 1), nn.relu, new nn.Linear(5, 3, { bias: false })]);
console.log(expectError(() => wrong.loadStateDict(saved.model), "layers.2.bias", "layers.0.inner.weight"));

// A compiled function as a file: graph, constants and a copy of its state; no source is needed to run it.
const predict = jit((x: Tensor) => nn.softmax(model.forward(x)), { name: "predict" });
await Deno.writeFile("predict.damo", exportFunction(predict, x));
const loaded = importFunction<(x: Tensor) => Tensor>(await Deno.readFile("predict.damo"));
console.log(`${loaded.name}(${loaded.signature})`);
expect(loaded(x), predict(x).arraySync());
// Also one that learns: it goes on by itself.
const trainer = importFunction<typeof train>(exportFunction(train, x, labels));
const next = train(x, labels).itemSync() as number;
expect(trainer(x, labels), next);

// Damaged and foreign bytes are refused with the reason.
expectError(() => importFunction(new Uint8Array(100)), "DAMO");
const bytes = exportFunction(predict, x);
bytes[bytes.length - 1] ^= 1;
expectError(() => importFunction(bytes), "checksum");
