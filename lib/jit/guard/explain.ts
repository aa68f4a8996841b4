/** What a guard says: the first offending operation, its operands there, and whether an input brought the value. */
import { NonFiniteError } from "../../trace/errors.ts";
import { castValue, isFloat } from "../../trace/dtype.ts";
import type { Graph, Node, Variable } from "../../trace/graph.ts";
import { interpretGraph } from "../../trace/interpret.ts";
import type { HostArray } from "../../trace/primitive.ts";
import { describe } from "../../trace/shape.ts";
import { withoutPrinting } from "../effects/print.ts";
import { carriersOfResults, type Guards, isOrigin, offence } from "./guards.ts";

/** Interprets the graph up to the first offending operation and describes it; null when no operation offends. */
export function findOffender(
  graph: Graph,
  inputs: readonly HostArray[],
  guards: Guards,
): NonFiniteError | null {
  const carriers = carriersOfResults(graph);
  const results: (() => void)[] = [];
  try {
    withoutPrinting(() =>
      interpretGraph(graph, inputs, {
        onNode(node, operands, outputs) {
          outputs.forEach(roundToType);
          if (isOrigin(node)) checkNode(node, operands, outputs, guards, graph);
          else if (carriers.has(node)) results.push(() => checkNode(node, operands, outputs, guards, graph));
        },
      })
    );
    for (const checkResult of results) checkResult();
  } catch (error) {
    if (error instanceof NonFiniteError) return error;
    throw error;
  }
  return null;
}

/** Intermediate values are as narrow as in the compiled program: what overflows there must overflow here. */
export function roundToType({ data, dtype }: HostArray): void {
  if (dtype === "float32") { for (let i = 0; i < data.length; i++) data[i] = Math.fround(data[i]); }
  else if (dtype === "float16") {
    for (let i = 0; i < data.length; i++) data[i] = castValue(data[i], "float64", "float16");
  }
}

/** @throws {NonFiniteError} when an output of the node has a value that the guards look for. */
export function checkNode(
  node: Node,
  operands: readonly HostArray[],
  outputs: readonly HostArray[],
  guards: Guards,
  graph: Graph,
): void {
  for (const output of outputs) {
    if (!isFloat(output.dtype)) continue;
    for (let i = 0; i < output.data.length; i++) {
      const wrong = offence(output.data[i], guards);
      if (wrong !== null) throw offender(node, operands, output, i, wrong, guards, graph);
    }
  }
}

function offender(
  node: Node,
  operands: readonly HostArray[],
  output: HostArray,
  element: number,
  wrong: string,
  guards: Guards,
  graph: Graph,
): NonFiniteError {
  const { name } = node.primitive;
  const names = node.inputs.map((variable, i) => operandName(variable, i, graph));
  const texts = operands.map((operand, i) => describeOperand(names[i], operand, output, element));
  const brought = operands.findIndex((operand) =>
    isFloat(operand.dtype) && operand.data.some((value) => offence(value, guards) !== null)
  );
  const origin = brought < 0
    ? "No operand had such a value: this operation made it."
    : `Its ${names[brought]} had such a value already, at element ${
      operands[brought].data.findIndex((value) => offence(value, guards) !== null)
    }: an input brought it.`;
  return new NonFiniteError(
    `${name}: element ${element} of its result ${describe(output)} is ${wrong}.`,
    {
      operation: name,
      location: node.location,
      transforms: [
        ...(node.location?.transforms ?? []),
        ...enclosing(graph, node),
        ...texts,
        origin,
      ],
      arguments: operands.map(({ shape, dtype }, i) => ({ name: names[i], shape, dtype })),
      element,
      brought: brought >= 0,
      remedy: brought < 0
        ? "Keep the operands away from there (clip, where on the operand, a smaller step), or leave the guard out."
        : "Look for the value in the input, or leave the guard out.",
    },
  );
}

/** The user's name of a value, or what computed it. */
function operandName(variable: Variable, position: number, graph: Graph): string {
  if (variable.name) {
    return graph.inputs.includes(variable)
      ? `argument ${variable.name}`
      : `operand ${position}, ${variable.name},`;
  }
  let { node } = variable;
  while (
    node && node.inputs.length === 1 && /^(?:broadcastTo|reshape|cast|transpose)$/.test(node.primitive.name)
  ) {
    if (node.inputs[0].node === null) return operandName(node.inputs[0], position, graph);
    node = node.inputs[0].node;
  }
  if (!node) return `operand ${position}`;
  if (node.primitive.name === "constant") return "constant";
  const line = node.location?.short();
  return `operand ${position}, ${node.primitive.name}${line ? ` of ${line}` : ""},`;
}

/** The operand's value at the place of `element` where the shapes tell it, otherwise its extremes. */
function describeOperand(name: string, operand: HostArray, output: HostArray, element: number): string {
  const { data, shape } = operand;
  const type = shape.length === 0 ? "" : ` (${describe(operand)})`;
  const place = broadcastPlace(shape, output.shape, element);
  if (place >= 0) return `${name} = ${show(data[place])} there${type}`;
  let min = Infinity, max = -Infinity, nan = 0;
  for (const value of data) {
    if (value !== value) nan++;
    else {
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  const range = min <= max ? `from ${show(min)} to ${show(max)}` : "";
  return `${name} ${[range, nan > 0 ? `${nan} NaN` : ""].filter(Boolean).join(", ") || "is empty"}${type}`;
}

function show(value: number): string {
  return Object.is(value, -0) ? "-0" : String(Number(value.toPrecision(7)));
}

/** The flat position in an operand that broadcasts to the output; -1 when it does not. */
function broadcastPlace(from: readonly number[], to: readonly number[], element: number): number {
  const lead = to.length - from.length;
  if (lead < 0 || from.some((size, i) => size !== 1 && size !== to[lead + i])) return -1;
  let place = 0, stride = 1;
  for (let axis = to.length - 1; axis >= 0; axis--) {
    const at = element % to[axis];
    element = Math.floor(element / to[axis]);
    if (axis < lead) continue;
    const size = from[axis - lead];
    if (size !== 1) place += at * stride;
    stride *= size;
  }
  return place;
}

/** The loops and branches that a node lies in, outermost first. */
export function enclosing(graph: Graph, wanted: Node): string[] {
  const work: { graph: Graph; path: readonly string[] }[] = [{ graph, path: [] }];
  while (work.length > 0) {
    const { graph: current, path } = work.pop()!;
    for (const node of current.nodes) {
      if (node === wanted) return [...path];
      for (const inner of node.primitive.graphs?.(node.params) ?? []) {
        const line = node.location?.short();
        const text = `inside the ${inner.name} of a ${node.primitive.name}${line ? ` (${line})` : ""}`;
        work.push({ graph: inner.graph, path: [...path, text] });
      }
    }
  }
  return [];
}
