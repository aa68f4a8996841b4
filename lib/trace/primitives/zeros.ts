/** Small pieces that the rules of many primitives share: zeros for absent tangents, and batch axes made explicit. */
import type { BatchArguments, MaybeTensor, Params } from "../primitive.ts";
import type { Aval } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { broadcastToPrimitive } from "./move.ts";

/** Every element `value`, without weakness. */
export function filled(value: number, aval: Aval): Tensor {
  const scalar = Tensor.literal(value, aval.dtype);
  return aval.shape.length === 0 ? scalar : bindOne(broadcastToPrimitive, [scalar], { shape: aval.shape });
}

/** A tangent that exists: zeros of the type of its primal where it is null. */
export function instantiate(tangent: MaybeTensor, aval: Aval): Tensor {
  return tangent ?? filled(0, aval);
}

/** `x` repeated along a new leading axis. */
export function broadcastFront(x: Tensor, size: number): Tensor {
  return bindOne(broadcastToPrimitive, [x], { shape: [size, ...x.shape] });
}

/** All inputs with the batch axis at 0: those without one are repeated. */
export function batchAll<P extends Params>({ inputs, batched, size }: BatchArguments<P>): Tensor[] {
  return inputs.map((x, i) => batched[i] ? x : broadcastFront(x, size));
}
