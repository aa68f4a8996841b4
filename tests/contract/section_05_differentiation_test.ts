/** API.md, section 5: differentiation. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  add,
  checkGrads,
  checkpoint,
  clipGradient,
  cond,
  customJvp,
  customVjp,
  definePrimitive,
  evalShape,
  forLoop,
  grad,
  GradientError,
  hessian,
  hostCallback,
  hvp,
  jacfwd,
  jacobian,
  jacrev,
  jit,
  jvp,
  linearize,
  matmul,
  ones,
  scaleGradient,
  scan,
  Shared,
  shared,
  stopGradient,
  Tensor,
  tensor,
  valueAndGrad,
  vjp,
  vmap,
  whileLoop,
  zeros,
} from "@damo/damo";
import { list, message } from "./support.ts";

const f64 = (data: number | number[] | number[][]): Tensor => tensor(data, { dtype: "float64" });
const at = (t: unknown) => (t as Tensor).itemSync();

Deno.test("grad and valueAndGrad: argnums, hasAux, trees, numbers, Shared", () => {
  assertEquals(at(grad((x: Tensor) => x.mul(x))(f64(3))), 6);
  assertEquals(at(grad((x: Tensor) => x.square())(3 as never)), 6);
  const two = (a: Tensor, b: Tensor) => a.mul(b).sum();
  assertEquals(list(grad(two, { argnums: 1 })(f64([1, 2]), f64([3, 4]))), [1, 2]);
  const [ga, gb] = grad(two, { argnums: [0, 1] })(f64([1, 2]), f64([3, 4])) as unknown as Tensor[];
  assertEquals([list(ga), list(gb)], [[3, 4], [1, 2]]);
  const [value, g] = valueAndGrad(two)(f64([1, 2]), f64([3, 4]));
  assertEquals([at(value), list(g as Tensor)], [11, [3, 4]]);
  const aux = (x: Tensor) => [x.square().sum(), { doubled: x.mul(2), name: "aux" }] as const;
  const [gx, extra] = grad(aux, { hasAux: true })(f64([1, 2])) as unknown as [
    Tensor,
    { doubled: Tensor; name: string },
  ];
  assertEquals([list(gx), list(extra.doubled), extra.name], [[2, 4], [2, 4], "aux"]);
  const [[v, e], g2] = valueAndGrad(aux, { hasAux: true })(f64([1, 2])) as unknown as [
    [Tensor, { doubled: Tensor }],
    Tensor,
  ];
  assertEquals([at(v), list(e.doubled), list(g2)], [5, [2, 4], [2, 4]]);
  const w = shared(f64([1, 2]), { name: "w" });
  const params = { layers: [{ w: f64([1, 2]), b: f64(0.5) }], shared: w };
  const tree = grad((p: typeof params, x: Tensor) =>
    p.layers[0].w.mul(x).sum().add(p.layers[0].b).add(p.shared.mul(3).sum())
  )(params, f64([5, 6])) as unknown as { layers: { w: Tensor; b: Tensor }[]; shared: Tensor };
  assertEquals([list(tree.layers[0].w), list(tree.layers[0].b), list(tree.shared)], [[5, 6], 1, [3, 3]]);
  assertEquals(list(grad((x: Tensor, k: number) => x.mul(k).sum())(f64([1, 2]), 4)), [4, 4]);
  // Number arguments in place of tensors, also under jit.
  assertEquals(at(jit((x: number) => grad((y: Tensor) => y.mul(y))(x as never))(3)), 6);
  assertEquals(at(jit(grad((x: Tensor) => x.mul(x)))(3 as never)), 6);
});

Deno.test("grad(cost, wrt, { knownGrads, constants, disconnected }): Theano's form", () => {
  const w = shared(f64([1, 2]), { name: "w" });
  const step = jit((x: Tensor) => {
    const cost = w.value.mul(x).square().sum();
    const g = grad(cost, w);
    w.value = w.value.sub(g.mul(0.5));
    return g;
  });
  assertEquals(list(step(f64([1, 1]))), [2, 4]);
  assertEquals(list(w.value), [0, 0]);
  // With respect to intermediate values, trees of Shared, several at once.
  const middle = jit((x: Tensor) => {
    const h = x.mul(3), cost = h.square().sum();
    return grad(cost, { h, list: [x] } as never) as unknown as { h: Tensor; list: Tensor[] };
  })(f64([1, 2]));
  assertEquals([list(middle.h), list(middle.list[0])], [[6, 12], [18, 36]]);
  const constants = jit((x: Tensor) => {
    const h = x.mul(3), cost = h.mul(x).sum();
    return grad(cost, x, { constants: [h] });
  })(f64([1, 2]));
  assertEquals(list(constants), [3, 6]);
  const known = jit((x: Tensor) => {
    const h = x.mul(3);
    return grad(null, x, { knownGrads: [[h, f64([1, 10])]] });
  })(f64([1, 2]));
  assertEquals(list(known), [3, 30]);
  const p = shared(f64(1), { name: "p" });
  message(() => jit((x: Tensor) => grad(x.sum(), p))(f64([1])), GradientError, "p");
  assertEquals(list(jit((x: Tensor) => grad(x.sum(), p, { disconnected: "zero" }))(f64([1]))), 0);
  // The value at the start of the call, even if assigned before the gradient is asked for.
  const early = jit((x: Tensor) => {
    const cost = p.value.mul(x);
    p.value = p.value.add(1);
    const after = p.value.mul(cost);
    return grad(after, p);
  });
  // d/dp [(p + 1) p x] = (2 p + 1) x
  assertEquals(at(early(f64(2))), 6);
  message(() => jit((x: Tensor) => grad(x.mul(2), x))(f64([1, 2])), GradientError, "scalar", "float64[2]");
});

Deno.test("errors of grad name the argument, down to the leaf", () => {
  const loss = (p: { layers: { w: Tensor; b: Tensor }[] }) => p.layers[0].w.sum();
  const b = f64([1, 1]);
  message(() => grad((x: Tensor) => x)(f64([1, 2])), GradientError, "scalar", "float64[2]");
  message(
    () => grad(loss)({ layers: [{ w: tensor([1], { dtype: "int32" }), b }] }),
    GradientError,
    "p.layers[0].w",
    "int32[1]",
  );
  message(() => grad(loss)({ layers: [{ w: b, b }] }), GradientError, "p.layers[0].b", "disconnected");
  const zero = grad(loss, { disconnected: "zero" })({ layers: [{ w: b, b: f64([3]) }] }) as unknown as {
    layers: { b: Tensor }[];
  };
  assertEquals(list(zero.layers[0].b), [0]);
  const warn = console.warn;
  const warned: unknown[] = [];
  console.warn = (...all: unknown[]) => warned.push(...all);
  try {
    grad(loss, { disconnected: "warn" })({ layers: [{ w: b, b }] });
  } finally {
    console.warn = warn;
  }
  assert(warned.join(" ").includes("p.layers[0].b"), warned.join(" "));
  message(() => grad((x: Tensor) => stopGradient(x).sum())(f64([1])), GradientError, "x");
  message(() => grad((x: Tensor) => x.gt(0).sum())(f64([1])), GradientError);
  // vjp, jacobian, hessian and hvp give zeros there.
  const constant = (x: Tensor) => x.mul(0).sum().add(1), unused = (_x: Tensor) => f64([7, 8]);
  assertEquals(list(vjp(unused, f64([1]))[1](f64([1, 1]))[0]), [0]);
  assertEquals(list(jacobian(unused)(f64([1, 2])) as Tensor), [[0, 0], [0, 0]]);
  assertEquals(list(hessian((x: Tensor) => x.sum())(f64([1, 2])) as Tensor), [[0, 0], [0, 0]]);
  assertEquals(
    `${list(hvp((x: Tensor) => x.sum(), [f64([1, 2])], [f64([1, 1])]) as unknown as Tensor)}`,
    "0,0",
  );
  assertEquals(list(grad(constant)(f64([1]))), [0]);
});

Deno.test("vjp, jvp, linearize", () => {
  const f = (a: Tensor, b: Tensor) => [a.mul(b), a.sum()] as const;
  const [out, pullback] = vjp(f, f64([1, 2]), f64([3, 4]));
  assertEquals(out.map(list), [[3, 8], 3]);
  const grads = pullback([f64([1, 1]), f64(10)]) as unknown as Tensor[];
  assert(Array.isArray(grads));
  assertEquals(grads.map(list), [[13, 14], [1, 2]]);
  assertEquals((pullback([f64([0, 1]), f64(0)]) as unknown as Tensor[]).map(list), [[0, 4], [0, 2]]);
  const one = vjp((x: Tensor) => x.square(), f64(3));
  assert(Array.isArray(one[1](f64(1))));
  assertEquals(at(one[1](f64(2))[0]), 12);
  const [value, tangent] = jvp(f, [f64([1, 2]), f64([3, 4])], [f64([1, 0]), f64([0, 1])]);
  assertEquals([value.map(list), tangent.map(list)], [[[3, 8], 3], [[3, 2], 1]]);
  const [lin, push] = linearize((x: Tensor) => x.square(), f64([1, 2]));
  assertEquals([list(lin), list(push(f64([1, 1]))), list(push(f64([0, 3])))], [[1, 4], [2, 4], [0, 12]]);
  message(() => one[1](f64([1, 2])), GradientError, "cotangent", "float64[2]", "float64[]");
  message(() => jvp((x: Tensor) => x, [f64([1, 2])], [f64([1])]), GradientError, "float64[1]", "float64[2]");
  message(() => jvp((x: Tensor) => x, [f64(1)], []), GradientError);
  assertEquals(at(jvp((x: Tensor) => x.square(), [3 as never], [1 as never])[1]), 6);
});

Deno.test("jacobian, jacfwd, jacrev, hessian, hvp", () => {
  const f = (x: Tensor) => x.mul(x.sum());
  const x = f64([1, 2]);
  const wanted = [[4, 1], [2, 5]];
  for (const j of [jacobian, jacfwd, jacrev]) assertEquals(list(j(f)(x) as Tensor), wanted);
  for (const mode of ["forward", "reverse"] as const) {
    assertEquals(list(jacobian(f, { mode })(x) as Tensor), wanted);
  }
  assertEquals(list(jit((y: Tensor) => jacobian(f)(y) as Tensor)(x)), wanted);
  const two = (a: Tensor, b: Tensor) => matmul(a, b);
  const jb = jacobian(two, { argnums: 1 })(f64([[1, 2]]), f64([[3], [4]])) as Tensor;
  assertEquals([jb.shape, list(jb)], [[1, 1, 2, 1], [[[[1], [2]]]]]);
  const quadratic = (y: Tensor) => y.at(0).mul(y.at(0)).mul(y.at(1));
  assertEquals(list(hessian(quadratic)(f64([2, 3])) as Tensor), [[6, 4], [4, 0]]);
  assertEquals(list(hvp(quadratic, [f64([2, 3])], [f64([1, 1])]) as unknown as Tensor), [10, 4]);
  assertEquals(jacobian((y: Tensor) => y)(zeros([0], { dtype: "float64" })) instanceof Tensor, true);
  const trees = hessian((p: { a: Tensor; b: Tensor }) => p.a.mul(p.b).sum())({
    a: f64([1]),
    b: f64([2]),
  }) as unknown as {
    a: { b: Tensor };
  };
  assertEquals(list(trees.a.b), [[1]]);
});

Deno.test("vmap: inAxes, outAxes, trees, unbatched arguments", () => {
  const dot = (a: Tensor, b: Tensor) => a.dot(b);
  const a = f64([[1, 2], [3, 4]]), b = f64([10, 1]);
  assertEquals(list(vmap(dot)(a, a)), [5, 25]);
  assertEquals(list(vmap(dot, { inAxes: [0, null] })(a, b)), [12, 34]);
  assertEquals(list(vmap(dot, { inAxes: [1, null] })(a, b)), [13, 24]);
  assertEquals(list(vmap((v: Tensor) => v.mul(2), { outAxes: 1 })(a)), [[2, 6], [4, 8]]);
  assertEquals(list(vmap((v: Tensor) => v.mul(2), { inAxes: 1, outAxes: -1 } as never)(a)), [[2, 4], [6, 8]]);
  const tree = vmap((p: { x: Tensor; y: Tensor[] }) => ({ s: p.x.add(p.y[0]), c: f64(1) }))({ x: b, y: [b] });
  assertEquals([list(tree.s), list(tree.c)], [[20, 2], [1, 1]]);
  assertEquals(list(vmap(vmap((x: Tensor) => x.square()))(a)), [[1, 4], [9, 16]]);
  assertEquals(list(vmap((x: Tensor, k: number) => x.mul(k), { inAxes: [0, null] })(b, 3)), [30, 3]);
  assertEquals(vmap((x: Tensor) => x.sum())(zeros([0, 3])).shape, [0]);
  message(() => vmap(dot)(a, f64([[1, 2]])), Error as never, "vmap", "2", "1");
  const w = shared(0, { name: "w" });
  message(
    () =>
      vmap((x: Tensor) => {
        w.value = x;
        return x;
      })(tensor([1, 2])),
    Error as never,
    "w",
    "vmap",
  );
});

Deno.test("stopGradient, clipGradient, scaleGradient", () => {
  assertEquals(at(grad((x: Tensor) => x.mul(stopGradient(x)))(f64(3))), 3);
  assertEquals(
    list(grad((x: Tensor) => clipGradient(x, -1, 1).mul(f64([5, -5, 0.5])).sum())(f64([1, 1, 1]))),
    [1, -1, 0.5],
  );
  assertEquals(at(grad((x: Tensor) => scaleGradient(x, -2).mul(3))(f64(1))), -6);
  assertEquals(list(clipGradient(f64([9]), 0, 1)), [9]);
});

Deno.test("customVjp, customJvp, checkpoint, checkGrads, definePrimitive, hostCallback", () => {
  const vj = customVjp(
    (x: Tensor, y: Tensor) => x.mul(y),
    (x, y) => [x.mul(y), { x, y }],
    ({ x, y }, c: Tensor) => [c.mul(y).mul(10), c.mul(x)],
  );
  assertEquals((grad(vj, { argnums: [0, 1] })(f64(2), f64(3)) as unknown as Tensor[]).map(list), [30, 2]);
  const jv = customJvp((x: Tensor) => x.sin(), ([x], [t]) => [x.sin(), t.mul(7)]);
  assertEquals([at(grad(jv)(f64(1))), at(jvp(jv, [f64(1)], [f64(1)])[1])], [7, 7]);
  assertEquals(list(jit(vmap(grad(jv)))(f64([1, 2]))), [7, 7]);
  const chk = checkpoint((x: Tensor, k: { w: Tensor }) => x.mul(k.w).tanh().sum());
  assertAlmostEquals(at(grad(chk)(f64([1]), { w: f64(2) }).sum()), 2 * (1 - Math.tanh(2) ** 2), 1e-12);
  checkGrads((x: Tensor) => x.sin().sum(), [f64([1, 2])]);
  checkGrads(
    (x: Tensor) => x.sin().sum(),
    [f64([1, 2])],
    { order: 1, modes: ["reverse"], tolerance: 1e-4 } as never,
  );
  assertThrows(() => checkGrads(jv, [f64(1)], { order: 1 }));
  const cube = definePrimitive({ name: "cube", compute: (x) => x.mul(x).mul(x) });
  assertEquals(at(grad(cube)(f64(2))), 12);
  const host = jit((x: Tensor) =>
    hostCallback((t) => t.dataSync().map((v) => v * 2), { shape: [2], dtype: "float64" }, x.add(1))
  );
  assertEquals(list(host(f64([1, 2]))), [4, 6]);
  assertEquals(
    list(
      jit((x: Tensor) => hostCallback((t) => [[t.itemSync(), 1]], { shape: [1, 2], dtype: "int32" }, x))(
        tensor(5),
      ),
    ),
    [[5, 1]],
  );
  assertEquals(list(hostCallback(() => 3, { shape: [], dtype: "float32" })), 3);
});

Deno.test("everything composes", () => {
  const f = (x: Tensor) => x.sin().mul(x.exp()).sum();
  const x = f64([[0.1, 0.2], [0.3, 0.4]]);
  const truth = (v: number) => Math.exp(v) * (Math.sin(v) + Math.cos(v));
  const g = jit(vmap(grad(f)))(x);
  [0.1, 0.2, 0.3, 0.4].forEach((v, i) => assertAlmostEquals(g.flatten().at(i).itemSync(), truth(v), 1e-12));
  // Hessian of a while loop whose trip count depends on the value.
  const loop = (v: Tensor) => whileLoop((c: Tensor) => c.lt(100), (c: Tensor) => c.mul(c), v);
  // 3 -> 9 -> 81 -> 6561 = v^8
  assertAlmostEquals(at(grad(loop)(f64(3))), 8 * 3 ** 7, 1e-6);
  assertAlmostEquals(at(hessian(loop)(f64(3))), 56 * 3 ** 6, 1e-5);
  assertAlmostEquals(at(jit((v: Tensor) => hessian(loop)(v) as Tensor)(f64(3))), 56 * 3 ** 6, 1e-5);
  assertEquals((list(vmap(grad(loop))(f64([3, 20, 200]))) as number[]).map(Math.round), [8 * 3 ** 7, 40, 1]);
  // grad inside the body of a scan, in jit, itself differentiated.
  const descend = (w0: Tensor, rate: Tensor) =>
    scan(
      (w: Tensor): [Tensor, Tensor] => {
        const step = grad((v: Tensor) => v.square().square())(w);
        const next = w.sub(step.mul(rate));
        return [next, next];
      },
      w0,
      undefined,
      { length: 3 },
    )[0];
  let w = 0.5, d = 1;
  for (let i = 0; i < 3; i++) {
    d *= 1 - 0.1 * 12 * w * w;
    w -= 0.1 * 4 * w ** 3;
  }
  assertAlmostEquals(at(jit(descend)(f64(0.5), f64(0.1))), w, 1e-12);
  assertAlmostEquals(at(jit(grad(descend))(f64(0.5), f64(0.1))), d, 1e-12);
  assertAlmostEquals(
    at(vmap(grad(descend), { inAxes: [0, null] })(f64([0.5, 0.5]), f64(0.1)).at(1)),
    d,
    1e-12,
  );
  checkGrads(descend, [f64(0.5), f64(0.1)]);
  // Conditions.
  const branch = (v: Tensor) => cond(v.gt(0), () => v.square(), () => v.neg().exp());
  assertEquals(at(grad(branch)(f64(3))), 6);
  assertAlmostEquals(at(grad(grad(branch))(f64(-1))), Math.E, 1e-12);
  assertEquals(Math.round(at(vmap(grad(branch))(f64([3, -1])).at(0))), 6);
  // forLoop with a traced count, forward over reverse.
  const power = (v: Tensor, n: Tensor) => forLoop(n, (_i, c: Tensor) => c.mul(v), f64(1));
  const third = jit((v: Tensor, n: Tensor) => jvp((u: Tensor) => grad(power)(u, n), [v], [f64(1)])[1]);
  assertAlmostEquals(at(third(f64(2), tensor(5, { dtype: "int32" }))), 20 * 8, 1e-9);
  assertAlmostEquals(at(third(f64(2), tensor(3, { dtype: "int32" }))), 12, 1e-9);
  // Third and fourth derivative.
  assertAlmostEquals(at(grad(grad(grad(grad((v: Tensor) => v.sin()))))(f64(0.3))), Math.sin(0.3), 1e-12);
  // jacfwd of jacrev of vmap.
  const h = jacfwd(jacrev((v: Tensor) => vmap((u: Tensor) => u.pow(3))(v).sum()) as never)(
    f64([1, 2]) as never,
  ) as unknown as Tensor;
  assertEquals(list(h), [[6, 0], [0, 12]]);
  assertEquals(evalShape((v: Tensor) => grad((u: Tensor) => u.sum())(v), zeros([3])).shape, [3]);
});

Deno.test("a .value = inside a differentiated or checkpointed function commits once", () => {
  const n = shared(0, { name: "n" });
  const loss = (x: Tensor) => {
    n.value = n.value.add(1);
    return x.square().sum();
  };
  jit((x: Tensor) => grad(loss)(x))(f64([1]));
  assertEquals(list(n.value), 1);
  grad(loss)(f64([1]));
  assertEquals(list(n.value), 2);
  jit((x: Tensor) => valueAndGrad(checkpoint(loss))(x))(f64([1]));
  assertEquals(list(n.value), 3);
  jit((x: Tensor) => jvp(loss, [x], [x]))(f64([1]));
  assertEquals(list(n.value), 4);
  jit((x: Tensor) => vjp(loss, x)[1](f64(1))[0])(f64([1]));
  assertEquals(list(n.value), 5);
});

Deno.test("zero sizes under every transform", () => {
  const none = zeros([0, 3], { dtype: "float64" });
  const f = (x: Tensor) => x.sin().sum().add(x.square().mean({ axis: 1 }).sum());
  assertEquals(grad(f)(none).shape, [0, 3]);
  assertEquals(jit(grad(f))(none).shape, [0, 3]);
  assertEquals(vmap(grad((r: Tensor) => r.square().sum()))(none).shape, [0, 3]);
  assertEquals((hessian(f)(none) as Tensor).shape, [0, 3, 0, 3]);
  assertEquals(
    scan((c: Tensor, x: Tensor) => [c.add(x), x.mul(2)] as [Tensor, Tensor], ones([3]), zeros([0, 3]))[1]
      .shape,
    [0, 3],
  );
  assertEquals(
    list(
      grad((c: Tensor) =>
        scan((s: Tensor, x: Tensor) => [s.mul(x), x] as [Tensor, Tensor], c, zeros([0, 3]))[0].sum()
      )(ones([3])),
    ),
    [1, 1, 1],
  );
  assertEquals(at(add(zeros([0]).sum(), 1)), 1);
  assertEquals(new Shared(tensor(1), "s").shape, []);
});
