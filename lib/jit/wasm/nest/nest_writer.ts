/** The state of a nest while its function is written: pointers, coordinates, and what lanes stand for. */
import type { Nest } from "../../kernel/kernel.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import { argumentsOf, storeRoots } from "../../kernel/statements.ts";
import { closure, type NestPlan } from "./analysis.ts";
import { type LaneAddress, readLanes, readOne, writeLanes, writeOne } from "./lane_access.ts";
import { costOf } from "./scalar_ops.ts";
import { type Consumer, StatementEmitter, type StatementSource } from "./statement_emitter.ts";
import { type Site, type Stream, Streams } from "./streams.ts";
import type { LaneCount, ModuleContext, Value } from "./value.ts";

type Store = Nest["stores"][number];

/** Writes the points of a nest into its function; the sweeps decide which points and in what order. */
export class NestWriter implements StatementSource {
  readonly context: ModuleContext;
  readonly f: FunctionBuilder;
  readonly plan: NestPlan;
  readonly nest: Nest;
  readonly lanes: LaneCount;
  readonly streams: Streams;
  /** The local with the coordinate along each axis; -1 where nobody asks. */
  readonly coordinates: number[];
  /** Emits values of reductions; set by the sweeps. */
  emitReduced: (reduction: number) => void = () => {
    throw new Error("No reduction is finished yet.");
  };
  /** True in code that handles one element instead of a vector. */
  single = false;
  /** The point that is written lies this many steps further along an axis than the loops say. */
  shiftAxis = -1;
  shift = 0;
  readonly #loadSites: Map<number, Site> = new Map();
  readonly #storeSites: Site[];

  constructor(context: ModuleContext, f: FunctionBuilder, plan: NestPlan) {
    this.context = context;
    this.f = f;
    this.plan = plan;
    this.nest = plan.nest;
    this.lanes = plan.lanes;
    this.streams = new Streams(f, plan);
    plan.nest.statements.forEach((s, i) => {
      if (s.kind === "load") this.#loadSites.set(i, this.streams.site(s.operand, s.index, plan.depths[i]));
    });
    this.#storeSites = plan.nest.stores.map((store) =>
      this.streams.site(store.operand, store.index, this.#storeDepth(store))
    );
    const counted = new Set<number>();
    for (const s of plan.nest.statements) if (s.kind === "coordinate") counted.add(s.axis);
    this.coordinates = plan.nest.domain.map((_, axis) => counted.has(axis) ? f.local("i32") : -1);
  }

  #storeDepth(store: Store): number {
    return store.perRow && !this.plan.lanesAreRows ? 1 : this.plan.vectorDepth;
  }

  /** The streams that loads of the given statements and the stores use. */
  streamsOf(statements: Iterable<number>, stores: readonly Store[]): Set<Stream> {
    const streams = new Set<Stream>();
    for (const statement of statements) {
      const site = this.#loadSites.get(statement);
      if (site !== undefined) streams.add(site.stream);
    }
    for (const store of stores) streams.add(this.#storeSites[this.nest.stores.indexOf(store)].stream);
    return streams;
  }

  /** The statements that belong to a depth among those that `roots` need, in order. */
  statementsAt(roots: readonly number[], belongs: (depth: number) => boolean): number[] {
    const needed = closure(this.nest.statements, roots);
    const list: number[] = [];
    for (let i = 0; i < needed.length; i++) {
      if (needed[i] && belongs(this.plan.depths[i]) && this.nest.statements[i].kind !== "constant") {
        list.push(i);
      }
    }
    return list;
  }

  isUniform(statement: number): boolean {
    const { vectorAxis, dependences } = this.plan;
    return vectorAxis < 0 || (dependences[statement] >> vectorAxis & 1) === 0;
  }

  /** Rough number of instructions of some statements. */
  costOf(statements: readonly number[]): number {
    let cost = 0;
    for (const i of statements) {
      const s = this.nest.statements[i];
      if (s.kind === "op") cost += costOf(s.op) * (s.dtype === "float64" ? 1.5 : 1);
      else if (s.kind === "threefry") cost += 120;
      else if (s.kind === "load") cost += this.#loadCost(i);
      else cost += s.kind === "cast" ? 2 : 1;
    }
    return cost;
  }

  #loadCost(statement: number): number {
    const site = this.#loadSites.get(statement)!;
    const s = this.nest.statements[statement];
    const masked = s.kind === "load" && s.mask !== undefined;
    return (site.terms.length > 0 ? 10 : site.laneStride === 1 ? 1 : site.laneStride === 2 ? 3 : 6) +
      (masked ? 8 : 0);
  }

  emitter(): StatementEmitter {
    return new StatementEmitter(this.context, this.f, this.lanes, this.nest.statements, this);
  }

  load(emitter: StatementEmitter, statement: number): void {
    const s = this.nest.statements[statement];
    if (s.kind !== "load") throw new Error("Only loads are loaded.");
    const site = this.#loadSites.get(statement)!;
    const mask = s.mask === undefined ? null : emitter.value(s.mask);
    const read = this.isUniform(statement) || this.single ? readOne : readLanes;
    read(this, s.dtype, this.#address(emitter, site), mask, s.fill ?? 0);
  }

  coordinate(axis: number): void {
    const { f } = this;
    f.localGet(this.coordinates[axis]);
    if (axis === this.shiftAxis && this.shift !== 0) f.i32Const(this.shift).i32Add();
    f.i32x4Splat();
    if (axis !== this.plan.vectorAxis || this.single) return;
    const bytes = new Uint8Array(new Int32Array([0, 1, 2, 3]).buffer);
    const place = this.context.pool.v128(bytes);
    if (place >= 0) f.i32Const(place).v128Load();
    else f.v128Const(bytes);
    f.i32x4Add();
  }

  reduced(reduction: number): void {
    this.emitReduced(reduction);
  }

  /** Stores of a body, each after the last load, since a donated input may lie where an output goes. */
  storeConsumers(
    stores: readonly Store[],
    statements: readonly number[],
    emitter: StatementEmitter,
  ): Consumer[] {
    let after = -1;
    for (const i of statements) if (this.nest.statements[i].kind === "load") after = i;
    return stores.map((store) => ({
      reads: storeRoots(store),
      after,
      emit: () => this.store(emitter, store),
    }));
  }

  store(emitter: StatementEmitter, store: Store): void {
    const site = this.#storeSites[this.nest.stores.indexOf(store)];
    const mask = store.mask === undefined ? null : emitter.value(store.mask);
    const write = site.depth < this.plan.vectorDepth || this.single ? writeOne : writeLanes;
    const dtype = this.nest.operands[store.operand].dtype;
    write(this, dtype, this.#address(emitter, site), emitter.value(store.value), mask, store.mode === "add");
  }

  #address(emitter: StatementEmitter, site: Site): LaneAddress {
    const { f } = this;
    const { stream } = site;
    let offset = site.offset - stream.base;
    if (this.shiftAxis >= 0) offset += stream.strides[this.shiftAxis] * stream.bytes * this.shift;
    const laneTerms: { value: Value; bytes: number }[] = [];
    const sameTerms: { value: Value; bytes: number }[] = [];
    for (const term of site.terms) {
      const value = emitter.value(term.statement);
      (value.uniform ? sameTerms : laneTerms).push({ value, bytes: term.stride * stream.bytes });
    }
    const pushBase = (): number => {
      f.localGet(this.streams.pointer(stream, site.depth));
      for (const { value, bytes } of sameTerms) {
        if (value.local < 0) f.i32Const(value.constant * bytes).i32Add();
        else f.localGet(value.local).i32x4ExtractLane(0).i32Const(bytes).i32Mul().i32Add();
      }
      if (offset >= 0 && offset < 2 ** 30) return offset;
      f.i32Const(offset | 0).i32Add();
      return 0;
    };
    return { pushBase, laneStride: site.laneStride, laneTerms };
  }

  /** Pushes the address of a load at the point that is written; gives the constant offset still to be added. */
  pushLoadAddress(emitter: StatementEmitter, statement: number): number {
    return this.#address(emitter, this.#loadSites.get(statement)!).pushBase();
  }

  /** Adds the terms that are known at `depth` to the pointers of streams that wait for them there. */
  anchor(emitter: StatementEmitter, depth: number, streams: Iterable<Stream>): void {
    const { f } = this;
    for (const stream of streams) {
      if (stream.anchorDepth !== depth) continue;
      const above = this.streams.pointer(stream, depth);
      // Without a pointer of its own at this depth, the one above must stay as it is.
      const local = f.local("i32");
      f.localGet(above);
      for (const term of stream.terms) {
        const value = emitter.value(term.statement);
        if (value.local < 0) f.i32Const(value.constant);
        else f.localGet(value.local).i32x4ExtractLane(0);
        f.i32Const(term.stride * stream.bytes).i32Mul().i32Add();
      }
      f.localSet(local);
      this.#anchored.push({ stream, depth, previous: stream.pointers[depth] });
      stream.pointers[depth] = local;
    }
  }

  readonly #anchored: { stream: Stream; depth: number; previous: number }[] = [];

  /** Takes the pointers of `anchor` at `depth` away again. */
  unanchor(depth: number): void {
    for (let i = this.#anchored.length - 1; i >= 0; i--) {
      const { stream, depth: at, previous } = this.#anchored[i];
      if (at !== depth) continue;
      this.f.release(stream.pointers[depth]);
      stream.pointers[depth] = previous;
      this.#anchored.splice(i, 1);
    }
  }

  /** Statements outside of the vector loop that anchored streams need, beyond what is read directly. */
  termRoots(streams: Iterable<Stream>): number[] {
    const roots: number[] = [];
    for (const stream of streams) for (const term of stream.terms) roots.push(term.statement);
    return roots;
  }

  /** True when a statement reads nothing else. */
  isLeaf(statement: number): boolean {
    return argumentsOf(this.nest.statements[statement]).length === 0;
  }
}
