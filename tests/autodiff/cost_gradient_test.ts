/** Theano's form: grad of a traced cost with respect to anything in the trace. */
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { grad, GradientError, jit, jvp, shared, type Tensor, tensor, vmap } from "@damo/damo";

const f64 = (data: number | number[] | number[][]): Tensor => tensor(data, { dtype: "float64" });
const list = (t: unknown): unknown => (t as Tensor).arraySync();

Deno.test("grad of a cost with respect to an input, an intermediate and a captured tensor", () => {
  const w = f64([3, 4]);
  const f = jit((x: Tensor) => {
    const h = x.mul(x);
    const cost = h.mul(w).sum();
    return grad(cost, { x, h, w });
  });
  const g = f(f64([1, 2]));
  assertEquals(list(g.x), [6, 16]);
  assertEquals(list(g.h), [3, 4]);
  assertEquals(list(g.w), [1, 4]);
});

Deno.test("one tensor gives a tensor, an array an array", () => {
  const f = jit((x: Tensor, y: Tensor) => {
    const cost = x.mul(y).sum();
    return [grad(cost, x), grad(cost, [y, x])];
  });
  const [gx, [gy, again]] = f(f64([1, 2]), f64([3, 4])) as [Tensor, [Tensor, Tensor]];
  assertEquals([list(gx), list(gy), list(again)], [[3, 4], [1, 2], [3, 4]]);
});

Deno.test("an intermediate that depends on another one counts in both", () => {
  // c = sin(h) x with h = x^2: dc/dh = cos(h) x, dc/dx = sin(h) + 2 x^2 cos(h).
  const f = jit((x: Tensor) => {
    const h = x.mul(x);
    return grad(h.sin().mul(x), [h, x]) as Tensor[];
  });
  const [dh, dx] = f(f64(0.7));
  assertAlmostEquals(dh.itemSync() as number, Math.cos(0.49) * 0.7, 1e-12);
  assertAlmostEquals(dx.itemSync() as number, Math.sin(0.49) + 2 * 0.49 * Math.cos(0.49), 1e-12);
});

Deno.test("a training step on shared variables", () => {
  const w = shared(f64([0, 0]), { name: "w" });
  const b = shared(f64(0), { name: "b" });
  const step = jit((x: Tensor, y: Tensor) => {
    const error = x.mul(w).sum({ axis: 1 }).add(b).sub(y);
    const cost = error.mul(error).mean();
    const [gw, gb] = grad(cost, [w, b]) as unknown as Tensor[];
    w.value = w.value.sub(gw.mul(0.1));
    b.value = b.value.sub(gb.mul(0.1));
    return cost;
  });
  const x = f64([[1, 0], [0, 1], [1, 1]]), y = f64([3, -1, 1]);
  for (let i = 0; i < 1000; i++) step(x, y);
  assertAlmostEquals((step(x, y) as Tensor).itemSync() as number, 0, 1e-6);
  const [w0, w1] = list(w.value) as number[];
  assertAlmostEquals(w0 + (b.value.itemSync() as number), 3, 1e-2);
  assertAlmostEquals(w1 + (b.value.itemSync() as number), -1, 1e-2);
});

Deno.test("a shared variable is differentiated at its value at the start of the call", () => {
  const w = shared(f64(3), { name: "w" });
  const f = jit(() => {
    const before = w.value;
    w.value = w.value.mul(2);
    const cost = w.value.mul(w.value); // (2 w)^2 = 4 w^2
    return [grad(cost, w), grad(cost, w.value), before] as unknown as Tensor[];
  });
  const [atStart, atEnd] = f();
  assertEquals(atStart.itemSync(), 24);
  assertEquals(atEnd.itemSync(), 12);
});

Deno.test("knownGrads start from given gradients, with and without a cost", () => {
  const f = jit((x: Tensor) => {
    const h = x.mul(x);
    const given = h.mul(0).add(5);
    const alone = grad(null, x, { knownGrads: [[h, given]] });
    const both = grad(x.sum(), x, { knownGrads: [[h, given]] });
    const self = grad(null, h, { knownGrads: [[h, given]] });
    return [alone, both, self] as Tensor[];
  });
  const [alone, both, self] = f(f64([1, 2])).map(list);
  assertEquals(alone, [10, 20]);
  assertEquals(both, [11, 21]);
  assertEquals(self, [5, 5]);
});

Deno.test("a known gradient replaces what the cost says of that tensor", () => {
  const f = jit((x: Tensor) => {
    const h = x.mul(2);
    const cost = h.mul(h).sum();
    return grad(cost, x, { knownGrads: [[h, h.mul(0).add(1)]] }) as Tensor;
  });
  assertEquals(list(f(f64([1, 2]))), [2, 2]);
});

Deno.test("several known gradients add up", () => {
  const f = jit((x: Tensor) => grad(null, x, { knownGrads: [[x.mul(2), x], [x.mul(x), x]] }) as Tensor);
  assertEquals(list(f(f64([1, 3]))), [2 + 2, 6 + 18]);
});

Deno.test("constants are not differentiated through", () => {
  const f = jit((x: Tensor) => {
    const h = x.mul(x);
    const cost = h.mul(x).sum();
    return grad(cost, x, { constants: [h] }) as Tensor;
  });
  assertEquals(list(f(f64([1, 2]))), [1, 4]);
  const blocked = jit((x: Tensor) => {
    const h = x.mul(x);
    return grad(h.sum(), x, { constants: [h] }) as Tensor;
  });
  assertThrows(() => blocked(f64([1, 2])), GradientError, "does not depend on x");
});

Deno.test("disconnected: zeros on request", () => {
  const w = shared(f64([1, 2]), { name: "w" });
  const f = jit((x: Tensor) => grad(x.sum(), { x, w }, { disconnected: "zero" }) as unknown as { w: Tensor });
  assertEquals(list(f(f64([1])).w), [0, 0]);
});

Deno.test("the gradient of a gradient, in the same trace", () => {
  const f = jit((x: Tensor) => {
    const first = grad(x.mul(x).mul(x), x) as Tensor;
    const second = grad(first, x) as Tensor;
    return [first, second, grad(second, x)] as Tensor[];
  });
  assertEquals(f(f64(2)).map((t) => t.itemSync()), [12, 12, 6]);
});

Deno.test("inside other transforms", () => {
  const inner = (x: Tensor) => grad(x.mul(x).mul(x), x) as Tensor;
  assertEquals(grad(inner)(f64(2)).itemSync(), 12);
  assertEquals(jvp(inner, [f64(2)], [f64(1)])[1].itemSync(), 12);
  assertEquals(list(vmap(inner)(f64([1, 2]))), [3, 12]);
});

Deno.test("the trace holds nothing of the linear part", () => {
  const graph = jit((x: Tensor) => grad(x.sin(), x) as Tensor).graph(f64(1));
  const names = graph.nodes.map((node) => node.primitive.name).filter((name) => name !== "constant");
  for (const name of names) if (!["sin", "cos", "mul"].includes(name)) throw new Error(graph.toString());
});
