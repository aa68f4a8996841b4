/** The workloads with Damo. Prints a line of JSON for each; `--large` takes the sizes of a real GPU. */
import { grad, init, jit, nn, scan, type Tensor, tensor, zeros } from "@damo/damo";
import {
  chainOf,
  isClose,
  LARGE,
  lastOfRows,
  measureAll,
  MLP,
  mlpLoss,
  NAMES,
  noise,
  productAt,
  RNN,
  rnnSlope,
  SMALL,
  type Work,
} from "./workloads.ts";

/** Waits for the device by reading one number. */
function finish(result: Tensor): void {
  result.flatten().at(0).itemSync();
}

function work(workload: string, run: () => Tensor, check: (result: Tensor) => boolean): Work {
  let result: Tensor;
  return { workload, run: () => finish(result = run()), check: () => check(result) };
}

const wanted = Deno.args.includes("--large") ? LARGE : SMALL;
/** Elements of the longest tensor that the adapter binds, a power of two. */
const binding = (await navigator.gpu.requestAdapter())?.limits.maxStorageBufferBindingSize ?? 0;
const longest = 2 ** Math.floor(Math.log2(binding / 4));
const sizes = { ...wanted, elements: Math.min(wanted.elements, longest) };
await init({ device: "webgpu" });

const works: (() => Work)[] = sizes.products.map((size) => () => {
  const left = noise(size * size, 1), right = noise(size * size, 2);
  const a = tensor(left, { shape: [size, size] }), b = tensor(right, { shape: [size, size] });
  const product = jit((a: Tensor, b: Tensor) => a.matmul(b));
  const expected = productAt(left, right, size, size - 1, 1);
  return work(
    NAMES.product(size),
    () => product(a, b),
    (c) => isClose(c.at(size - 1, 1).itemSync(), expected, 1e-3),
  );
});
works.push(
  () => {
    const data = noise(sizes.elements, 3), x = tensor(data);
    const chain = jit((x: Tensor) => x.mul(2).add(1).tanh().mul(x.mul(x).neg().exp()).add(x.sin()));
    return work(
      NAMES.chain(sizes.elements),
      () => chain(x),
      (y) => isClose(y.at(-1).itemSync(), chainOf(data[data.length - 1]), 1e-5),
    );
  },
  () => {
    const data = noise(sizes.rows ** 2, 4), x = tensor(data, { shape: [sizes.rows, sizes.rows] });
    const softmax = jit((x: Tensor) => nn.softmax(x));
    return work(
      NAMES.softmax(sizes.rows),
      () => softmax(x),
      (y) =>
        isClose(
          y.at(-1, -1).itemSync() * sizes.rows,
          lastOfRows(data, sizes.rows).softmax * sizes.rows,
          1e-4,
        ),
    );
  },
  () => {
    const data = noise(sizes.rows ** 2, 4), x = tensor(data, { shape: [sizes.rows, sizes.rows] });
    const normalise = jit((x: Tensor) => {
      const centred = x.sub(x.mean({ axis: 1, keepDims: true }));
      return centred.div(centred.square().mean({ axis: 1, keepDims: true }).add(1e-5).sqrt());
    });
    return work(
      NAMES.layerNorm(sizes.rows),
      () => normalise(x),
      (y) => isClose(y.at(-1, -1).itemSync(), lastOfRows(data, sizes.rows).layerNorm, 1e-4),
    );
  },
);
for (const axis of [undefined, 0, 1]) {
  works.push(() => {
    const size = sizes.summed, data = noise(size * size, 5).map((x) => x + 1);
    const expected = data.reduce((sum, x) => sum + x, 0);
    const x = tensor(data, { shape: [size, size] });
    const sum = jit((x: Tensor) => axis === undefined ? x.sum() : x.sum({ axis }));
    return work(
      NAMES.sum(size, axis),
      () => sum(x),
      (s) => isClose(Array.from(s.dataSync()).reduce((a, b) => a + b, 0), expected, 1e-5),
    );
  });
}
works.push(
  () => {
    const x = tensor(MLP.x(), { shape: [MLP.batch, 784] }), labels = tensor(MLP.labels());
    let params = MLP.weights().flatMap((w, i) => [
      tensor(w, { shape: MLP.sizes.slice(i, i + 2) }),
      zeros([MLP.sizes[i + 1]]),
    ]);
    const cost = (params: Tensor[], x: Tensor, labels: Tensor): Tensor => {
      const [W1, b1, W2, b2, W3, b3] = params;
      const h = nn.relu(nn.relu(x.matmul(W1).add(b1)).matmul(W2).add(b2));
      return nn.crossEntropy(h.matmul(W3).add(b3), labels);
    };
    const step = jit((params: Tensor[], x: Tensor, labels: Tensor) => {
      const loss = cost(params, x, labels);
      const slopes = grad(loss, params) as Tensor[];
      return { loss, params: params.map((p, i) => p.sub(slopes[i].mul(MLP.rate))) };
    }, { donate: [0] });
    const losses: Tensor[] = [];
    return {
      workload: NAMES.mlp,
      run: () => {
        const result = step(params, x, labels) as unknown as { loss: Tensor; params: Tensor[] };
        params = result.params;
        losses.push(result.loss);
        finish(params[0]);
      },
      check: () => {
        const first = losses[0].itemSync();
        const second = step(params, x, labels) as unknown as { loss: Tensor; params: Tensor[] };
        params = second.params;
        return isClose(first, mlpLoss(), 1e-3) && second.loss.itemSync() < first;
      },
    };
  },
  () => {
    const { steps, batch, state } = RNN;
    const xs = tensor(RNN.xs(), { shape: [steps, batch, state] });
    const W = tensor(RNN.W(), { shape: [state, state] }), U = tensor(RNN.U(), { shape: [state, state] });
    const cost = (W: Tensor, U: Tensor): Tensor => {
      const [h] = scan(
        (h: Tensor, x: Tensor) => [x.matmul(W).add(h.matmul(U)).tanh(), undefined],
        zeros([batch, state]),
        xs,
      );
      return h.square().sum();
    };
    const slopes = jit((W: Tensor, U: Tensor) => grad(cost, { argnums: [0, 1] })(W, U) as Tensor[]);
    return work(
      NAMES.rnn,
      () => slopes(W, U)[1],
      (dU) => isClose(dU.flatten().at(5).itemSync(), rnnSlope(), 2e-3),
    );
  },
  () => {
    const x = tensor([1, 2, 3, 4, 5, 6, 7, 8]), y = x.mul(2);
    const add = jit((x: Tensor, y: Tensor) => x.add(y));
    return work(NAMES.add, () => add(x, y), (z) => z.at(7).itemSync() === 24);
  },
  () => {
    const x = tensor(1.5);
    return work(NAMES.read, () => x.add(1), (y) => y.itemSync() === 2.5);
  },
);
await measureAll(works);
