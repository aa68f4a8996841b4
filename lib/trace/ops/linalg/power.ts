/** Powers and the exponential of matrices. */
import { ShapeError } from "../../errors.ts";
import { apply, constantLike } from "../../primitives/elementwise_rules.ts";
import { asColumn, identityLike, product } from "../../primitives/linalg_algebra.ts";
import { reductions } from "../../primitives/reduce.ts";
import type { Tensor } from "../../tensor.ts";
import { bindOne } from "../../trace.ts";
import { whole } from "../../whole.ts";
import type { TensorLike } from "../convert.ts";
import { placed } from "../creation.ts";
import { constant, squareMatrix } from "./operands.ts";
import { inv, solve } from "./solve.ts";

/**
 * `a` multiplied n times by itself, for matrices `[..., n, n]`: about 2 log2(n) products. A negative power is that of the
 * inverse; 0 gives the identity.
 *
 * @throws {ShapeError} when `a` is not square or `n` no integer.
 * @example
 * ```ts
 * import { linalg, tensor } from "@damo/damo";
 * console.assert(String(linalg.matrixPower(tensor([[1, 1], [0, 1]]), 5).arraySync()) === "1,5,0,1");
 * ```
 */
export function matrixPower(a: TensorLike, n: number): Tensor {
  const x = squareMatrix("linalg.matrixPower", a);
  if (!Number.isSafeInteger(n)) {
    throw new ShapeError(`linalg.matrixPower: the power is ${String(n)}.`, {
      operation: "linalg.matrixPower",
      arguments: [{ name: "n", value: n }],
      remedy: "Pass an integer; fractional powers of symmetric matrices can be made with eigh.",
    });
  }
  if (n === 0) {
    return placed(identityLike(x.aval, x.shape[x.ndim - 1]), x.owner === null ? x.device : undefined);
  }
  // Operation by operation: a program for every power would cost more than it saves.
  let base = n < 0 ? inv(x) : x;
  let result: Tensor | null = null;
  for (let rest = Math.abs(n); rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = result === null ? base : product(result, base);
    if (rest > 1) base = product(base, base);
  }
  return result!;
}

/** Numerators of the diagonal Pade approximants of e^x, and the 1-norm up to which each is exact to rounding. */
const PADE = {
  float32: {
    bound: 3.92572478313866,
    coefficients: [17297280, 8648640, 1995840, 277200, 25200, 1512, 56, 1],
  },
  float64: {
    bound: 5.371920351148152,
    coefficients: [
      64764752532480000,
      32382376266240000,
      7771770303897600,
      1187353796428800,
      129060195264000,
      10559470521600,
      670442572800,
      33522128640,
      1323241920,
      40840800,
      960960,
      16380,
      182,
      1,
    ],
  },
} as const;

/** Norms up to 2^16 times the bound: beyond them an exponential is NaN. */
const MOST_SQUARINGS = 16;

/** The sum of the terms of even or odd degree, by powers of the square; the odd ones still lack a factor x. */
function halfSeries(square: Tensor, coefficients: readonly number[], identity: Tensor): Tensor {
  const of = (value: number) => apply("mul", identity, constantLike(identity, value));
  const last = coefficients.length - 1;
  const leading = apply("mul", square, constantLike(square, coefficients[last]));
  let sum = apply("add", leading, of(coefficients[last - 1]));
  for (let i = last - 2; i >= 0; i--) sum = apply("add", product(square, sum), of(coefficients[i]));
  return sum;
}

/**
 * The matrix exponential of `[..., n, n]` by scaling and squaring with a Pade approximant (Higham, "The scaling and
 * squaring method for the matrix exponential revisited", 2005), of degree 7 for float32 and 13 for float64. A matrix
 * whose 1-norm is beyond about 250,000, or that has NaN or infinities, gives NaN.
 *
 * @throws {ShapeError} when `a` is not square.
 * @example
 * ```ts
 * import { linalg, tensor } from "@damo/damo";
 * console.assert(String(linalg.expm(tensor([[0, 1], [0, 0]])).arraySync()) === "1,1,0,1");
 * ```
 */
export function expm(a: TensorLike): Tensor {
  const x = squareMatrix("linalg.expm", a);
  return x.size === 0 ? x : whole("linalg.expm", expmOf, x);
}

function expmOf(x: Tensor): Tensor {
  const size = x.shape[x.ndim - 1];
  const { bound, coefficients } = PADE[x.dtype as "float32" | "float64"];
  const columns = bindOne(reductions.sum, [apply("abs", constant(x))], { axes: [x.ndim - 2] });
  const norm = bindOne(reductions.max, [columns], { axes: [columns.ndim - 1] });
  const wanted = apply("ceil", apply("log2", apply("div", norm, constantLike(norm, bound))));
  // A column of zeros has the logarithm -Infinity.
  const squarings = apply("maximum", wanted, constantLike(wanted, 0));
  const possible = apply("le", squarings, constantLike(squarings, MOST_SQUARINGS));
  const steps = asColumn(asColumn(apply("select", possible, squarings, constantLike(squarings, 0))));
  const scaled = apply("mul", x, apply("exp2", apply("neg", steps)));
  const identity = identityLike(x.aval, size);
  const square = product(scaled, scaled);
  const even = halfSeries(square, coefficients.filter((_, i) => i % 2 === 0), identity);
  const odd = product(scaled, halfSeries(square, coefficients.filter((_, i) => i % 2 === 1), identity));
  let result = solve(apply("sub", even, odd), apply("add", even, odd));
  for (let step = 0; step < MOST_SQUARINGS; step++) {
    const active = apply("gt", steps, constantLike(steps, step));
    // A finished matrix is not squared, also not in vain: it could overflow, and its derivative would be NaN.
    const base = apply("select", active, result, constantLike(result, 0));
    result = apply("select", active, product(base, base), result);
  }
  return apply("select", asColumn(asColumn(possible)), result, constantLike(result, NaN));
}
