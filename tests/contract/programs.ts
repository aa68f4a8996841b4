// deno-lint-ignore-file no-unused-vars -- only the types are looked at
/**
 * Programs as the contract lets users write them, without annotations where none should be needed: they are type
 * checked, never run.
 */
import {
  batch,
  check,
  checkpoint,
  clipGradient,
  computed,
  concat,
  cond,
  customJvp,
  customVjp,
  data,
  definePrimitive,
  type Device,
  type DType,
  effect,
  einsum,
  evalShape,
  exportFunction,
  fft,
  foldl,
  foldr,
  forLoop,
  grad,
  hessian,
  hostCallback,
  hvp,
  importFunction,
  init,
  io,
  jacobian,
  jit,
  jvp,
  linalg,
  linearize,
  loop,
  map,
  memory,
  nn,
  optim,
  print,
  Profile,
  random,
  RandomStream,
  recurrence,
  reduce,
  scan,
  scope,
  type Shared,
  shared,
  slice,
  split,
  stack,
  stopGradient,
  switchCase,
  tanh,
  type Tensor,
  tensor,
  topk,
  until,
  update,
  valueAndGrad,
  viz,
  vjp,
  vmap,
  where,
  whileLoop,
  zeros,
} from "@damo/damo";

export function programs(): void {
  const x = tensor([[1, 2], [3, 4]]);
  const h0 = zeros([2]), W = zeros([2, 2]), U = zeros([2, 2]), eps = 1e-3, xs = x;
  const h = loop.state(h0);
  const hs = loop.stack();
  for (const x of loop.over(xs)) {
    h.value = tanh(x.dot(W).add(h.value.dot(U)));
    hs.push(h.value);
    loop.until(h.value.norm().lt(eps));
  }
  const all: Tensor = hs.value;
  const n1 = hs.count;
  for (const [a, b] of loop.over([xs, xs])) h.value = a.add(b);
  for (const i of loop.range(3)) h.value = h.value.add(i);
  for (const i of loop.while(() => h.value.sum().lt(3))) h.value = h.value.add(i);
  const [carry, ys] = scan((c, x) => [c.add(x), c.mul(x)], zeros([2]), xs);
  const c1: Tensor = carry, y1: Tensor = ys;
  const r2 = scan((c, x) => [c.add(x), c], zeros([2]), xs, { until: (c, y) => c.sum().gt(3) });
  const cnt: Tensor = r2[2];
  const r3 = scan((c, _x) => [c.mul(2), c], zeros([2]), undefined, {
    length: 3,
    reverse: true,
    checkpointEvery: 2,
  });
  const rec = recurrence({ sequences: [xs], outputs: [h0] }, (x, h) => x.add(h));
  const rec2 = recurrence({
    sequences: [{ input: xs, taps: [-1, 0] }],
    outputs: [null, { initial: xs, taps: [-2, -1] }],
    nonSequences: [W],
    steps: 3,
  }, (a, b, c, d, w) => [a.add(b), c.add(d)]);
  const rec3 = recurrence({ outputs: [h0], steps: 5 }, (h) => [h.mul(2), until(h.sum().gt(5))]);
  const wl: Tensor = whileLoop((c) => c.sum().lt(3), (c) => c.add(1), zeros([2]), { maxSteps: 4 });
  const wl2 = whileLoop((s) => s.i.lt(3), (s) => ({ i: s.i.add(1), x: s.x }), { i: tensor(0), x });
  wl2.i.add(1);
  const fl: Tensor = forLoop(3, (i, c) => c.add(i), zeros([2]));
  const cd: Tensor = cond(x.sum().gt(0), (a) => a.mul(2), (a) => a, x);
  const sc: Tensor = switchCase(1, [(a) => a, (a) => a.mul(2)], x);
  const mp: Tensor = map((r) => r.sum(), x);
  const rd: Tensor = reduce((a, b) => a.add(b), x, zeros([2]));
  foldl((a, b) => a.add(b), x, zeros([2]));
  foldr((a, b) => a.add(b), x, 0);
  const f = jit((x, k) => x.mul(k));
  const f2 = jit((x: Tensor, k: number) => ({ y: x.mul(k), s: "a" }), {
    donate: [0],
    static: [1],
    name: "f",
    maxTraces: 3,
    guard: { nan: true },
    profile: true,
    mode: "fast",
  });
  const y2: Tensor = f2(x, 2).y;
  f2.cacheSize;
  f2.traces[0]?.signature;
  f2.clear();
  f2.lower(x, 2).wgsl();
  f2.lower(x, 2).memory.peak;
  f2.graph(x, 2).toHtml();
  f2.copy({ swap: [], updates: false })(x, 2);
  f2.profile.toString();
  const g1: Tensor = grad((x: Tensor) => x.sum())(x);
  const g0 = grad((x) => x.sum())(x);
  const g2 = grad((p: { w: Tensor; b: Tensor[] }, x: Tensor) => p.w.mul(x).sum())({ w: x, b: [x] }, x);
  const gw: Tensor = g2.w;
  const gb: Tensor = g2.b[0];
  const [v, gg] = valueAndGrad((p: { w: Tensor }) => p.w.sum())({ w: x });
  const vv: Tensor = v;
  gg.w.add(1);
  const [ga, aux] = grad((x: Tensor) => [x.sum(), { a: 1 }] as const, { hasAux: true })(x);
  const [[va, au], gax] = valueAndGrad((x: Tensor) => [x.sum(), x] as const, { hasAux: true })(x);
  const g3 = grad((a: Tensor, b: Tensor) => a.mul(b).sum(), { argnums: [0, 1] })(x, x);
  const g30: Tensor = g3[0];
  const gs = grad((p: Shared, x: Tensor) => p.mul(x).sum());
  jit((x: Tensor) => {
    const w = shared(1);
    return grad(w.mul(x).sum(), w);
  });
  jit((x: Tensor) => {
    const w = shared(1), b = shared(1);
    const c = w.mul(x).sum();
    const [a1, b1] = grad(c, [w, b]);
    const o = grad(c, { w, b }, { disconnected: "zero" });
    a1.add(b1);
    o.w.add(1);
    return grad(null, x, { knownGrads: [[c, 1]], constants: [x] });
  });
  const [o, pull] = vjp((a: Tensor, b: Tensor) => a.mul(b), x, x);
  const [d0, d1] = pull(x);
  d0.add(d1);
  const [o2, t2] = jvp((a: Tensor) => a.mul(2), [x], [x]);
  t2.add(o2);
  const [o3, push] = linearize((a: Tensor) => a.mul(2), x);
  push(x).add(o3);
  const J: Tensor = jacobian((a: Tensor) => a.mul(2))(x);
  const H: Tensor = hessian((a: Tensor) => a.sum())(x);
  const hv: Tensor = hvp((a: Tensor) => a.sum(), [x], [x]);
  const vm: Tensor = vmap((a: Tensor, b: Tensor) => a.add(b), { inAxes: [0, null], outAxes: 1 })(x, x);
  jit(vmap(grad((x: Tensor) => x.sum())))(x).add(1);
  const cv = customVjp((x: Tensor) => x.mul(2), (x) => [x.mul(2), x], (r, c) => [c.mul(r)]);
  cv(x).add(1);
  const cv2 = customVjp(
    (x, y) => x.mul(y),
    (x, y) => [x.mul(y), [x, y]],
    ([x, y], c) => [c.mul(y), c.mul(x)],
  );
  const cj = customJvp((x: Tensor) => x.mul(2), ([x], [t]) => [x.mul(2), t.mul(2)]);
  cj(x).add(1);
  checkpoint((x: Tensor) => x.mul(2))(x).add(1);
  stopGradient(x).add(1);
  clipGradient(x, -1, 1).add(1);
  const w = shared([1, 2], { name: "w" });
  w.value = w.value.add(1);
  w.value = [1, 2];
  w.value = 3;
  w.peek();
  update([[w, w.value.mul(2)], [w, 3]]);
  const cc = computed(() => w.value.sum());
  const cvv: Tensor = cc.value;
  effect(() => {
    w.value;
  })();
  batch(() => 1);
  x.at(0, slice(1), "...", null, x).add(1);
  x.with([0, slice(1)], 3).add(1);
  x.with(0, 3);
  x.withAdded([[0, 0]], 1);
  x.narrow(0, 1, 1);
  x.at(x.gt(0));
  x.at([0, 1]);
  const nums: number = x.itemSync();
  const arr = x.arraySync() as number[][];
  const dt: DType = x.dtype;
  const dv: Device = x.device;
  (async () => {
    const a: number = await x.item();
    await x.data();
    using s = scope();
    const q: Tensor = scope(() => x.add(1));
    const d: Device = await init({ device: "auto", threads: 2, memory: 1e9 });
    memory().wasm.live;
    await io.save("a", { w: x });
    const t = await io.load("a");
    const b = await io.encode({ x }, "npz");
    const fn = await importFunction(await exportFunction(f2, x, 2));
    fn(x, 2);
    for await (const [a, b] of data.prefetch(data.batches([x, x], { batchSize: 2, shuffle: 1 }))) a.add(b);
  });
  const k = random.key(0);
  const [k1, k2] = random.split(k);
  random.normal(k1, [2], { mean: 0, std: 1 });
  random.categorical(k2, x);
  random.choice(k, x, [2], { replace: false, p: [0.5, 0.5] });
  random.permutation(k, 5);
  new RandomStream(1).uniform([2], { low: 0 });
  new RandomStream(1).normal([2], { frozen: true });
  const net = new nn.Sequential([new nn.Linear(2, 3, { bias: true, seed: 1 }), nn.relu, new nn.Dropout(0.5)]);
  net.forward(x).add(1);
  const ps = net.parameters();
  net.train();
  net.eval();
  net.loadStateDict(net.stateDict());
  const opt = optim.adam(ps, { lr: 1e-3 });
  jit(() => {
    const c = net.forward(x).sum();
    opt.step(grad(c, ps));
    return c;
  });
  const o4 = optim.sgd({ w: x }, { lr: 0.1 });
  const st = o4.init({ w: x });
  const [np, ns] = o4.apply({ w: x }, st, { w: x });
  np.w.add(1);
  optim.adam(net.parameters(), { lr: optim.schedule.cosine(0.1, 100) });
  print(x, "a", { show: ["value", "nan"] }).add(1);
  check(x.gt(0), "m", x).add(1);
  check(x.gt(0), "m");
  viz.plot([1, 2]);
  viz.plot({ loss: [1, 2] }, { title: "t" });
  viz.image(x);
  new Profile().toString();
  topk(x, 2).values.add(1);
  const { q, r } = linalg.qr(x);
  const { re, im } = fft.rfft(x);
  fft.irfft({ re, im });
  split(x, 2)[0].add(1);
  einsum("ij->i", x);
  where(x.gt(0), 1, x);
  stack([x, x]);
  concat([x, x]);
  evalShape((x: Tensor) => x.sum(), x).shape;
  hostCallback((t) => t.arraySync() as number[][], { shape: [2, 2], dtype: "float32" }, x).add(1);
  const dp = definePrimitive({ name: "a", compute: (x) => x.mul(2) });
  dp(x).add(1);
  class MLP {
    a = new nn.Linear(2, 2);
    forward(x: Tensor) {
      return this.a.forward(x);
    }
  }
  const mixed = jit((p: { w: Tensor | Shared }, x: Tensor) => x.add(p.w));
  mixed({ w }, x);
  const shArg = jit((p: { w: Tensor }, x: Tensor) => x.add(p.w));
  shArg({ w }, x);
  shArg({ w: 2 }, x);
  jit((x: Tensor) => x)(3);
  jit((x: Tensor) => x)(new Float32Array(2));
  jit((x: Tensor) => x.add(1))(w);
}
