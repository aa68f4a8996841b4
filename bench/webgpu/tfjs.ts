/** The workloads with TensorFlow.js on WebGPU. Prints a line of JSON for each. */
import { MLP, SMALL } from "./workloads.ts";
import { measureLibrary } from "./works.ts";

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

/** A function of one array that leaves its result alone. */
function tidied(fn: (x: Loose) => Loose): (x: Loose) => () => Loose {
  return (x) => () => tf.tidy(() => fn(x));
}

await measureLibrary<Loose>({
  array: (data, shape) => tf.tensor(data, shape),
  matmul: (a, b) => () => tf.matMul(a, b),
  chain: tidied((x) =>
    tf.add(tf.mul(tf.tanh(tf.add(tf.mul(x, 2), 1)), tf.exp(tf.neg(tf.mul(x, x)))), tf.sin(x))
  ),
  softmax: tidied((x) => tf.softmax(x, -1)),
  layerNorm: tidied((x) => {
    const { mean, variance } = tf.moments(x, -1, true);
    return tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5)));
  }),
  sum: (x, axis) => () => tf.sum(x, axis),
  mlp: () => {
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
    return {
      step: async () => {
        const loss = optimizer.minimize(cost, true, variables);
        if (losses.length < 2) losses.push((await loss.data())[0]);
        loss.dispose();
        await finish(params[0].W);
      },
      losses: () => losses,
    };
  },
  rnn: (xs, W, U) => {
    const [, batch, state] = xs.shape, rows = tf.unstack(xs);
    const cost = (W: Loose, U: Loose) => {
      let h = tf.zeros([batch, state]);
      for (const x of rows) h = tf.tanh(tf.add(tf.matMul(x, W), tf.matMul(h, U)));
      return tf.sum(tf.square(h));
    };
    const slopes = tf.grads(cost);
    return () => tf.tidy(() => slopes([W, U])[1]);
  },
  shrink: (x, factor) => async () => {
    let c = x.clone();
    while (true) {
      const squares = tf.tidy(() => tf.sum(tf.square(c)));
      const goesOn = (await squares.data())[0] > 1;
      squares.dispose();
      if (!goesOn) return c;
      const next = tf.mul(c, factor);
      c.dispose();
      c = next;
    }
  },
  double: (x) => () => tf.add(x, x),
  increment: (x) => () => tf.add(x, 1),
  finish,
  data: async (result) => await result.data(),
  dispose: (result) => result.dispose(),
}, SMALL);
Deno.exit(0);
