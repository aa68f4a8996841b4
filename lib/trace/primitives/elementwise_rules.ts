/** What the rules of elementwise primitives are written with: scalar operations on tensors, and broadcasting undone. */

import type { ScalarOp } from "../scalar_op.ts";
import { type Aval, sameShape, type Shape } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { constantPrimitive } from "./constant.ts";
import { elementwise } from "./elementwise.ts";
import { broadcastToPrimitive, reshapeTo } from "./move.ts";
import { reductions } from "./reduce.ts";

/** Parameters of a primitive that has none. */
export type NoParams = Readonly<Record<string, never>>;

export const NO_PARAMS: NoParams = Object.freeze({});

/** Applies the primitive of a scalar operation to tensors of one dtype. */
export function apply(op: ScalarOp, ...inputs: Tensor[]): Tensor {
  return bindOne(elementwise[op], inputs, NO_PARAMS);
}

/** A scalar of the type of `x`, to be an operand beside it. */
export function constantLike(x: Tensor, value: number): Tensor {
  return Tensor.literal(value, x.aval.dtype, x.aval.weak);
}

/** The value of a literal or of a constant of the graph; undefined when it is computed. */
export function constantValue(x: Tensor): number | undefined {
  if (x.literal !== null) return x.literal;
  const node = x.variable?.node;
  if (node?.primitive.name !== constantPrimitive.name) return undefined;
  return (node.params as { value: number }).value;
}

/** `x` broadcast to `shape`; `x` itself when it has that shape. */
export function broadcastShape(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.aval.shape, shape) ? x : bindOne(broadcastToPrimitive, [x], { shape });
}

/** The transpose of broadcasting: sums over the axes along which a value of type `aval` was repeated. */
export function unbroadcast(cotangent: Tensor, aval: Aval): Tensor {
  const from = cotangent.aval.shape, to = aval.shape;
  if (sameShape(from, to)) return cotangent;
  const extra = from.length - to.length;
  const axes: number[] = [];
  for (let i = 0; i < from.length; i++) {
    if (i < extra || (to[i - extra] === 1 && from[i] !== 1)) axes.push(i);
  }
  return reshapeTo(axes.length ? bindOne(reductions.sum, [cotangent], { axes }) : cotangent, to);
}

/** Batched operands with ones after the batch axis, so that NumPy's alignment from the right still holds. */
export function alignBatch(inputs: readonly Tensor[], batched: readonly boolean[]): Tensor[] {
  let rank = 0;
  inputs.forEach((x, i) => rank = Math.max(rank, x.aval.shape.length - (batched[i] ? 1 : 0)));
  return inputs.map((x, i) => {
    const missing = rank + 1 - x.aval.shape.length;
    if (!batched[i] || missing === 0) return x;
    const [size, ...rest] = x.aval.shape;
    return reshapeTo(x, [size, ...new Array<number>(missing).fill(1), ...rest]);
  });
}
