/** A linear map together with the values of its coefficients: can be applied and transposed later, anywhere. */
import type { Variable } from "../trace/graph.ts";
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

/** The coefficients of `map` as tensors of the current trace: literals, and those that have to be kept. */
export function collectResiduals(map: LinearMap): { variables: Variable[]; tensors: Tensor[] } {
  const trace = activeTrace();
  const variables = residualsOf(map);
  const tensors = variables.map((variable) => {
    const { node } = variable;
    const isConstant = node !== null && (node.primitive as unknown) === constantPrimitive;
    return isConstant ? literalOf(node) : new Tensor(variable.aval, null, trace, variable);
  });
  return { variables, tensors };
}

export class LinearFunction {
  readonly #residuals: ReadonlyMap<Variable, Tensor>;

  constructor(
    readonly map: LinearMap,
    variables: readonly Variable[],
    residuals: readonly Tensor[],
    readonly context: string,
  ) {
    this.#residuals = new Map(variables.map((variable, i) => [variable, residuals[i]]));
  }

  /** Every coefficient, in order: to be passed to a trace, and put back with `withResiduals`. */
  get residuals(): Tensor[] {
    return [...this.#residuals.values()];
  }

  withResiduals(residuals: readonly Tensor[]): LinearFunction {
    return new LinearFunction(this.map, [...this.#residuals.keys()], residuals, this.context);
  }

  #residual = (variable: Variable): Tensor => this.#residuals.get(variable)!;

  /** Cotangents of the inputs for cotangents of the outputs; inside a trace. */
  transpose(cotangents: readonly MaybeTensor[]): MaybeTensor[] {
    return pullBack(this.map, cotangents, this.#residual, this.context);
  }

  /** Tangents of the outputs for tangents of the inputs; inside a trace. */
  apply(tangents: readonly MaybeTensor[]): MaybeTensor[] {
    const trace = activeTrace();
    const { map } = this;
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
        isLinear[i] ? instantiate(values.get(input) ?? null, input.aval) : this.#residual(input)
      );
      const outputs = replayNode(trace, node, inputs);
      node.outputs.forEach((output, i) => values.set(output, outputs[i]));
    }
    return map.outputs.map((output) => (output && values.get(output)) ?? null);
  }
}
