/** Cumulative operations along one axis, with rules that are themselves parallel and free of division. */
import { type JvpArguments, type Linear, NOT_LINEAR, type NotLinear, type Primitive } from "../primitive.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { apply } from "./elementwise_rules.ts";
import { padPrimitive } from "./move_slice.ts";
import { evaluateCumulative } from "./reduce_evaluate.ts";

export interface CumulativeParams {
  readonly axis: number;
  /** Runs from the end of the axis. */
  readonly reverse: boolean;
}

type Cumulative = "cumsum" | "cumprod" | "cummax" | "cummin";

const COMBINER = { cumsum: "sum", cumprod: "prod", cummax: "max", cummin: "min" } as const;

function cumulative(
  name: Cumulative,
  jvp: (args: JvpArguments<CumulativeParams>) => Tensor,
  linear: Linear<CumulativeParams> | NotLinear,
): Primitive<CumulativeParams> {
  return {
    name,
    infer([x]) {
      return [{ shape: x.shape, dtype: x.dtype }];
    },
    derivative: { kind: "derivative", jvp: (args) => [args.tangents[0] && jvp(args)] },
    linear,
    batch({ inputs, params: { axis, reverse } }) {
      return [bindOne(cumulatives[name], inputs, { axis: axis + 1, reverse })];
    },
    evaluate([x], { axis, reverse }) {
      return [evaluateCumulative(x, COMBINER[name], axis, reverse)];
    },
    lower({ axis, reverse }) {
      return { kind: "cumulative", combiner: COMBINER[name], axis, reverse };
    },
    print({ axis, reverse }) {
      return reverse ? `axis=${axis} reverse` : `axis=${axis}`;
    },
  };
}

/** `x` moved by `distance` along the axis in the direction of the walk, `value` coming in. */
function shift(x: Tensor, { axis, reverse }: CumulativeParams, distance: number, value: number): Tensor {
  const low = x.shape.map((_, i) => i === axis ? (reverse ? -distance : distance) : 0);
  const high = low.map((n) => -n + 0);
  const zeros = x.shape.map(() => 0);
  return bindOne(padPrimitive, [x], { low, high, interior: zeros, value });
}

/** The product of all other elements along the axis: products before times products after. */
export function exclusiveProducts(x: Tensor, axis: number): Tensor {
  const forward = { axis, reverse: false }, backward = { axis, reverse: true };
  const before = bindOne(cumulatives.cumprod, [shift(x, forward, 1, 1)], forward);
  const after = bindOne(cumulatives.cumprod, [shift(x, backward, 1, 1)], backward);
  return apply("mul", before, after);
}

/**
 * Walks a running result over pairs (value, tangent) by doubling: after k rounds each place holds the combination
 * of the 2^k places up to it (Hillis and Steele 1986). About 2 n log n operations, no division.
 */
function doubling(
  { primals: [x], tangents: [t], params }: JvpArguments<CumulativeParams>,
  neutral: number,
  combine: (earlier: [Tensor, Tensor], later: [Tensor, Tensor]) => [Tensor, Tensor],
): Tensor {
  let value = x, tangent = t!;
  for (let distance = 1; distance < x.shape[params.axis]; distance *= 2) {
    const earlier: [Tensor, Tensor] = [
      shift(value, params, distance, neutral),
      shift(tangent, params, distance, 0),
    ];
    [value, tangent] = combine(earlier, [value, tangent]);
  }
  return tangent;
}

/** d cumsum(x) = cumsum(dx); its transpose is the sum from the other end. */
const cumsum: Primitive<CumulativeParams> = cumulative(
  "cumsum",
  ({ tangents: [t], params }) => bindOne(cumulatives.cumsum, [t!], params),
  {
    kind: "linear",
    transpose({ cotangents: [c], params: { axis, reverse } }) {
      return [c && bindOne(cumulatives.cumsum, [c], { axis, reverse: !reverse })];
    },
  },
);

/** The product rule on pairs: (p, dp)(q, dq) = (p q, p dq + q dp), zeros included. */
const cumprod: Primitive<CumulativeParams> = cumulative(
  "cumprod",
  (args) =>
    doubling(args, 1, ([p, dp], [q, dq]) => [
      apply("mul", p, q),
      apply("add", apply("mul", dq, p), apply("mul", dp, q)),
    ]),
  NOT_LINEAR,
);

/** The tangent of the element that is the extremum so far; of the earlier one in a tie. */
function extremum(args: JvpArguments<CumulativeParams>, op: "maximum" | "minimum"): Tensor {
  const wins = op === "maximum" ? "ge" : "le";
  return doubling(args, op === "maximum" ? -Infinity : Infinity, ([p, dp], [q, dq]) => {
    return [apply(op, p, q), apply("select", apply(wins, p, q), dp, dq)];
  });
}

const cummax: Primitive<CumulativeParams> = cumulative(
  "cummax",
  (args) => extremum(args, "maximum"),
  NOT_LINEAR,
);

const cummin: Primitive<CumulativeParams> = cumulative(
  "cummin",
  (args) => extremum(args, "minimum"),
  NOT_LINEAR,
);

export const cumulatives: { readonly [C in Cumulative]: Primitive<CumulativeParams> } = {
  cumsum,
  cumprod,
  cummax,
  cummin,
};
