import { assert, assertEquals } from "@std/assert";
import { type DType, grad, jit, nn, type Tensor, tensor, vmap } from "@damo/damo";
import { optimise, prune } from "../../../lib/jit/passes/pipeline.ts";
import { windows } from "../../../lib/jit/passes/windows.ts";
import { windowsPrimitive } from "../../../lib/trace/primitives/windows.ts";
import { verifyGraph } from "../../../lib/trace/verify.ts";
import { bindOne } from "../../../lib/trace/trace.ts";
import { assertNear, deviceTest, within } from "../../support/devices.ts";

/** Values of which many are equal, so that windows have several greatest elements. */
function coarse(shape: readonly number[], dtype: DType = "float64", seed = 1): Tensor {
  let state = seed;
  const data = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 28) - 8;
  });
  return tensor(data, { shape: [...shape], dtype });
}

interface Case {
  readonly x: readonly number[];
  readonly sizes: readonly number[];
  readonly strides?: readonly number[];
  readonly dilations?: readonly number[];
  readonly padding?: readonly (readonly [number, number])[];
}

const CASES: readonly Case[] = [
  { x: [2, 17], sizes: [3] },
  { x: [2, 17], sizes: [4], strides: [3], padding: [[3, 2]] },
  { x: [3, 40], sizes: [5], strides: [2], dilations: [3], padding: [[4, 7]] },
  { x: [3, 40], sizes: [2], strides: [5] },
  { x: [2, 3, 9, 11], sizes: [3, 3], padding: [[1, 1], [1, 1]] },
  { x: [1, 1, 23, 37], sizes: [3, 2], strides: [2, 1], padding: [[1, 0], [0, 1]] },
  { x: [2, 1, 23, 37], sizes: [3, 3], strides: [2, 2], padding: [[1, 1], [1, 1]] },
  { x: [2, 1, 12, 14], sizes: [3, 3], strides: [3, 2], dilations: [2, 2], padding: [[2, 1], [-1, 3]] },
  { x: [2, 16, 16], sizes: [2, 2], strides: [2, 2] },
  { x: [2, 6, 7, 8], sizes: [2, 3, 2], strides: [1, 2, 1], padding: [[1, 0], [1, 1], [0, 0]] },
  { x: [5, 70], sizes: [6], strides: [1], padding: [[5, 5]] },
];

function windowsOf(x: Tensor, { sizes, strides, dilations, padding }: Case, value: number): Tensor {
  const ones = sizes.map(() => 1);
  return bindOne(windowsPrimitive, [x], {
    sizes,
    strides: strides ?? ones,
    dilations: dilations ?? ones,
    padding: padding ?? sizes.map(() => [0, 0] as const),
    value,
  });
}

const POOLS: { readonly [name: string]: (x: Tensor, at: Case) => Tensor } = {
  max: (x, at) =>
    windowsOf(x, at, -Infinity).max({ axis: at.sizes.map((_, i) => i - at.sizes.length), keepDims: false }),
  min: (x, at) => windowsOf(x, at, Infinity).min({ axis: at.sizes.map((_, i) => i - at.sizes.length) }),
  sum: (x, at) => windowsOf(x, at, 0).sum({ axis: at.sizes.map((_, i) => i - at.sizes.length) }),
  squares: (x, at) => windowsOf(x, at, 0).square().sum({ axis: at.sizes.map((_, i) => i - at.sizes.length) }),
};

const hasLarge = (fn: { graph(...args: Tensor[]): Parameters<typeof optimise>[0] }, ...args: Tensor[]) =>
  optimise(fn.graph(...args), { verify: true }).nodes.some(({ primitive: { name } }) =>
    name === "windows" || name === "unwindow"
  );

for (const [name, pool] of Object.entries(POOLS)) {
  deviceTest(`${name} of windows and its gradient are what the reference computes`, () => {
    for (const at of CASES) {
      for (const dtype of within(0) === 0 ? ["float32", "float64"] as const : ["float32"] as const) {
        const x = coarse(at.x, dtype);
        const value = (v: Tensor, _: Tensor) => pool(v, at);
        const weights = coarse(pool(x, at).shape, dtype, 7);
        const slope = (v: Tensor, r: Tensor) => grad((u: Tensor) => pool(u, at).mul(r).sum())(v) as Tensor;
        for (const fn of [value, slope]) {
          const fast = jit(fn)(x, weights), slow = jit(fn, { mode: "reference" })(x, weights);
          assertEquals(fast.shape, slow.shape);
          const wanted = slow.dataSync() as Float64Array, found = fast.dataSync() as Float64Array;
          found.forEach((v, i) =>
            assertNear(
              v,
              wanted[i],
              dtype === "float32" ? 1e-5 : 1e-13,
              `${name} ${JSON.stringify(at)} at ${i}`,
            )
          );
        }
      }
    }
  });
}

Deno.test("no tensor of all windows is left", () => {
  for (const at of CASES) {
    const x = coarse(at.x);
    for (const pool of [POOLS.max, POOLS.sum]) {
      assert(!hasLarge(jit((v: Tensor) => pool(v, at)), x), JSON.stringify(at));
      const slope = jit((v: Tensor) => grad((u: Tensor) => pool(u, at).sin().sum())(v) as Tensor);
      assert(!hasLarge(slope, x), JSON.stringify(at));
    }
  }
});

Deno.test("large windows stay a loop", () => {
  assert(hasLarge(jit((v: Tensor) => POOLS.max(v, { x: [1, 60], sizes: [33] })), coarse([1, 60])));
});

Deno.test("the gradient of overlapping windows agrees with finite differences", () => {
  const shape = [2, 2, 9, 13];
  // No two elements of a window are closer than the steps.
  const size = shape.reduce((a, b) => a * b);
  const x = tensor(Float64Array.from({ length: size }, (_, i) => (i * 37) % size / 8), { shape });
  const options = { stride: 2, padding: 1 } as const;
  for (const pool of [nn.maxPool2d, nn.avgPool2d]) {
    const cost = jit((v: Tensor) => pool(v, 3, options).square().sum());
    const slope = (jit((v: Tensor) => grad((u: Tensor) => pool(u, 3, options).square().sum())(v) as Tensor))(
      x,
    )
      .dataSync();
    const values = Float64Array.from(x.dataSync() as Float64Array);
    for (const i of [0, 1, 12, 13, 57, 100, 116, 117, 300, size - 1]) {
      const moved = (by: number) => {
        const copy = values.slice();
        copy[i] += by;
        return cost(tensor(copy, { shape })).itemSync() as number;
      };
      const difference = (moved(1e-4) - moved(-1e-4)) / 2e-4;
      assertNear(slope[i] as number, difference, 1e-6, `element ${i}`);
    }
  }
});

deviceTest(
  "NaN in a window: its maximum is NaN and no element of it gets a gradient but through others",
  () => {
    const x = tensor([[1, NaN, 2, 5, 4, 3, 0, 6]], { dtype: "float32" });
    const at: Case = { x: [1, 8], sizes: [3] };
    for (const mode of ["fast", "reference"] as const) {
      const found = jit((v: Tensor) => POOLS.max(v, at), { mode })(x).dataSync();
      assertEquals(Array.from(found as Float32Array), [NaN, NaN, 5, 5, 4, 6]);
      const slope = jit((v: Tensor) => grad((u: Tensor) => POOLS.max(u, at).sum())(v) as Tensor, { mode })(x);
      assertEquals(Array.from(slope.dataSync() as Float32Array), [0, 0, 0, 2, 1, 0, 0, 1], mode);
    }
  },
);

Deno.test("integers and second derivatives", () => {
  for (const at of CASES.slice(0, 6)) {
    const x = coarse(at.x, "int32");
    const fn = (v: Tensor) =>
      windowsOf(v, at, -100).max({ axis: at.sizes.map((_, i) => i - at.sizes.length) });
    assertEquals(jit(fn)(x).dataSync(), jit(fn, { mode: "reference" })(x).dataSync());
    const y = coarse(at.x);
    const cost = (v: Tensor) => POOLS.max(v.mul(v), at).square().sum();
    const second = (v: Tensor) =>
      grad((u: Tensor) => (grad(cost)(u) as Tensor).mul(0.01).sin().sum())(v) as Tensor;
    const found = jit(second)(y).dataSync() as Float64Array;
    const wanted = jit(second, { mode: "reference" })(y).dataSync() as Float64Array;
    found.forEach((v, i) => assertNear(v, wanted[i], 1e-10, JSON.stringify(at)));
  }
});

Deno.test("inside loops, calls and batches", () => {
  const x = coarse([3, 1, 1, 16, 18]);
  const one = (v: Tensor) =>
    grad((u: Tensor) => jit((w: Tensor) => nn.maxPool2d(w, 3, { stride: 2, padding: 1 }))(u).square().sum())(
      v,
    ) as Tensor;
  const all = jit(vmap(one))(x), wanted = jit(vmap(one), { mode: "reference" })(x);
  all.dataSync().forEach((v, i) => assertNear(v as number, wanted.dataSync()[i] as number, 1e-12));
});

Deno.test("small windows are written out", async (t) => {
  const cases: readonly [string, Case][] = [
    ["stride 1", { x: [5], sizes: [3], padding: [[1, 1]] }],
    ["stride 2", { x: [6], sizes: [3], strides: [2], padding: [[1, 0]] }],
  ];
  const texts = cases.map(([name, at]) => {
    const before = jit((v: Tensor) => grad((u: Tensor) => POOLS.max(u, at).square().sum())(v), { name })
      .graph(coarse(at.x));
    const after = windows.run(before);
    verifyGraph(after);
    return `before: ${before}\nafter windows: ${prune.run(after)}`;
  });
  await t.assertSnapshot(texts.join("\n\n"));
});
