/**
 * Numerical stabilisation: expressions that overflow or cancel as written are computed in another, equal way. It runs
 * before differentiation too, so that gradients inherit the stable forms.
 */
import { type Graph, Node } from "./graph.ts";
import { atLocation } from "./location.ts";
import type { Primitive } from "./primitive.ts";
import { logaddexp } from "./ops/special.ts";
import { elementwise } from "./primitives/elementwise.ts";
import { reshapePrimitive } from "./primitives/move.ts";
import { reductions } from "./primitives/reduce.ts";
import { stopGradientPrimitive } from "./primitives/stop_gradient.ts";
import { asTensor, type Pass, producer, rewriteGraph, uniformValue } from "./rewrite.ts";
import type { ScalarOp } from "./scalar_op.ts";
import { Tensor } from "./tensor.ts";
import { bindOne, type Trace } from "./trace.ts";

type Rule = (node: Node, inputs: readonly Tensor[]) => Tensor | null;

function op(name: ScalarOp, ...inputs: Tensor[]): Tensor {
  return bindOne(elementwise[name], inputs, {});
}

function operands(x: Tensor, name: string): readonly Tensor[] | null {
  const node = producer(x, name);
  return node && node.inputs.map((variable) => asTensor(variable, x));
}

function literal(value: number, like: Tensor): Tensor {
  return Tensor.literal(value, like.aval.dtype);
}

/** log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)), smooth to any order also at 0: see logaddexp. */
function softplus(x: Tensor): Tensor {
  return logaddexp(x, literal(0, x));
}

/** The x of exp(x) + 1 or 1 + exp(x), or null. */
function onePlusExp(x: Tensor): Tensor | null {
  const sum = operands(x, "add");
  if (!sum) return null;
  for (const [a, b] of [sum, [sum[1], sum[0]]]) {
    const inner = operands(a, "exp");
    if (inner && uniformValue(b) === 1 && sameShape(a, x)) return inner[0];
  }
  return null;
}

/** The y of 1 - y, also written 1 + (-y) or -y + 1, or null. */
function oneMinus(x: Tensor): Tensor | null {
  const difference = operands(x, "sub");
  if (difference && uniformValue(difference[0]) === 1) return difference[1];
  const sum = operands(x, "add");
  if (!sum) return null;
  for (const [a, b] of [sum, [sum[1], sum[0]]]) {
    const negated = operands(a, "neg");
    if (negated && uniformValue(b) === 1) return negated[0];
  }
  return null;
}

function sameShape(a: Tensor, b: Tensor): boolean {
  return a.aval.shape.length === b.aval.shape.length &&
    a.aval.shape.every((size, i) => size === b.aval.shape[i]);
}

/** log(exp a + exp b) = logaddexp(a, b). */
function logOfExps(x: Tensor): Tensor | null {
  const sum = operands(x, "add");
  if (!sum) return null;
  const left = operands(sum[0], "exp"), right = operands(sum[1], "exp");
  return left && right && logaddexp(left[0], right[0]);
}

/** log(sum(exp x)) = m + log(sum(exp(x - m))) with m the maximum, or 0 where that is infinite. */
function logOfSumOfExp(x: Tensor): Tensor | null {
  // The sum may have been given its axes of one element back.
  const reshaped = producer(x, "reshape");
  const inner = reshaped ? asTensor(reshaped.inputs[0], x) : x;
  const sum = producer(inner, "sum");
  if (!sum) return null;
  const exp = operands(asTensor(sum.inputs[0], x), "exp");
  if (!exp) return null;
  const [value] = exp;
  // exp(x - m) with the maximum taken off already is stable as it stands.
  if (isShiftedByMax(value)) return null;
  const { axes } = sum.params as { axes: readonly number[] };
  if (axes.some((axis) => value.aval.shape[axis] === 0)) return null;
  const max = bindOne(reductions.max, [value], { axes });
  const finite = op("lt", op("abs", max), literal(Infinity, max));
  // The result does not depend on the shift, and neither do its derivatives.
  const shift = bindOne(stopGradientPrimitive, [op("select", finite, max, literal(0, max))], {});
  const kept = value.aval.shape.map((size, axis) => axes.includes(axis) ? 1 : size);
  const shifted = op("sub", value, bindOne(reshapePrimitive, [shift], { shape: kept }));
  const total = bindOne(reductions.sum, [op("exp", shifted)], { axes });
  const result = op("add", shift, op("log", total));
  return reshaped ? bindOne(reshapePrimitive, [result], { shape: x.aval.shape }) : result;
}

/** True for x - m where m is, behind broadcasts, selections and barriers to differentiation, a maximum of x. */
function isShiftedByMax(x: Tensor): boolean {
  const difference = producer(x, "sub");
  if (!difference) return false;
  let current: Tensor | null = asTensor(difference.inputs[1], x);
  for (let i = 0; current && i < 8; i++) {
    const node: Node | null | undefined = current.variable!.node;
    if (!node) return false;
    if (node.primitive.name === "max") return true;
    const next: number = node.primitive.name === "select" ? 1 : 0;
    current = node.inputs.length > next ? asTensor(node.inputs[next], current) : null;
  }
  return false;
}

/** Operations that only choose or move elements; the logarithm may be taken before them. */
const MOVES: ReadonlySet<string> = new Set([
  "gather",
  "reshape",
  "transpose",
  "slice",
  "broadcastTo",
  "flip",
]);

/** log(move(p)) = move(log p) where p is a quotient of exponentials (a softmax, one entry of which was picked). */
function logOfMoved(x: Tensor): Tensor | null {
  const node = x.variable!.node;
  if (!node || !MOVES.has(node.primitive.name)) return null;
  const source = asTensor(node.inputs[0], x);
  const stable = logarithm(source);
  if (!stable) return null;
  const rest = node.inputs.slice(1).map((variable) => asTensor(variable, x));
  return bindOne(node.primitive, [stable, ...rest], node.params);
}

/** The logarithm of a value that has a stable one. */
function logarithm(x: Tensor): Tensor | null {
  const exp = operands(x, "exp");
  if (exp) return exp[0];
  const quotient = operands(x, "div");
  if (quotient) {
    // log(exp(z) / s) = z - log(s)
    const top = operands(quotient[0], "exp");
    if (top) return op("sub", top[0], logarithm(quotient[1]) ?? op("log", quotient[1]));
  }
  const sigmoid = operands(x, "sigmoid");
  // log(sigmoid(x)) = -softplus(-x)
  if (sigmoid) return op("neg", softplus(op("neg", sigmoid[0])));
  const complement = oneMinus(x);
  const inner = complement && operands(complement, "sigmoid");
  // log(1 - sigmoid(x)) = -softplus(x)
  if (inner) return op("neg", softplus(inner[0]));
  const soft = onePlusExp(x);
  if (soft) return softplus(soft);
  return logOfExps(x) ?? logOfSumOfExp(x) ?? logOfMoved(x);
}

const log: Rule = (_node, [x]) => {
  const stable = logarithm(x);
  if (stable) return stable;
  const sum = operands(x, "add");
  if (!sum) return null;
  // log(1 + x) = log1p(x)
  for (const [a, b] of [sum, [sum[1], sum[0]]]) {
    if (uniformValue(b) === 1 && sameShape(a, x)) return op("log1p", a);
  }
  return null;
};

const log1p: Rule = (_node, [x]) => {
  const exp = operands(x, "exp");
  if (!exp) return null;
  // What logaddexp makes, log1p(exp(the lesser less the greater)), is stable, and the result of this very rule.
  if (producer(exp[0], "select")) return null;
  const negated = operands(exp[0], "neg");
  if (negated && producer(negated[0], "abs")) return null;
  return softplus(exp[0]);
};

/** exp(x) - 1 = expm1(x) */
const sub: Rule = (_node, [a, b]) => {
  const exp = operands(a, "exp");
  return exp && uniformValue(b) === 1 && b.aval.shape.length <= a.aval.shape.length
    ? op("expm1", exp[0])
    : null;
};

/** 1 / (1 + exp(-x)) = sigmoid(x) */
function logistic(denominator: Tensor): Tensor | null {
  const inner = onePlusExp(denominator);
  if (!inner) return null;
  const negated = operands(inner, "neg");
  return op("sigmoid", negated ? negated[0] : op("neg", inner));
}

const div: Rule = (_node, [a, b]) => uniformValue(a) === 1 && sameShapeOrScalar(a, b) ? logistic(b) : null;

function sameShapeOrScalar(a: Tensor, b: Tensor): boolean {
  return a.aval.shape.length === 0 || sameShape(a, b);
}

const reciprocal: Rule = (_node, [x]) => logistic(x);

const RULES: { readonly [name: string]: Rule } = { log, log1p, sub, div, reciprocal };

/**
 * The same on a trace under construction, before it is differentiated: each variable that has a stable form is defined
 * anew by it, so that whoever holds the variable has the stable value. To be called while the trace is current.
 */
export function stabiliseTrace(trace: Trace): void {
  if (!trace.nodes.some((node) => Object.hasOwn(RULES, node.primitive.name))) return;
  // Literals are shared by the whole trace: they stay, whoever asked for them first, and stand in front.
  const isConstant = (node: Node) => node.primitive.name === "constant";
  const constants: Node[] = [];
  const result: Node[] = [];
  for (const node of trace.nodes.splice(0)) {
    if (isConstant(node)) {
      constants.push(node);
      continue;
    }
    const { name } = node.primitive;
    const inputs = node.inputs.map((variable) => new Tensor(variable.aval, null, trace, variable));
    const answer = Object.hasOwn(RULES, name)
      ? atLocation(node.location, () => RULES[name](node, inputs))
      : null;
    const emitted: Node[] = [];
    for (const made of trace.nodes.splice(0)) (isConstant(made) ? constants : emitted).push(made);
    if (!answer) {
      result.push(node);
      continue;
    }
    const [output] = node.outputs;
    const source = trace.lift(answer);
    constants.push(...trace.nodes.splice(0));
    result.push(...emitted);
    const params = { shape: output.aval.shape };
    result.push(
      Node.redefine(output, reshapePrimitive as unknown as Primitive, [source], params, node.location),
    );
  }
  for (const node of constants) trace.nodes.push(node);
  for (const node of result) trace.nodes.push(node);
}

export const stabilise: Pass = {
  name: "stabilise",
  run(graph: Graph): Graph {
    return rewriteGraph(graph, (node, inputs) => {
      const { name } = node.primitive;
      return Object.hasOwn(RULES, name) ? RULES[name](node, inputs) : null;
    });
  },
};
