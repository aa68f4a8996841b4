/**
 * What becomes of each node: computed inside its consumers ("virtual"), a member of a fused group, or a step of its
 * own. Also what each costs, so that nothing expensive is computed twice.
 */
import type { Graph, Node, Variable } from "../../trace/graph.ts";
import type { IndexMap, Lowering } from "../../trace/lowering.ts";
import { sizeOf } from "../../trace/shape.ts";

/** How a node takes part in scheduling. */
export type Role =
  /** Has no kernel of its own: its consumers compute or address it in place. */
  | "virtual"
  /** Elementwise or gathering: a member of a group over its shape. */
  | "map"
  | "reduce"
  | "contract"
  /** A step of its own on whole buffers. */
  | "anchor";

export interface Classified {
  readonly lowering: Lowering;
  role: Role;
  /** Rough operations per element, counting what is virtual below it. */
  readonly cost: number;
  /** Statements its virtual expression takes. */
  readonly size: number;
}

/** A scalar expression of at most this many statements is computed in each kernel that uses it. */
const VIRTUAL_SCALAR_SIZE = 12;
/** An expression of at most this cost may be computed again in a later pass rather than kept in memory. */
export const RECOMPUTE_COST = 8;
const VIRTUAL_VIEW_SIZE = 48;

const COST: { readonly [op: string]: number } = {
  div: 4,
  sqrt: 4,
  rsqrt: 5,
  reciprocal: 4,
  floorDiv: 6,
  mod: 6,
  exp: 12,
  exp2: 12,
  expm1: 16,
  log: 14,
  log2: 14,
  log10: 14,
  log1p: 16,
  sin: 14,
  cos: 14,
  tan: 20,
  tanh: 18,
  sigmoid: 16,
  pow: 40,
  erf: 24,
  erfc: 30,
  lgamma: 60,
  digamma: 60,
  erfinv: 40,
};

function ownCost(lowering: Lowering): number {
  switch (lowering.kind) {
    case "map":
      return COST[lowering.op] ?? (/^a?(sin|cos|tan)h?2?$/.test(lowering.op) ? 24 : 1);
    case "threefry":
      return 100;
    case "gather":
    case "dynamicSlice":
      return 2;
    case "cast":
      return 1;
    default:
      return 0;
  }
}

/** True when an index map reads some element more than once. */
function expands(map: IndexMap, node: Node): boolean {
  const shape = node.outputs[0].aval.shape;
  for (let d = 0; d < shape.length; d++) {
    if (shape[d] > 1 && (map.axis[d] < 0 || map.step[d] === 0)) return true;
  }
  const feeding = new Set<number>();
  for (let d = 0; d < shape.length; d++) {
    if (shape[d] === 1 || map.axis[d] < 0) continue;
    if (feeding.has(map.axis[d])) return true;
    feeding.add(map.axis[d]);
  }
  return false;
}

/** Assigns every node its role. */
export function classify(graph: Graph, uses: ReadonlyMap<Variable, number>): Map<Node, Classified> {
  const classes = new Map<Node, Classified>();
  for (const node of graph.nodes) {
    const lowering = node.primitive.lower(
      node.params,
      node.inputs.map((v) => v.aval),
      node.outputs.map((v) => v.aval),
    );
    let cost = ownCost(lowering), size = 1;
    for (const input of node.inputs) {
      const below = input.node && classes.get(input.node);
      if (below?.role === "virtual") {
        cost += below.cost;
        size += below.size;
      }
    }
    classes.set(node, { lowering, role: roleOf(node, lowering, size), cost, size });
  }
  inlineBehindViews(graph, classes, uses);
  inlineLeaves(graph, classes, uses);
  return classes;
}

function roleOf(node: Node, lowering: Lowering, size: number): Role {
  switch (lowering.kind) {
    case "constant":
    case "iota":
    case "index":
    case "reshape":
    case "barrier":
      return "virtual";
    case "map":
    case "cast":
    case "bitcast":
      return sizeOf(node.outputs[0].aval.shape) === 1 && size <= VIRTUAL_SCALAR_SIZE ? "virtual" : "map";
    case "threefry":
    case "gather":
    case "dynamicSlice":
      return "map";
    case "reduce":
      return "reduce";
    case "contract":
      return "contract";
    default:
      return "anchor";
  }
}

/**
 * A map used once, by a view that reads each element at most once, is computed behind the view: transpose(x * y)
 * needs no buffer for x * y.
 */
function inlineBehindViews(
  graph: Graph,
  classes: Map<Node, Classified>,
  uses: ReadonlyMap<Variable, number>,
): void {
  for (const node of graph.nodes) {
    const own = classes.get(node)!;
    if (own.lowering.kind !== "index" && own.lowering.kind !== "reshape") continue;
    if (uses.get(node.outputs[0]) !== 1) continue;
    if (own.lowering.kind === "index" && expands(own.lowering.map, node)) continue;
    if (own.lowering.kind === "reshape" && !splitsOnly(node)) continue;
    const input = node.inputs[0];
    const producer = input.node && classes.get(input.node);
    if (!producer || producer.role !== "map" || input.node!.outputs.length !== 1) continue;
    if (uses.get(input) !== 1 || producer.size > VIRTUAL_VIEW_SIZE) continue;
    producer.role = "virtual";
  }
}

/** A map of graph inputs alone of at most this size joins whoever uses it. */
const LEAF_SIZE = 12;

/**
 * A map of graph inputs alone, used once by an elementwise operation over the same elements, has no place of its own
 * in the order of kernels: it is computed where it is used (the decayed moments of an optimiser, in the kernel of the
 * gradient).
 */
function inlineLeaves(
  graph: Graph,
  classes: Map<Node, Classified>,
  uses: ReadonlyMap<Variable, number>,
): void {
  const leaves = new Set<Node>();
  const outputs = new Set(graph.outputs);
  for (const node of graph.nodes) {
    const own = classes.get(node)!;
    for (const input of node.inputs) {
      const producer = input.node;
      if (!producer || !leaves.has(producer) || uses.get(input) !== 1 || outputs.has(input)) continue;
      const elementwise = own.lowering.kind === "map" || own.lowering.kind === "cast";
      if (elementwise && sizeOf(node.outputs[0].aval.shape) === sizeOf(input.aval.shape)) {
        classes.get(producer)!.role = "virtual";
      }
    }
    if (own.role !== "map" || own.size > LEAF_SIZE || own.lowering.kind === "threefry") continue;
    const ofInputs = node.inputs.every(({ node: below }) =>
      !below || leaves.has(below) || classes.get(below)!.role === "virtual" && ofGraphInputs(below, classes)
    );
    if (ofInputs) leaves.add(node);
  }
}

/** True when nothing below a virtual node has a kernel of its own. Virtual expressions are small. */
function ofGraphInputs(node: Node, classes: ReadonlyMap<Node, Classified>): boolean {
  const stack = [node];
  for (let i = 0; i < stack.length && i < 64; i++) {
    for (const { node: below } of stack[i].inputs) {
      if (!below) continue;
      if (classes.get(below)!.role !== "virtual") return false;
      stack.push(below);
    }
  }
  return stack.length <= 64;
}

/** True when every input axis of a reshape is a product of whole output axes, so that coordinates stay linear. */
export function splitsOnly(node: Node): boolean {
  return splitGroups(node.inputs[0].aval.shape, node.outputs[0].aval.shape) !== null;
}

/**
 * For each axis of `from`, the range [begin, end) of axes of `to` whose product it is; null when some axis of `to`
 * would have to be taken apart.
 */
export function splitGroups(
  from: readonly number[],
  to: readonly number[],
): (readonly [number, number])[] | null {
  const groups: [number, number][] = [];
  let next = 0;
  for (const size of from) {
    const begin = next;
    let product = 1;
    while (next < to.length && product < size) product *= to[next++];
    if (product !== size) return null;
    groups.push([begin, next]);
  }
  while (next < to.length) if (to[next++] !== 1) return null;
  return groups;
}
