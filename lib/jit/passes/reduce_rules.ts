/** Rules of reductions: of broadcasts, of reductions, of scaled values, and over axes of one element. */
import { isFloat } from "../../trace/dtype.ts";
import { elementwise } from "../../trace/primitives/elementwise.ts";
import { broadcastToPrimitive, reshapePrimitive } from "../../trace/primitives/move.ts";
import { reductions } from "../../trace/primitives/reduce.ts";
import { asTensor, producer, uniformValue } from "../../trace/rewrite.ts";
import { type Shape, sizeOf } from "../../trace/shape.ts";
import { Tensor } from "../../trace/tensor.ts";
import { bindOne } from "../../trace/trace.ts";
import type { RuleContext } from "./arithmetic_rules.ts";

type Rule = (context: RuleContext) => Tensor | null;

function axesOf({ node }: RuleContext): readonly number[] {
  return (node.params as { axes: readonly number[] }).axes;
}

function reshape(x: Tensor, shape: Shape): Tensor {
  return bindOne(reshapePrimitive, [x], { shape });
}

/** Over axes of one element a reduction is a reshape. */
function trivial(context: RuleContext): Tensor | null {
  const [x] = context.inputs;
  const axes = axesOf(context);
  const { aval } = context.node.outputs[0];
  if (axes.length === 0) return x.aval.dtype === aval.dtype ? x : null;
  if (x.aval.dtype !== aval.dtype || axes.some((axis) => x.aval.shape[axis] !== 1)) return null;
  return reshape(x, aval.shape);
}

/** Reducing again over other axes is reducing over all of them at once. */
function nested(context: RuleContext, name: "sum" | "prod" | "max" | "min" | "any" | "all"): Tensor | null {
  const [x] = context.inputs;
  const below = producer(x, name);
  if (!below) return null;
  const first = (below.params as { axes: readonly number[] }).axes;
  const source = asTensor(below.inputs[0], x);
  if (source.aval.dtype !== x.aval.dtype) return null;
  const kept = source.aval.shape.map((_, i) => i).filter((axis) => !first.includes(axis));
  const axes = [...first, ...axesOf(context).map((axis) => kept[axis])].sort((a, b) => a - b);
  return bindOne(reductions[name], [source], { axes });
}

const sum: Rule = (context) => {
  const [x] = context.inputs;
  const simple = trivial(context) ?? nested(context, "sum");
  if (simple) return simple;
  const { aval } = context.node.outputs[0];
  if (!isFloat(x.aval.dtype)) return null;
  const axes = axesOf(context);
  const count = sizeOf(axes.map((axis) => x.aval.shape[axis]));
  // The sum of a constant
  const value = uniformValue(x);
  if (value !== undefined && Number.isFinite(value)) return filled(value * count, x, aval.shape);
  // sum(-x) = -sum(x)
  const negated = producer(x, "neg");
  if (negated) {
    const total = bindOne(reductions.sum, [asTensor(negated.inputs[0], x)], { axes });
    return bindOne(elementwise.neg, [total], {});
  }
  return sumOfScaled(context, x, axes) ?? sumOfBroadcast(x, axes, aval.shape);
};

function filled(value: number, like: Tensor, shape: Shape): Tensor {
  const literal = Tensor.literal(value, like.aval.dtype);
  return shape.length === 0 ? literal : bindOne(broadcastToPrimitive, [literal], { shape });
}

/** sum(c x) = c sum(x) for a scalar c. */
function sumOfScaled({ node }: RuleContext, x: Tensor, axes: readonly number[]): Tensor | null {
  const product = producer(x, "mul");
  if (!product) return null;
  const [a, b] = product.inputs.map((variable) => asTensor(variable, x));
  for (const [value, scale] of [[a, b], [b, a]]) {
    if (scale.aval.shape.length !== 0 || value.aval.shape.length !== x.aval.shape.length) continue;
    if (sizeOf(value.aval.shape) !== sizeOf(x.aval.shape)) continue;
    // A run-time scale could be infinite where the sum is 0; a constant is known not to be.
    const known = uniformValue(scale);
    if (known === undefined || !Number.isFinite(known)) continue;
    const total = bindOne(reductions.sum, [value], { axes });
    return total.aval.dtype === node.outputs[0].aval.dtype
      ? bindOne(elementwise.mul, [total, scale], {})
      : null;
  }
  return null;
}

/** The sum over axes along which x was only repeated is a multiple of x. */
function sumOfBroadcast(x: Tensor, axes: readonly number[], shape: Shape): Tensor | null {
  const node = producer(x, "broadcastTo");
  if (!node) return null;
  const source = asTensor(node.inputs[0], x);
  const lead = x.aval.shape.length - source.aval.shape.length;
  const repeated = axes.every((axis) => axis < lead || source.aval.shape[axis - lead] === 1);
  if (!repeated) return null;
  const count = sizeOf(axes.map((axis) => x.aval.shape[axis]));
  const scaled = bindOne(elementwise.mul, [source, Tensor.literal(count, source.aval.dtype)], {});
  const kept = x.aval.shape.map((_, i) => i).filter((axis) => !axes.includes(axis));
  const squeezed = reshape(
    scaled,
    kept.filter((axis) => axis >= lead).map((axis) => source.aval.shape[axis - lead]),
  );
  return bindOne(broadcastToPrimitive, [squeezed], { shape });
}

const extreme = (name: "max" | "min" | "any" | "all"): Rule => (context) => {
  const simple = trivial(context) ?? nested(context, name);
  if (simple) return simple;
  const [x] = context.inputs;
  const value = uniformValue(x);
  return value === undefined || sizeOf(x.aval.shape) === 0
    ? null
    : filled(value, x, context.node.outputs[0].aval.shape);
};

export const reduceRules: { readonly [name: string]: Rule } = {
  sum,
  prod: (context) => trivial(context) ?? nested(context, "prod"),
  max: extreme("max"),
  min: extreme("min"),
  any: extreme("any"),
  all: extreme("all"),
};
