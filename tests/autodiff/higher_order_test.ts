import { assertAlmostEquals, assertEquals } from "@std/assert";
import {
  grad,
  hessian,
  hvp,
  jacfwd,
  jacobian,
  jacrev,
  jit,
  jvp,
  linearize,
  type Tensor,
  tensor,
  vjp,
  vmap,
} from "@damo/damo";

const f64 = (data: number | number[] | number[][]): Tensor => tensor(data, { dtype: "float64" });
const list = (t: Tensor): unknown => t.arraySync();

function assertClose(actual: unknown, expected: unknown, tolerance = 1e-10): void {
  const a = [actual].flat(5) as number[], e = [expected].flat(5) as number[];
  assertEquals(a.length, e.length);
  a.forEach((x, i) => assertAlmostEquals(x, e[i], tolerance));
}

Deno.test("derivatives of x^5 up to the sixth order, in every mixture of modes", () => {
  const f = (x: Tensor) => x.mul(x).mul(x).mul(x).mul(x);
  const reverse = (g: typeof f) => (x: Tensor) => grad(g)(x);
  const forward = (g: typeof f) => (x: Tensor) => jvp(g, [x], [x.mul(0).add(1)])[1];
  const expected = [32, 80, 160, 240, 240, 120, 0];
  for (let mixture = 0; mixture < 2 ** 6; mixture += 5) {
    let g: typeof f = f;
    for (let order = 0; order < expected.length; order++) {
      if (order > 0) g = (mixture >> (order - 1)) & 1 ? reverse(g) : forward(g);
      assertClose(g(f64(2)).itemSync(), expected[order]);
    }
  }
});

Deno.test("jacobian of a linear map is its matrix, in both modes and orientations", () => {
  const a = f64([[1, 2, 3], [4, 5, 6]]);
  const f = (x: Tensor) => a.mul(x).sum({ axis: 1 });
  for (const transform of [jacobian, jacfwd, jacrev]) {
    assertEquals(list(transform(f)(f64([1, 1, 1]))), [[1, 2, 3], [4, 5, 6]]);
  }
});

Deno.test("jacobian of matrices has the axes of the result, then those of the argument", () => {
  const f = (x: Tensor) => x.mul(x).sum({ axis: 0 });
  const x = f64([[1, 2], [3, 4], [5, 6]]);
  for (const mode of ["forward", "reverse"] as const) {
    const j = jacobian(f, { mode })(x) as Tensor;
    assertEquals(j.shape, [2, 3, 2]);
    assertEquals(list(j), [[[2, 0], [6, 0], [10, 0]], [[0, 4], [0, 8], [0, 12]]]);
  }
});

Deno.test("jacobian of trees, of several arguments, and of what is not connected", () => {
  const f = (p: { a: Tensor; b: Tensor }, y: Tensor) => ({ sum: p.a.mul(y), other: [p.b.mul(3)] });
  const p = { a: f64([1, 2]), b: f64(5) };
  for (const mode of ["forward", "reverse"] as const) {
    const [jp, jy] = [0, 1].map((argnums) => jacobian(f, { mode, argnums })(p, f64([3, 4])));
    assertEquals(list(jp.sum.a), [[3, 0], [0, 4]]);
    assertEquals(list(jp.sum.b), [0, 0]);
    assertEquals(list(jp.other[0].a), [0, 0]);
    assertEquals(list(jp.other[0].b), 3);
    assertEquals(list(jy.sum), [[1, 0], [0, 2]]);
    const both = jacobian(f, { mode, argnums: [0, 1] })(p, f64([3, 4]));
    assertEquals(list(both.sum[0].a), [[3, 0], [0, 4]]);
    assertEquals(list(both.other[0][1]), [0, 0]);
  }
});

Deno.test("jacobian takes the mode with fewer columns or rows, and does not loop", () => {
  const sizes = (f: (x: Tensor) => Tensor, n: number): number => {
    const graph = jit((x: Tensor) => jacobian(f)(x)).graph(f64(new Array(n).fill(1)));
    return Math.max(
      ...graph.nodes.flatMap((node) => node.outputs.map((o) => o.aval.shape.reduce((p, k) => p * k, 1))),
    );
  };
  // 100 inputs and 1 output: one row; 1 input and 100 outputs: one column.
  assertEquals(sizes((x) => x.sin().sum(), 100), 100);
  assertEquals(sizes((x) => x.broadcastTo([100]).sin(), 1), 100);
});

Deno.test("hessian of Rosenbrock's function", () => {
  const f = (x: Tensor) => {
    const a = x.narrow(0, 0, 1), b = x.narrow(0, 1, 1);
    return a.sub(1).square().add(b.sub(a.square()).square().mul(100)).sum();
  };
  const [x, y] = [-1.2, 1];
  const expected = [[1200 * x * x - 400 * y + 2, -400 * x], [-400 * x, 200]];
  assertClose(list(hessian(f)(f64([x, y]))), expected, 1e-8);
  assertClose(list(jit(hessian(f))(f64([x, y]))), expected, 1e-8);
  const v = [0.5, 2];
  const product = expected.map((row) => row[0] * v[0] + row[1] * v[1]);
  assertClose(list(hvp(f, [f64([x, y])], [f64(v)])), product, 1e-8);
});

Deno.test("hessian of a quadratic form is its symmetrised matrix", () => {
  const a = f64([[1, 2], [5, 4]]);
  const f = (x: Tensor) => a.mul(x).sum({ axis: 1 }).mul(x).sum();
  assertEquals(list(hessian(f)(f64([3, -2]))), [[2, 7], [7, 8]]);
});

Deno.test("hessian of trees is a tree of trees; parts that do not interact are zero", () => {
  const f = (p: { a: Tensor; b: Tensor; c: Tensor }) => p.a.mul(p.a).mul(p.b).sum().add(p.c.sum());
  const h = hessian(f)({ a: f64([1, 2]), b: f64(3), c: f64([1]) });
  assertEquals(list(h.a.a), [[6, 0], [0, 6]]);
  assertEquals(list(h.a.b), [2, 4]);
  assertEquals(list(h.b.a), [2, 4]);
  assertEquals(list(h.b.b), 0);
  assertEquals(list(h.c.c), [[0]]);
  assertEquals(h.c.a.shape, [1, 2]);
});

Deno.test("hvp of several arguments, and of one without the array", () => {
  const f = (x: Tensor, y: Tensor) => x.mul(x).mul(y).sum();
  const [hx, hy] = hvp(f, [f64([1, 2]), f64([3, 4])], [f64([1, 0]), f64([0, 1])]);
  assertEquals(list(hx), [6, 4]);
  assertEquals(list(hy), [2, 0]);
  assertEquals(list(hvp((x: Tensor) => x.mul(x).sum(), f64([1, 2]) as never, f64([1, 1]) as never)), [2, 2]);
});

Deno.test("vjp: the pullback may be called several times, inside and outside of traces", () => {
  const [out, pullback] = vjp((x: Tensor, y: Tensor) => x.mul(y), f64([1, 2]), f64([3, 4]));
  assertEquals(list(out), [3, 8]);
  assertEquals(pullback(f64([1, 0])).map(list), [[3, 0], [1, 0]]);
  assertEquals(pullback(f64([0, 2])).map(list), [[0, 8], [0, 4]]);
  assertEquals(list(jit((c: Tensor) => pullback(c)[0])(f64([1, 1]))), [3, 4]);
  const rows = vmap((c: Tensor) => pullback(c)[0])(f64([[1, 0], [0, 1]]));
  assertEquals(list(rows), [[3, 0], [0, 4]]);
});

Deno.test("vjp of trees, with numbers for scalars and zeros for what does not matter", () => {
  const f = (p: { a: Tensor; b: Tensor }) => ({ s: p.a.sum(), many: [p.a.mul(2)], flag: p.a.gt(0), n: 7 });
  const [out, pullback] = vjp(f, { a: f64([1, 2]), b: f64(1) });
  assertEquals(out.n, 7);
  const [g] = pullback({ s: 10, many: [f64([1, 2])], flag: null, n: 0 } as never);
  assertEquals(list(g.a), [12, 14]);
  assertEquals(list(g.b), 0);
});

Deno.test("jvp with zero tangents, integers, and several results", () => {
  const f = (x: Tensor, k: Tensor) => ({ y: x.mul(k.cast("float64")), k });
  const [out, tangent] = jvp(f, [f64([1, 2]), tensor([3, 4], { dtype: "int32" })], [f64([1, 1]), null]);
  assertEquals(list(out.y), [3, 8]);
  assertEquals(list(tangent.y), [3, 4]);
  assertEquals(list(tangent.k), [0, 0]);
  assertEquals(list(jvp((x: Tensor) => x.mul(x), [f64([1])], [null])[1]), [0]);
});

Deno.test("linearize computes the function once and pushes many tangents", () => {
  let runs = 0;
  const [out, push] = linearize((x: Tensor) => {
    runs++;
    return x.sin().mul(x);
  }, f64([1, 2]));
  assertClose(list(out), [Math.sin(1), 2 * Math.sin(2)]);
  assertClose(list(push(f64([1, 0]))), [Math.sin(1) + Math.cos(1), 0]);
  assertClose(list(push(f64([0, 1]))), [0, Math.sin(2) + 2 * Math.cos(2)]);
  assertEquals(runs, 1);
  assertClose(list(grad((t: Tensor) => push(t).sum())(f64([0, 0]))), [
    Math.sin(1) + Math.cos(1),
    Math.sin(2) + 2 * Math.cos(2),
  ]);
});

Deno.test("jit of vmap of grad, and grad of vmap of grad", () => {
  const loss = (w: Tensor, x: Tensor) => w.mul(x).sum().tanh();
  const perExample = jit(vmap(grad(loss), { inAxes: [null, 0] }));
  const w = f64([0.1, 0.2]), x = f64([[1, 2], [3, 4], [5, 6]]);
  const expected = [[1, 2], [3, 4], [5, 6]].map(([a, b]) => {
    const slope = 1 - Math.tanh(0.1 * a + 0.2 * b) ** 2;
    return [a * slope, b * slope];
  });
  assertClose(list(perExample(w, x)), expected);
  const total = (v: Tensor) => vmap(grad(loss), { inAxes: [null, 0] })(v, x).sum();
  const h = [0, 1].map((i) =>
    [[1, 2], [3, 4], [5, 6]].reduce((sum, [a, b]) => {
      const t = Math.tanh(0.1 * a + 0.2 * b);
      return sum + (a + b) * [a, b][i] * -2 * t * (1 - t * t);
    }, 0)
  );
  assertClose(list(grad(total)(w)), h);
});

Deno.test("grad of grad of grad of a function of several variables", () => {
  // f = sum sin(x) x^2; the third derivative of sin(x) x^2 is 6 cos x - 6 x sin x - x^2 cos x.
  const f = (x: Tensor) => x.sin().mul(x).mul(x).sum();
  const third = grad((x: Tensor) => grad((y: Tensor) => grad(f)(y).sum())(x).sum());
  const expected = [0.3, 1.1].map((x) => 6 * Math.cos(x) - 6 * x * Math.sin(x) - x * x * Math.cos(x));
  assertClose(list(third(f64([0.3, 1.1]))), expected);
});
