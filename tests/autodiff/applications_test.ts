/** Derivatives at work: what they are for, checked by what must come out. */
import { assert, assertAlmostEquals } from "@std/assert";
import {
  forLoop,
  grad,
  hvp,
  jacobian,
  jit,
  jvp,
  scan,
  stack,
  type Tensor,
  tensor,
  valueAndGrad,
  where,
} from "@damo/damo";
import { TestRandom } from "../support/random.ts";

const f64 = (data: number | number[] | number[][]): Tensor => tensor(data, { dtype: "float64" });

/** [[a, b], [c, d]] x = y, by Cramer's rule. */
function solve2(matrix: Tensor, y: Tensor): Tensor {
  const [a, b, c, d] = [[0, 0], [0, 1], [1, 0], [1, 1]].map(([i, j]) => matrix.at(i, j));
  const [u, v] = [y.at(0), y.at(1)];
  const determinant = a.mul(d).sub(b.mul(c));
  return stack([d.mul(u).sub(b.mul(v)), a.mul(v).sub(c.mul(u))]).div(determinant);
}

Deno.test("a double pendulum from its Lagrangian keeps its energy", () => {
  const gravity = 9.81;
  const kinetic = (q: Tensor, v: Tensor): Tensor => {
    const [a, b, va, vb] = [q.at(0), q.at(1), v.at(0), v.at(1)];
    return va.square().add(vb.square().mul(0.5)).add(va.mul(vb).mul(a.sub(b).cos()));
  };
  const potential = (q: Tensor): Tensor => q.at(0).cos().mul(-2 * gravity).sub(q.at(1).cos().mul(gravity));
  const lagrangian = (q: Tensor, v: Tensor): Tensor => kinetic(q, v).sub(potential(q));
  // Euler and Lagrange: d/dt dL/dv = dL/dq, so (d2L/dv2) a = dL/dq - (d/dq dL/dv) v.
  const acceleration = (q: Tensor, v: Tensor): Tensor => {
    const momentum = grad(lagrangian, { argnums: 1 });
    const mass = jacobian((u: Tensor) => momentum(q, u))(v) as Tensor;
    const drift = jvp((p: Tensor) => momentum(p, v), [q], [v])[1];
    return solve2(mass, grad(lagrangian)(q, v).sub(drift));
  };
  interface State {
    q: Tensor;
    v: Tensor;
  }
  const step = (q: Tensor, v: Tensor, h: number): State => {
    // Runge and Kutta's method of fourth order.
    const a1 = acceleration(q, v);
    const v2 = v.add(a1.mul(h / 2)), a2 = acceleration(q.add(v.mul(h / 2)), v2);
    const v3 = v.add(a2.mul(h / 2)), a3 = acceleration(q.add(v2.mul(h / 2)), v3);
    const v4 = v.add(a3.mul(h)), a4 = acceleration(q.add(v3.mul(h)), v4);
    const mean = (x1: Tensor, x2: Tensor, x3: Tensor, x4: Tensor) =>
      x1.add(x2.add(x3).mul(2)).add(x4).mul(h / 6);
    return { q: q.add(mean(v, v2, v3, v4)), v: v.add(mean(a1, a2, a3, a4)) };
  };
  const simulate = jit((q: Tensor, v: Tensor) => {
    const [, energies] = scan(
      ({ q, v }: State) => [step(q, v, 1e-3), kinetic(q, v).add(potential(q))],
      { q, v },
      undefined,
      { length: 2000 },
    );
    return energies as Tensor;
  });
  const energies = simulate(f64([2, 1]), f64([0, 0])).arraySync() as number[];
  const drift = Math.max(...energies.map((energy) => Math.abs(energy - energies[0])));
  assert(drift < 1e-7, `energy drifts by ${drift}`);
});

Deno.test("Hessian-free Newton with conjugate gradients trains a small net", () => {
  const random = new TestRandom(7);
  const normal = (n: number, scale: number) => Array.from({ length: n }, () => scale * random.normal());
  const x = f64(normal(64, 1)), y = x.mul(2).sin();
  interface Net {
    w1: Tensor;
    b1: Tensor;
    w2: Tensor;
  }
  const split = (p: Tensor): Net => ({
    w1: p.narrow(0, 0, 8).reshape([1, 8]),
    b1: p.narrow(0, 8, 8),
    w2: p.narrow(0, 16, 8).reshape([8, 1]),
  });
  const loss = (p: Tensor): Tensor => {
    const { w1, b1, w2 } = split(p);
    const out = x.reshape([64, 1]).dot(w1).add(b1).tanh().dot(w2).reshape([64]);
    return out.sub(y).square().mean();
  };
  // Conjugate gradients for (H + damping) s = -g, a fixed number of steps inside one loop.
  const newton = jit((p: Tensor, damping: number) => {
    const [value, g] = valueAndGrad(loss)(p);
    const product = (v: Tensor): Tensor => hvp(loss, [p], [v]).add(v.mul(damping));
    const start = { s: g.mul(0), r: g.neg(), d: g.neg() };
    const { s } = forLoop(12, (_i: Tensor, { s, r, d }: typeof start) => {
      const hd = product(d), rr = r.mul(r).sum();
      const curvature = d.mul(hd).sum();
      const usable = curvature.gt(1e-12);
      const alpha = where(usable, rr.div(curvature), 0);
      const next = r.sub(hd.mul(alpha));
      const beta = where(rr.gt(1e-30), next.mul(next).sum().div(rr), 0);
      return { s: s.add(d.mul(alpha)), r: next, d: next.add(d.mul(beta)) };
    }, start) as typeof start;
    return { value, next: p.add(s) };
  });
  let p = f64(normal(24, 0.5)), damping = 0.1;
  let current = newton(p, damping);
  const first = current.value.itemSync() as number;
  for (let i = 0; i < 60; i++) {
    const trial = newton(current.next, damping);
    const better = (trial.value.itemSync() as number) < (current.value.itemSync() as number);
    if (better) {
      p = current.next;
      current = trial;
      damping = Math.max(damping / 2, 1e-6);
    } else {
      damping *= 4;
      current = newton(p, damping);
    }
  }
  const last = current.value.itemSync() as number;
  assert(last < first / 100 && last < 5e-3, `loss ${first} became ${last}`);
});

Deno.test("the adjoint of an ordinary differential equation by derivatives through its steps", () => {
  // x' = -k x: x(1) = x0 e^-k, d x(1) / dk = -x0 e^-k.
  const solve = (k: Tensor): Tensor =>
    forLoop(200, (_i: Tensor, x: Tensor) => {
      const h = 1 / 200, slope = (u: Tensor) => u.mul(k).neg();
      const k1 = slope(x),
        k2 = slope(x.add(k1.mul(h / 2))),
        k3 = slope(x.add(k2.mul(h / 2))),
        k4 = slope(x.add(k3.mul(h)));
      return x.add(k1.add(k2.add(k3).mul(2)).add(k4).mul(h / 6));
    }, f64(3)) as Tensor;
  assertAlmostEquals(grad(solve)(f64(0.7)).itemSync() as number, -3 * Math.exp(-0.7), 1e-9);
  assertAlmostEquals(
    grad((k: Tensor) => grad(solve)(k))(f64(0.7)).itemSync() as number,
    3 * Math.exp(-0.7),
    1e-9,
  );
});
