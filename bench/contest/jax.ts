/** The workloads in jax-js on WebAssembly: with workers (awaited), or on the main thread alone (synchronous). */
// deno-lint-ignore-file no-explicit-any -- the package is loaded without its types: checking must not download peers
import { type Contestant, type Inputs, layoutOf, type Prepared } from "./contestant.ts";

const VERSION = "0.1.25";

export async function contestant(synchronous: boolean): Promise<Contestant> {
  const specifier = `npm:@jax-js/jax@${VERSION}`;
  const jax: any = await import(specifier);
  const { numpy: np, nn, lax, jit, grad, valueAndGrad, tree, blockUntilReady } = jax;
  await jax.init("wasm");
  jax.defaultDevice("wasm");

  const read = async (array: any): Promise<Float32Array> =>
    synchronous ? array.dataSync() : await array.data();
  const finish = (results: any): unknown => {
    if (synchronous) return void tree.leaves(results).forEach((leaf: any) => leaf.dataSync());
    return blockUntilReady(results).then(() => tree.dispose(results));
  };

  function of(compute: () => any): Prepared {
    return {
      run: () => finish(compute()),
      outputs: async () => {
        const outputs: Float32Array[] = [];
        for (const leaf of [compute()].flat()) outputs.push(await read(leaf));
        return outputs;
      },
    };
  }

  function lastState(p: any, xs: any): any {
    let h = np.zeros([32, 128]);
    for (let t = 0; t < xs.shape[0]; t++) {
      h = np.tanh(np.matmul(xs.ref.slice(t), p.w.ref).add(np.matmul(h, p.u.ref)).add(p.b.ref));
    }
    xs.dispose();
    tree.dispose(p);
    return h;
  }

  function prepareMlp({ x, labels, w1, w2, w3 }: any): Prepared {
    const targets = nn.oneHot(labels, 10);
    const loss = (p: any, inputs: any, expected: any) => {
      let h = nn.relu(np.matmul(inputs, p.w1).add(p.b1));
      h = nn.relu(np.matmul(h, p.w2).add(p.b2));
      return nn.logSoftmax(np.matmul(h, p.w3).add(p.b3), -1).mul(expected).sum().neg().div(128);
    };
    const step = jit((p: any, inputs: any, expected: any) => {
      const [value, gradients] = valueAndGrad(loss)(tree.ref(p), inputs, expected);
      return [value, tree.map((a: any, b: any) => a.sub(b.mul(0.1)), p, gradients)];
    });
    let parameters: any = { w1, b1: np.zeros([512]), w2, b2: np.zeros([512]), w3, b3: np.zeros([10]) };
    const advance = (): any => {
      const [value, next] = step(parameters, x.ref, targets.ref);
      parameters = next;
      return value;
    };
    return {
      run: async () => {
        const value = advance();
        if (synchronous) { for (const leaf of tree.leaves(parameters)) leaf.ref.dataSync(); }
        else await blockUntilReady(parameters);
        await finish(value);
      },
      outputs: async () => [[(await read(advance()))[0], (await read(advance()))[0]]],
    };
  }

  function prepareRegression({ x, y }: any): Prepared {
    const loss = (w: any, inputs: any, targets: any) => np.square(np.matmul(inputs, w).sub(targets)).mean();
    const step = jit((w: any, inputs: any, targets: any) => {
      const [value, gradient] = valueAndGrad(loss)(w.ref, inputs, targets);
      return [value, w.sub(gradient.mul(0.1))];
    });
    const train = async () => {
      let w = np.zeros([10]);
      for (let i = 0; i < 1000; i++) {
        const [value, next] = step(w, x.ref, y.ref);
        value.dispose();
        w = next;
        // Its queue grows without bound otherwise; every 50 steps was its fastest.
        if (i % 50 === 49) await (synchronous ? w.ref.dataSync() : blockUntilReady([w]));
      }
      return w;
    };
    return {
      run: async () => (await train()).dispose(),
      outputs: async () => [await read(await train())],
    };
  }

  function prepareSmallSum({ x, y }: any): Prepared {
    const f = jit((a: any, b: any) => a.add(b));
    return {
      // Calls alone: computing is put off until somebody reads, which would add a hundred times as much.
      run: () => {
        for (let i = 0; i < 1000; i++) f(x.ref, y.ref).dispose();
      },
      outputs: async () => [await read(f(x.ref, y.ref))],
    };
  }

  function prepare(workload: string, given: Inputs): Prepared | null {
    const a: any = {};
    for (const [name, { shape, values }] of Object.entries(given)) {
      a[name] = np.array(values, { shape, dtype: values instanceof Int32Array ? np.int32 : np.float32 });
    }
    if (workload.startsWith("matmul")) {
      const [left, right] = layoutOf(workload);
      const side = (array: any, turned: boolean) => turned ? array.ref.transpose() : array.ref;
      return of(() => np.matmul(side(a.a, left), side(a.b, right)));
    }
    if (workload.startsWith("chain")) {
      const f = jit((x: any) =>
        np.tanh(x.ref.mul(2).add(1)).mul(np.exp(x.ref.mul(x.ref).neg())).add(np.sin(x))
      );
      return of(() => f(a.x.ref));
    }
    switch (workload) {
      case "softmax 1024x1024": {
        const f = jit((x: any) => nn.softmax(x, -1));
        return of(() => f(a.x.ref));
      }
      case "layer norm 1024x1024": {
        const f = jit((x: any, gamma: any, beta: any) => nn.standardize(x, -1).mul(gamma).add(beta));
        return of(() => f(a.x.ref, a.gamma.ref, a.beta.ref));
      }
      case "sum 4096x4096 axis 0":
        return of(() => np.sum(a.x.ref, 0));
      case "sum 4096x4096 axis 1":
        return of(() => np.sum(a.x.ref, 1));
      case "sum 4096x4096 all":
        return of(() => np.sum(a.x.ref));
      case "MLP step":
        return prepareMlp(a);
      case "convolution forward": {
        const f = jit((x: any, w: any) => lax.conv(x, w, [1, 1], "VALID"));
        return of(() => f(a.x.ref, a.w.ref));
      }
      case "convolution with both gradients": {
        const cost = (x: any, w: any) => np.square(lax.conv(x, w, [1, 1], "VALID")).sum();
        const f = jit(grad(cost, { argnums: [0, 1] }));
        return of(() => f(a.x.ref, a.w.ref));
      }
      case "RNN of 100 steps forward": {
        const f = jit(lastState);
        return of(() => f({ w: a.w.ref, u: a.u.ref, b: a.b.ref }, a.xs.ref));
      }
      case "RNN of 100 steps with backward":
      case "RNN of 500 steps with backward": {
        const f = jit(grad((p: any, xs: any) => np.square(lastState(p, xs)).sum()));
        return of(() => {
          const gradients = f({ w: a.w.ref, u: a.u.ref, b: a.b.ref }, a.xs.ref);
          return [gradients.w, gradients.u, gradients.b];
        });
      }
      case "1,000 steps of linear regression":
        return prepareRegression(a);
      case "z = x + y on 8 numbers":
        return prepareSmallSum(a);
    }
    return null;
  }

  return { version: `jax-js ${VERSION} (wasm, ${synchronous ? "synchronous" : "workers"})`, prepare };
}
