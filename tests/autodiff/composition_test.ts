/** Derivatives of loops and conditions, derivatives inside them, and rules of one's own in both. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import {
  checkGrads,
  checkpoint,
  clipGradient,
  cond,
  customJvp,
  customVjp,
  forLoop,
  grad,
  hessian,
  hvp,
  jacfwd,
  jacrev,
  jit,
  scan,
  shared,
  type Tensor,
  tensor,
  vmap,
  whileLoop,
} from "@damo/damo";

const f64 = (data: number | number[] | number[][] | number[][][]): Tensor =>
  tensor(data, { dtype: "float64" });
/** The elements of a tensor, or of an array of numbers. */
function list(t: unknown): number[] {
  return (Array.isArray(t) ? t : [(t as Tensor).arraySync()]).flat(4) as number[];
}
const w = f64([0.5, -0.3]), xs = f64([[1, 2], [3, -1], [0.5, 0.2]]);

/** The last state of h <- step(h w + x). */
function recur(step: (h: Tensor) => Tensor): (w: Tensor, xs: Tensor) => Tensor {
  return (w, xs) =>
    scan((h: Tensor, x: Tensor) => [step(h.mul(w).add(x)), h], f64([0.1, 0.2]), xs)[0] as Tensor;
}

function assertClose(actual: unknown, expected: unknown): void {
  const a = list(actual), e = list(expected);
  assertEquals(a.length, e.length);
  a.forEach((value, i) => assertAlmostEquals(value, e[i], 1e-10));
}

const tanhNet = recur((h) => h.tanh());
const loss = (w: Tensor, xs: Tensor) => tanhNet(w, xs).sum();

Deno.test("every transform of a scan", () => {
  checkGrads(tanhNet, [w, xs], { order: 2 });
  assertClose(jacfwd(tanhNet)(w, xs), jacrev(tanhNet)(w, xs));
  const h = hessian(loss)(w, xs);
  assertClose(hvp((v: Tensor) => loss(v, xs), [w], [f64([1, 0])]), list(h).filter((_, i) => i % 2 === 0));
  const batch = f64([[[1, 2], [3, -1]], [[1, 0], [0, 1]]]);
  const rows = jit(vmap(grad(loss), { inAxes: [null, 0] }))(w, batch);
  assertClose(
    rows,
    [grad(loss)(w, f64([[1, 2], [3, -1]])), grad(loss)(w, f64([[1, 0], [0, 1]]))].flatMap(list),
  );
});

Deno.test("Theano's form over a scan runs the forward loop once", () => {
  const f = jit((v: Tensor) => {
    const cost = loss(v, xs);
    return [cost, grad(cost, v)] as Tensor[];
  });
  const loops = f.graph(w).nodes.filter((node) => node.primitive.name === "loop");
  assertEquals(loops.length, 2);
  assertClose(f(w)[1], grad(loss)(w, xs));
});

Deno.test("rules of one's own inside a scan", () => {
  const plain = recur((h) => h.sin());
  const byVjp = recur(customVjp((h: Tensor) => h.sin(), (h) => [h.sin(), h], (h, c) => [c.mul(h.cos())]));
  const byJvp = recur(customJvp((h: Tensor) => h.sin(), ([h], [t]) => [h.sin(), t.mul(h.cos())]));
  const byCheckpoint = recur(checkpoint((h: Tensor) => h.sin()));
  for (const net of [byVjp, byJvp, byCheckpoint]) {
    assertClose(jacrev(net)(w, xs), jacrev(plain)(w, xs));
    checkGrads(net, [w, xs], { order: 2 });
  }
  checkGrads((v: Tensor) => checkpoint((u: Tensor) => tanhNet(u, xs))(v), [w], { order: 2 });
});

Deno.test("clipGradient at every step of a scan", () => {
  // Unclipped, the gradient reaching h_k is w^(n - k); clipped at 0.1 each step hands 0.1 w back.
  const net = recur((h) => clipGradient(h, -0.1, 0.1));
  const states = list(scan((h: Tensor, x: Tensor) => [h.mul(w).add(x), h], f64([0.1, 0.2]), xs)[1]);
  const expected = [0, 1].map((k) => {
    const h = [0, 1, 2].map((step) => states[2 * step + k]);
    const wk = list(w)[k];
    const clip = (c: number) => Math.max(-0.1, Math.min(0.1, c));
    const c2 = clip(1), c1 = clip(c2 * wk), c0 = clip(c1 * wk);
    return c2 * h[2] + c1 * h[1] + c0 * h[0];
  });
  assertClose(grad((v: Tensor) => net(v, xs).sum())(w), expected);
});

Deno.test("derivatives inside the body of a loop: gradient descent through itself", () => {
  const energy = (v: Tensor, w: Tensor) => v.mul(v).mul(w).sin().sum();
  const byFunction = (w: Tensor) =>
    scan((v: Tensor) => [v.sub(grad(energy)(v, w).mul(0.1)), null], f64([0.1, 0.2]), undefined, {
      length: 4,
    })[0] as Tensor;
  const byCost = (w: Tensor) =>
    scan(
      (v: Tensor) => [v.sub((grad(energy(v, w), v) as Tensor).mul(0.1)), null],
      f64([0.1, 0.2]),
      undefined,
      {
        length: 4,
      },
    )[0] as Tensor;
  assertClose(byCost(w), byFunction(w));
  checkGrads(byFunction, [w], { order: 2 });
  checkGrads(byCost, [w], { order: 2 });
});

Deno.test("while loops, counted loops and branches", () => {
  const square = (x: Tensor) => whileLoop((v: Tensor) => v.lt(100), (v: Tensor) => v.mul(v), x) as Tensor;
  assertEquals(list(grad(square)(f64(3))), [8 * 3 ** 7]);
  assertEquals(list(jit(vmap(grad(square)))(f64([3, 2]))), [8 * 3 ** 7, 8 * 2 ** 7]);
  const power = (x: Tensor) => forLoop(4, (_i: Tensor, c: Tensor) => c.mul(x), x) as Tensor;
  assertEquals(list(grad(power)(f64(2))), [80]);
  assertEquals(list(grad((x: Tensor) => grad(power)(x))(f64(2))), [160]);
  const branch = (x: Tensor) => cond(x.gt(0), (v: Tensor) => v.mul(v), (v: Tensor) => v.mul(-3), x) as Tensor;
  assertEquals(list(vmap(grad(branch))(f64([-2, 2]))), [-3, 4]);
});

Deno.test("shared state read and updated in a differentiated loop", () => {
  const scale = shared(f64([2, 3]), { name: "scale" });
  const f = jit((v: Tensor) => {
    const out = scan(
      (h: Tensor, x: Tensor) => [h.mul(scale).add(x.mul(v)), null],
      f64([0, 0]),
      xs,
    )[0] as Tensor;
    const cost = out.sum();
    const [gv, gs] = grad(cost, [v, scale]) as unknown as Tensor[];
    scale.value = scale.value.sub(gs.mul(0));
    return [gv, gs];
  });
  const [gv, gs] = f(f64([1, 1]));
  // out = x0 v s^2 + x1 v s + x2 v, so d/ds = 2 x0 v s + x1 v.
  assertClose(gv, [4 + 2 * 3 + 0.5, 2 * 9 - 3 + 0.2]);
  assertClose(gs, [2 * 1 * 2 + 3, 2 * 2 * 3 - 1]);
});
