/** Reductions: sum, prod, max, min, any, all over axes, which are dropped. */
import type { DType } from "../dtype.ts";
import { DTypeError, ShapeError } from "../errors.ts";
import {
  type Derivative,
  type JvpArguments,
  type Linear,
  type MaybeTensor,
  NOT_LINEAR,
  type NotDifferentiable,
  notDifferentiable,
  type NotLinear,
  type Primitive,
} from "../primitive.ts";
import type { Combiner } from "../scalar_op.ts";
import { type Aval, describe, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { exclusiveProducts } from "./cumulative.ts";
import { apply, constantLike } from "./elementwise_rules.ts";
import { broadcastToPrimitive, reshapeTo, transposeTo } from "./move.ts";
import { evaluateReduction, otherAxes } from "./reduce_evaluate.ts";

/** Axes are sorted, non-negative and without repetition. */
export interface ReduceParams {
  readonly axes: readonly number[];
}

interface ReduceDefinition {
  /** Bool for any and all, numbers for the rest. */
  readonly domain: "number" | "bool" | "any";
  /** The result over no elements; undefined when there is none. */
  readonly empty: number | undefined;
  readonly derivative: ((args: JvpArguments<ReduceParams>) => MaybeTensor) | NotDifferentiable;
  readonly linear: Linear<ReduceParams> | NotLinear;
}

type Reduction = Exclude<Combiner, "argmax" | "argmin">;

/** The shape with the axes kept as 1. */
function keptShape(shape: Shape, axes: readonly number[]): number[] {
  return shape.map((size, i) => axes.includes(i) ? 1 : size);
}

/** A reduced tensor laid out again over the shape it was reduced from. */
function spread(reduced: Tensor, shape: Shape, axes: readonly number[]): Tensor {
  return bindOne(broadcastToPrimitive, [reshapeTo(reduced, keptShape(shape, axes))], { shape });
}

function dropAxes(shape: Shape, axes: readonly number[]): number[] {
  return shape.filter((_, i) => !axes.includes(i));
}

/** Checks that an extremum exists. */
export function checkNotEmpty(operation: string, x: Aval, axes: readonly number[]): void {
  const empty = axes.find((axis) => x.shape[axis] === 0);
  if (empty === undefined || dropAxes(x.shape, axes).includes(0)) return;
  throw new ShapeError(`${operation}: axis ${empty} of ${describe(x)} is empty and has no ${operation}.`, {
    operation,
    arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }],
    remedy: "Reduce over axes that have elements, or concatenate a first element.",
  });
}

function checkDomain(operation: string, dtype: DType, domain: "number" | "bool" | "any"): void {
  if (domain === "any" || (dtype === "bool") === (domain === "bool")) return;
  throw new DTypeError(`${operation} does not take ${dtype}.`, {
    operation,
    remedy: domain === "bool" ? "Compare with something first, for example x.ne(0)." : 'Use x.cast("int32").',
  });
}

function reduction(name: Reduction, definition: ReduceDefinition): Primitive<ReduceParams> {
  const { derivative } = definition;
  return {
    name,
    infer([x], { axes }) {
      checkDomain(name, x.dtype, definition.domain);
      if (definition.empty === undefined) checkNotEmpty(name, x, axes);
      return [{ shape: dropAxes(x.shape, axes), dtype: x.dtype }];
    },
    derivative: typeof derivative === "function"
      ? { kind: "derivative", jvp: (args) => [args.tangents[0] && derivative(args)] } satisfies Derivative<
        ReduceParams
      >
      : derivative,
    linear: definition.linear,
    batch({ inputs, params }) {
      return [bindOne(reductions[name], inputs, { axes: params.axes.map((axis) => axis + 1) })];
    },
    evaluate([x], { axes }, [out]) {
      return [evaluateReduction(x, name, axes, out.dtype)];
    },
    lower({ axes }) {
      return { kind: "reduce", combiner: name, axes };
    },
    print({ axes }) {
      return `axes=[${axes.join(", ")}]`;
    },
  };
}

/** d sum(x) = sum(dx); the transpose repeats the cotangent. */
export const sumPrimitive: Primitive<ReduceParams> = reduction("sum", {
  domain: "number",
  empty: 0,
  derivative: ({ tangents: [t], params }) => bindOne(reductions.sum, [t!], params),
  linear: {
    kind: "linear",
    transpose({ cotangents: [c], avals: [x], params }) {
      return [c && spread(c, x.shape, params.axes)];
    },
  },
});

/** d prod(x) = sum_i (product of all x_j with j != i) dx_i: no division, so zeros are harmless at every order. */
const prod: Primitive<ReduceParams> = reduction("prod", {
  domain: "number",
  empty: 1,
  derivative({ primals: [x], tangents: [t], params: { axes } }) {
    const kept = otherAxes(x.shape.length, axes);
    const order = [...kept, ...axes];
    const keptSizes = kept.map((axis) => x.shape[axis]);
    const reduced = axes.reduce((size, axis) => size * x.shape[axis], 1);
    const flat = (y: Tensor): Tensor => reshapeTo(transposeTo(y, order), [...keptSizes, reduced]);
    const others = exclusiveProducts(flat(x), kept.length);
    return bindOne(reductions.sum, [apply("mul", flat(t!), others)], { axes: [kept.length] });
  },
  linear: NOT_LINEAR,
});

/** d max(x) = the mean of dx over the elements that attain it. */
function extremum({ primals: [x], tangents: [t], outputs: [y], params }: JvpArguments<ReduceParams>): Tensor {
  const attained = apply("eq", x, reshapeTo(y, keptShape(x.shape, params.axes)));
  const total = (value: Tensor): Tensor => {
    const masked = apply("select", attained, value, constantLike(x, 0));
    return bindOne(reductions.sum, [masked], params);
  };
  return apply("div", total(t!), total(constantLike(x, 1)));
}

const max: Primitive<ReduceParams> = reduction("max", {
  domain: "any",
  empty: undefined,
  derivative: extremum,
  linear: NOT_LINEAR,
});

const min: Primitive<ReduceParams> = reduction("min", {
  domain: "any",
  empty: undefined,
  derivative: extremum,
  linear: NOT_LINEAR,
});

const ON_BOOL = notDifferentiable("It is defined on bool.");

const any: Primitive<ReduceParams> = reduction("any", {
  domain: "bool",
  empty: 0,
  derivative: ON_BOOL,
  linear: NOT_LINEAR,
});

const all: Primitive<ReduceParams> = reduction("all", {
  domain: "bool",
  empty: 1,
  derivative: ON_BOOL,
  linear: NOT_LINEAR,
});

export const reductions: { readonly [R in Reduction]: Primitive<ReduceParams> } = {
  sum: sumPrimitive,
  prod,
  max,
  min,
  any,
  all,
};
