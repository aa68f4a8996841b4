/** Small pieces that the rules of loops build bodies with. */
import { GradientError } from "../trace/errors.ts";
import { Graph, Variable } from "../trace/graph.ts";
import { prune } from "../trace/prune.ts";
import { type Aval, describe } from "../trace/shape.ts";
import type { Tensor } from "../trace/tensor.ts";
import { Trace, withTrace } from "../trace/trace.ts";

/** Builds a closed graph: `build` runs in a trace of its own, and everything it uses must be an input. */
export function closedBody(
  name: string,
  build: (trace: Trace) => { readonly inputs: readonly Tensor[]; readonly outputs: readonly Tensor[] },
): Graph {
  const trace = new Trace(null, name);
  return withTrace(trace, () => {
    const { inputs, outputs } = build(trace);
    const results = outputs.map((tensor) => trace.lift(tensor));
    return checkClosed(trace, prune(new Graph(inputs.map((t) => t.variable!), results, trace.nodes, name)));
  });
}

/** Refuses what a rule of the user's brought in from outside: a closed graph has no input for it. */
export function checkClosed(trace: Trace, graph: Graph): Graph {
  if (trace.captured.length === 0) return graph;
  const outside = new Set(trace.capturedVariables);
  const used = [...graph.nodes.flatMap((node) => node.inputs), ...graph.outputs].find((v) => outside.has(v));
  if (used === undefined) return graph;
  const { aval } = used;
  throw new GradientError(
    `A derivative rule uses ${describe(aval)} from outside, inside the loop or branch ${trace.name}.`,
    {
      operation: trace.name,
      arguments: [{ name: "captured", shape: aval.shape, dtype: aval.dtype }],
      remedy:
        "There a rule may use its arguments, and what the function itself uses: pass the tensor as an " +
        "argument, or among the residuals.",
    },
  );
}

/** New inputs of a trace, named like the variables they stand for. */
export function inputsLike(trace: Trace, variables: readonly Variable[]): Tensor[] {
  return variables.map(({ aval: { shape, dtype }, name }) => trace.addInput({ shape, dtype }, name));
}

export function inputsOf(trace: Trace, avals: readonly Aval[]): Tensor[] {
  return avals.map(({ shape, dtype }) => trace.addInput({ shape, dtype }));
}

/** `graph` with further inputs, which it does not use, after its first `at`. */
export function withUnusedInputs(
  graph: Graph,
  added: readonly { readonly at: number; readonly aval: Aval }[],
): Graph {
  const inputs = [...graph.inputs];
  const sorted = added.map((entry, order) => ({ ...entry, order })).sort((a, b) =>
    b.at - a.at || b.order - a.order
  );
  for (const { at, aval } of sorted) {
    inputs.splice(at, 0, new Variable({ shape: aval.shape, dtype: aval.dtype }));
  }
  return new Graph(inputs, graph.outputs, graph.nodes, graph.name);
}
