/**
 * New operations: derivatives of one's own, computations on the host, primitives.
 *
 * A Theano `Op` is a class with `make_node`, `perform` and `grad`. Here a derivative is added to a function by `customVjp`
 * or `customJvp`, and `definePrimitive` takes one object with whatever rules the operation has.
 */
import {
  checkGrads,
  customVjp,
  definePrimitive,
  grad,
  hostCallback,
  jit,
  type Tensor,
  tensor,
  vmap,
} from "@damo/damo";
import { expect } from "../expect.ts";

// log(1 + e^x) with a derivative that does not overflow.
const softplus = customVjp(
  (x: Tensor) => x.exp().add(1).log(),
  (x: Tensor) => [x.exp().add(1).log(), x],
  (x: Tensor, cotangent: Tensor) => [cotangent.mul(x.sigmoid())],
);
expect(grad(softplus)(tensor(100)), 1);
expect(jit(vmap(grad(softplus)))(tensor([0, 100])), [0.5, 1]);

// An operation computed by plain TypeScript, with a derivative in tensors.
const cubeRoot = definePrimitive({
  name: "cubeRoot",
  infer: (x) => x,
  evaluate: (x) => x.data.map(Math.cbrt),
  jvp: ([x], [tangent], [root]) => tangent.mul(root).div(x.mul(3)),
});
expect(jit((x: Tensor) => cubeRoot(x).sum())(tensor([8, 27])), 5);
expect(grad((x: Tensor) => cubeRoot(x).sum())(tensor([8, 27])), [1 / 12, 1 / 27]);
checkGrads((x: Tensor) => cubeRoot(x), [tensor([1, 2], { dtype: "float64" })], { order: 1 });

// Calling back for a value, without a derivative.
const table = new Map([[1, 10], [2, 20]]);
const look = jit((x: Tensor) => {
  const found = hostCallback(
    (x) => (x.arraySync() as number[]).map((key) => table.get(key) ?? -1),
    { shape: x.shape, dtype: "float32" },
    x,
  );
  return found.mul(2);
});
expect(look(tensor([1, 2, 3])), [20, 40, -2]);
