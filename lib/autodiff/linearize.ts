/**
 * Linearisation: the first half of reverse mode.
 *
 * The forward rules are run on *placeholders*: variables that stand for unknown tangents. The rules then build two
 * kinds of nodes in the current trace, mixed:
 *
 *     sin(x) at x, tangent t     ->     c = cos(x)       depends on no placeholder: a coefficient
 *                                       u = mul(t, c)    depends on one, and linearly: a linear node
 *
 * Afterwards the linear nodes are taken out of the trace again, into a LinearMap. The trace keeps the program and the
 * coefficients; the map, which `pullBack` walks backwards, never was part of the user's graph. Because a coefficient
 * cannot depend on a linear node, what stays is still in topological order.
 *
 * Only nodes that depend on a differentiated input and that a differentiated output depends on are linearised.
 */
import { stabilise, stabiliseTrace } from "../trace/stabilise.ts";
import { isFloat } from "../trace/dtype.ts";
import { type Graph, type Node, Variable } from "../trace/graph.ts";
import { swapLocation } from "../trace/location.ts";
import type { MaybeTensor } from "../trace/primitive.ts";
import { constantPrimitive } from "../trace/primitives/constant.ts";
import { elementwise } from "../trace/primitives/elementwise.ts";
import { Tensor } from "../trace/tensor.ts";
import { bindOne, type Trace } from "../trace/trace.ts";
import { influences } from "./influence.ts";
import type { LinearMap } from "./linear_map.ts";
import { checkTangents, tangentsOf } from "./push_forward.ts";
import { activeTrace, enterLocation, Environment, literalOf, replayNode } from "./replay.ts";
import { rename, Replacements } from "./replace_nodes.ts";

/** The tangents of a program in terms of placeholders, while its nodes are walked in order. */
class Linearizer {
  readonly trace: Trace = activeTrace();
  readonly #start = this.trace.nodes.length;
  readonly #placeholders: Variable[] = [];
  readonly #tangents = new Map<Variable, Tensor>();

  constructor(readonly context: string) {}

  /** Adds an unknown tangent, which is returned, to that of `variable`. */
  differentiate(variable: Variable): Variable {
    const placeholder = new Variable(variable.aval);
    this.#placeholders.push(placeholder);
    const tensor = new Tensor(variable.aval, null, this.trace, placeholder);
    const known = this.#tangents.get(variable);
    this.#tangents.set(variable, known ? bindOne(elementwise.add, [known, tensor], {}) : tensor);
    return placeholder;
  }

  /** Treats `variable` as a constant from here on, and returns the tangent it had. */
  cut(variable: Variable): MaybeTensor {
    const tangent = this.#tangents.get(variable) ?? null;
    this.#tangents.delete(variable);
    return tangent;
  }

  tangentOf(variable: Variable): MaybeTensor {
    return this.#tangents.get(variable) ?? null;
  }

  reaches(node: Node): boolean {
    return node.inputs.some((input) => this.#tangents.has(input));
  }

  /** The plain rule: the outputs are there already. */
  push(node: Node, primals: readonly Tensor[], outputs: readonly Tensor[]): void {
    const tangents = node.inputs.map((input) => this.tangentOf(input));
    const transform = /^(?:linearize|jacfwd) /.test(this.context)
      ? `in the forward derivative (${this.context})`
      : `in the backward pass (${this.context})`;
    this.#record(node, tangentsOf(node, primals, tangents, outputs, this.context, transform));
  }

  /** The rule of loops and calls, which computes the outputs anew; null when the primitive has none. */
  linearize(node: Node, primals: readonly Tensor[]): readonly Tensor[] | null {
    const { derivative } = node.primitive;
    if (derivative.kind === "none" || !derivative.linearize) return null;
    const tangents = node.inputs.map((input) => this.tangentOf(input));
    const previous = enterLocation(node);
    try {
      const result = derivative.linearize({ primals, tangents, params: node.params });
      this.#record(node, checkTangents(node, result.tangents));
      return result.outputs;
    } finally {
      swapLocation(previous);
    }
  }

  #record(node: Node, tangents: readonly MaybeTensor[]): void {
    node.outputs.forEach((output, i) => {
      const tangent = tangents[i];
      if (tangent) this.#tangents.set(output, tangent);
    });
  }

  /** Takes the linear nodes out of the trace. */
  finish(outputs: readonly MaybeTensor[]): LinearMap {
    const { nodes } = this.trace;
    const variables = new Set<Variable>(this.#placeholders);
    const linear: Node[] = [];
    let kept = this.#start;
    for (let i = this.#start; i < nodes.length; i++) {
      const node = nodes[i];
      if (node.inputs.some((input) => variables.has(input))) {
        linear.push(node);
        for (const output of node.outputs) variables.add(output);
      } else nodes[kept++] = node;
    }
    nodes.length = kept;
    return {
      inputs: this.#placeholders,
      nodes: linear,
      outputs: outputs.map((tangent) => {
        const variable = tangent?.variable ?? null;
        return variable && variables.has(variable) ? variable : null;
      }),
      variables,
    };
  }
}

export interface Linearized {
  readonly outputs: readonly Tensor[];
  readonly map: LinearMap;
  /** For each differentiated input whether some output depends on it at all. */
  readonly connected: readonly boolean[];
}

/**
 * Replays `graph` at `primals` inside the current trace and linearises it with respect to the inputs at the
 * positions `active`. `count` limits the differentiated outputs to the first ones.
 */
export function linearizeGraph(
  graph: Graph,
  primals: readonly Tensor[],
  active: readonly number[],
  context: string,
  count: number = graph.outputs.length,
): Linearized {
  graph = stabilise.run(graph);
  const differentiated = graph.outputs.slice(0, count);
  const needed = influences(graph.nodes, differentiated.filter((output) => isFloat(output.aval.dtype)));
  const linearizer = new Linearizer(context);
  const values = new Environment(graph.inputs, primals);
  for (const i of active) linearizer.differentiate(graph.inputs[i]);
  for (const node of graph.nodes) {
    const inputs = values.all(node.inputs);
    const isActive = linearizer.reaches(node) && node.outputs.some((output) => needed.has(output));
    const replaced = isActive ? linearizer.linearize(node, inputs) : null;
    const outputs = replaced ?? replayNode(linearizer.trace, node, inputs);
    values.define(node.outputs, outputs);
    if (isActive && !replaced) linearizer.push(node, inputs, outputs);
  }
  return {
    outputs: values.all(graph.outputs),
    map: linearizer.finish(differentiated.map((output) => linearizer.tangentOf(output))),
    connected: active.map((i) => needed.has(graph.inputs[i])),
  };
}

/**
 * Linearises what the current trace has recorded so far: `outputs` with respect to `inputs`, both variables of the
 * trace. An input may be an intermediate result; its derivative counts all ways to the outputs. Derivatives do not
 * pass beyond `constants`; an output that other outputs depend on ends the way too (its cotangent is given).
 */
export function linearizeTrace(
  outputs: readonly Variable[],
  inputs: readonly Variable[],
  constants: ReadonlySet<Variable>,
  context: string,
): { readonly map: LinearMap; readonly connected: readonly boolean[] } {
  const trace = activeTrace();
  // Before the linearizer, which remembers where its own nodes begin.
  stabiliseTrace(trace);
  const linearizer = new Linearizer(context);
  const nodes = trace.nodes.slice();
  const ends = new Set(outputs);
  const needed = influences(nodes, outputs, constants);
  const wanted = new Set(inputs);
  const placeholders = new Map<Variable, Variable>();
  const tangents = new Map<Variable, MaybeTensor>();
  function visit(variable: Variable): void {
    if (constants.has(variable)) linearizer.cut(variable);
    if (wanted.has(variable)) placeholders.set(variable, linearizer.differentiate(variable));
    if (ends.has(variable)) tangents.set(variable, linearizer.cut(variable));
  }
  for (const input of wanted) if (!input.node) visit(input);
  for (const output of outputs) if (!output.node && !wanted.has(output)) visit(output);
  const literals = new Map<Variable, Tensor>();
  const tensorOf = (variable: Variable): Tensor =>
    literals.get(variable) ?? new Tensor(variable.aval, null, trace, variable);
  const replacements = new Replacements(trace);
  for (const node of nodes) {
    if ((node.primitive as unknown) === constantPrimitive) literals.set(node.outputs[0], literalOf(node));
    else if (linearizer.reaches(node) && node.outputs.some((output) => needed.has(output))) {
      const primals = node.inputs.map(tensorOf);
      const mark = trace.nodes.length;
      const replaced = linearizer.linearize(node, primals);
      if (replaced) replacements.record(node, mark, replaced);
      else linearizer.push(node, primals, node.outputs.map(tensorOf));
    }
    for (const output of node.outputs) visit(output);
  }
  const map = linearizer.finish(outputs.map((output) => tangents.get(output) ?? null));
  const renamed = replacements.apply(new Set(map.nodes));
  return {
    map: {
      ...map,
      inputs: inputs.map((input) => placeholders.get(input)!),
      nodes: renamed.size === 0 ? map.nodes : map.nodes.map((node) => rename(node, renamed)),
    },
    connected: inputs.map((input) => needed.has(input)),
  };
}
