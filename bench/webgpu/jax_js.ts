/** The workloads with jax-js on WebGPU. Prints a line of JSON for each. */
import {
  chainOf,
  isClose,
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

// deno-lint-ignore no-explicit-any -- the types of this library say nothing here
type Loose = any;

// Not known before it runs: checking this project installs nothing.
const library: string = "npm:@jax-js/jax@0.1.25";
const { blockUntilReady, defaultDevice, grad, init, jit, nn, numpy: np, tree, valueAndGrad }: Loose =
  await import(library);
await init("webgpu");
defaultDevice("webgpu");
const array = (data: Float32Array | Int32Array, shape: number[]): Loose => np.array(data as Loose, { shape });

/** `make` gives a new result, of which `check` sees the elements. */
function work(workload: string, make: () => Loose, check: (data: Float32Array) => boolean): Work {
  return {
    workload,
    run: async () => {
      const result = make();
      await blockUntilReady(result);
      tree.dispose(result);
    },
    check: async () => check(await make().data()),
  };
}

const { products, elements, rows, summed } = SMALL;
const works: (() => Work)[] = products.map((size) => () => {
  const left = noise(size * size, 1), right = noise(size * size, 2);
  const a = array(left, [size, size]), b = array(right, [size, size]);
  const expected = productAt(left, right, size, size - 1, 1);
  return work(
    NAMES.product(size),
    () => np.matmul(a.ref, b.ref),
    (c) => isClose(c[(size - 1) * size + 1], expected, 1e-3),
  );
});
works.push(
  () => {
    const data = noise(elements, 3), x = array(data, [elements]);
    const chain = jit((x: Loose) =>
      np.tanh(x.ref.mul(2).add(1)).mul(np.exp(x.ref.mul(x.ref).neg())).add(np.sin(x))
    );
    return work(
      NAMES.chain(elements),
      () => chain(x.ref),
      (y) => isClose(y[elements - 1], chainOf(data[elements - 1]), 1e-5),
    );
  },
  () => {
    const data = noise(rows ** 2, 4), x = array(data, [rows, rows]);
    const softmax = jit((x: Loose) => nn.softmax(x, -1));
    const expected = lastOfRows(data, rows).softmax * rows;
    return work(
      NAMES.softmax(rows),
      () => softmax(x.ref),
      (y) => isClose(y[rows * rows - 1] * rows, expected, 1e-4),
    );
  },
  () => {
    const data = noise(rows ** 2, 4), x = array(data, [rows, rows]);
    const normalise = jit((x: Loose) => nn.standardize(x, -1));
    return work(
      NAMES.layerNorm(rows),
      () => normalise(x.ref),
      (y) => isClose(y[rows * rows - 1], lastOfRows(data, rows).layerNorm, 1e-4),
    );
  },
);
for (const axis of [undefined, 0, 1]) {
  works.push(() => {
    const data = noise(summed * summed, 5).map((x) => x + 1);
    const expected = data.reduce((sum, x) => sum + x, 0);
    const x = array(data, [summed, summed]);
    return work(
      NAMES.sum(summed, axis),
      () => axis === undefined ? np.sum(x.ref) : np.sum(x.ref, axis),
      (s) => isClose(s.reduce((a, b) => a + b, 0), expected, 1e-5),
    );
  });
}
works.push(
  () => {
    const x = array(MLP.x(), [MLP.batch, 784]);
    const labels = nn.oneHot(np.array(MLP.labels() as Loose, { dtype: np.int32 }), 10);
    let params: Loose = MLP.weights().map((w, i) => ({
      W: array(w, MLP.sizes.slice(i, i + 2)),
      b: np.zeros([MLP.sizes[i + 1]]),
    }));
    const cost = (params: Loose, x: Loose, labels: Loose): Loose => {
      let h = x;
      params.forEach(({ W, b }: Loose, i: number) => {
        h = np.matmul(h, W).add(b);
        if (i < 2) h = nn.relu(h);
      });
      return nn.logSoftmax(h, -1).mul(labels).sum().neg().div(MLP.batch);
    };
    const step: Loose = jit((params: Loose, x: Loose, labels: Loose) => {
      const [loss, slopes]: Loose = valueAndGrad(cost)(tree.ref(params), x, labels);
      return [loss, tree.map((p: Loose, g: Loose) => p.sub(g.mul(MLP.rate)), params, slopes)];
    });
    const losses: number[] = [];
    const run = async () => {
      const [loss, next] = step(params, x.ref, labels.ref);
      params = next;
      await blockUntilReady([loss, params]);
      if (losses.length < 2) losses.push((await loss.data())[0]);
      else loss.dispose();
    };
    return {
      workload: NAMES.mlp,
      run,
      check: async () => {
        await run();
        return isClose(losses[0], mlpLoss(), 1e-3) && losses[1] < losses[0];
      },
    };
  },
  () => {
    const { steps, batch, state } = RNN;
    const xs = array(RNN.xs(), [steps, batch, state]);
    const W = array(RNN.W(), [state, state]), U = array(RNN.U(), [state, state]);
    const cost = (W: Loose, U: Loose, xs: Loose): Loose => {
      let h: Loose = np.zeros([batch, state]);
      for (let t = 0; t < steps; t++) {
        h = np.tanh(np.matmul(xs.ref.slice(t), W.ref).add(np.matmul(h, U.ref)));
      }
      for (const used of [W, U, xs]) used.dispose();
      return np.square(h).sum();
    };
    const slopes: Loose = jit(grad(cost as Loose, { argnums: [0, 1] }) as Loose);
    return {
      workload: NAMES.rnn,
      run: async () => {
        const result = slopes(W.ref, U.ref, xs.ref);
        await blockUntilReady(result);
        tree.dispose(result);
      },
      check: async () => {
        const [dW, dU] = slopes(W.ref, U.ref, xs.ref);
        dW.dispose();
        return isClose((await dU.data())[5], rnnSlope(), 2e-3);
      },
    };
  },
  () => {
    const x = array(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), [8]);
    const add = jit((x: Loose, y: Loose) => x.add(y));
    return {
      workload: NAMES.add,
      run: async () => void await (add(x.ref, x.ref) as Loose).data(),
      check: async () => (await (add(x.ref, x.ref) as Loose).data())[7] === 16,
    };
  },
  () => {
    const x = array(Float32Array.of(1.5), [1]);
    return {
      workload: NAMES.read,
      run: async () => void await x.ref.add(1).data(),
      check: async () => (await x.ref.add(1).data())[0] === 2.5,
    };
  },
);
await measureAll(works);
