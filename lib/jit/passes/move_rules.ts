/** Rules of index maps, reshapes and casts: identities vanish, chains become one, broadcasts become implicit. */
import { isFloat } from "../../trace/dtype.ts";
import { castPrimitive } from "../../trace/primitives/cast.ts";
import { elementwise } from "../../trace/primitives/elementwise.ts";
import { concatPrimitive } from "../../trace/primitives/move_concat.ts";
import { broadcastToPrimitive, reshapePrimitive, transposePrimitive } from "../../trace/primitives/move.ts";
import { asTensor, producer, uniformValue } from "../../trace/rewrite.ts";
import type { ScalarOp } from "../../trace/scalar_op.ts";
import { broadcastAll, sameShape, type Shape } from "../../trace/shape.ts";
import { Tensor } from "../../trace/tensor.ts";
import { bindOne } from "../../trace/trace.ts";
import type { RuleContext } from "./arithmetic_rules.ts";
import { contract, transposeOfContract } from "./contract_rules.ts";

type Rule = (context: RuleContext) => Tensor | null;

function inner(x: Tensor, name: string): Tensor | null {
  const node = producer(x, name);
  return node && asTensor(node.inputs[0], x);
}

/** True when every input is already of the output's shape, so that the operation moves nothing. */
function unchanged({ node, inputs: [x] }: RuleContext): boolean {
  return sameShape(x.aval.shape, node.outputs[0].aval.shape);
}

const reshape: Rule = (context) => {
  const { node, inputs: [x] } = context;
  if (unchanged(context)) return x;
  const { shape } = node.outputs[0].aval;
  const below = inner(x, "reshape");
  if (below) return bindOne(reshapePrimitive, [below], { shape });
  const value = uniformValue(x);
  return value === undefined ? null : uniform(value, x, shape);
};

function uniform(value: number, like: Tensor, shape: Shape): Tensor {
  const literal = Tensor.literal(value, like.aval.dtype);
  return shape.length === 0 ? literal : bindOne(broadcastToPrimitive, [literal], { shape });
}

const broadcastTo: Rule = (context) => {
  const { node, inputs: [x] } = context;
  if (unchanged(context)) return x;
  const below = inner(x, "broadcastTo");
  return below && bindOne(broadcastToPrimitive, [below], { shape: node.outputs[0].aval.shape });
};

const transpose: Rule = (context) => {
  const { node, inputs: [x] } = context;
  const product = transposeOfContract(context);
  if (product) return product;
  const { permutation } = node.params as { permutation: readonly number[] };
  if (permutation.every((axis, i) => axis === i)) return x;
  const below = producer(x, "transpose");
  if (below) {
    const first = (below.params as { permutation: readonly number[] }).permutation;
    const both = permutation.map((axis) => first[axis]);
    return bindOne(transposePrimitive, [asTensor(below.inputs[0], x)], { permutation: both });
  }
  const value = uniformValue(x);
  return value === undefined ? null : uniform(value, x, node.outputs[0].aval.shape);
};

const slice: Rule = (context) => {
  const { node, inputs: [x] } = context;
  if (unchanged(context)) return x;
  const value = uniformValue(x);
  return value === undefined ? null : uniform(value, x, node.outputs[0].aval.shape);
};

const flip: Rule = ({ node, inputs: [x] }) => {
  const { axes } = node.params as { axes: readonly number[] };
  if (axes.every((axis) => x.aval.shape[axis] <= 1)) return x;
  const value = uniformValue(x);
  return value === undefined ? null : x;
};

const pad: Rule = (context) => {
  const { node, inputs: [x] } = context;
  const { low, high, interior, value } = node.params as {
    low: readonly number[];
    high: readonly number[];
    interior: readonly number[];
    value: number;
  };
  const { shape } = x.aval;
  if (low.every((n, i) => n === 0 && high[i] === 0 && (interior[i] === 0 || shape[i] <= 1))) return x;
  // Padding a constant with itself.
  return uniformValue(x) === value ? uniform(value, x, node.outputs[0].aval.shape) : null;
};

const concat: Rule = ({ node, inputs, uses }) => {
  if (inputs.length === 1) return inputs[0];
  const { axis } = node.params as { axis: number };
  const parts = inputs.flatMap((x, i) => {
    const below = uses(node.inputs[i]) === 1 ? producer(x, "concat") : null;
    if (!below || (below.params as { axis: number }).axis !== axis) return [x];
    return below.inputs.map((variable) => asTensor(variable, x));
  });
  return parts.length === inputs.length ? null : bindOne(concatPrimitive, parts, { axis });
};

const WIDTH: { readonly [d: string]: number } = { float16: 1, float32: 2, float64: 3 };

const cast: Rule = ({ node, inputs: [x] }) => {
  const { dtype } = node.params as { dtype: Tensor["aval"]["dtype"] };
  if (x.aval.dtype === dtype && !x.aval.weak === !node.outputs[0].aval.weak) return x;
  const below = producer(x, "cast");
  if (!below) return null;
  const first = below.inputs[0].aval.dtype;
  // Through a wider float and back, or on to a third type, the wider step changes nothing.
  const widens = isFloat(first) && isFloat(x.aval.dtype) && WIDTH[x.aval.dtype] > WIDTH[first];
  if (!widens || !isFloat(dtype)) return null;
  const source = asTensor(below.inputs[0], x);
  return first === dtype ? source : bindOne(castPrimitive, [source], { dtype });
};

/** Elementwise operations broadcast by themselves: explicit broadcasts before them go, or move behind them. */
export function implicitBroadcast({ node, inputs }: RuleContext): Tensor | null {
  const bare = inputs.map((x) => {
    const below = inner(x, "broadcastTo");
    return below && endsAlike(below.aval.shape, x.aval.shape) ? below : x;
  });
  if (bare.every((x, i) => x === inputs[i])) return null;
  const { shape } = node.outputs[0].aval;
  const joint = broadcastAll(node.primitive.name, bare.map((x) => x.aval));
  const result = bindOne(elementwise[node.primitive.name as ScalarOp], bare, {});
  return sameShape(joint, shape) ? result : bindOne(broadcastToPrimitive, [result], { shape });
}

/** NumPy's broadcasting would do the same: sizes equal or 1, right-aligned. */
function endsAlike(from: Shape, to: Shape): boolean {
  return from.every((size, i) => size === 1 || size === to[to.length - from.length + i]);
}

export const moveRules: { readonly [name: string]: Rule } = {
  reshape,
  broadcastTo,
  transpose,
  slice,
  flip,
  pad,
  concat,
  cast,
  contract,
};
