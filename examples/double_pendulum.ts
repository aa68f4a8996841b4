/**
 * A double pendulum from its Lagrangian alone: forces come from derivatives of the energy, the motion from one compiled
 * loop, and energy must stay what it was. The path of the lower mass goes into double_pendulum.svg.
 *
 *     deno run --allow-write=double_pendulum.svg examples/double_pendulum.ts
 */
import { grad, jacobian, jit, jvp, linalg, scan, type Tensor, tensor, viz } from "@damo/damo";

const GRAVITY = 9.81;
const STEP = 2e-3;
const SECONDS = 20;

/** Two rods of length 1 with masses of 1 at their ends; `q` are the angles, `v` their speeds. */
function kinetic(q: Tensor, v: Tensor): Tensor {
  const [a, b] = [v.at(0), v.at(1)];
  return a.square().add(b.square().mul(0.5)).add(a.mul(b).mul(q.at(0).sub(q.at(1)).cos()));
}

function potential(q: Tensor): Tensor {
  return q.at(0).cos().mul(-2 * GRAVITY).sub(q.at(1).cos().mul(GRAVITY));
}

function lagrangian(q: Tensor, v: Tensor): Tensor {
  return kinetic(q, v).sub(potential(q));
}

/** Euler and Lagrange: d/dt dL/dv = dL/dq, so that (d2L/dv2) a = dL/dq - (d2L/dq dv) v. */
function acceleration(q: Tensor, v: Tensor): Tensor {
  const momentum = grad(lagrangian, { argnums: 1 });
  const mass = jacobian((u: Tensor) => momentum(q, u))(v);
  const [, drift] = jvp((p: Tensor) => momentum(p, v), [q], [v]);
  return linalg.solve(mass, grad(lagrangian)(q, v).sub(drift));
}

interface State {
  q: Tensor;
  v: Tensor;
}

/** One step of the classical method of Runge and Kutta. */
function advance({ q, v }: State): State {
  const h = STEP;
  const a1 = acceleration(q, v);
  const v2 = v.add(a1.mul(h / 2)), a2 = acceleration(q.add(v.mul(h / 2)), v2);
  const v3 = v.add(a2.mul(h / 2)), a3 = acceleration(q.add(v2.mul(h / 2)), v3);
  const v4 = v.add(a3.mul(h)), a4 = acceleration(q.add(v3.mul(h)), v4);
  const mean = (x1: Tensor, x2: Tensor, x3: Tensor, x4: Tensor) =>
    x1.add(x2.add(x3).mul(2)).add(x4).mul(h / 6);
  return { q: q.add(mean(v, v2, v3, v4)), v: v.add(mean(a1, a2, a3, a4)) };
}

const simulate = jit((q: Tensor, v: Tensor) => {
  const [, path] = scan(
    (
      state: State,
    ) => [advance(state), { q: state.q, energy: kinetic(state.q, state.v).add(potential(state.q)) }],
    { q, v },
    undefined,
    { length: SECONDS / STEP },
  );
  return path as { q: Tensor; energy: Tensor };
}, { name: "simulate" });

const f64 = (data: number[]) => tensor(data, { dtype: "float64" });
const begin = performance.now();
const { q, energy } = simulate(f64([2, 1]), f64([0, 0]));
const energies = energy.dataSync();
const milliseconds = performance.now() - begin;
const drift = Math.max(...energies.map((value) => Math.abs(value - energies[0])));
console.log(
  `${SECONDS} s in ${SECONDS / STEP} steps took ${milliseconds.toFixed(0)} ms; energy ${
    energies[0].toFixed(6)
  } drifts by ${drift.toExponential(1)}`,
);
if (!(drift < 1e-5)) throw new Error(`energy drifts by ${drift}`);

const [upper, lower] = [q.at("...", 0), q.at("...", 1)];
const x = upper.sin().add(lower.sin()), y = upper.cos().add(lower.cos()).neg();
Deno.writeTextFileSync(
  "double_pendulum.svg",
  viz.plot([{ label: "lower mass", x: x.dataSync(), y: y.dataSync() }], {
    title: "Double pendulum",
    xLabel: "x",
    yLabel: "y",
  }),
);
