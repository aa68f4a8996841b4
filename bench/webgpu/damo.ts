/** The workloads with Damo. Prints a line of JSON for each; `--large` takes the sizes of a real GPU. */
import { grad, init, jit, nn, scan, type Tensor, tensor, whileLoop, zeros } from "@damo/damo";
import { LARGE, MLP, SMALL } from "./workloads.ts";
import { measureLibrary } from "./works.ts";

const wanted = Deno.args.includes("--large") ? LARGE : SMALL;
/** Elements of the longest tensor that the adapter binds, a power of two. */
const binding = (await navigator.gpu.requestAdapter())?.limits.maxStorageBufferBindingSize ?? 0;
const longest = 2 ** Math.floor(Math.log2(binding / 4));
await init({ device: "webgpu" });

/** Waits for the device by reading one number. */
function finish(result: Tensor): void {
  result.at(...result.shape.map(() => 0)).itemSync();
}

/** A function of one tensor, compiled. */
function compiled(fn: (x: Tensor) => Tensor): (x: Tensor) => () => Tensor {
  return (x) => {
    const f = jit(fn);
    return () => f(x);
  };
}

await measureLibrary<Tensor>({
  array: (data, shape) => tensor(data, { shape }),
  matmul: (a, b) => {
    const product = jit((a: Tensor, b: Tensor) => a.matmul(b));
    return () => product(a, b);
  },
  chain: compiled((x) => x.mul(2).add(1).tanh().mul(x.mul(x).neg().exp()).add(x.sin())),
  softmax: compiled((x) => nn.softmax(x)),
  layerNorm: compiled((x) => {
    const centred = x.sub(x.mean({ axis: 1, keepDims: true }));
    return centred.div(centred.square().mean({ axis: 1, keepDims: true }).add(1e-5).sqrt());
  }),
  sum: (x, axis) => compiled((x) => axis === undefined ? x.sum() : x.sum({ axis }))(x),
  mlp: () => {
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
    const train = jit((params: Tensor[], x: Tensor, labels: Tensor) => {
      const loss = cost(params, x, labels);
      const slopes = grad(loss, params) as Tensor[];
      return { loss, params: params.map((p, i) => p.sub(slopes[i].mul(MLP.rate))) };
    }, { donate: [0] });
    const losses: Tensor[] = [];
    return {
      step: () => {
        const result = train(params, x, labels) as unknown as { loss: Tensor; params: Tensor[] };
        params = result.params;
        if (losses.length < 2) losses.push(result.loss);
        finish(params[0]);
      },
      losses: () => losses.map((loss) => loss.itemSync()),
    };
  },
  rnn: (xs, W, U) => {
    const cost = (W: Tensor, U: Tensor): Tensor => {
      const [h] = scan(
        (h: Tensor, x: Tensor) => [x.matmul(W).add(h.matmul(U)).tanh(), undefined],
        zeros([xs.shape[1], xs.shape[2]]),
        xs,
      );
      return h.square().sum();
    };
    const slopes = jit((W: Tensor, U: Tensor) => grad(cost, { argnums: [0, 1] })(W, U) as Tensor[]);
    return () => slopes(W, U)[1];
  },
  shrink: (x, factor) =>
    compiled((x) => whileLoop((c) => c.square().sum().gt(1), (c) => c.mul(factor), x))(x),
  double: compiled((x) => x.add(x)),
  increment: (x) => () => x.add(1),
  finish,
  data: (result) => result.dataSync(),
  dispose: (result) => result.dispose(),
}, { ...wanted, elements: Math.min(wanted.elements, longest) });
