/** A linear map together with the values of its coefficients: can be applied and transposed later, anywhere. */
import type { Node, Variable } from "../trace/graph.ts";
import { elementwise } from "../trace/primitives/elementwise.ts";
import { constantPrimitive } from "../trace/primitives/constant.ts";
import type { MaybeTensor } from "../trace/primitive.ts";
import { instantiate } from "../trace/primitives/zeros.ts";
import { neededNodes } from "../trace/prune.ts";
import { sameShape } from "../trace/shape.ts";
import { Tensor } from "../trace/tensor.ts";
import { type LinearMap, residualsOf } from "./linear_map.ts";
import { pullBack } from "./pull_back.ts";
import { activeTrace, literalOf, replayNode } from "./replay.ts";

/** The nodes of `map` that its outputs need. */
export function pruneMap(map: LinearMap): LinearMap {
  return { ...map, nodes: neededNodes(map.nodes, map.outputs.filter((output) => output !== null)) };
}

export interface Residuals {
  readonly variables: readonly Variable[];
  readonly tensors: readonly Tensor[];
  /** What is computed again from them. */
  readonly recomputed: readonly Node[];
}

/**
 * The coefficients of `map` as tensors of the current trace: literals, and those that have to be kept. A value whose
 * size is known only while it runs (the tape of a loop) cannot leave the program: where the others are to (`leaving`),
 * it is computed again from what it was made of.
 */
export function collectResiduals(map: LinearMap, leaving = false): Residuals {
  const trace = activeTrace();
  const recomputed: Node[] = [];
  let variables = residualsOf(map);
  const hasOpenSize = (variable: Variable) => variable.aval.shape.some((size) => size < 0);
  if (leaving && variables.some(hasOpenSize)) {
    const wanted = new Set(variables);
    for (let i = trace.nodes.length - 1; i >= 0; i--) {
      const node = trace.nodes[i];
      if (!node.outputs.some((output) => wanted.has(output) && hasOpenSize(output))) continue;
      recomputed.push(node);
      for (const output of node.outputs) wanted.delete(output);
      for (const input of node.inputs) wanted.add(input);
    }
    recomputed.reverse();
    variables = [...wanted];
  }
  const tensors = variables.map((variable) => {
    const { node } = variable;
    const isConstant = node !== null && (node.primitive as unknown) === constantPrimitive;
    return isConstant ? literalOf(node) : new Tensor(variable.aval, null, trace, variable);
  });
  return { variables, tensors, recomputed };
}

export class LinearFunction {
  readonly #residuals: ReadonlyMap<Variable, Tensor>;

  constructor(
    readonly map: LinearMap,
    variables: readonly Variable[],
    residuals: readonly Tensor[],
    readonly context: string,
    /** Nodes that compute further coefficients from the residuals. */
    readonly recomputed: readonly Node[] = [],
  ) {
    this.#residuals = new Map(variables.map((variable, i) => [variable, residuals[i]]));
  }

  /** Every coefficient, in order: to be passed to a trace, and put back with `withResiduals`. */
  get residuals(): Tensor[] {
    return [...this.#residuals.values()];
  }

  withResiduals(residuals: readonly Tensor[]): LinearFunction {
    return new LinearFunction(
      this.map,
      [...this.#residuals.keys()],
      residuals,
      this.context,
      this.recomputed,
    );
  }

  /** Gives each coefficient, in the current trace. */
  #coefficients(): (variable: Variable) => Tensor {
    if (this.recomputed.length === 0) return (variable) => this.#residuals.get(variable)!;
    const trace = activeTrace();
    const values = new Map(this.#residuals);
    for (const node of this.recomputed) {
      const outputs = replayNode(trace, node, node.inputs.map((input) => values.get(input)!));
      node.outputs.forEach((output, i) => values.set(output, outputs[i]));
    }
    return (variable) => values.get(variable)!;
  }

  /** Cotangents of the inputs for cotangents of the outputs; inside a trace. */
  transpose(cotangents: readonly MaybeTensor[]): MaybeTensor[] {
    return pullBack(this.map, cotangents, this.#coefficients(), this.context);
  }

  /** Tangents of the outputs for tangents of the inputs; inside a trace. */
  apply(tangents: readonly MaybeTensor[]): MaybeTensor[] {
    const trace = activeTrace();
    const { map } = this;
    const coefficient = this.#coefficients();
    const values = new Map<Variable, Tensor>();
    map.inputs.forEach((input, i) => {
      const tangent = tangents[i];
      if (tangent) values.set(input, tangent);
    });
    for (const node of map.nodes) {
      const moving = node.inputs.filter((input) => values.has(input));
      if (moving.length === 0) continue;
      const isLinear = node.inputs.map((input) => map.variables.has(input));
      if ((node.primitive as unknown) === elementwise.add && moving.length === 1) {
        const [known] = moving;
        // A zero summand disappears.
        if (sameShape(known.aval.shape, node.outputs[0].aval.shape)) {
          values.set(node.outputs[0], values.get(known)!);
          continue;
        }
      }
      const inputs = node.inputs.map((input, i) =>
        isLinear[i] ? instantiate(values.get(input) ?? null, input.aval) : coefficient(input)
      );
      const outputs = replayNode(trace, node, inputs);
      node.outputs.forEach((output, i) => values.set(output, outputs[i]));
    }
    return map.outputs.map((output) => (output && values.get(output)) ?? null);
  }
}
