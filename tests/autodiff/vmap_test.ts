import { assertAlmostEquals, assertEquals } from "@std/assert";
import { grad, jit, jvp, matmul, shared, type Tensor, tensor, vmap, where } from "@damo/damo";

const f64 = (data: number | number[] | number[][] | number[][][]): Tensor =>
  tensor(data, { dtype: "float64" });
const list = (t: unknown): unknown => (t as Tensor).arraySync();

Deno.test("vmap over axis 0 by default", () => {
  assertEquals(list(vmap((x: Tensor) => x.sum())(f64([[1, 2], [3, 4]]))), [3, 7]);
});

Deno.test("inAxes and outAxes, negative ones too", () => {
  const x = f64([[1, 2, 3], [4, 5, 6]]);
  const f = (v: Tensor) => v.mul(10);
  assertEquals(list(vmap(f, { inAxes: 1 })(x)), [[10, 40], [20, 50], [30, 60]]);
  assertEquals(list(vmap(f, { inAxes: -1, outAxes: 1 })(x)), [[10, 20, 30], [40, 50, 60]]);
  assertEquals(list(vmap(f, { inAxes: [1], outAxes: -1 })(x)), [[10, 20, 30], [40, 50, 60]]);
});

Deno.test("arguments that are not batched, numbers and other values", () => {
  const f = (x: Tensor, w: Tensor, k: number, mode: string) =>
    mode === "dot" ? x.mul(w).sum().mul(k) : x.sum();
  const run = vmap(f, { inAxes: [0, null, null, null] });
  assertEquals(list(run(f64([[1, 2], [3, 4]]), f64([10, 1]), 2, "dot")), [24, 68]);
  assertEquals(list(vmap((x: Tensor, k: number) => x.mul(k))(f64([1, 2]), 3)), [3, 6]);
});

Deno.test("trees of arguments, axes and results", () => {
  const f = (p: { w: Tensor; b: Tensor }, x: Tensor) => ({ y: p.w.mul(x).add(p.b), parts: [x, p.b] });
  const run = vmap(f, { inAxes: [{ w: null, b: 1 }, 0], outAxes: { y: 1, parts: [0, 0] } });
  const r = run({ w: f64([2, 3]), b: f64([[1, 2, 3], [4, 5, 6]]) }, f64([[1, 1], [2, 2], [3, 3]]));
  assertEquals(list(r.y), [[3, 6, 9], [7, 11, 15]]);
  assertEquals(list(r.parts[0]), [[1, 1], [2, 2], [3, 3]]);
  assertEquals(list(r.parts[1]), [[1, 4], [2, 5], [3, 6]]);
});

Deno.test("results that do not depend on the batch are repeated, or left alone with outAxes null", () => {
  const f = (_x: Tensor, w: Tensor) => w.mul(2);
  assertEquals(list(vmap(f, { inAxes: [0, null] })(f64([1, 2, 3]), f64([5, 6]))), [[10, 12], [10, 12], [
    10,
    12,
  ]]);
  assertEquals(list(vmap(f, { inAxes: [0, null], outAxes: null })(f64([1, 2, 3]), f64([5, 6]))), [10, 12]);
});

Deno.test("what does not depend on the batch is computed once", () => {
  const f = (x: Tensor, w: Tensor) => x.mul(w.exp());
  const graph = jit((x: Tensor, w: Tensor) => vmap(f, { inAxes: [0, null] })(x, w)).graph(
    f64([[1, 2], [3, 4]]),
    f64([1, 2]),
  );
  const exp = graph.nodes.find((node) => node.primitive.name === "exp")!;
  assertEquals(exp.outputs[0].aval.shape, [2]);
});

Deno.test("vmap of vmap, and of a matrix product", () => {
  const dot = (a: Tensor, b: Tensor) => a.mul(b).sum();
  const gram = vmap(vmap(dot, { inAxes: [null, 0] }), { inAxes: [0, null] });
  assertEquals(list(gram(f64([[1, 2], [3, 4]]), f64([[1, 0], [0, 1], [1, 1]]))), [[1, 2, 3], [3, 4, 7]]);
  const a = f64([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]), b = f64([[1, 0], [1, 1]]);
  assertEquals(list(vmap(matmul, { inAxes: [0, null] })(a, b)), [[[3, 2], [7, 4]], [[11, 6], [15, 8]]]);
});

Deno.test("captured tensors and shared values are the same for all examples", () => {
  const w = shared(f64([10, 100]), { name: "w" });
  const c = f64([1, 2]);
  assertEquals(list(vmap((x: Tensor) => x.mul(w).add(c))(f64([[1, 1], [2, 2]]))), [[11, 102], [21, 202]]);
});

Deno.test("where, comparisons and integers under vmap", () => {
  const f = (x: Tensor) => where(x.gt(0), x, x.mul(-2));
  assertEquals(list(vmap(f)(f64([1, -2]))), [1, 4]);
  const labels = tensor([1, 0, 2], { dtype: "int32" });
  assertEquals(list(vmap((i: Tensor) => i.add(1))(labels)), [2, 1, 3]);
});

Deno.test("an empty batch, and a batch of one", () => {
  const f = (x: Tensor) => x.mul(x).sum();
  assertEquals(vmap(f)(tensor([], { dtype: "float64", shape: [0, 3] })).shape, [0]);
  assertEquals(list(vmap(f)(f64([[1, 2, 3]]))), [14]);
});

Deno.test("vmap of grad gives one gradient per example, grad of vmap their sum", () => {
  const loss = (w: Tensor, x: Tensor) => w.mul(x).sum().square();
  const w = f64([1, 2]), x = f64([[1, 0], [0, 1], [1, 1]]);
  assertEquals(list(vmap(grad(loss), { inAxes: [null, 0] })(w, x)), [[2, 0], [0, 4], [6, 6]]);
  const total = (v: Tensor) => vmap(loss, { inAxes: [null, 0] })(v, x).sum();
  assertEquals(list(grad(total)(w)), [8, 10]);
  const [, tangent] = jvp(total, [w], [f64([1, 1])]);
  assertAlmostEquals(tangent.itemSync() as number, 18, 1e-12);
});
