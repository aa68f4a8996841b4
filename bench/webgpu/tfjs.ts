/** The workloads with TensorFlow.js on WebGPU. Prints a line of JSON for each. */
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
const libraries: readonly string[] = [
  "npm:@tensorflow/tfjs@4.22.0",
  "npm:@tensorflow/tfjs-backend-webgpu@4.22.0",
];
const [namespace]: Loose[] = await Promise.all(libraries.map((name) => import(name)));
const tf: Loose = namespace.default ?? namespace;

await tf.setBackend("webgpu");
await tf.ready();
// Small operations would run on the host.
tf.env().set("WEBGPU_CPU_FORWARD", false);
if (tf.getBackend() !== "webgpu") throw new Error("TensorFlow.js has no WebGPU here.");

/** Waits for the device by reading one number. */
async function finish(result: Loose): Promise<void> {
  const one = tf.tidy(() => tf.slice(result.reshape([-1]), 0, 1));
  await one.data();
  one.dispose();
}

/** `make` gives a new result, of which `check` sees the elements. */
function work(workload: string, make: () => Loose, check: (data: Float32Array) => boolean): Work {
  return {
    workload,
    run: async () => {
      const result = tf.tidy(make);
      await finish(result);
      result.dispose();
    },
    check: async () => {
      const result = tf.tidy(make);
      const data = await result.data();
      result.dispose();
      return check(data);
    },
  };
}

const { products, elements, rows, summed } = SMALL;
const works: (() => Work)[] = products.map((size) => () => {
  const left = noise(size * size, 1), right = noise(size * size, 2);
  const a = tf.tensor(left, [size, size]), b = tf.tensor(right, [size, size]);
  const expected = productAt(left, right, size, size - 1, 1);
  return work(
    NAMES.product(size),
    () => tf.matMul(a, b),
    (c) => isClose(c[(size - 1) * size + 1], expected, 1e-3),
  );
});
works.push(
  () => {
    const data = noise(elements, 3), x = tf.tensor1d(data);
    return work(
      NAMES.chain(elements),
      () => tf.add(tf.mul(tf.tanh(tf.add(tf.mul(x, 2), 1)), tf.exp(tf.neg(tf.mul(x, x)))), tf.sin(x)),
      (y) => isClose(y[elements - 1], chainOf(data[elements - 1]), 1e-5),
    );
  },
  () => {
    const data = noise(rows ** 2, 4), x = tf.tensor(data, [rows, rows]);
    const expected = lastOfRows(data, rows).softmax * rows;
    return work(
      NAMES.softmax(rows),
      () => tf.softmax(x, -1),
      (y) => isClose(y[rows * rows - 1] * rows, expected, 1e-4),
    );
  },
  () => {
    const data = noise(rows ** 2, 4), x = tf.tensor(data, [rows, rows]);
    return work(
      NAMES.layerNorm(rows),
      () => {
        const { mean, variance } = tf.moments(x, -1, true);
        return tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5)));
      },
      (y) => isClose(y[rows * rows - 1], lastOfRows(data, rows).layerNorm, 1e-4),
    );
  },
);
for (const axis of [undefined, 0, 1]) {
  works.push(() => {
    const data = noise(summed * summed, 5).map((x) => x + 1);
    const expected = data.reduce((sum, x) => sum + x, 0);
    const x = tf.tensor(data, [summed, summed]);
    return work(
      NAMES.sum(summed, axis),
      () => tf.sum(x, axis),
      (s) => isClose(s.reduce((a, b) => a + b, 0), expected, 1e-5),
    );
  });
}
works.push(
  () => {
    const x = tf.tensor(MLP.x(), [MLP.batch, 784]);
    const labels = tf.oneHot(tf.tensor1d(MLP.labels(), "int32"), 10).cast("float32");
    const params = MLP.weights().map((w, i) => ({
      W: tf.variable(tf.tensor(w, MLP.sizes.slice(i, i + 2))),
      b: tf.variable(tf.zeros([MLP.sizes[i + 1]])),
    }));
    const cost = () => {
      let h: Loose = x;
      params.forEach(({ W, b }, i) => {
        h = tf.add(tf.matMul(h, W), b);
        if (i < 2) h = tf.relu(h);
      });
      return tf.div(tf.neg(tf.sum(tf.mul(tf.logSoftmax(h, -1), labels))), MLP.batch);
    };
    const optimizer = tf.train.sgd(MLP.rate);
    const variables = params.flatMap(({ W, b }) => [W, b]);
    const losses: number[] = [];
    const run = async () => {
      const loss = optimizer.minimize(cost, true, variables);
      if (losses.length < 2) losses.push((await loss.data())[0]);
      loss.dispose();
      await finish(params[0].W);
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
    const xs = tf.unstack(tf.tensor(RNN.xs(), [steps, batch, state]));
    const W = tf.tensor(RNN.W(), [state, state]), U = tf.tensor(RNN.U(), [state, state]);
    const cost = (W: Loose, U: Loose) => {
      let h = tf.zeros([batch, state]);
      for (const x of xs) h = tf.tanh(tf.add(tf.matMul(x, W), tf.matMul(h, U)));
      return tf.sum(tf.square(h));
    };
    const slopes = tf.grads(cost);
    return work(
      NAMES.rnn,
      () => slopes([W, U])[1],
      (dU) => isClose(dU[5], rnnSlope(), 2e-3),
    );
  },
  () => {
    const x = tf.tensor1d([1, 2, 3, 4, 5, 6, 7, 8]);
    return work(NAMES.add, () => tf.add(x, x), (z) => z[7] === 16);
  },
  () => {
    const x = tf.scalar(1.5);
    return work(NAMES.read, () => tf.add(x, 1), (y) => y[0] === 2.5);
  },
);
await measureAll(works);
Deno.exit(0);
