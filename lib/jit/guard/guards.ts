/** What guards look for. */
import { isFloat } from "../../trace/dtype.ts";
import type { Graph, Node } from "../../trace/graph.ts";
import type { Lowering } from "../../trace/lowering.ts";

/** What a guard looks for: NaN, infinities, magnitudes above `big`. */
export interface Guards {
  /** NaN is an error. */
  readonly nan?: boolean;
  /** An infinity is an error. */
  readonly inf?: boolean;
  /** A finite magnitude above this is an error. */
  readonly big?: number;
}

/** What is wrong with a value, in words; null when nothing is. */
export function offence(value: number, { nan, inf, big }: Guards): string | null {
  if (value !== value) return nan ? "NaN" : null;
  if (value === Infinity || value === -Infinity) return inf ? String(value) : null;
  return big !== undefined && Math.abs(value) > big ? `${value}, above ${big}` : null;
}

/** Operations that only bring values from one place to another, or choose among them: never the origin of a value. */
const CARRIERS: ReadonlySet<Lowering["kind"]> = new Set([
  "constant",
  "index",
  "reshape",
  "barrier",
  "concat",
  "gather",
  "dynamicSlice",
  "dynamicUpdate",
  "sort",
  "topk",
  "call",
  "loop",
  "switch",
]);

/** Whether a value that a guard looks for can come into being in a node. */
export function isOrigin(node: Node): boolean {
  const { primitive, params, inputs, outputs } = node;
  if (primitive.name === "select" || primitive.name === "print" || primitive.name === "check") return false;
  if (!outputs.some(({ aval }) => isFloat(aval.dtype))) return false;
  const lowering = primitive.lower(params, inputs.map((v) => v.aval), outputs.map((v) => v.aval));
  return !CARRIERS.has(lowering.kind);
}

/**
 * The operations that give results of the graph without being the origin of any value: what they carry into a result
 * is looked at after everything else, so that a value that an input brought is found there.
 */
export function carriersOfResults(graph: Graph): Set<Node> {
  const carriers = new Set<Node>();
  for (const { node, aval } of graph.outputs) {
    if (node !== null && isFloat(aval.dtype) && !isOrigin(node)) carriers.add(node);
  }
  return carriers;
}
