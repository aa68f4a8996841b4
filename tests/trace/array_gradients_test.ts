/** Gradients and batching of operations that move, index, multiply and sort, through the public functions. */
import { assert, assertEquals } from "@std/assert";
import {
  bincount,
  checkGrads,
  compress,
  concat,
  einsum,
  fft,
  gather,
  grad,
  kron,
  outer,
  scatterAdd,
  slice,
  sort,
  split,
  stack,
  take,
  type Tensor,
  tensor,
  tensordot,
  topk,
  tril,
  vmap,
} from "@damo/damo";
import { numbers } from "../support/operands.ts";

const data = Float64Array.from({ length: 12 }, (_, i) => ((i * 7) % 12) / 5 - 1);
const x = tensor(data, { shape: [3, 4] });
const places = tensor([2, 0, 2], { dtype: "int32" });
const mask = x.gt(0);
const back = slice(undefined, undefined, -2);

const functions: { readonly [name: string]: (x: Tensor) => Tensor } = {
  "at, tensor and negative step": (x) => x.at(places, back).square(),
  "at, repeated columns": (x) => x.at(slice(), [1, 1, 3]).square(),
  "at, scalar tensor": (x) => x.at(places.at(0), 1).square(),
  "with, repeated places": (x) => x.with([places, slice(1)], x.at(slice(), slice(1)).square()).square(),
  "with, steps": (x) => x.with([slice(0, 3, 2)], x.at(slice(0, 2)).square()).square(),
  "with, mask": (x) => x.with(mask, x.sum().square()),
  "withAdded": (x) => x.withAdded([places, [0, 1, 0]], x.at(slice(), 0).exp()).square(),
  "narrow": (x) => x.narrow(1, places.at(1), 2).square(),
  "sort": (x) => sort(x, { axis: 0 }).mul(tensor([[1], [2], [3]])).square(),
  "topk": (x) => topk(x, 2).values.square(),
  "compress": (x) => compress(x, mask, { size: 9 }).square(),
  "pad, reflect": (x) => x.pad(2, { mode: "reflect" }).square(),
  "roll": (x) => x.roll(2, 1).mul(x),
  "repeat": (x) => x.repeat([1, 0, 3], 0).square(),
  "tile": (x) => x.tile([2, 2]).square(),
  "einsum": (x) => einsum("ij,kj,kl->il", x, x, x),
  "matmul": (x) => x.matmul(x.T).square(),
  "diagonal": (x) => x.diagonal({ offset: 1 }).square(),
  "kron": (x) => kron(x, x),
  "gather": (x) => gather(x, [[0], [1], [1]]).square(),
  "scatterAdd": (x) => scatterAdd(x, [[0, 0], [1, 1], [3, 2]], x.at("...", slice(0, 2)).square()).square(),
  "cumsum": (x) => x.cumsum({ axis: 1 }).square(),
  "cumsum from the end": (x) => x.cumsum({ axis: 0, reverse: true }).square(),
  "cumprod": (x) => x.cumprod({ axis: 1 }),
  "cumprod from the end, flat": (x) => x.cumprod({ reverse: true }).mul(x.ravel()),
  "cummax": (x) => x.cummax({ axis: 1 }).square(),
  "cummin from the end": (x) => x.cummin({ axis: 1, reverse: true }).square(),
  "prod": (x) => x.prod({ axis: 0 }).square(),
  "mean and variance": (x) => x.mean({ axis: 1 }).mul(x.variance({ axis: 1, ddof: 1 })),
  "std": (x) => x.std({ axis: 0 }),
  "logsumexp": (x) => x.logsumexp({ axis: 1 }).square(),
  "norm of order 4": (x) => x.norm({ ord: 4, axis: 1 }),
  "max and min": (x) => x.max({ axis: 1 }).mul(x.min({ axis: 1 })),
  "diff, twice": (x) => x.diff({ axis: 1, n: 2 }).square(),
  "clip": (x) => x.clip(-0.55, 0.65).square(),
  "split and concat": (x) => concat(split(x.square(), [1, 3], 1).toReversed(), 1).mul(x),
  "flip and pad": (x) => x.flip().pad([[1, 0], [0, 2]], { mode: "symmetric" }).square(),
  "tril and outer": (x) => tril(outer(x, x.at(0))).square(),
  "tensordot": (x) => tensordot(x, x, [[0], [0]]).square(),
  "take": (x) => take(x, [3, -1, 0], 1).square(),
  "special functions": (x) => x.erfcx().add(x.i0().mul(x.i1())).add(x.erf().mul(x.erfc())),
  "rfft": (x) => {
    const { re, im } = fft.rfft(x);
    return re.square().add(im.mul(re));
  },
  "bincount": (x) =>
    bincount(tensor([0, 1, 1, 2], { dtype: "int32" }), { weights: x.at(0), length: 3 }).square(),
};

Deno.test("first and second derivatives agree with finite differences", () => {
  for (const [name, fn] of Object.entries(functions)) {
    checkGrads(Object.defineProperty((y: Tensor) => fn(y).sum(), "name", { value: name }), [x]);
  }
});

Deno.test("vmap is the same as one call per element", () => {
  const inputs = [x, x.mul(2), x.sub(1)];
  for (const [name, fn] of Object.entries(functions)) {
    const together = numbers(vmap(fn)(stack(inputs)) as Tensor);
    const apart = numbers(stack(inputs.map(fn)));
    assertEquals(together.length, apart.length, name);
    together.forEach((value, i) => {
      assert(Math.abs(value - apart[i]) < 1e-9, `${name}: element ${i} is ${value}, expected ${apart[i]}`);
    });
  }
});

Deno.test("indices may differ from element to element of a batch", () => {
  const rows = vmap((row: Tensor, i: Tensor) => row.at(i))(x, places) as Tensor;
  assertEquals(numbers(rows), [x.at(0, 2), x.at(1, 0), x.at(2, 2)].map((y) => y.itemSync()));
  const parts = vmap((row: Tensor, i: Tensor) => row.narrow(0, i, 2))(x, places) as Tensor;
  assertEquals(numbers(parts), [0, 1, 2].flatMap((r) => numbers(x.at(r).narrow(0, places.at(r), 2))));
  const written = vmap((row: Tensor, i: Tensor) => row.with([i], 9))(x, places) as Tensor;
  assertEquals(numbers(written), [0, 1, 2].flatMap((r) => numbers(x.at(r).with([places.at(r)], 9))));
});

Deno.test("writes outside and overwritten writes get no gradient", () => {
  const i = tensor([0, 7, 0, -1], { dtype: "int32" });
  const cost = (v: Tensor) =>
    tensor([1, 2, 3], { dtype: "float64" }).with([i], v).mul(tensor([1, 10, 100])).sum();
  assertEquals(numbers(grad(cost)(tensor(Float64Array.of(1, 2, 3, 4))) as Tensor), [0, 0, 1, 100]);
});
