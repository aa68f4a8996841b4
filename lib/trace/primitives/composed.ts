/** Elementwise primitives with a derivative of their own that compile as compositions of other operations. */
import { isFloat } from "../dtype.ts";
import { DTypeError } from "../errors.ts";
import type { Graph } from "../graph.ts";
import { interpretGraph } from "../interpret.ts";
import { NOT_LINEAR, type Primitive } from "../primitive.ts";
import { type Aval, describe } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne, traceFunction } from "../trace.ts";
import { castPrimitive } from "./cast.ts";
import { apply, constantLike } from "./elementwise_rules.ts";

/** What is special to one function of one argument. */
export interface ComposedDefinition<P extends object> {
  /** The function in terms of other operations; `x` is float32 or float64. */
  compose(x: Tensor, params: P): Tensor;
  /** Its derivative. */
  slope(x: Tensor, y: Tensor, params: P): Tensor;
  print?(params: P): string;
}

/** The primitive of a function of one real argument. */
export function composed<P extends object>(name: string, definition: ComposedDefinition<P>): Primitive<P> {
  const { compose, slope, print = () => "" } = definition;
  const graphOf = (x: Aval, params: P): Graph =>
    traceFunction(
      ([input]) => {
        if (x.dtype !== "float16") return [compose(input, params)];
        const wide = bindOne(castPrimitive, [input], { dtype: "float32" });
        return [bindOne(castPrimitive, [compose(wide, params)], { dtype: "float16" })];
      },
      [x],
      { name },
    ).graph;
  const primitive: Primitive<P> = {
    name,
    infer([x]) {
      if (isFloat(x.dtype)) return [x];
      throw new DTypeError(`${name} needs a float dtype, got ${describe(x)}.`, {
        operation: name,
        arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }],
        remedy: "Use cast to give it one.",
      });
    },
    derivative: {
      kind: "derivative",
      jvp({ primals: [x], tangents: [tangent], outputs: [y], params }) {
        return [tangent && apply("mulNoNaN", tangent, slope(x, y, params))];
      },
    },
    linear: NOT_LINEAR,
    batch({ inputs, params }) {
      return [bindOne(primitive, inputs, params)];
    },
    evaluate([x], params, [out]) {
      const wide: Aval = { shape: x.shape, dtype: x.dtype === "float64" ? "float64" : "float32" };
      const [{ data }] = interpretGraph(graphOf(wide, params), [{ ...x, dtype: wide.dtype }]);
      return [{ shape: out.shape, dtype: out.dtype, data }];
    },
    lower(params, [x]) {
      return { kind: "call", graph: graphOf(x, params) };
    },
    print,
  };
  return primitive;
}

/** c[0] + x (c[1] + x (...)). */
export function polynomial(x: Tensor, coefficients: readonly number[]): Tensor {
  let sum = constantLike(x, coefficients[coefficients.length - 1]);
  for (let k = coefficients.length - 2; k >= 0; k--) {
    sum = apply("add", constantLike(x, coefficients[k]), apply("mul", x, sum));
  }
  return sum;
}
