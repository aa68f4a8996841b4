/**
 * recomputeBarrier(x, token): the value of x, not to be had before token is. The backward pass of a checkpointed
 * function recomputes from inputs behind barriers whose token is a cotangent: the recomputation can neither be merged
 * with the forward computation nor be scheduled before the backward pass has arrived.
 */
import type { Node } from "../trace/graph.ts";
import type { Primitive } from "../trace/primitive.ts";
import { broadcastFront } from "../trace/primitives/zeros.ts";
import { bindOne } from "../trace/trace.ts";

export const recomputeBarrierPrimitive: Primitive<Record<never, never>> = {
  name: "recomputeBarrier",
  infer([x]) {
    return [{ shape: x.shape, dtype: x.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ tangents: [tangent] }) {
      return [tangent];
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents: [cotangent] }) {
      return [cotangent, null];
    },
  },
  batch({ inputs: [x, token], batched, params, size }) {
    return [bindOne(recomputeBarrierPrimitive, [batched[0] ? x : broadcastFront(x, size), token], params)];
  },
  evaluate([x]) {
    return [x];
  },
  lower() {
    return { kind: "barrier" };
  },
  print() {
    return "";
  },
};

export function isRecomputeBarrier(node: Node): boolean {
  return (node.primitive as unknown) === recomputeBarrierPrimitive;
}
