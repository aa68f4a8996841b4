import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  checkGrads,
  checkpoint,
  customVjp,
  grad,
  hessian,
  jit,
  jvp,
  shared,
  type Tensor,
  tensor,
  vmap,
  zeros,
} from "@damo/damo";
import { verifyGraph } from "../../lib/trace/verify.ts";
import { inlineCalls } from "../../lib/autodiff/inline_calls.ts";

const f64 = (data: number | number[] | number[][]): Tensor => tensor(data, { dtype: "float64" });
const list = (t: unknown): unknown => (t as Tensor).arraySync();

const block = (x: Tensor): Tensor => x.sin().mul(x).tanh();
const saved = checkpoint(block);

Deno.test("checkpoint changes no value and no derivative", () => {
  const x = f64([0.3, 0.9]);
  const plain = (x: Tensor) => block(block(x)).sum(), thrifty = (x: Tensor) => saved(saved(x)).sum();
  assertEquals(list(saved(x)), list(block(x)));
  assertEquals(list(grad(thrifty)(x)), list(grad(plain)(x)));
  assertEquals(list(jit(grad(thrifty))(x)), list(jit(grad(plain))(x)));
  const close = (a: unknown, b: unknown) =>
    (a as number[]).flat().forEach((value, i) => assertAlmostEquals(value, (b as number[]).flat()[i], 1e-12));
  close(list(hessian(thrifty)(x)), list(hessian(plain)(x)));
  close(list(vmap(grad(thrifty))(f64([[0.3], [0.9]]))), list(vmap(grad(plain))(f64([[0.3], [0.9]]))));
  close([list(jvp(thrifty, [x], [x])[1])], [list(jvp(plain, [x], [x])[1])]);
  checkGrads(thrifty, [x], { order: 3 });
});

Deno.test("the backward pass recomputes from the inputs, behind barriers", () => {
  const graph = inlineCalls(
    jit((x: Tensor) => grad((y: Tensor) => saved(saved(y)).sum())(x)).graph(f64([0.3, 0.9])),
  );
  const count = (name: string) => graph.nodes.filter((node) => node.primitive.name === name).length;
  assertEquals(count("recomputeBarrier"), 2);
  const plain = jit((x: Tensor) => grad((y: Tensor) => block(block(y)).sum())(x)).graph(f64([0.3, 0.9]));
  const sines = plain.nodes.filter((node) => node.primitive.name === "sin").length;
  assertEquals(sines, 2);
  // Twice forward (the second block's value only feeds the sum) and twice again in the backward pass.
  assert(count("sin") >= 3, graph.toString());
  // What the backward nodes read of the forward pass are the inputs of the blocks alone.
  const barriers = graph.nodes.filter((node) => node.primitive.name === "recomputeBarrier");
  const first = graph.nodes.indexOf(barriers[0]);
  const before = new Set(graph.nodes.slice(0, first).flatMap((node) => node.outputs));
  const kept = new Set(graph.nodes.slice(first).flatMap((node) => node.inputs).filter((v) => before.has(v)));
  const large = [...kept].filter((v) => v.node!.primitive.name !== "constant" && v.aval.shape.length > 0);
  assertEquals(large.length, 2, "the input of the second block and the cotangent");
});

Deno.test("checkpoint of trees, captured tensors and shared state; assignments commit once", () => {
  const count = shared(f64(0), { name: "count" });
  const w = f64([2, 3]);
  const f = checkpoint((p: { x: Tensor }, mode: string) => {
    count.value = count.value.add(1);
    return { y: p.x.mul(w).mul(p.x), mode };
  });
  const loss = (p: { x: Tensor }) => f(p, "text").y.sum();
  assertEquals(list(grad(loss)({ x: f64([1, 2]) }).x), [4, 12]);
  assertEquals(count.value.itemSync(), 1);
  const byCapture = (v: Tensor) => checkpoint((x: Tensor) => x.mul(v).sin())(f64([1, 2])).sum();
  checkGrads(byCapture, [f64([0.2, 0.4])]);
});

Deno.test("nested checkpoints", () => {
  const outer = checkpoint((x: Tensor) => saved(saved(x).add(x)));
  const plain = (x: Tensor) => block(block(x).add(x)).sum();
  const x = f64([0.4, -0.7]);
  (list(grad((y: Tensor) => outer(y).sum())(x)) as number[]).forEach((value, i) =>
    assertAlmostEquals(value, (list(grad(plain)(x)) as number[])[i], 1e-14)
  );
  checkGrads((y: Tensor) => outer(y).sum(), [x], { order: 2 });
});

Deno.test("the peak memory of a deep net falls", () => {
  const layer = (x: Tensor, w: Tensor) => x.dot(w).tanh().dot(w).sigmoid().dot(w).tanh();
  const weights = Array.from({ length: 8 }, () => zeros([16, 16]));
  const peak = (block: typeof layer): number => {
    const loss = (ws: Tensor[], x: Tensor) => ws.reduce((h, w) => block(h, w), x).sum();
    const step = jit((ws: Tensor[], x: Tensor) => grad(loss)(ws, x));
    return step.lower(weights, zeros([4096, 16])).memory.peak;
  };
  const kept = peak(layer), recomputed = peak(checkpoint(layer));
  console.log(`peak ${kept} bytes, with checkpoint ${recomputed}`);
  assert(recomputed < kept / 2);
});

Deno.test("in Theano's form the linearised call takes the place of the one in the trace", () => {
  const doubled = customVjp((x: Tensor) => x.mul(2), (x) => [x.mul(2), x.mul(7)], (_r, c) => [c.mul(2)]);
  const f = jit((x: Tensor) => {
    const h = saved(x);
    const y = doubled(h).add(0.25);
    const g = grad(y.mul(h).sum(), x) as Tensor;
    return [g, y, h.mul(3.5)];
  });
  const graph = f.graph(f64([0.3, 0.9]));
  const count = (name: string) => graph.nodes.filter((node) => node.primitive.name === name).length;
  assertEquals([count("checkpoint"), count("customCall")], [2, 0], graph.toString());
  verifyGraph(graph);
  const [g, y, h] = f(f64([0.3, 0.9]));
  const plain = grad((x: Tensor) => block(x).mul(2).add(0.25).mul(block(x)).sum())(f64([0.3, 0.9]));
  const close = (a: Tensor, b: Tensor) =>
    (a.arraySync() as number[]).forEach((v, i) =>
      assertAlmostEquals(v, (b.arraySync() as number[])[i], 1e-12)
    );
  close(g, plain);
  close(y, block(f64([0.3, 0.9])).mul(2).add(0.25));
  close(h, block(f64([0.3, 0.9])).mul(3.5));
});
