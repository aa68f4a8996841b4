/** A function that stays one node of the graphs it is used in; its derivatives are those of its operations. */
import type { Graph, Node } from "../trace/graph.ts";
import type { MaybeTensor } from "../trace/primitive.ts";
import { Tensor } from "../trace/tensor.ts";
import { bind, commitWrites } from "../trace/trace.ts";
import { unflatten } from "../trace/tree.ts";
import { traceCall } from "./custom_arguments.ts";
import { batchedCopy, customCallPrimitive, type CustomRule } from "./custom_call.ts";
import { LinearFunction } from "./linear_function.ts";
import { residualsOf } from "./linear_map.ts";
import { linearizeGraph } from "./linearize.ts";
import { pushForward } from "./push_forward.ts";
import { activeTrace } from "./replay.ts";
import type { AnyFunction } from "./types.ts";

/** Loops, branches and calls compute their outputs anew when they are linearised. */
function hasOwnLinearization({ primitive: { derivative } }: Node): boolean {
  return derivative.kind === "derivative" && derivative.linearize !== undefined;
}

/** The rule that follows from the graph: what it computes anew is merged with the call when that is dissolved. */
class GraphRule implements CustomRule {
  readonly replaces = false;

  constructor(readonly name: string, readonly graph: Graph) {}

  jvp(primals: readonly Tensor[], tangents: readonly MaybeTensor[]): readonly MaybeTensor[] {
    return pushForward(this.graph, primals, tangents, this.name).tangents;
  }

  linearize(primals: readonly Tensor[], tangents: readonly MaybeTensor[]): {
    readonly outputs: readonly Tensor[];
    readonly tangents: readonly MaybeTensor[];
  } {
    const { name, graph } = this;
    if (!graph.nodes.some(hasOwnLinearization)) {
      const outputs = bind(customCallPrimitive, primals, { name, graph, rule: this });
      return { outputs, tangents: this.jvp(primals, tangents) };
    }
    // The forward rule of a loop moves values and tangents together: no linear operation of the tangents.
    const active = tangents.flatMap((tangent, i) => tangent ? [i] : []);
    const { outputs, map } = linearizeGraph(graph, primals, active, name, graph.outputs.length);
    const trace = activeTrace();
    const variables = residualsOf(map);
    const residuals = variables.map((variable) => new Tensor(variable.aval, null, trace, variable));
    const linear = new LinearFunction(map, variables, residuals, name);
    return { outputs, tangents: linear.apply(active.map((i) => tangents[i])) };
  }

  batch(batched: readonly boolean[], size: number): CustomRule {
    const inputs = this.graph.inputs.map(({ aval }, i) =>
      new Tensor(batched[i] ? { ...aval, shape: [size, ...aval.shape] } : aval, null)
    );
    return new GraphRule(this.name, batchedCopy(this.graph, inputs, batched, size));
  }
}

/** Calls `fn` as one node of the current trace. Shared variables assigned inside are committed by the caller. */
export function callAsNode(fn: AnyFunction, args: readonly unknown[], name: string): unknown {
  const { traced, spec, inputs } = traceCall(fn, args);
  const rule = new GraphRule(name, traced.graph);
  const results = bind(customCallPrimitive, inputs, { name, graph: traced.graph, rule });
  return unflatten(spec, commitWrites(traced, results));
}
