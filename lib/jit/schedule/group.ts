/** Fusion: assigns map, reduce and contract nodes to groups, each of which becomes one kernel. */
import type { Graph, Node, Variable } from "../../trace/graph.ts";
import { sameShape, type Shape, sizeOf } from "../../trace/shape.ts";
import type { Classified } from "./classify.ts";
import { outputRanges } from "./build_contract.ts";
import { OTHER, readsInPlace, readsRow, type Source, visitSources } from "./sources.ts";

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
  statements: number;
  /** Buffers the kernel binds, roughly. */
  operands: number;
  passes: number;
}

export interface GroupLimits {
  /** Statements per kernel: V8's compile time grows faster than a function's size, WGSL's with its square. */
  readonly statements: number;
  readonly operands: number;
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
  /** The last open group over a domain. */
  readonly #lastOver: Map<string, Group> = new Map();

  constructor(
    classes: ReadonlyMap<Node, Classified>,
    materialized: ReadonlySet<Variable>,
    limits: GroupLimits,
  ) {
    this.#classes = classes;
    this.#materialized = materialized;
    this.#limits = limits;
  }

  run(graph: Graph): void {
    for (const node of graph.nodes) {
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
      statements: 0,
      operands: 0,
      passes: 1,
    };
    this.groups.push(group);
    this.#add(group, node, 0, false, kind === "anchor" ? 0 : this.#sources(node).length);
    if (kind !== "anchor") this.#lastOver.set(domain.join(), group);
    return group;
  }

  #add(group: Group, node: Node, level: number, row: boolean, reads: number): void {
    group.members.push(node);
    group.level.set(node, level);
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
    return group.statements + this.#classes.get(node)!.size <= this.#limits.statements &&
      group.operands + reads + 1 <= this.#limits.operands;
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
      const level = this.#columnLevel(group, node, shape, sources);
      if (level >= 0) return this.#add(group, node, level, false, this.#newReads(group, sources));
      const rowLevel = this.#rowLevel(group, shape, sources);
      if (rowLevel >= 0) return this.#add(group, node, rowLevel, true, this.#newReads(group, sources));
    }
    this.#open("nest", node, shape);
  }

  #newReads(group: Group, sources: readonly Source[]): number {
    return sources.filter((source) => this.#groupOfSource(source) !== group).length;
  }

  /** The pass a column member over `shape` would have in `group`, or -1 when it does not fit there. */
  #columnLevel(group: Group, node: Node, shape: Shape, sources: readonly Source[]): number {
    if (group.kind === "anchor" || !sameShape(shape, group.domain)) return -1;
    let level = 0;
    if (group.kind === "contract" && !this.#fitsEpilogue(group, node, sources)) return -1;
    for (const source of sources) {
      const producer = this.#groupOfSource(source);
      if (!producer) continue;
      if (producer.index > group.index) return -1;
      if (producer !== group) continue;
      const member = source.variable.node!;
      const memberLevel = group.level.get(member)!;
      if (group.rows.has(member)) {
        if (!this.#mayRevisit(group) || !readsRow(source, group.domain, keptAxes(group))) return -1;
        level = Math.max(level, memberLevel + 1);
      } else {
        if (!readsInPlace(source, group.domain)) return -1;
        level = Math.max(level, memberLevel);
      }
    }
    return level < MAX_PASSES ? level : -1;
  }

  /**
   * Whether the epilogue of a contraction can read all sources: m and n may stand for several axes of the output,
   * so a source must have all axes of such a range, one behind the other, or none of them.
   */
  #fitsEpilogue(group: Group, node: Node, sources: readonly Source[]): boolean {
    if (!sources.some((source) => this.#groupOfSource(source) === group)) return false;
    const contract = group.members[0];
    const { lowering } = this.#classes.get(contract)!;
    if (lowering.kind !== "contract") return false;
    const rank = group.domain.length;
    const [batch, end] = outputRanges(lowering, contract.inputs[0].aval.shape.length, rank);
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

  /** The pass after which a row member over `shape` would be computed, or -1. */
  #rowLevel(group: Group, shape: Shape, sources: readonly Source[]): number {
    if (group.axes === null) return -1;
    const kept = keptAxes(group).map((axis) => group.domain[axis]);
    if (!sameShape(shape, kept)) return -1;
    let level = 0;
    for (const source of sources) {
      const producer = this.#groupOfSource(source);
      if (!producer) continue;
      if (producer.index > group.index) return -1;
      if (producer !== group) continue;
      const member = source.variable.node!;
      if (!group.rows.has(member) || !readsInPlace(source, kept)) return -1;
      level = Math.max(level, group.level.get(member)!);
    }
    return level;
  }

  /** Whether a second pass over the rows is worth keeping them together: contiguous rows, and enough of them. */
  #mayRevisit(group: Group): boolean {
    const axes = group.axes!;
    const rank = group.domain.length;
    if (!axes.every((axis, i) => axis === rank - axes.length + i)) return false;
    const rows = sizeOf(group.domain.slice(0, rank - axes.length));
    return rows >= MIN_ROWS || sizeOf(group.domain) <= SMALL;
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
      const level = this.#columnLevel(group, node, domain, sources);
      if (level < 0) continue;
      group.axes = axes;
      return this.#add(group, node, level, true, this.#newReads(group, sources));
    }
    const group = this.#open("nest", node, domain);
    group.axes = axes;
    group.rows.add(node);
  }
}

/** The axes of a group's domain that its reductions keep. */
export function keptAxes(group: Pick<Group, "domain" | "axes">): number[] {
  const reduced = new Set(group.axes ?? []);
  return group.domain.map((_, i) => i).filter((axis) => !reduced.has(axis));
}

/** True when a node, or what is virtual below it, computes with coordinates rather than reading elements in place. */
function usesCoordinates(node: Node, classes: ReadonlyMap<Node, Classified>): boolean {
  const stack = [node];
  while (stack.length > 0) {
    const current = stack.pop()!;
    const { lowering } = classes.get(current)!;
    if (lowering.kind === "iota" || lowering.kind === "gather" || lowering.kind === "dynamicSlice") {
      return true;
    }
    if (lowering.kind === "index" && lowering.map.fill !== undefined) return true;
    for (const { node: below } of current.inputs) {
      if (below && classes.get(below)!.role === "virtual") stack.push(below);
    }
  }
  return false;
}
