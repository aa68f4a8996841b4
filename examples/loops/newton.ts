/**
 * Iterations that run until they have converged, differentiated through every step they took: Newton's method and a
 * fixed point, each compared with the derivative that the implicit function theorem gives.
 *
 *     deno run examples/loops/newton.ts
 */
import { cos, grad, jit, loop, type Tensor, tensor, vmap, whileLoop } from "@damo/damo";

/** The root of x exp(x) = a (Lambert's function W), by Newton's method. */
function lambert(a: Tensor): Tensor {
  const step = (x: Tensor) => {
    const e = x.exp();
    return x.mul(e).sub(a).div(e.mul(x.add(1)));
  };
  const x = loop.state(a.log1p()), change = loop.state(tensor(1, { dtype: "float64" }));
  for (const _ of loop.while(() => change.value.abs().gt(1e-12))) {
    change.value = step(x.value);
    x.value = x.value.sub(change.value);
  }
  return x.value;
}

const a = tensor([0.5, 1, 5, 100], { dtype: "float64" });
const w = jit(vmap(lambert))(a);
const slope = jit(vmap(grad(lambert)))(a);
// W' = W / (a (1 + W))
const expected = w.div(a.mul(w.add(1)));
const error = slope.sub(expected).abs().max().itemSync();
console.log(`W    ${w}\nW'   ${slope}`);
console.log(`largest difference from W / (a (1 + W)): ${error.toExponential(1)}`);

/** The fixed point of x = cos(k x). */
const fixedPoint = (k: Tensor) =>
  whileLoop(
    ([x, last]) => x.sub(last).abs().gt(1e-13),
    ([x]) => [cos(x.mul(k)), x] as const,
    [tensor(0.5, { dtype: "float64" }), tensor(9, { dtype: "float64" })] as [Tensor, Tensor],
  )[0];

const k = tensor(0.8, { dtype: "float64" });
const x = fixedPoint(k).itemSync(), derivative = grad(fixedPoint)(k).itemSync();
const sine = Math.sin(0.8 * x);
const implicit = -x * sine / (1 + 0.8 * sine);
console.log(`x = ${x}, dx/dk = ${derivative}, by the implicit function theorem ${implicit}`);
if (!(error < 1e-9 && Math.abs(derivative - implicit) < 1e-9)) throw new Error("The derivatives are off.");
