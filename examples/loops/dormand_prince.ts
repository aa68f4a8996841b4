/**
 * An ordinary differential equation solved with adaptive steps (Dormand and Prince, A family of embedded Runge-Kutta
 * formulae, 1980), the gradient taken backwards through the steps really taken, and compared with the adjoint equation
 * (Pontryagin; Chen et al., Neural ordinary differential equations, 2018) solved by the same solver.
 *
 *     deno run examples/loops/dormand_prince.ts
 */
import {
  concat,
  grad,
  jit,
  maximum,
  minimum,
  stopGradient,
  type Tensor,
  tensor,
  vjp,
  where,
  whileLoop,
} from "@damo/damo";

const A = [
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
];
/** The difference of the solutions of order 5 and 4: an estimate of the error of a step. */
const E = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40];

type Field = (y: Tensor) => Tensor;

function combine(slopes: readonly Tensor[], weights: readonly number[], h: Tensor): Tensor {
  let sum = slopes[0].mul(weights[0]);
  for (let i = 1; i < weights.length; i++) if (weights[i] !== 0) sum = sum.add(slopes[i].mul(weights[i]));
  return sum.mul(h);
}

const f64 = (value: number) => tensor(value, { dtype: "float64" });

/** y at `duration`, from y at 0. */
function solve(field: Field, y0: Tensor, duration: number, tolerance = 1e-10): { y: Tensor; steps: Tensor } {
  const { y, steps } = whileLoop(
    ({ t }) => t.lt(duration * (1 - 1e-14)),
    ({ t, h, y, steps }) => {
      const slopes = [field(y)];
      let next = y;
      for (const weights of A) {
        next = y.add(combine(slopes, weights, h));
        slopes.push(field(next));
      }
      // The size of the steps is chosen by the error, but not differentiated.
      const error = stopGradient(combine(slopes, E, h).abs().max()).div(tolerance);
      const accept = error.le(1);
      const factor = minimum(maximum(maximum(error, 1e-10).pow(-0.2).mul(0.9), 0.2), 5);
      const advanced = where(accept, t.add(h), t);
      return {
        t: advanced,
        h: minimum(h.mul(factor), advanced.neg().add(duration)),
        y: where(accept, next, y),
        steps: steps.add(1),
      };
    },
    { t: f64(0), h: f64(0.01), y: y0, steps: f64(0) },
  );
  return { y, steps };
}

/** Predators and prey (Lotka and Volterra). */
const rates = tensor([1.5, 1, 3, 1], { dtype: "float64" });
function lotkaVolterra(y: Tensor, p: Tensor): Tensor {
  const prey = y.at(0), predators = y.at(1);
  const meet = prey.mul(predators);
  return concat([
    p.at(0).mul(prey).sub(p.at(1).mul(meet)).reshape([1]),
    p.at(3).mul(meet).sub(p.at(2).mul(predators)).reshape([1]),
  ]);
}

const y0 = tensor([1, 1], { dtype: "float64" });
const duration = 5;
const final = (y0: Tensor, p: Tensor) => solve((y) => lotkaVolterra(y, p), y0, duration);
const cost = (y0: Tensor, p: Tensor) => final(y0, p).y.square().sum();
const gradient = jit(grad(cost, { argnums: [0, 1] }));

/** The adjoint equation, backwards in time: (y, a, b)' = (f, -a f_y, -a f_p), from a = dcost/dy at the end. */
const adjoint = jit((y0: Tensor, p: Tensor) => {
  const end = final(y0, p).y;
  const start = concat([end, end.mul(2), tensor([0, 0, 0, 0], { dtype: "float64" })]);
  const backwards = (z: Tensor) => {
    const [f, pull] = vjp(lotkaVolterra, z.narrow(0, 0, 2), p);
    const [ay, ap] = pull(z.narrow(0, 2, 2));
    return concat([f.neg(), ay, ap]);
  };
  const z = solve(backwards, start, duration).y;
  return [z.narrow(0, 2, 2), z.narrow(0, 4, 4)];
});

const { y, steps } = jit(final)(y0, rates);
const through = gradient(y0, rates), continuous = adjoint(y0, rates);
console.log(`y(${duration}) = ${y} in ${steps.itemSync()} steps`);
["y0", "rates"].forEach((name, i) => {
  console.log(`d cost / d ${name}\n  through the steps ${through[i]}\n  by the adjoint    ${continuous[i]}`);
  const difference = through[i].sub(continuous[i]).abs().max().div(continuous[i].abs().max()).itemSync();
  if (!(difference < 1e-6)) throw new Error(`They differ by ${difference}.`);
});
