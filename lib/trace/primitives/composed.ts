/** Elementwise primitives with a derivative of their own that compile as compositions of other operations. */
import { isFloat } from "../dtype.ts";
import { DTypeError, GradientError } from "../errors.ts";
import type { Graph } from "../graph.ts";
import { interpretGraph } from "../interpret.ts";
import { type MaybeTensor, NOT_LINEAR, type Primitive } from "../primitive.ts";
import { type Aval, broadcastAll, describe } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne, traceFunction } from "../trace.ts";
import { castPrimitive } from "./cast.ts";
import { alignBatch, apply, broadcastShape, constantLike } from "./elementwise_rules.ts";

/** The derivative with respect to one argument, or why there is none. */
export type Slope<P extends object> = ((inputs: readonly Tensor[], y: Tensor, params: P) => Tensor) | string;

/** What is special to one function of real arguments, which are broadcast. */
export interface ComposedDefinition<P extends object> {
  readonly names: readonly string[];
  /** The function in terms of other operations; the inputs are all float32 or all float64. */
  compose(inputs: readonly Tensor[], params: P): Tensor;
  readonly slopes: readonly Slope<P>[];
  print?(params: P): string;
}

/** The primitive of a function of one or more real arguments. */
export function composed<P extends object>(name: string, definition: ComposedDefinition<P>): Primitive<P> {
  const { names, compose, slopes, print = () => "" } = definition;
  const graphOf = (avals: readonly Aval[], params: P): Graph =>
    traceFunction(
      (own) => {
        // One shape for all: what depends on some of the arguments would be kernels and buffers of their own.
        const shape = broadcastAll(name, avals);
        const inputs = own.map((x) => broadcastShape(x, shape));
        if (avals[0].dtype !== "float16") return [compose(inputs, params)];
        const wide = inputs.map((x) => bindOne(castPrimitive, [x], { dtype: "float32" }));
        return [bindOne(castPrimitive, [compose(wide, params)], { dtype: "float16" })];
      },
      avals,
      { name },
    ).graph;
  const primitive: Primitive<P> = {
    name,
    infer(inputs) {
      const [{ dtype }] = inputs;
      if (!isFloat(dtype) || inputs.some((x) => x.dtype !== dtype)) {
        throw new DTypeError(`${name} needs one float dtype, got ${inputs.map(describe).join(" and ")}.`, {
          operation: name,
          arguments: inputs.map((x, i) => ({ name: names[i], shape: x.shape, dtype: x.dtype })),
          remedy: "Use cast to give the arguments one.",
        });
      }
      const shape = broadcastAll(name, inputs);
      return [inputs.every((x) => x.weak) ? { shape, dtype, weak: true } : { shape, dtype }];
    },
    derivative: {
      kind: "derivative",
      jvp({ primals, tangents, outputs: [y], params }) {
        let total: MaybeTensor = null;
        tangents.forEach((tangent, i) => {
          if (!tangent) return;
          const slope = slopes[i];
          if (typeof slope === "string") throw refused(name, names[i], slope, primals[i]);
          const part = apply("mulNoNaN", tangent, slope(primals, y, params));
          total = total ? apply("add", total, part) : part;
        });
        return [total && broadcastShape(total, y.aval.shape)];
      },
    },
    linear: NOT_LINEAR,
    batch({ inputs, batched, params }) {
      return [bindOne(primitive, alignBatch(inputs, batched), params)];
    },
    evaluate(inputs, params, [out]) {
      const dtype = out.dtype === "float64" ? "float64" : "float32";
      const graph = graphOf(inputs.map(({ shape }) => ({ shape, dtype })), params);
      const [{ data }] = interpretGraph(graph, inputs.map((x) => ({ ...x, dtype })));
      return [{ shape: out.shape, dtype: out.dtype, data }];
    },
    lower(params, inputs) {
      return { kind: "call", graph: graphOf(inputs, params) };
    },
    print,
  };
  return primitive;
}

function refused(operation: string, argument: string, why: string, x: Tensor): GradientError {
  return new GradientError(`${operation}: there is no derivative with respect to ${argument}. ${why}`, {
    operation,
    arguments: [{ name: argument, shape: x.shape, dtype: x.dtype }],
    remedy: `Pass ${argument} through stopGradient where it is constant, or use customJvp.`,
  });
}

/** c[0] + x (c[1] + x (...)). */
export function polynomial(x: Tensor, coefficients: readonly number[]): Tensor {
  let sum = constantLike(x, coefficients[coefficients.length - 1]);
  for (let k = coefficients.length - 2; k >= 0; k--) {
    sum = apply("add", constantLike(x, coefficients[k]), apply("mul", x, sum));
  }
  return sum;
}
