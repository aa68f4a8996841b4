/** Fusion: assigns map, reduce and contract nodes to groups, each of which becomes one kernel. */
import type { Graph, Node, Variable } from "../../trace/graph.ts";
import { sameShape, type Shape, sizeOf } from "../../trace/shape.ts";
import type { Classified } from "./classify.ts";
import { outputRanges } from "./build_contract.ts";
import { CONVOLUTION_RANGES } from "./build_epilogue.ts";
import { nodesInOrder } from "./order.ts";
import { OTHER, readsSamePoint, type Source, visitSources } from "./sources.ts";

/** Nodes computed by one kernel, over one domain. */
export interface Group {
  readonly index: number;
  readonly kind: "nest" | "contract" | "anchor";
  /** The shape all column members have: that of the maps, or of a reduction's input. */
  readonly domain: Shape;
  /** Reduced axes, once a reduction has joined. */
  axes: readonly number[] | null;
  readonly members: Node[];
  /** For each member: the pass its value belongs to, and whether it is a row value. */
  readonly level: Map<Node, number>;
  readonly rows: Set<Node>;
  /** For each member: the axes of the domain that its own axes run along. */
  readonly along: Map<Node, readonly number[]>;
  statements: number;
  /** Buffers the kernel binds, roughly. */
  operands: number;
  passes: number;
}

export interface GroupLimits {
  /** Statements per kernel: V8's compile time grows faster than a function's size, WGSL's with its square. */
  readonly statements: number;
  readonly operands: number;
  /** Whether the device has code for a routine, where it lacks some: the host evaluates the others. */
  readonly knowsRoutine?: (name: string) => boolean;
  /** What may be computed again in a later pass over a row, where memory is dearer or cheaper than on WebAssembly. */
  readonly recomputeCost?: number;
  /** Elements of the least value that is computed apart from the rows that would read across; 1024 if not given. */
  readonly leastCrossed?: number;
  /** Set where the device runs shaders of the user's. */
  readonly shaders?: boolean;
}

export interface GrouperOptions {
  /** Whether every member counts as an operand, as if all were stored: which are is known only when all groups are. */
  readonly storesAll?: boolean;
  /** Values that no member of their own group reads: they come from memory. */
  readonly apart?: ReadonlySet<Variable>;
}

/** Where a member stands in its group. */
interface Place {
  readonly level: number;
  readonly row: boolean;
  readonly along: readonly number[];
}

/** More passes over a row than this are not fused. */
const MAX_PASSES = 6;
/** Rows below this number are not worth a kernel that keeps them together, unless everything is small. */
const MIN_ROWS = 8;
const SMALL = 1 << 15;

export class Grouper {
  readonly groups: Group[] = [];
  readonly groupOf: Map<Node, Group> = new Map();
  readonly #classes: ReadonlyMap<Node, Classified>;
  readonly #materialized: ReadonlySet<Variable>;
  readonly #limits: GroupLimits;
  readonly #storesAll: boolean;
  readonly #apart: ReadonlySet<Variable>;
  /** The last open group over a domain. */
  readonly #lastOver: Map<string, Group> = new Map();

  constructor(
    classes: ReadonlyMap<Node, Classified>,
    materialized: ReadonlySet<Variable>,
    { storesAll = false, apart = new Set(), ...limits }: GroupLimits & GrouperOptions,
  ) {
    this.#classes = classes;
    this.#materialized = materialized;
    this.#limits = limits;
    this.#storesAll = storesAll;
    this.#apart = apart;
  }

  run(graph: Graph): void {
    for (const node of nodesInOrder(graph, this.#classes)) {
      const { role } = this.#classes.get(node)!;
      const stored = role === "virtual" && node.outputs.some((v) => this.#materialized.has(v));
      if (role === "virtual" && !stored) continue;
      if (role === "anchor") this.#open("anchor", node, node.outputs[0]?.aval.shape ?? []);
      else if (role === "contract") this.#open("contract", node, node.outputs[0].aval.shape);
      else if (role === "reduce") this.#placeReduce(node);
      else this.#placeMap(node);
    }
  }

  #open(kind: Group["kind"], node: Node, domain: Shape): Group {
    const group: Group = {
      index: this.groups.length,
      kind,
      domain,
      axes: null,
      members: [],
      level: new Map(),
      rows: new Set(),
      along: new Map(),
      statements: 0,
      operands: 0,
      passes: 1,
    };
    this.groups.push(group);
    const along = domain.map((_, axis) => axis);
    this.#add(
      group,
      node,
      { level: 0, row: false, along },
      kind === "anchor" ? 0 : this.#sources(node).length,
    );
    if (kind !== "anchor") this.#lastOver.set(domain.join(), group);
    return group;
  }

  #add(group: Group, node: Node, { level, row, along }: Place, reads: number): void {
    group.members.push(node);
    group.level.set(node, level);
    group.along.set(node, along);
    if (row) group.rows.add(node);
    group.statements += this.#classes.get(node)!.size;
    group.operands += reads;
    group.passes = Math.max(group.passes, level + 1);
    this.groupOf.set(node, group);
  }

  #sources(node: Node): Source[] {
    const sources: Source[] = [];
    visitSources(node, this.#classes, this.#materialized, (source) => sources.push(source));
    return sources;
  }

  #groupOfSource(source: Source): Group | undefined {
    return source.variable.node ? this.groupOf.get(source.variable.node) : undefined;
  }

  #newest(sources: readonly Source[]): Group | undefined {
    let newest: Group | undefined;
    for (const source of sources) {
      const group = this.#groupOfSource(source);
      if (group && (!newest || group.index > newest.index)) newest = group;
    }
    return newest;
  }

  #fits(group: Group, node: Node, reads: number): boolean {
    const stores = this.#storesAll ? group.members.length : 0;
    return group.statements + this.#classes.get(node)!.size <= this.#limits.statements &&
      group.operands + stores + reads + 1 <= this.#limits.operands;
  }

  #placeMap(node: Node): void {
    const sources = this.#sources(node);
    const shape = node.outputs[0].aval.shape;
    const newest = this.#newest(sources);
    const candidates = newest ? [newest] : [];
    const over = this.#lastOver.get(shape.join());
    // A later group over the same domain computes independent results side by side (all parameters of an optimiser).
    if (over && over !== newest && (!newest || over.index > newest.index)) candidates.push(over);
    for (const group of candidates) {
      if (!this.#fits(group, node, sources.length)) continue;
      const place = this.#columnPlace(group, node, shape, sources) ?? this.#rowPlace(group, shape, sources);
      if (place) return this.#add(group, node, place, this.#newReads(group, sources));
    }
    this.#open("nest", node, shape);
  }

  #newReads(group: Group, sources: readonly Source[]): number {
    return sources.filter((source) => this.#groupOfSource(source) !== group).length;
  }

  /** Where a column member over `shape` would stand in `group`, or null when it does not fit there. */
  #columnPlace(group: Group, node: Node, shape: Shape, sources: readonly Source[]): Place | null {
    if (group.kind === "anchor" || !sameShape(shape, group.domain)) return null;
    if (group.kind === "contract" && !this.#fitsEpilogue(group, node, sources)) return null;
    const along = shape.map((_, axis) => axis);
    let level = 0;
    for (const source of sources) {
      const producer = this.#groupOfSource(source);
      if (!producer) continue;
      if (producer.index > group.index) return null;
      if (producer !== group) continue;
      const member = source.variable.node!;
      if (this.#apart.has(source.variable)) return null;
      if (!readsSamePoint(source, along, group.along.get(member)!)) return null;
      const memberLevel = group.level.get(member)!;
      const row = group.rows.has(member);
      if (row && !mayRevisitRows(group.domain, group.axes!)) return null;
      level = Math.max(level, row ? memberLevel + 1 : memberLevel);
    }
    return level < MAX_PASSES ? { level, row: false, along } : null;
  }

  /** Where a row member over `shape` would stand: over the kept axes alone, or with 1 for the reduced ones. */
  #rowPlace(group: Group, shape: Shape, sources: readonly Source[]): Place | null {
    if (group.axes === null) return null;
    const kept = keptAxes(group);
    const withOnes = group.domain.map((size, axis) => kept.includes(axis) ? size : 1);
    let along: readonly number[];
    if (sameShape(shape, kept.map((axis) => group.domain[axis]))) along = kept;
    else if (sameShape(shape, withOnes)) along = withOnes.map((_, axis) => axis);
    else return null;
    let level = 0;
    for (const source of sources) {
      const producer = this.#groupOfSource(source);
      if (!producer) continue;
      if (producer.index > group.index) return null;
      if (producer !== group) continue;
      const member = source.variable.node!;
      if (!group.rows.has(member) || !readsSamePoint(source, along, group.along.get(member)!)) return null;
      level = Math.max(level, group.level.get(member)!);
    }
    return { level, row: true, along };
  }

  /**
   * Whether the epilogue of a contraction or convolution can read all sources: m and n may stand for several axes of
   * the output, so a source must have all axes of such a range, one behind the other, or none of them.
   */
  #fitsEpilogue(group: Group, node: Node, sources: readonly Source[]): boolean {
    if (!sources.some((source) => this.#groupOfSource(source) === group)) return false;
    const contract = group.members[0];
    const { lowering } = this.#classes.get(contract)!;
    const rank = group.domain.length;
    if (lowering.kind === "convolve" && !this.#fitsConvolution(contract, node)) return false;
    if (lowering.kind !== "convolve" && lowering.kind !== "contract") return false;
    const [batch, end] = lowering.kind === "convolve"
      ? CONVOLUTION_RANGES
      : outputRanges(lowering, contract.inputs[0].aval.shape.length, rank);
    for (const [from, to] of [[batch, end], [end, rank]]) {
      const wide: number[] = [];
      for (let axis = from; axis < to; axis++) if (group.domain[axis] !== 1) wide.push(axis);
      if (wide.length < 2) continue;
      if (usesCoordinates(node, this.#classes)) return false;
      for (const { map, variable } of sources) {
        if (map.includes(OTHER)) return false;
        const present = map.filter((axis, i) => variable.aval.shape[i] !== 1 && wide.includes(axis));
        if (present.length === 0) continue;
        if (present.length !== wide.length || present.some((axis, i) => axis !== wide[i])) return false;
      }
    }
    return true;
  }

  /** Convolutions have no other form for what vectors of their type cannot do. */
  #fitsConvolution(convolution: Node, node: Node): boolean {
    if (usesCoordinates(node, this.#classes)) return false;
    return convolution.outputs[0].aval.dtype === "float64" || !computesWide(node, this.#classes);
  }

  #placeReduce(node: Node): void {
    const lowering = this.#classes.get(node)!.lowering;
    const axes = (lowering as { axes: readonly number[] }).axes;
    const domain = node.inputs[0].aval.shape;
    const sources = this.#sources(node);
    const newest = this.#newest(sources);
    const candidates = newest ? [newest] : [];
    const over = this.#lastOver.get(domain.join());
    if (over && over !== newest && (!newest || over.index > newest.index)) candidates.push(over);
    for (const group of candidates) {
      if (group.kind !== "nest" || !this.#fits(group, node, sources.length)) continue;
      if (group.axes !== null && !sameShape(group.axes, axes)) continue;
      const place = this.#columnPlace(group, node, domain, sources);
      if (!place) continue;
      group.axes = axes;
      const along = keptAxes(group);
      return this.#add(group, node, { level: place.level, row: true, along }, this.#newReads(group, sources));
    }
    const group = this.#open("nest", node, domain);
    group.axes = axes;
    group.rows.add(node);
    group.along.set(node, keptAxes(group));
  }
}

/** Whether a second pass over the rows is worth keeping them together: contiguous rows, and enough of them. */
export function mayRevisitRows(domain: Shape, axes: readonly number[]): boolean {
  const rank = domain.length;
  if (!axes.every((axis, i) => axis === rank - axes.length + i)) return false;
  const rows = sizeOf(domain.slice(0, rank - axes.length));
  return rows >= MIN_ROWS || sizeOf(domain) <= SMALL;
}

/** The axes of a group's domain that its reductions keep. */
export function keptAxes(group: Pick<Group, "domain" | "axes">): number[] {
  const reduced = new Set(group.axes ?? []);
  return group.domain.map((_, i) => i).filter((axis) => !reduced.has(axis));
}

/** True when a node, or what is virtual below it, computes with coordinates rather than reading elements in place. */
function usesCoordinates(node: Node, classes: ReadonlyMap<Node, Classified>): boolean {
  return someBelow(node, classes, (current) => {
    const { lowering } = classes.get(current)!;
    if (lowering.kind === "iota" || lowering.kind === "gather" || lowering.kind === "dynamicSlice") {
      return true;
    }
    return lowering.kind === "index" && lowering.map.fill !== undefined;
  });
}

/** True when a node, or what is virtual below it, reads or computes float64. */
function computesWide(node: Node, classes: ReadonlyMap<Node, Classified>): boolean {
  return someBelow(
    node,
    classes,
    (current) => [...current.inputs, ...current.outputs].some(({ aval }) => aval.dtype === "float64"),
  );
}

/** Whether something holds for a node or for what is virtual below it. */
function someBelow(
  node: Node,
  classes: ReadonlyMap<Node, Classified>,
  holds: (node: Node) => boolean,
): boolean {
  const stack = [node];
  while (stack.length > 0) {
    const current = stack.pop()!;
    if (holds(current)) return true;
    for (const { node: below } of current.inputs) {
      if (below && classes.get(below)!.role === "virtual") stack.push(below);
    }
  }
  return false;
}
