/**
 * Where kernels that keep rows together would read across: the elements of a row of x.T lie apart, and softmax(x.T)
 * goes over each row several times. What is read again there is computed before, by a kernel that goes over x in tiles.
 */
import type { Graph, Node, Variable } from "../../trace/graph.ts";
import { sameShape, type Shape, sizeOf } from "../../trace/shape.ts";
import type { Classified } from "./classify.ts";
import { stridedView } from "./compose.ts";
import { mayRevisitRows } from "./group.ts";

/** What is smaller stays in the nearest cache. */
const LEAST_CROSSED = 1024;
/** How many operations before a reduction are looked at. */
const MOST_NODES = 32;

type Classes = ReadonlyMap<Node, Classified>;

/** Values that kernels of rows read from memory, because what they are made of is read across. */
export function findCrossedRows(
  graph: Graph,
  classes: Classes,
  materialized: ReadonlySet<Variable>,
  least: number = LEAST_CROSSED,
): Set<Variable> {
  const apart = new Set<Variable>();
  let consumers: ReadonlyMap<Variable, readonly Node[]> | null = null;
  for (const node of graph.nodes) {
    const { lowering } = classes.get(node)!;
    if (lowering.kind !== "reduce") continue;
    const domain = node.inputs[0].aval.shape;
    if (sizeOf(domain) < least || !mayRevisitRows(domain, lowering.axes)) continue;
    for (const { value, path } of readByMaps(node, domain, classes)) {
      if (materialized.has(value) || !isCrossed(value, classes, materialized)) continue;
      consumers ??= consumersOf(graph);
      const again = path.find((v) => isMapped(v, domain, consumers!, classes));
      if (again) apart.add(again);
    }
  }
  return apart;
}

interface Read {
  readonly value: Variable;
  /** From the reduction's input up to the value: what is computed on the way. */
  readonly path: readonly Variable[];
}

/** The views that a reduction reads, itself or through elementwise operations over its domain. */
function readByMaps(reduction: Node, domain: Shape, classes: Classes): Read[] {
  const reads: Read[] = [], seen = new Set<Variable>();
  const stack: Read[] = [{ value: reduction.inputs[0], path: [reduction.inputs[0]] }];
  while (stack.length > 0 && seen.size < MOST_NODES) {
    const { value, path } = stack.pop()!;
    if (seen.has(value) || value.node === null || !sameShape(value.aval.shape, domain)) continue;
    seen.add(value);
    const { lowering } = classes.get(value.node)!;
    if (lowering.kind === "index") reads.push({ value, path });
    else if (lowering.kind === "map" || lowering.kind === "cast") {
      for (const input of value.node.inputs) stack.push({ value: input, path: [...path, input] });
    }
  }
  return reads;
}

/** Whether neighbours along the last axis lie apart, and those along another one side by side. */
function isCrossed(value: Variable, classes: Classes, materialized: ReadonlySet<Variable>): boolean {
  const view = stridedView(value, classes, materialized);
  if (view === null) return false;
  const wide = view.position.coefficients.filter((_, axis) => value.aval.shape[axis] > 1);
  return wide.length > 1 && Math.abs(wide.at(-1)!) > 1 && wide.some((c) => Math.abs(c) === 1);
}

function consumersOf(graph: Graph): Map<Variable, Node[]> {
  const consumers = new Map<Variable, Node[]>();
  for (const node of graph.nodes) {
    for (const input of new Set(node.inputs)) {
      const list = consumers.get(input);
      if (list) list.push(node);
      else consumers.set(input, [node]);
    }
  }
  return consumers;
}

/** Whether a reduction is not alone in reading a value: an elementwise operation does, too. */
function isMapped(
  value: Variable,
  domain: Shape,
  consumers: ReadonlyMap<Variable, readonly Node[]>,
  classes: Classes,
): boolean {
  const readers = consumers.get(value) ?? [];
  return readers.length > 1 && readers.some((reader) => {
    const { kind } = classes.get(reader)!.lowering;
    return (kind === "map" || kind === "cast") && sameShape(reader.outputs[0].aval.shape, domain);
  });
}
