/**
 * Forward mode. A graph is replayed node by node on pairs (primal, tangent). Each primitive brings the rule
 *
 *     tangentOut = sum over inputs i of (d primitive / d input i) * tangent i
 *
 * and a tangent that is zero everywhere is `null`: nodes that no tangent reaches are copied as they are.
 */
import { stabilise } from "../trace/stabilise.ts";
import { isFloat } from "../trace/dtype.ts";
import { GradientError } from "../trace/errors.ts";
import type { Graph, Node, Variable } from "../trace/graph.ts";
import { swapLocation } from "../trace/location.ts";
import type { MaybeTensor } from "../trace/primitive.ts";
import { describe, sameAval } from "../trace/shape.ts";
import type { Tensor } from "../trace/tensor.ts";
import { activeTrace, enterLocation, Environment, replayNode } from "./replay.ts";

export interface Pushed {
  readonly outputs: Tensor[];
  readonly tangents: MaybeTensor[];
}

/** The outputs of `graph` at `primals`, and their derivatives in the direction of `tangents`. */
export function pushForward(
  graph: Graph,
  primals: readonly Tensor[],
  tangents: readonly MaybeTensor[],
  context: string,
): Pushed {
  const trace = activeTrace();
  graph = stabilise.run(graph);
  const values = new Environment(graph.inputs, primals);
  const moving = new Map<Variable, Tensor>();
  graph.inputs.forEach((input, i) => {
    const tangent = tangents[i];
    if (tangent) moving.set(input, tangent);
  });
  for (const node of graph.nodes) {
    const inputs = values.all(node.inputs);
    if (!node.inputs.some((input) => moving.has(input))) {
      values.define(node.outputs, replayNode(trace, node, inputs));
      continue;
    }
    const inputTangents = node.inputs.map((input) => moving.get(input) ?? null);
    const together = forwardTogether(node, inputs, inputTangents);
    const outputs = together?.outputs ?? replayNode(trace, node, inputs);
    values.define(node.outputs, outputs);
    const results = together?.tangents ??
      tangentsOf(node, inputs, inputTangents, outputs, context, `in the forward derivative (${context})`);
    results.forEach((tangent, i) => tangent && moving.set(node.outputs[i], tangent));
  }
  return {
    outputs: values.all(graph.outputs),
    tangents: graph.outputs.map((output) => moving.get(output) ?? null),
  };
}

/** Outputs and tangents by the rule that computes both at once; null when the primitive has none. */
function forwardTogether(
  node: Node,
  primals: readonly Tensor[],
  tangents: readonly MaybeTensor[],
): { readonly outputs: readonly Tensor[]; readonly tangents: readonly MaybeTensor[] } | null {
  const { derivative } = node.primitive;
  if (derivative.kind === "none" || !derivative.forward) return null;
  const previous = enterLocation(node);
  try {
    const result = derivative.forward({ primals, tangents, params: node.params });
    return { outputs: result.outputs, tangents: checkTangents(node, result.tangents) };
  } finally {
    swapLocation(previous);
  }
}

/** Applies the forward rule of one node that some tangent reaches; `transform` says in messages what made its nodes. */
export function tangentsOf(
  node: Node,
  primals: readonly Tensor[],
  tangents: readonly MaybeTensor[],
  outputs: readonly Tensor[],
  context: string,
  transform: string,
): readonly MaybeTensor[] {
  const { derivative } = node.primitive;
  if (derivative.kind === "none") {
    if (derivative.policy === "error") throw missingDerivative(node, tangents, derivative.why, context);
    return outputs.map(() => null);
  }
  const previous = enterLocation(node, transform);
  try {
    return checkTangents(node, derivative.jvp({ primals, tangents, params: node.params, outputs }));
  } finally {
    swapLocation(previous);
  }
}

/** Drops tangents of integer outputs, and catches rules that return the wrong type where it happens. */
export function checkTangents(node: Node, tangents: readonly MaybeTensor[]): readonly MaybeTensor[] {
  return node.outputs.map(({ aval }, i) => {
    const tangent = tangents[i] ?? null;
    if (tangent === null || !isFloat(aval.dtype)) return null;
    if (!sameAval(tangent.aval, aval)) {
      throw new GradientError(
        `The derivative rule of ${node.primitive.name} gave a tangent ${
          describe(tangent.aval)
        } for an output ${describe(aval)}.`,
        {
          operation: node.primitive.name,
          location: node.location,
          remedy: "A tangent must have the shape and dtype of the output it belongs to.",
        },
      );
    }
    return tangent;
  });
}

function missingDerivative(
  node: Node,
  tangents: readonly MaybeTensor[],
  why: string,
  context: string,
): GradientError {
  const position = tangents.findIndex((tangent) => tangent !== null);
  const { aval, name } = node.inputs[position];
  return new GradientError(
    `${context}: ${node.primitive.name} has no derivative with respect to ${name ?? `input ${position}`} ${
      describe(aval)
    }. ${why}`,
    {
      operation: node.primitive.name,
      location: node.location,
      arguments: [{ name: name ?? `input ${position}`, shape: aval.shape, dtype: aval.dtype }],
      remedy:
        "Pass its argument through stopGradient to leave it out, or give a rule with customVjp or customJvp.",
    },
  );
}
