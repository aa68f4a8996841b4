/** Rows of the primitive table: the primitives of lib/autodiff. */
import { checkpointPrimitive } from "../../lib/autodiff/checkpoint.ts";
import { customJvp } from "../../lib/autodiff/custom_jvp.ts";
import { customVjp } from "../../lib/autodiff/custom_vjp.ts";
import { linearCallPrimitive, LinearRule } from "../../lib/autodiff/linear_call.ts";
import { recomputeBarrierPrimitive } from "../../lib/autodiff/recompute_barrier.ts";
import type { DType } from "../../lib/trace/dtype.ts";
import type { MaybeTensor, Params, Primitive } from "../../lib/trace/primitive.ts";
import { elementwise } from "../../lib/trace/primitives/elementwise.ts";
import type { Aval, Shape } from "../../lib/trace/shape.ts";
import type { Tensor } from "../../lib/trace/tensor.ts";
import { bindOne, traceFunction } from "../../lib/trace/trace.ts";
import { TestRandom } from "../support/random.ts";
import { FLOATS, type PrimitiveCase, reals, sampleArray, showShapes } from "./primitive_case.ts";

const SHAPE: Shape = [3, 2];
const mul = (a: Tensor, b: Tensor): Tensor => bindOne(elementwise.mul, [a, b], {});
const sin = (a: Tensor): Tensor => bindOne(elementwise.sin, [a], {});
const cos = (a: Tensor): Tensor => bindOne(elementwise.cos, [a], {});

/** sin(a) b. */
function product(a: Tensor, b: Tensor): Tensor {
  return mul(sin(a), b);
}

function row(
  primitive: Primitive,
  name: string,
  paramsOf: (avals: readonly Aval[]) => Params,
  differentiable: readonly number[] = [0, 1],
): PrimitiveCase {
  return {
    primitive,
    name: `${name} ${showShapes(SHAPE, SHAPE)}`,
    dtypes: FLOATS,
    differentiable,
    make(seed: number, dtype: DType) {
      const random = new TestRandom(seed);
      const inputs = [0, 1].map(() => sampleArray(random, SHAPE, dtype, reals(-2, 2)));
      return { inputs, params: paramsOf(inputs.map((input) => ({ shape: input.shape, dtype }))) };
    },
  };
}

/** The only node that a function of two tensors makes. */
function nodeOf(
  fn: (a: Tensor, b: Tensor) => Tensor,
  avals: readonly Aval[],
): { primitive: Primitive; params: Params } {
  const { graph } = traceFunction(([a, b]) => [fn(a, b)], avals);
  return graph.nodes[0];
}

const withJvp = customJvp(product, ([a, b], [s, t]) => {
  const tangent = bindOne(elementwise.add, [mul(s, mul(cos(a), b)), mul(t, sin(a))], {});
  return [product(a, b), tangent];
});

const withVjp = customVjp(
  product,
  (a, b) => [product(a, b), [a, b]],
  ([a, b], c) => [mul(c, mul(cos(a), b)), mul(c, sin(a))],
);

const SAMPLE: readonly Aval[] = [{ shape: SHAPE, dtype: "float64" }, { shape: SHAPE, dtype: "float64" }];

/** t -> r t. */
class Scaling extends LinearRule {
  constructor([residual, tangent]: readonly Aval[]) {
    super("scaling", [residual], [tangent], [tangent]);
  }
  override apply([r]: readonly Tensor[], [t]: readonly Tensor[]): readonly MaybeTensor[] {
    return [mul(t, r)];
  }
  override transpose([r]: readonly Tensor[], [c]: readonly MaybeTensor[]): readonly MaybeTensor[] {
    return [c && mul(c, r)];
  }
}

export const AUTODIFF_ROWS: readonly PrimitiveCase[] = [
  row(
    checkpointPrimitive as unknown as Primitive,
    "sin(a) b",
    (avals) => ({ graph: traceFunction(([a, b]) => [product(a, b), sin(b)], avals).graph }),
  ),
  row(nodeOf(withJvp, SAMPLE).primitive, "jvp rule", (avals) => nodeOf(withJvp, avals).params),
  row(nodeOf(withVjp, SAMPLE).primitive, "vjp rule", (avals) => nodeOf(withVjp, avals).params),
  row(linearCallPrimitive as unknown as Primitive, "scaling", (avals) => ({ rule: new Scaling(avals) })),
  row(recomputeBarrierPrimitive as unknown as Primitive, "", () => ({})),
];
