/** gmm: the log posterior of a mixture of Gaussians with a Wishart prior on the precision matrices. */
import { grad, jit, lgamma, stopGradient, type Tensor, tensor, where } from "@damo/damo";
import { arrayOf, doubles, evaluated, type Evaluation, numberOf } from "../evaluation.ts";

/** What the posterior is differentiated with respect to. */
interface Parameters {
  /** `[k]`: logarithms of the weights, up to a constant. */
  readonly alpha: Tensor;
  /** `[k, d]`: means. */
  readonly mu: Tensor;
  /** `[k, d]`: logarithms of the diagonals of Q. */
  readonly q: Tensor;
  /** `[k, d (d - 1) / 2]`: Q below its diagonal, column by column. */
  readonly l: Tensor;
}

interface Prior {
  readonly gamma: number;
  readonly m: number;
}

/** Lower triangular matrices `[k, d, d]` with exp(q) on the diagonal and l below it. */
function triangular(q: Tensor, l: Tensor): Tensor {
  const d = q.shape[1];
  const place = (i: number, j: number) => i > j ? j * d - j * (j + 1) / 2 + i - j - 1 : 0;
  const grid = <T>(of: (i: number, j: number) => T) =>
    Array.from({ length: d }, (_, i) => Array.from({ length: d }, (_, j) => of(i, j)));
  const onDiagonal = tensor(grid((i, j) => i === j));
  const diagonal = where(onDiagonal, q.exp().expandDims(2), 0);
  if (d === 1) return diagonal; // There is nothing below it.
  const below = l.take(tensor(grid(place), { dtype: "int32" }), 1);
  return where(tensor(grid((i, j) => i > j)), below, diagonal);
}

function logSumExp(x: Tensor): Tensor {
  const largest = stopGradient(x.max({ axis: -1, keepDims: true }));
  return x.sub(largest).exp().sum({ axis: -1 }).log().add(largest.squeeze(-1));
}

/** The logarithm of the multivariate gamma function of dimension d. */
function logMultivariateGamma(a: number, d: number): Tensor {
  const arguments_ = doubles(Array.from({ length: d }, (_, j) => a - j / 2));
  return lgamma(arguments_).sum().add(d * (d - 1) / 4 * Math.log(Math.PI));
}

/**
 * log p(x | alpha, mu, Q) + log p(Q), where component k has the precision Q_k^T Q_k:
 * beta_ik = alpha_k + sum q_k - |Q_k (x_i - mu_k)|^2 / 2, and Q_k (x_i - mu_k) is taken as Q_k x_i - Q_k mu_k, so
 * that all of them are one matrix product.
 */
function logPosterior({ alpha, mu, q, l }: Parameters, x: Tensor, { gamma, m }: Prior): Tensor {
  const [n, d] = x.shape, k = alpha.shape[0];
  const Q = triangular(q, l);
  const sumQ = q.sum({ axis: 1 });
  const centre = Q.matmul(mu.expandDims(2)).squeeze(2);
  const whitened = x.matmul(Q.reshape([k * d, d]).transpose()).reshape([n, k, d]).sub(centre);
  const beta = alpha.add(sumQ).sub(whitened.square().sum({ axis: 2 }).mul(0.5));
  const likelihood = logSumExp(beta).sum().sub(logSumExp(alpha).add(d / 2 * Math.log(2 * Math.PI)).mul(n));
  const degrees = d + m + 1;
  const normalizer = logMultivariateGamma(degrees / 2, d).neg().add(
    degrees * d * Math.log(gamma / Math.SQRT2),
  );
  const prior = normalizer.mul(k).sub(Q.square().sum().mul(gamma * gamma / 2)).add(sumQ.sum().mul(m));
  return likelihood.add(prior);
}

interface Input {
  readonly alpha: readonly number[];
  readonly mu: readonly number[][];
  readonly q: readonly number[][];
  readonly l: readonly number[][];
  readonly x: readonly number[][];
  readonly gamma: number;
  readonly m: number;
}

function prepare({ alpha, mu, q, l, x, gamma, m }: Input): [Parameters, Tensor, Prior] {
  const parameters = { alpha: doubles(alpha), mu: doubles(mu), q: doubles(q), l: doubles(l) };
  return [parameters, doubles(x), { gamma, m }];
}

function arraysOf({ alpha, mu, q, l }: Parameters): unknown {
  return { alpha: arrayOf(alpha), mu: arrayOf(mu), q: arrayOf(q), l: arrayOf(l) };
}

export const gmm: Evaluation = {
  objective: evaluated(jit(logPosterior, { static: [2] }), { prepare, output: numberOf }),
  jacobian: evaluated(jit(grad(logPosterior, { disconnected: "zero" }), { static: [2] }), {
    prepare,
    output: arraysOf,
  }),
};
