import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  checkGrads,
  checkpoint,
  clipGradient,
  cond,
  customJvp,
  customVjp,
  definePrimitive,
  forLoop,
  grad,
  GradientError,
  hessian,
  jacfwd,
  jit,
  jvp,
  linearize,
  scaleGradient,
  scan,
  stack,
  type Tensor,
  tensor,
  vjp,
  vmap,
  whileLoop,
} from "@damo/damo";

const f64 = (data: number | number[] | number[][]): Tensor => tensor(data, { dtype: "float64" });
const list = (t: unknown): unknown => (t as Tensor).arraySync();

/** log(1 + e^x), whose derivative written out is safe for large x. */
const log1pexp = customJvp(
  (x: Tensor) => x.exp().add(1).log(),
  ([x], [t]) => [x.exp().add(1).log(), t.mul(x.sigmoid())],
);

/** sin with a derivative that can be told apart: 10 times too large. */
const loudJvp = customJvp((x: Tensor) => x.sin(), ([x], [t]) => [x.sin(), t.mul(x.cos()).mul(10)]);
const loudVjp = customVjp((x: Tensor) => x.sin(), (x) => [x.sin(), x], (x, c) => [c.mul(x.cos()).mul(10)]);

Deno.test("customJvp: the textbook example is finite where the formula overflows", () => {
  assertEquals(grad(log1pexp)(f64(1000)).itemSync(), 1);
});

for (const [name, loud] of [["customJvp", loudJvp], ["customVjp", loudVjp]] as const) {
  Deno.test(`${name}: the rule is used by every transform and mixture of them`, () => {
    const c = 10 * Math.cos(0.5), s = -10 * Math.sin(0.5);
    const close = (t: unknown, expected: number) =>
      assertAlmostEquals((t as Tensor).itemSync() as number, expected, 1e-12);
    close(loud(f64(0.5)), Math.sin(0.5));
    close(jit(loud)(f64(0.5)), Math.sin(0.5));
    close(grad(loud)(f64(0.5)), c);
    close(jit(grad(loud))(f64(0.5)), c);
    close(jvp(loud, [f64(0.5)], [f64(1)])[1], c);
    close(linearize(loud, f64(0.5))[1](f64(1)), c);
    close(vjp(loud, f64(0.5))[1](f64(1))[0], c);
    close(jacfwd(loud)(f64(0.5)), c);
    close(grad(grad(loud))(f64(0.5)), s);
    close(hessian(loud)(f64(0.5)), s);
    close(grad((x: Tensor) => jvp(loud, [x], [f64(1)])[1])(f64(0.5)), s);
    for (
      const g of [
        vmap(grad(loud))(f64([0.5, 0.5])),
        grad((x: Tensor) => vmap(loud)(x).sum())(f64([0.5, 0.5])),
      ]
    ) {
      (list(g) as number[]).forEach((value) => assertAlmostEquals(value, c, 1e-12));
    }
    const second = vmap(grad(grad(loud)))(f64([0.5]));
    assertAlmostEquals((list(second) as number[])[0], s, 1e-12);
    const mapped = grad((x: Tensor) => vmap(vmap(loud))(x).sum())(f64([[0.5]]));
    assertAlmostEquals((list(mapped) as number[][])[0][0], c, 1e-12);
  });
}

Deno.test("customVjp: trees, several arguments, plain values, residuals of any shape", () => {
  const scale = customVjp(
    (p: { a: Tensor; b: Tensor }, k: number) => ({ out: p.a.mul(p.b).mul(k) }),
    (p, k) => [{ out: p.a.mul(p.b).mul(k) }, { p, k, note: "kept" }],
    ({ p, k, note }, c) => {
      assertEquals(note, "kept");
      return [{ a: c.out.mul(p.b).mul(k), b: null }, null];
    },
  );
  const g = grad((p: { a: Tensor; b: Tensor }) => scale(p, 3).out.sum())({ a: f64([1, 2]), b: f64([5, 7]) });
  assertEquals(list(g.a), [15, 21]);
  assertEquals(list(g.b), [0, 0]);
});

Deno.test("customVjp under vmap sums the gradients of what the examples share", () => {
  const product = customVjp(
    (x: Tensor, w: Tensor) => x.mul(w),
    (x, w) => [x.mul(w), [x, w]],
    ([x, w], c) => [c.mul(w), c.mul(x)],
  );
  const total = (w: Tensor, x: Tensor) => vmap(product, { inAxes: [0, null] })(x, w).sum();
  assertEquals(list(grad(total)(f64([1, 2]), f64([[1, 2], [3, 4], [5, 6]]))), [9, 12]);
});

Deno.test("a rule may use the function itself: an implicit function by Newton's method", () => {
  // y with y^3 + y = x; dy/dx = 1 / (3 y^2 + 1), and so on for higher orders.
  const solve: (x: Tensor) => Tensor = customVjp(
    (x: Tensor) => {
      let y = x.mul(0);
      for (let i = 0; i < 30; i++) y = y.sub(y.pow(3).add(y).sub(x).div(y.square().mul(3).add(1)));
      return y;
    },
    (x): [Tensor, Tensor] => {
      const y = solve(x);
      return [y, y];
    },
    (y, c) => [c.div(y.square().mul(3).add(1))],
  );
  const x = f64(10); // y = 2
  assertAlmostEquals(solve(x).itemSync() as number, 2, 1e-12);
  assertAlmostEquals(grad(solve)(x).itemSync() as number, 1 / 13, 1e-12);
  assertAlmostEquals(grad(grad(solve))(x).itemSync() as number, -12 / 13 ** 3, 1e-12);
  checkGrads(solve, [f64(10)], { order: 2 });
});

Deno.test("rules may use what the function closes over, also when it is the result of other operations", () => {
  const k = f64([2, 3]);
  const byVjp = (x: Tensor) => {
    const s = k.mul(2);
    const f = customVjp(
      (v: Tensor) => v.mul(s),
      (v: Tensor) => [v.mul(s), null],
      (_r, c: Tensor) => [c.mul(s)],
    );
    return f(x);
  };
  const byJvp = (x: Tensor) => {
    const s = k.mul(2);
    return customJvp((v: Tensor) => v.mul(s), ([v], [t]) => [v.mul(s), t.mul(s)])(x);
  };
  for (const f of [byVjp, byJvp]) {
    const loss = (x: Tensor) => f(x).sum();
    assertEquals(list(grad(loss)(f64([1, 2]))), [4, 6]);
    assertEquals(list(jit(grad(loss))(f64([1, 2]))), [4, 6]);
    assertEquals(list(vmap(grad(loss))(f64([[1, 2], [0, 0]]))), [[4, 6], [4, 6]]);
    assertEquals(list(grad((x: Tensor) => vmap(f)(x).sum())(f64([[1, 2], [0, 0]]))), [[4, 6], [4, 6]]);
    assertEquals(list(vjp(f, f64([1, 2]))[1](f64([1, 0]))[0]), [4, 0]);
    assertEquals(jvp(loss, [f64([1, 2])], [f64([1, 1])])[1].itemSync(), 10);
  }
});

Deno.test("rules may use what the function closes over inside loops and branches too", () => {
  const k = f64([0.5, 0.25]), xs = f64([[1, 2], [3, 4]]);
  const byJvp = customJvp((v: Tensor) => v.mul(k), ([v], [t]) => [v.mul(k), t.mul(k)]);
  const byVjp = customVjp(
    (v: Tensor) => v.mul(k),
    (v: Tensor) => [v.mul(k), null],
    (_r, c: Tensor) => [c.mul(k)],
  );
  const plain = (v: Tensor): Tensor => v.mul(k);
  const programs: readonly ((f: (v: Tensor) => Tensor) => (x: Tensor) => Tensor)[] = [
    (f) => (x) => scan((s: Tensor, row: Tensor) => [f(s).add(row).sin(), null], x, xs)[0].sum(),
    (f) => (x) => forLoop(3, (_, s) => f(s).sin().add(1), x).sum(),
    (f) => (x) => whileLoop((s) => s.sum().gt(0.1), (s) => f(s).sin(), x).sum(),
    (f) => (x) => cond(x.sum().gt(0), (v: Tensor) => f(v).sin(), (v: Tensor) => v, x).sum(),
    (f) => (x) => scan((s: Tensor, row: Tensor) => [checkpoint(f)(s).add(row).sin(), null], x, xs)[0].sum(),
  ];
  const x = f64([0.7, 1.3]), v = f64([1, -2]);
  for (const program of programs) {
    const expected = program(plain);
    const gradient = list(grad(expected)(x)), tangent = jvp(expected, [x], [v])[1].itemSync();
    for (const f of [byJvp, byVjp]) {
      const cost = program(f);
      assertEquals(list(grad(cost)(x)), gradient);
      assertEquals(list(jit(grad(cost))(x)), gradient);
      assertEquals(list(vmap(grad(cost))(stack([x, x]))), [gradient, gradient]);
      assertAlmostEquals(jvp(cost, [x], [v])[1].itemSync() as number, tangent as number, 1e-12);
    }
  }
});

Deno.test("what a rule alone brings into a loop from outside is refused, not taken for zero", () => {
  const k = f64([0.5, 0.25]);
  const through = (f: (v: Tensor) => Tensor) => (x: Tensor): Tensor => forLoop(2, (_, s) => f(s), x).sum();
  const rules: readonly ((v: Tensor) => Tensor)[] = [
    customJvp((v: Tensor) => v.sin(), ([v], [t]) => [v.sin(), t.mul(k)]),
    customVjp((v: Tensor) => v.sin(), (v: Tensor) => [v.sin(), k], (r, c: Tensor) => [c.mul(r)]),
    customVjp((v: Tensor) => v.sin(), (v: Tensor) => [v.sin(), null], (_r, c: Tensor) => [c.mul(k)]),
  ];
  for (const f of rules) {
    assertEquals(list(grad((x: Tensor) => f(x).sum())(f64([1, 2]))), [0.5, 0.25]);
    assertThrows(() => grad(through(f))(f64([1, 2])), GradientError, "float64[2]");
  }
});

Deno.test("clipGradient clips what comes back, leaf by leaf, and leaves values alone", () => {
  const f = (x: Tensor) => clipGradient(x, -1, 2).mul(f64([5, -5, 0.5])).sum();
  assertEquals(list(grad(f)(f64([1, 1, 1]))), [2, -1, 0.5]);
  assertEquals(f(f64([1, 2, 4])).itemSync(), -3);
  assertEquals(jvp(f, [f64([1, 1, 1])], [f64([1, 1, 1])])[1].itemSync(), 0.5);
  const tree = grad((p: { a: Tensor; b: Tensor }) => {
    const clipped = clipGradient(p, 0, 1);
    return clipped.a.mul(3).sub(clipped.b);
  })({ a: f64(1), b: f64(1) });
  assertEquals([list(tree.a), list(tree.b)], [1, 0]);
  assertEquals(list(vmap(grad((x: Tensor) => clipGradient(x, -1, 1).mul(7)))(f64([1, 2]))), [1, 1]);
});

Deno.test("scaleGradient scales derivatives in both modes, with a number or a tensor", () => {
  const f = (x: Tensor) => scaleGradient(x, -0.5).mul(4);
  assertEquals(grad(f)(f64(1)).itemSync(), -2);
  assertEquals(jvp(f, [f64(1)], [f64(1)])[1].itemSync(), -2);
  const byTensor = jit((x: Tensor, k: Tensor) => grad((y: Tensor) => scaleGradient(y, k).mul(4))(x));
  assertEquals(byTensor(f64(1), f64(3)).itemSync(), 12);
});

Deno.test("definePrimitive: composed operations, with and without rules", () => {
  const swish = definePrimitive({ name: "swish", compute: (x) => x.mul(x.sigmoid()) });
  checkGrads(swish, [f64([0.3, -1.2])]);
  const loud = definePrimitive({ name: "loud", compute: (x) => x.mul(2), jvp: (_x, [t]) => t.mul(7) });
  assertEquals(grad(loud)(f64(1)).itemSync(), 7);
  const halves = definePrimitive({ name: "halves", compute: (x) => [x.mul(0.5), x.mul(0.5)] });
  assertEquals(halves(4).map((t) => t.itemSync()), [2, 2]);
});

Deno.test("definePrimitive: operations on the host, batched and differentiated to second order", () => {
  const cubeRoot = definePrimitive({
    name: "cubeRoot",
    infer: (x) => x,
    evaluate: (x) => x.data.map(Math.cbrt),
    vjp: ([x], [y], [c]) => [c.mul(y).div(x.mul(3))],
  });
  assertEquals(list(cubeRoot([8, 27])), [2, 3]);
  assertEquals(cubeRoot.name, "cubeRoot");
  checkGrads((x: Tensor) => cubeRoot(x).sum(), [f64([0.5, 2])]);
  assertEquals(list(vmap(cubeRoot)(f64([[8, 27], [1, 64]]))), [[2, 3], [1, 4]]);
  assertEquals(list(vmap(vmap(cubeRoot))(f64([[8, 27], [1, 64]]))), [[2, 3], [1, 4]]);
  const minmax = definePrimitive({
    name: "minmax",
    infer: ({ dtype }) => [{ shape: [], dtype }, { shape: [], dtype }],
    evaluate: ({ data }) => [[Math.min(...data)], [Math.max(...data)]],
  });
  const [low, high] = minmax(f64([3, 1, 2])) as unknown as Tensor[];
  assertEquals([low.itemSync(), high.itemSync()], [1, 3]);
});
