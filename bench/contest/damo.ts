/** The workloads as a user of Damo writes them. */
import { grad, init, jit, matmul, nn, scan, shared, type Tensor, tensor, zeros } from "../../mod.ts";
import { mlpStep } from "../mlp_step.ts";
import { type Contestant, type Inputs, layoutOf, type Prepared } from "./contestant.ts";

type Tensors = { readonly [name: string]: Tensor };

/** A function of the inputs, compiled, whose results are compared. */
function compiled(inputs: Tensors, fn: (inputs: Tensors) => Tensor | Tensor[]): Prepared {
  const f = jit(fn);
  return {
    run: () => f(inputs),
    outputs: () => [f(inputs)].flat().map((result) => (result as Tensor).dataSync() as Float32Array),
  };
}

function lastState({ xs, w, u, b }: Tensors): Tensor {
  const step = (h: Tensor, x: Tensor): [Tensor, Tensor] => {
    const next = x.matmul(w).add(h.matmul(u)).add(b).tanh();
    return [next, next];
  };
  return scan(step, zeros([32, 128]), xs)[0] as Tensor;
}

function prepareMlp({ x, labels, w1, w2, w3 }: Tensors): Prepared {
  const step = mlpStep([w1, w2, w3]);
  return {
    run: () => step(x, labels),
    outputs: () => [[step(x, labels).itemSync() as number, step(x, labels).itemSync() as number]],
  };
}

function prepareRegression({ x, y }: Tensors): Prepared {
  const w = shared(zeros([10]));
  const step = jit((inputs: Tensor, targets: Tensor) => {
    const cost = inputs.dot(w.value).sub(targets).square().mean();
    w.value = w.value.sub((grad(cost, w) as Tensor).mul(0.1));
    return cost;
  });
  const run = () => {
    w.value = zeros([10]);
    for (let i = 0; i < 1000; i++) step(x, y);
  };
  return {
    run,
    outputs: () => {
      run();
      return [w.value.dataSync() as Float32Array];
    },
  };
}

function prepareSmallSum({ x, y }: Tensors): Prepared {
  const f = jit((a: Tensor, b: Tensor) => a.add(b));
  return {
    run: () => {
      for (let i = 0; i < 1000; i++) f(x, y);
    },
    outputs: () => [f(x, y).dataSync() as Float32Array],
  };
}

function prepare(workload: string, given: Inputs): Prepared | null {
  const inputs: Tensors = Object.fromEntries(
    Object.entries(given).map(([name, { shape, values }]) => [name, tensor(values, { shape })]),
  );
  if (workload.startsWith("matmul")) {
    const [left, right] = layoutOf(workload);
    return compiled(inputs, ({ a, b }) => matmul(left ? a.transpose() : a, right ? b.transpose() : b));
  }
  if (workload.startsWith("chain")) {
    return compiled(inputs, ({ x }) => x.mul(2).add(1).tanh().mul(x.square().neg().exp()).add(x.sin()));
  }
  const axis = { "sum 4096x4096 axis 0": 0, "sum 4096x4096 axis 1": 1 }[workload];
  switch (workload) {
    case "softmax 1024x1024":
      return compiled(inputs, ({ x }) => nn.softmax(x));
    case "layer norm 1024x1024":
      return compiled(inputs, ({ x, gamma, beta }) => nn.layerNorm(x, { gamma, beta }));
    case "sum 4096x4096 axis 0":
    case "sum 4096x4096 axis 1":
    case "sum 4096x4096 all":
      return compiled(inputs, ({ x }) => x.sum({ axis }));
    case "MLP step":
      return prepareMlp(inputs);
    case "convolution forward":
      return compiled(inputs, ({ x, w }) => nn.conv2d(x, w));
    case "convolution with both gradients": {
      const cost = (x: Tensor, w: Tensor) => nn.conv2d(x, w).square().sum();
      return compiled(inputs, ({ x, w }) => grad(cost, { argnums: [0, 1] })(x, w) as Tensor[]);
    }
    case "RNN of 100 steps forward":
      return compiled(inputs, lastState);
    case "RNN of 100 steps with backward":
    case "RNN of 500 steps with backward": {
      const cost = (w: Tensor, u: Tensor, b: Tensor, xs: Tensor) => lastState({ xs, w, u, b }).square().sum();
      return compiled(
        inputs,
        ({ xs, w, u, b }) => grad(cost, { argnums: [0, 1, 2] })(w, u, b, xs) as Tensor[],
      );
    }
    case "1,000 steps of linear regression":
      return prepareRegression(inputs);
    case "z = x + y on 8 numbers":
      return prepareSmallSum(inputs);
  }
  return null;
}

/** Damo with this many threads. */
export async function contestant(threads: number): Promise<Contestant> {
  await init({ device: "wasm", threads });
  return { version: "Damo of this checkout", prepare };
}
