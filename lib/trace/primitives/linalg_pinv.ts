/**
 * pinvOf: the value of a pseudoinverse, found by other means, with its derivative with respect to the matrix: far better
 * behaved than what comes out of differentiating the singular vectors it was computed from.
 */
import { NOT_LINEAR, type Primitive } from "../primitive.ts";
import { bindOne } from "../trace.ts";
import { apply, type NoParams } from "./elementwise_rules.ts";
import { product } from "./linalg_algebra.ts";
import { batchAll } from "./zeros.ts";

/**
 * Inputs P and A, output P. P' = -P A' P + P P^T A'^T (I - A P) + (I - P A) A'^T P^T P (Golub and Pereyra 1973), which
 * holds where the rank of A does not change.
 */
export const pinvOfPrimitive: Primitive<NoParams> = {
  name: "pinvOf",
  infer([p]) {
    return [{ shape: p.shape, dtype: p.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ primals: [, a], tangents: [, tangent], outputs: [p] }) {
      if (!tangent) return [null];
      const direct = apply("neg", product(product(p, tangent), p));
      // P P^T T^T - (P P^T T^T) A P, and T^T P^T P - P A (T^T P^T P).
      const left = product(p, product(tangent, p), { b: true });
      const right = product(product(p, tangent), p, { a: true });
      const outsideLeft = apply("sub", left, product(product(left, a), p));
      const outsideRight = apply("sub", right, product(p, product(a, right)));
      return [apply("add", direct, apply("add", outsideLeft, outsideRight))];
    },
  },
  linear: NOT_LINEAR,
  batch(args) {
    return [bindOne(pinvOfPrimitive, batchAll(args), args.params)];
  },
  evaluate([p]) {
    return [p];
  },
  lower() {
    return { kind: "barrier" };
  },
  print() {
    return "";
  },
};
