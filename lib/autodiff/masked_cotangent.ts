/**
 * Cotangents behind a mask. The transpose of `where(c, f(x), 0)` sends select(c, cotangent, 0) back into f, where it
 * meets coefficients that may be infinite or NaN exactly at the places the user masked, as in
 * `where(p > 0, p * log(p), 0)`. Since select(c, a, 0) * k = select(c, a * k, 0), the mask is moved behind the
 * multiplication: it costs nothing, and 0 * infinity is never used.
 */
import type { Node, Variable } from "../trace/graph.ts";
import { type ConstantParams, constantPrimitive } from "../trace/primitives/constant.ts";
import { elementwise } from "../trace/primitives/elementwise.ts";
import { broadcastToPrimitive } from "../trace/primitives/move.ts";
import { sameShape } from "../trace/shape.ts";
import { Tensor } from "../trace/tensor.ts";
import { bindOne } from "../trace/trace.ts";
import { activeTrace } from "./replay.ts";

/** Elementwise, with outputs that are 0 wherever the linear operand is. */
const PASSES_MASKS: ReadonlySet<unknown> = new Set([
  elementwise.mul,
  elementwise.mulNoNaN,
  elementwise.div,
  elementwise.neg,
]);

export interface MaskedCotangent {
  /** The cotangent without its mask. */
  readonly inner: Tensor;
  /** Puts the mask around a cotangent that was made from the inner one. */
  mask(cotangent: Tensor): Tensor;
}

/** Takes the mask off a cotangent when the transpose of `node` may run without it; null otherwise. */
export function unmask(
  node: Node,
  cotangent: Tensor,
  linear: ReadonlySet<Variable>,
): MaskedCotangent | null {
  const select = cotangent.variable?.node;
  if (!select || (select.primitive as unknown) !== elementwise.select) return null;
  if (!PASSES_MASKS.has(node.primitive)) return null;
  const { shape } = cotangent.aval;
  if (!node.inputs.every((input) => !linear.has(input) || sameShape(input.aval.shape, shape))) return null;
  const [condition, a, b] = select.inputs;
  const second = isZero(b);
  if (!second && !isZero(a)) return null;
  const tensorOf = (variable: Variable) => new Tensor(variable.aval, null, activeTrace(), variable);
  const kept = tensorOf(second ? a : b), zero = tensorOf(second ? b : a);
  const inner = sameShape(kept.aval.shape, shape) ? kept : bindOne(broadcastToPrimitive, [kept], { shape });
  const test = tensorOf(condition);
  return {
    inner,
    mask: (t) => bindOne(elementwise.select, second ? [test, t, zero] : [test, zero, t], {}),
  };
}

function isZero(variable: Variable): boolean {
  let { node } = variable;
  while (node && (node.primitive as unknown) === broadcastToPrimitive) node = node.inputs[0].node;
  return node !== null && (node.primitive as unknown) === constantPrimitive &&
    (node.params as ConstantParams).value === 0;
}
