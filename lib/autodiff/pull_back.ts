/**
 * Transposition. The linear nodes are walked from the last to the first; each primitive's transpose rule turns the
 * cotangents of its outputs into cotangents of its linear inputs, and cotangents of a variable that is used several
 * times add up. A linear node whose outputs nobody needs has no cotangent and costs nothing.
 */
import { GradientError } from "../trace/errors.ts";
import type { Node, Variable } from "../trace/graph.ts";
import { swapLocation } from "../trace/location.ts";
import { elementwise } from "../trace/primitives/elementwise.ts";
import type { MaybeTensor } from "../trace/primitive.ts";
import { describe, sameAval } from "../trace/shape.ts";
import type { Tensor } from "../trace/tensor.ts";
import { bindOne } from "../trace/trace.ts";
import type { LinearMap } from "./linear_map.ts";
import { unmask } from "./masked_cotangent.ts";
import { enterLocation } from "./replay.ts";

/** Cotangents of the inputs of `map` for cotangents of its outputs; `residual` gives the coefficients. */
export function pullBack(
  map: LinearMap,
  cotangents: readonly MaybeTensor[],
  residual: (variable: Variable) => Tensor,
  context: string,
): MaybeTensor[] {
  const sums = new Map<Variable, Tensor>();
  map.outputs.forEach((output, i) => {
    const cotangent = cotangents[i];
    if (output && cotangent) accumulate(sums, output, cotangent);
  });
  for (let i = map.nodes.length - 1; i >= 0; i--) {
    const node = map.nodes[i];
    if (!node.outputs.some((output) => sums.has(output))) continue;
    const previous = enterLocation(node, `in the backward pass (${context})`);
    try {
      transposeNode(node, map.variables, sums, residual, context);
    } finally {
      swapLocation(previous);
    }
  }
  return map.inputs.map((input) => sums.get(input) ?? null);
}

function transposeNode(
  node: Node,
  linear: ReadonlySet<Variable>,
  sums: Map<Variable, Tensor>,
  residual: (variable: Variable) => Tensor,
  context: string,
): void {
  const { primitive } = node;
  if (primitive.linear.kind === "nonlinear" || isProduct(node, linear)) throw notLinear(node, context);
  const cotangents = node.outputs.map((output) => sums.get(output) ?? null);
  // Nothing reads an output's cotangent again; dropping it lets the map stay small on long chains.
  for (const output of node.outputs) sums.delete(output);
  const masked = cotangents.length === 1 && cotangents[0] ? unmask(node, cotangents[0], linear) : null;
  const results = primitive.linear.transpose({
    cotangents: masked ? [masked.inner] : cotangents,
    inputs: node.inputs.map((input) => linear.has(input) ? null : residual(input)),
    avals: node.inputs.map((input) => input.aval),
    params: node.params,
  });
  node.inputs.forEach((input, i) => {
    const result = results[i];
    if (!result || !linear.has(input)) return;
    const cotangent = masked ? masked.mask(result) : result;
    if (!sameAval(cotangent.aval, input.aval)) {
      throw new GradientError(
        `The transpose rule of ${primitive.name} gave a cotangent ${
          describe(cotangent.aval)
        } for input ${i}, ${describe(input.aval)}.`,
        {
          operation: primitive.name,
          location: node.location,
          remedy: "A cotangent must have the shape and dtype of the input it belongs to.",
        },
      );
    }
    accumulate(sums, input, cotangent);
  });
}

/** Operations that are linear in each operand while the other is a coefficient. */
const BILINEAR: ReadonlySet<string> = new Set(["mul", "mulNoNaN", "div", "contract", "convolve"]);

function isProduct(node: Node, linear: ReadonlySet<Variable>): boolean {
  return BILINEAR.has(node.primitive.name) && node.inputs.every((input) => linear.has(input));
}

function accumulate(sums: Map<Variable, Tensor>, variable: Variable, cotangent: Tensor): void {
  const sum = sums.get(variable);
  sums.set(variable, sum ? addCotangents(sum, cotangent) : cotangent);
}

let addTapes: ((a: Tensor, b: Tensor) => Tensor) | null = null;

/** Called by lib/loop, whose tapes have a size that is known only when the program runs. */
export function installTapeAddition(add: (a: Tensor, b: Tensor) => Tensor): void {
  addTapes = add;
}

function addCotangents(a: Tensor, b: Tensor): Tensor {
  const isTape = a.shape.length > 0 && a.shape[0] < 0;
  return isTape ? addTapes!(a, b) : bindOne(elementwise.add, [a, b], {});
}

function notLinear(node: Node, context: string): GradientError {
  return new GradientError(
    `${context}: a derivative rule applies ${node.primitive.name} to a tangent, which is not a linear operation.`,
    {
      operation: node.primitive.name,
      location: node.location,
      remedy:
        "The tangent that a rule of customJvp returns must depend linearly on the tangents it is given: " +
        "sums of them, multiplied by values that depend on the primals only.",
    },
  );
}
