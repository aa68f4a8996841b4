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
  /** A product or a convolution: the head of a group. */
  | "contract"
  /** A step of its own on whole buffers. */
  | "anchor";

export interface Classified {
  readonly lowering: Lowering;
  role: Role;
  /** Rough operations per element, counting what is virtual below it. */
  cost: number;
  /** Statements its virtual expression takes. */
  size: number;
}

/** A scalar expression of at most this many statements and this cost is computed in each kernel that uses it. */
const VIRTUAL_SCALAR_SIZE = 12;
const VIRTUAL_SCALAR_COST = 8;
/** An expression of at most this cost may be computed again in a later pass rather than kept in memory. */
export const RECOMPUTE_COST = 8;
/** A map of at most this size is computed behind a view. */
const VIRTUAL_VIEW_SIZE = 48;
/** A map of graph inputs alone of at most this size joins whoever uses it. */
const LEAF_SIZE = 12;

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
  erfcx: 50,
  i0: 60,
  i1: 60,
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

/**
 * Assigns every node its role. Besides what has no kernel by its nature (constants, views, small scalar work), two
 * kinds of maps that are used once are computed inside their consumer:
 *
 * - by a view that reads each element at most once, or a concatenation: transpose(x * y) needs no buffer for x * y,
 *   and neither does what x and y alone were computed from;
 * - by an elementwise operation over the same elements, when they read graph inputs alone: they have no place of
 *   their own in the order of kernels, and join whoever uses them (the decayed moments of an optimiser, the kernel
 *   of the gradient).
 */
export function classify(graph: Graph, uses: ReadonlyMap<Variable, number>): Map<Node, Classified> {
  const classes = new Map<Node, Classified>();
  const outputs = new Set(graph.outputs);
  const ofInputs = new Set<Node>();
  for (const node of graph.nodes) {
    const lowering = node.primitive.lower(
      node.params,
      node.inputs.map((v) => v.aval),
      node.outputs.map((v) => v.aval),
    );
    let cost = ownCost(lowering), size = 1, inputsOnly = true;
    for (const input of node.inputs) {
      const below = input.node && classes.get(input.node);
      if (!below) continue;
      if (
        below.role === "map" && uses.get(input) === 1 && !outputs.has(input) &&
        input.node!.outputs.length === 1
      ) {
        if (readsOnce(node, lowering) && below.size <= VIRTUAL_VIEW_SIZE) {
          below.role = "virtual";
          const [whole] = node.outputs;
          if (lowering.kind === "concat" || uses.get(whole) === 1 || outputs.has(whole)) {
            absorb(input.node!, classes, uses, outputs);
          }
        } else if (inlinesInto(node, lowering, input, below, ofInputs)) below.role = "virtual";
      }
      if (below.role === "virtual") {
        cost += below.cost;
        size += below.size;
      }
      inputsOnly &&= below.role === "virtual" && ofInputs.has(input.node!);
    }
    classes.set(node, { lowering, role: roleOf(node, lowering, size, cost), cost, size });
    if (inputsOnly && lowering.kind !== "threefry") ofInputs.add(node);
  }
  return classes;
}

/** Whether a node takes each element of its inputs to at most one place, and computes nothing. */
function readsOnce(node: Node, lowering: Lowering): boolean {
  if (lowering.kind === "index") return !expands(lowering.map, node);
  return lowering.kind === "concat" || (lowering.kind === "reshape" && splitsOnly(node));
}

/** Makes virtual what a virtual map alone uses, element by element, as long as the whole stays small. */
function absorb(
  top: Node,
  classes: ReadonlyMap<Node, Classified>,
  uses: ReadonlyMap<Variable, number>,
  outputs: ReadonlySet<Variable>,
): void {
  const whole = classes.get(top)!;
  const size = sizeOf(top.outputs[0].aval.shape);
  const stack = [top];
  while (stack.length > 0) {
    for (const input of stack.pop()!.inputs) {
      const below = input.node && classes.get(input.node);
      if (!below || below.role !== "map" || input.node!.outputs.length > 1) continue;
      if (uses.get(input) !== 1 || outputs.has(input) || sizeOf(input.aval.shape) !== size) continue;
      if (whole.size + below.size > VIRTUAL_VIEW_SIZE) continue;
      below.role = "virtual";
      whole.size += below.size;
      whole.cost += below.cost;
      stack.push(input.node!);
    }
  }
}

/** Whether a map used only by `node` is computed inside it. */
function inlinesInto(
  node: Node,
  lowering: Lowering,
  input: Variable,
  below: Classified,
  ofInputs: ReadonlySet<Node>,
): boolean {
  const elementwise = lowering.kind === "map" || lowering.kind === "cast";
  if (sizeOf(input.aval.shape) === 1 && below.cost > VIRTUAL_SCALAR_COST) return false;
  return elementwise && below.size <= LEAF_SIZE && ofInputs.has(input.node!) &&
    sizeOf(node.outputs[0].aval.shape) === sizeOf(input.aval.shape);
}

function roleOf(node: Node, lowering: Lowering, size: number, cost: number): Role {
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
      if (sizeOf(node.outputs[0].aval.shape) !== 1) return "map";
      return size <= VIRTUAL_SCALAR_SIZE && cost <= VIRTUAL_SCALAR_COST ? "virtual" : "map";
    case "threefry":
    case "gather":
    case "dynamicSlice":
      return "map";
    case "reduce":
      return "reduce";
    case "contract":
    case "convolve":
      return "contract";
    default:
      return "anchor";
  }
}

/** True when every input axis of a reshape is a product of whole output axes, so that coordinates stay linear. */
function splitsOnly(node: Node): boolean {
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
