/** The workloads in TensorFlow.js on WebAssembly. */
// deno-lint-ignore-file no-explicit-any -- the package is loaded without its types: checking must not download peers
import { type Contestant, type Inputs, layoutOf, type Prepared } from "./contestant.ts";
import { loadTensorFlow, VERSION } from "./load_tensorflow.ts";

export async function contestant(): Promise<Contestant> {
  const tf = await loadTensorFlow();

  function of(compute: () => any): Prepared {
    return {
      run: () => tf.dispose(compute()),
      outputs: async () => {
        const outputs: Float32Array[] = [];
        for (const result of [compute()].flat()) outputs.push(await result.data());
        return outputs;
      },
    };
  }

  function lastState(xs: any[], w: any, u: any, b: any): any {
    let h = tf.zeros([32, 128]);
    for (const x of xs) h = tf.tanh(tf.add(tf.add(tf.matMul(x, w), tf.matMul(h, u)), b));
    return h;
  }

  function prepareMlp({ x, labels, w1, w2, w3 }: any): Prepared {
    const targets = tf.oneHot(labels, 10).cast("float32");
    const p = [w1, tf.zeros([512]), w2, tf.zeros([512]), w3, tf.zeros([10])].map((value) =>
      tf.variable(value)
    );
    const loss = () => {
      let h = tf.relu(tf.add(tf.matMul(x, p[0]), p[1]));
      h = tf.relu(tf.add(tf.matMul(h, p[2]), p[3]));
      const logits = tf.add(tf.matMul(h, p[4]), p[5]);
      return tf.div(tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits, -1), targets))), 128);
    };
    const optimiser = tf.train.sgd(0.1);
    const step = () => optimiser.minimize(loss, true, p);
    return {
      run: () => step().dispose(),
      outputs: async () => [[(await step().data())[0], (await step().data())[0]]],
    };
  }

  function prepareRegression({ x, y }: any): Prepared {
    const targets = y.reshape([100, 1]);
    const train = () => {
      const w = tf.variable(tf.zeros([10, 1]));
      const optimiser = tf.train.sgd(0.1);
      const loss = () => tf.mean(tf.square(tf.sub(tf.matMul(x, w), targets)));
      for (let i = 0; i < 1000; i++) optimiser.minimize(loss, false, [w]);
      optimiser.dispose();
      return w;
    };
    return of(train);
  }

  function prepareSmallSum({ x, y }: any): Prepared {
    return {
      run: () => {
        for (let i = 0; i < 1000; i++) tf.add(x, y).dispose();
      },
      outputs: async () => [await tf.add(x, y).data()],
    };
  }

  function prepare(workload: string, given: Inputs): Prepared | null {
    const a: any = {};
    for (const [name, { shape, values }] of Object.entries(given)) {
      a[name] = tf.tensor(values, shape, values instanceof Int32Array ? "int32" : "float32");
    }
    if (workload.startsWith("matmul")) {
      const [left, right] = layoutOf(workload);
      return of(() => tf.matMul(a.a, a.b, left, right));
    }
    if (workload.startsWith("chain")) {
      const compute = () =>
        tf.add(tf.mul(tf.tanh(tf.add(tf.mul(a.x, 2), 1)), tf.exp(tf.neg(tf.mul(a.x, a.x)))), tf.sin(a.x));
      return of(() => tf.tidy(compute));
    }
    switch (workload) {
      case "softmax 1024x1024":
        return of(() => tf.softmax(a.x, -1));
      case "layer norm 1024x1024":
        return of(() =>
          tf.tidy(() => {
            const { mean, variance } = tf.moments(a.x, -1, true);
            const scaled = tf.div(tf.sub(a.x, mean), tf.sqrt(tf.add(variance, 1e-5)));
            return tf.add(tf.mul(scaled, a.gamma), a.beta);
          })
        );
      case "sum 4096x4096 axis 0":
        return of(() => tf.sum(a.x, 0));
      case "sum 4096x4096 axis 1":
        return of(() => tf.sum(a.x, 1));
      case "sum 4096x4096 all":
        return of(() => tf.sum(a.x));
      case "MLP step":
        return prepareMlp(a);
      case "convolution forward": {
        // Its layout has channels last.
        const x = tf.transpose(a.x, [0, 2, 3, 1]), w = tf.transpose(a.w, [2, 3, 1, 0]);
        return {
          run: () => tf.conv2d(x, w, 1, "valid").dispose(),
          outputs: async () => [await tf.transpose(tf.conv2d(x, w, 1, "valid"), [0, 3, 1, 2]).data()],
        };
      }
      case "convolution with both gradients":
        return null; // The gradient of the filters has no kernel on WebAssembly.
      case "RNN of 100 steps forward": {
        const xs = tf.unstack(a.xs);
        return of(() => tf.tidy(() => lastState(xs, a.w, a.u, a.b)));
      }
      case "RNN of 100 steps with backward":
      case "RNN of 500 steps with backward": {
        const xs = tf.unstack(a.xs);
        const f = tf.grads((w: any, u: any, b: any) => tf.sum(tf.square(lastState(xs, w, u, b))));
        return of(() => f([a.w, a.u, a.b]));
      }
      case "1,000 steps of linear regression":
        return prepareRegression(a);
      case "z = x + y on 8 numbers":
        return prepareSmallSum(a);
    }
    return null;
  }

  return { version: `TensorFlow.js ${VERSION} (wasm)`, prepare };
}
