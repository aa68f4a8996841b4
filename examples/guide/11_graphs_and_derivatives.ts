/**
 * Graphs and derivatives: drawing graphs, Jacobians, products with them, Hessian-free steps, NaN.
 *
 * Theano's `Rop` and `Lop` build expressions from lists. Here `jvp` and `vjp` take a function and give values, any of them
 * can be inside any other, and `vmap` turns a product into a whole matrix.
 */
import {
  grad,
  hessian,
  hvp,
  jacobian,
  jit,
  jvp,
  linalg,
  NonFiniteError,
  type Tensor,
  tensor,
  vjp,
  vmap,
  where,
  whileLoop,
  zeros,
} from "@damo/damo";
import { expect } from "../expect.ts";

// Graphs as text, for Graphviz, and as a page that opens in a browser.
const f = jit((x: Tensor) => x.mul(2).tanh().sum(), { name: "f" });
const graph = f.graph(tensor([1, 2, 3]));
console.log(String(graph));
if (!graph.toDot().startsWith("digraph")) throw new Error("no digraph");
if (!graph.toHtml().includes("<svg")) throw new Error("no picture");

// A Jacobian, and products with it: Rop is jvp, Lop is vjp.
const A = tensor([[1, 2], [3, 4], [5, 6]]);
const square = (x: Tensor) => A.dot(x).square();
const x = tensor([1, -1]);
const J = jacobian(square)(x);
expect(J, [[-2, -4], [-6, -8], [-10, -12]]);
const direction = tensor([1, 2]);
expect(jvp(square, [x], [direction])[1], J.dot(direction).arraySync());
const weights = tensor([1, 0, -1]);
expect(vjp(square, x)[1](weights)[0], weights.dot(J).arraySync());
expect(
  vmap((row: Tensor) => vjp(square, x)[1](row)[0])(tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1]])),
  J.arraySync(),
);

// Hessian times vector without a Hessian, and a Newton step from it by conjugate gradients.
const cost = (w: Tensor) => A.dot(w).sub(tensor([1, 2, 3])).square().sum().add(w.pow(4).sum().mul(0.1));
const start = tensor([1, 1]);
expect(hvp(cost, [start], [direction]), hessian(cost)(start).dot(direction).arraySync());
const newton = jit((w: Tensor) => {
  const slope = grad(cost)(w);
  const [step] = whileLoop(
    ([, residual]) => residual.norm().gt(1e-5),
    ([step, residual, along]) => {
      const curved = hvp(cost, [w], [along]);
      const length = residual.dot(residual).div(along.dot(curved));
      const rest = residual.sub(curved.mul(length));
      const next = rest.add(along.mul(rest.dot(rest).div(residual.dot(residual))));
      return [step.add(along.mul(length)), rest, next];
    },
    [zeros([2]), slope.neg(), slope.neg()],
    { maxSteps: 20 },
  );
  return w.add(step);
});
let w = start;
for (let i = 0; i < 8; i++) w = newton(w);
expect(grad(cost)(w).norm(), 0, 1e-3);
expect(newton(start), start.sub(linalg.solve(hessian(cost)(start), grad(cost)(start))).arraySync(), 1e-4);

// NaN and infinities: guards name the operation, and a masked NaN does not leak into gradients.
const risky = jit((x: Tensor) => x.log().sum(), { guard: { nan: true, inf: true } });
try {
  risky(tensor([1, -1]));
  throw new Error("no error");
} catch (error) {
  if (!(error instanceof NonFiniteError)) throw error;
  console.log(error.message);
}
const safe = (x: Tensor) => where(x.gt(0), x.log(), 0).sum();
expect(grad(safe)(tensor([2, 0, -1])), [0.5, 0, 0]);
