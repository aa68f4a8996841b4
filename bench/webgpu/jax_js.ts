/** The workloads with jax-js on WebGPU. Prints a line of JSON for each. */
import { MLP, SMALL } from "./workloads.ts";
import { measureLibrary } from "./works.ts";

// deno-lint-ignore no-explicit-any -- the types of this library say nothing here
type Loose = any;

// Not known before it runs: checking this project installs nothing.
const library: string = "npm:@jax-js/jax@0.1.25";
const { blockUntilReady, defaultDevice, grad, init, jit, nn, numpy: np, tree, valueAndGrad }: Loose =
  await import(library);
await init("webgpu");
defaultDevice("webgpu");
const array = (data: Float32Array | Int32Array, shape: number[]): Loose => np.array(data as Loose, { shape });

/** A function of one array, compiled. Arrays are used up by what is done with them: `ref` keeps them. */
function compiled(fn: (x: Loose) => Loose): (x: Loose) => () => Loose {
  return (x) => {
    const f = jit(fn);
    return () => f(x.ref);
  };
}

await measureLibrary<Loose>({
  array,
  matmul: (a, b) => () => np.matmul(a.ref, b.ref),
  chain: compiled((x) => np.tanh(x.ref.mul(2).add(1)).mul(np.exp(x.ref.mul(x.ref).neg())).add(np.sin(x))),
  softmax: compiled((x) => nn.softmax(x, -1)),
  layerNorm: compiled((x) => nn.standardize(x, -1)),
  sum: (x, axis) => () => axis === undefined ? np.sum(x.ref) : np.sum(x.ref, axis),
  mlp: () => {
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
    const train: Loose = jit((params: Loose, x: Loose, labels: Loose) => {
      const [loss, slopes]: Loose = valueAndGrad(cost)(tree.ref(params), x, labels);
      return [loss, tree.map((p: Loose, g: Loose) => p.sub(g.mul(MLP.rate)), params, slopes)];
    });
    const losses: number[] = [];
    return {
      step: async () => {
        const [loss, next] = train(params, x.ref, labels.ref);
        params = next;
        await blockUntilReady([loss, params]);
        if (losses.length < 2) losses.push((await loss.data())[0]);
        else loss.dispose();
      },
      losses: () => losses,
    };
  },
  rnn: (xs, W, U) => {
    const [steps, batch, state] = xs.shape;
    const cost = (W: Loose, U: Loose, xs: Loose): Loose => {
      let h: Loose = np.zeros([batch, state]);
      for (let t = 0; t < steps; t++) {
        h = np.tanh(np.matmul(xs.ref.slice(t), W.ref).add(np.matmul(h, U.ref)));
      }
      for (const used of [W, U, xs]) used.dispose();
      return np.square(h).sum();
    };
    const slopes: Loose = jit(grad(cost as Loose, { argnums: [0, 1] }) as Loose);
    return () => {
      const [dW, dU] = slopes(W.ref, U.ref, xs.ref);
      dW.dispose();
      return dU;
    };
  },
  shrink: (x, factor) => {
    const squares = jit((x: Loose) => np.square(x).sum()), shrink = jit((x: Loose) => x.mul(factor));
    return async () => {
      let c = x.ref;
      while ((await squares(c.ref).data())[0] > 1) c = shrink(c);
      return c;
    };
  },
  double: compiled((x) => x.ref.add(x)),
  increment: (x) => () => x.ref.add(1),
  finish: async (result) => void await blockUntilReady(result),
  data: async (result) => await result.ref.data(),
  dispose: (result) => result.dispose(),
}, SMALL);
