/**
 * linearCall(residuals..., tangents...): a linear function that brings its own transpose. The linear part of a
 * checkpoint or of a function with a custom rule is one such node: reverse mode uses the transpose, and everything
 * else (forward application, batching, running it) uses the graph, which is made only when somebody asks.
 */
import type { Graph } from "../trace/graph.ts";
import { interpretGraph } from "../trace/interpret.ts";
import type { MaybeTensor, Primitive } from "../trace/primitive.ts";
import { instantiate } from "../trace/primitives/zeros.ts";
import type { Aval } from "../trace/shape.ts";
import type { Tensor } from "../trace/tensor.ts";
import { traceFunction, withoutTrace } from "../trace/trace.ts";
import { batchGraphFully } from "./batch_graph.ts";
import { pushForward } from "./push_forward.ts";
import { closedGraph } from "./replay.ts";

export abstract class LinearRule {
  #graph: Graph | null = null;

  constructor(
    readonly name: string,
    readonly residuals: readonly Aval[],
    readonly tangents: readonly Aval[],
    readonly outputs: readonly Aval[],
  ) {}

  /** Cotangents of the tangents; runs inside a trace. */
  abstract transpose(
    residuals: readonly Tensor[],
    cotangents: readonly MaybeTensor[],
  ): readonly MaybeTensor[];

  /** The tangents of the outputs; runs inside a trace. */
  abstract apply(residuals: readonly Tensor[], tangents: readonly Tensor[]): readonly MaybeTensor[];

  /** `apply` as a graph of the residuals and the tangents. */
  get graph(): Graph {
    return this.#graph ??= withoutTrace(() =>
      closedGraph(traceFunction(
        (inputs) => {
          const count = this.residuals.length;
          return this.apply(inputs.slice(0, count), inputs.slice(count))
            .map((tangent, i) => instantiate(tangent, this.outputs[i]));
        },
        [...this.residuals, ...this.tangents],
        { name: this.name },
      ))
    );
  }
}

export interface LinearCallParams {
  readonly rule: LinearRule;
}

export const linearCallPrimitive: Primitive<LinearCallParams> = {
  name: "linearCall",
  infer(_inputs, { rule }) {
    return rule.outputs;
  },
  derivative: {
    kind: "derivative",
    jvp({ primals, tangents, params: { rule } }) {
      return pushForward(rule.graph, primals, tangents, rule.name).tangents;
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents, inputs, params: { rule } }) {
      const residuals = inputs.slice(0, rule.residuals.length);
      // Linear in the tangents only: where a residual is the unknown there is no transpose.
      if (residuals.includes(null)) return inputs.map(() => null);
      return [...residuals.map(() => null), ...rule.transpose(residuals as Tensor[], cotangents)];
    },
  },
  batch({ inputs, batched, params: { rule }, size }) {
    return batchGraphFully(rule.graph, inputs, batched, size);
  },
  evaluate(inputs, { rule }) {
    return interpretGraph(rule.graph, inputs);
  },
  lower({ rule }) {
    return { kind: "call", graph: rule.graph };
  },
  print({ rule }) {
    return rule.name;
  },
  graphs({ rule }) {
    return [{ name: "linear", graph: rule.graph }];
  },
};
