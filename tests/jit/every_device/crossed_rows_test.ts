import { assert } from "@std/assert";
import { grad, jit, nn, random, type Tensor } from "@damo/damo";
import { deviceTest } from "../../support/devices.ts";

const CASES: readonly (readonly [shape: number[], axes: number[]])[] = [
  [[33, 35], [1, 0]],
  [[17, 1023], [1, 0]],
  [[1023, 3], [1, 0]],
  [[3, 19, 31], [0, 2, 1]],
  [[2, 33, 5, 7], [0, 2, 3, 1]],
  [[5, 1, 257], [2, 1, 0]],
];

const last = { axis: -1, keepDims: true };

function normalized(x: Tensor): Tensor {
  const centred = x.sub(x.mean(last));
  return centred.div(centred.square().mean(last).add(1e-5).sqrt());
}

deviceTest(
  "rows of permuted tensors give softmax, normalisation and their gradients as the reference does",
  (device) => {
    for (const [shape, axes] of CASES) {
      const x = random.normal(random.key(3), shape);
      const both = (x: Tensor): Tensor[] => {
        const p = x.transpose(axes);
        return [nn.softmax(p.mul(2)), normalized(p), p.exp()];
      };
      const cost = (x: Tensor): Tensor => {
        const [a, b] = both(x);
        return a.mul(b).sin().sum();
      };
      const fn = (x: Tensor): Tensor[] => [...both(x), grad(cost)(x) as Tensor];
      const found = jit(fn)(x), wanted = jit(fn, { mode: "reference" })(x);
      wanted.forEach((result, k) => {
        const a = found[k].dataSync(), e = result.dataSync();
        const scale = Math.max(1, ...e.map(Math.abs));
        e.forEach((value, i) => {
          const near = Math.abs(Number(a[i]) - Number(value)) <= 2e-5 * scale;
          assert(near, `${device}, ${shape} by ${axes}, result ${k} at ${i}: ${a[i]}, not ${value}`);
        });
      });
    }
  },
);
