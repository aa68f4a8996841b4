/** The text of one dispatch of a nest. */
import type { Nest, Reduction, Store } from "../../kernel/kernel.ts";
import { Access } from "../access.ts";
import { type Place, storedBits } from "../place.ts";
import type { Dispatch } from "../plan.ts";
import { Shader } from "../shader.ts";
import { MAX_WORKGROUPS, type Tuning } from "../tuning.ts";
import { coordinatesOf } from "./axes.ts";
import { join, resultOf, type State, wantsBlocks } from "./combine.ts";
import { declareLanes, foldLanes, joinLanes, rowValues } from "./lane_states.ts";
import { isVectorIndex, type LaneChoice } from "./lanes.ts";
import {
  type ChunkMode,
  type Chunks,
  type NestMode,
  readFinished,
  reductionsOf,
  storesOf,
  writeFinished,
  writePartial,
} from "./nest_chunks.ts";
import { type NestAxes, nestAxes } from "./nest_axes.ts";
import { slotUses, textureWidths } from "./slot_uses.ts";
import { combineThreads, declareShared, type ThreadCounts } from "./workgroup.ts";
import { groupsFor } from "./groups.ts";
import { storeRoots } from "../../kernel/statements.ts";
import { closure, type StatementContext, StatementWriter } from "./statements.ts";
import { entryPoint } from "./unit_dispatch.ts";

/** A nest, and how one dispatch does its work or a part of it. */
export interface NestOptions {
  readonly kernel: Nest;
  readonly places: readonly Place[];
  readonly tuning: Tuning;
  readonly lanes: LaneChoice;
  readonly mode: NestMode;
  /** Rows, or groups of four of them. */
  readonly rowGroups: number;
}

/** The dispatch of a nest. */
export function writeNest(options: NestOptions): Dispatch {
  return new NestShader(options).write();
}

/** Columns that are summed before they join the sum. */
const BLOCK = 256;

/** Writes the code of a nest: into a shader of its own, or inside of another. */
export class NestShader {
  readonly #kernel: Nest;
  readonly #places: readonly Place[];
  readonly #mode: NestMode;
  readonly #tuning: Tuning;
  readonly #lanes: LaneChoice;
  readonly #rowGroups: number;
  readonly #axes: NestAxes;
  readonly #shader: Shader;
  readonly #access: Access;
  readonly #coordinates: (string | null)[];
  readonly #vectors: ReadonlySet<number>;
  /** Results of reductions by number, one per lane where lanes are rows. */
  readonly #results: Map<number, readonly string[]> = new Map();
  readonly #rowWriter: StatementWriter;
  #row = "";

  constructor(options: NestOptions, outer?: { readonly shader: Shader; readonly access: Access }) {
    this.#shader = outer?.shader ?? new Shader();
    const { kernel, places, tuning, mode, rowGroups } = options;
    this.#kernel = kernel;
    this.#places = places;
    this.#mode = mode;
    this.#tuning = tuning;
    // Combining chunks goes row by row.
    const lanes = mode.kind === "finish" ? { axis: -1, count: 1 as const, overrun: false } : options.lanes;
    this.#lanes = lanes;
    this.#axes = nestAxes(kernel, lanes);
    this.#rowGroups = mode.kind === "finish" ? this.#axes.rows : rowGroups;
    this.#coordinates = kernel.domain.map(() => null);

    if (outer) {
      this.#vectors = new Set();
      this.#access = outer.access;
      this.#rowWriter = new StatementWriter(this.#context());
      return;
    }
    const { statements } = kernel;
    const ids = closure(statements, this.#roots());
    const used = new Set<number>(storesOf(this.#kernel, this.#mode).map((store) => store.operand));
    for (const id of ids) {
      const s = statements[id];
      if (s.kind === "load") used.add(s.operand);
    }
    const uses = slotUses({ kernel, places, lanes, ids, stores: storesOf(this.#kernel, this.#mode) });
    this.#vectors = new Set(
      [...used].filter((operand) => uses.get(places[operand].slot)?.vector ?? false),
    );
    this.#access = new Access(
      this.#shader,
      kernel.operands,
      places,
      used,
      (slot) => uses.get(slot) ?? { vector: false, atomic: false },
      mode.kind !== "whole",
      textureWidths(kernel, places, ids, (operand) => this.#vectors.has(operand) ? 4 : 1),
    );
    this.#rowWriter = new StatementWriter(this.#context());
  }

  #context(): StatementContext {
    return {
      shader: this.#shader,
      access: this.#access,
      statements: this.#kernel.statements,
      lanes: this.#lanes,
      varying: this.#axes.varying,
      coordinate: (axis) => this.#coordinates[axis],
      reduced: (reduction, lane) => {
        const results = this.#results.get(reduction);
        if (!results) throw new Error("A reduction was used before it was finished.");
        return results[Math.min(lane, results.length - 1)];
      },
      isVector: (operand, index) => this.#isVector(operand, index),
    };
  }

  #isVector(operand: number, index: Store["index"]): boolean {
    if (this.#lanes.count === 1 || !isVectorIndex(index, this.#places[operand], this.#lanes.axis)) {
      return false;
    }
    return this.#vectors.has(operand) || storedBits(this.#kernel.operands[operand].dtype) < 32;
  }

  #roots(): number[] {
    return [
      ...storesOf(this.#kernel, this.#mode).flatMap(storeRoots),
      ...reductionsOf(this.#kernel, this.#mode).flatMap((r) =>
        r.position === undefined ? [r.value] : [r.value, r.position]
      ),
    ];
  }

  get #threads(): number {
    return this.#mode.threads;
  }

  get #counts(): ThreadCounts {
    return { threads: this.#threads, lanes: Math.min(this.#threads, this.#tuning.rowLanes) };
  }

  /** Writes all rows, which the threads of the shader around it share. */
  writeInside(threads: number): void {
    this.#shader.block(`for (var unit = thread; unit < ${this.#rowGroups}u; unit += ${threads}u)`, () => {
      this.#row = "unit";
      this.#writeRowCoordinates();
      this.#whole();
    });
  }

  write(): Dispatch {
    const shader = this.#shader;
    const mode = this.#mode;
    this.#access.declare();
    const loops = this.#kernel.domain.length > this.#kernel.rowRank || mode.kind === "finish";
    const threads = this.#threads;
    const size = threads > 1 ? threads : loops ? this.#tuning.rowThreads : this.#tuning.mapThreads;
    const units = this.#rowGroups * (mode.kind === "partial" ? mode.chunks : 1);
    const groups = threads > 1 ? groupsFor(units, 1) : groupsFor(units, size);
    if (threads > 1) declareShared(shader, this.#kernel.reductions, this.#counts);

    const group = `(group.x + group.y * ${MAX_WORKGROUPS}u)`;
    shader.line(threads > 1 ? `let unit = ${group};` : `let unit = ${group} * ${size}u + thread;`);
    shader.line(`if (unit >= ${units}u) { return; }`);
    if (mode.kind === "partial") {
      shader.line(`let row = unit / ${mode.chunks}u;`);
      shader.line(`let chunk = unit % ${mode.chunks}u;`);
      this.#row = "row";
    } else this.#row = "unit";
    this.#writeRowCoordinates();
    if (mode.kind === "finish") this.#finish(mode);
    else if (mode.kind === "partial") this.#partial(mode);
    else this.#whole();

    const { reductions, passes } = this.#kernel;
    const sort = reductions.length === 0 ? "map" : passes === 1 ? "reduce" : "row";
    const label = mode.kind === "whole" ? sort : `${sort} ${mode.kind} ${mode.pass}`;
    return {
      label,
      code: shader.text(entryPoint(size)),
      bindings: this.#access.bindings,
      groups,
      offsets: this.#access.parameters,
      constants: [],
    };
  }

  #writeRowCoordinates(): void {
    const { domain, rowRank } = this.#kernel;
    const extents = domain.slice(0, rowRank);
    if (this.#axes.alongRows) extents[rowRank - 1] = Math.ceil(extents[rowRank - 1] / 4);
    const names = coordinatesOf(extents, this.#row, (value, axis) => {
      const scaled = this.#axes.alongRows && axis === rowRank - 1 ? `${value} * 4` : value;
      return this.#shader.let(scaled, "x");
    });
    names.forEach((name, axis) => this.#coordinates[axis] = name);
  }

  #whole(): void {
    for (let pass = 0; pass < this.#kernel.passes; pass++) {
      const states = this.#pass(pass, "", `${this.#axes.columns}u`);
      for (const [reduction, lanes] of states) {
        const result = this.#threads > 1
          ? [resultOf(combineThreads(this.#shader, reduction, lanes[0], this.#counts))]
          : lanes.map(resultOf);
        this.#results.set(this.#kernel.reductions.indexOf(reduction), rowValues(reduction, result));
      }
      this.#rowStores(pass);
    }
  }

  #rowStores(pass: number): void {
    const stores = storesOf(this.#kernel, this.#mode).filter((s) => s.perRow && s.pass === pass);
    if (stores.length === 0) return;
    const shader = this.#shader;
    const write = () => {
      const writer = this.#rowWriter;
      writer.write(closure(this.#kernel.statements, stores.flatMap(storeRoots)));
      for (const store of stores) writer.store(store, this.#axes.alongRows);
    };
    if (this.#threads === 1) return write();
    // Values that later passes use must be known to all threads.
    this.#rowWriter.write(closure(this.#kernel.statements, stores.flatMap(storeRoots)));
    shader.block("if (thread == 0u)", () => {
      for (const store of stores) this.#rowWriter.store(store, false);
    });
  }

  /** Goes over the columns from `start` (from the first on where it is empty) to `end` and gives the states of the pass's reductions. */
  #pass(pass: number, start: string, end: string): Map<Reduction, State[]> {
    const { statements, domain, rowRank } = this.#kernel;
    const shader = this.#shader;
    const stores = storesOf(this.#kernel, this.#mode).filter((s) => !s.perRow && s.pass === pass);
    const reductions = reductionsOf(this.#kernel, this.#mode).filter((r) => r.pass === pass);
    const states = new Map<Reduction, State[]>();
    const roots = [
      ...stores.flatMap(storeRoots),
      ...reductions.flatMap((r) => r.position === undefined ? [r.value] : [r.value, r.position]),
    ];
    if (roots.length === 0) return states;
    const ids = closure(statements, roots);
    this.#rowWriter.write(ids.filter((id) => !this.#axes.ofColumn[id]));
    if (domain.length === rowRank) {
      this.#point(stores, reductions, states, ids);
      return states;
    }
    for (const r of reductions) states.set(r, declareLanes(this.#shader, r, this.#axes.spread));
    if (this.#axes.columns === 0) return states;
    const vectors = this.#axes.alongColumns && domain[domain.length - 1] % 4 !== 0;
    if (vectors && domain.length - rowRank > 1) {
      throw new Error("Groups of four do not fit several column axes.");
    }
    const step = this.#axes.columnStep * this.#threads;
    const body = (writer: StatementWriter, into: Map<Reduction, State[]>) => {
      writer.write(ids.filter((id) => this.#axes.ofColumn[id]));
      joinLanes(this.#shader, writer, reductions, into, this.#lanes.count);
      for (const store of stores) writer.store(store, true);
    };
    const own = this.#threads === 1 ? "" : this.#axes.columnStep === 4 ? "thread * 4u" : "thread";
    const first = [start, own].filter((term) => term !== "").join(" + ") || "0u";
    const longest = this.#mode.kind === "partial" ? this.#mode.length : this.#axes.columns;
    const blocks = reductions.some(wantsBlocks) && longest / step > 2 * BLOCK;
    const limit = vectors ? shader.let(`${end} & ~3u`, "e") : end;
    const stride = `${step}u`;
    if (!blocks) {
      shader.block(`for (var c = ${first}; c < ${limit}; c += ${stride})`, () => {
        this.#columnCoordinates("c");
        body(new StatementWriter(this.#context(), this.#rowWriter), states);
      });
    } else {
      shader.block(`for (var b = ${first}; b < ${limit}; b += ${step * BLOCK}u)`, () => {
        const inner = new Map(states);
        for (const r of reductions) {
          if (wantsBlocks(r)) inner.set(r, declareLanes(this.#shader, r, this.#axes.spread));
        }
        const stop = shader.let(`min(b + ${step * BLOCK}u, ${limit})`, "e");
        shader.block(`for (var c = b; c < ${stop}; c += ${stride})`, () => {
          this.#columnCoordinates("c");
          body(new StatementWriter(this.#context(), this.#rowWriter), inner);
        });
        for (const r of reductions) {
          if (!wantsBlocks(r)) continue;
          states.get(r)!.forEach((state, i) => join(shader, r, state, inner.get(r)![i].value, null));
        }
      });
    }
    if (vectors) this.#rest(limit, end, ids, stores, reductions, states);
    for (const r of reductions) {
      states.set(r, foldLanes(this.#shader, r, states.get(r)!, this.#axes.alongColumns));
    }
    return states;
  }

  /** A nest without columns computes its reductions from one value. */
  #point(
    stores: readonly Store[],
    reductions: readonly Reduction[],
    states: Map<Reduction, State[]>,
    ids: readonly number[],
  ): void {
    const writer = this.#rowWriter;
    writer.write(ids);
    for (const r of reductions) states.set(r, declareLanes(this.#shader, r, this.#axes.spread));
    joinLanes(this.#shader, writer, reductions, states, this.#lanes.count);
    const guard = this.#threads > 1 ? () => "thread == 0u" : undefined;
    for (const store of stores) writer.store(store, this.#axes.alongRows, guard);
  }

  /** The up to three columns behind the last group of four. */
  #rest(
    start: string,
    end: string,
    ids: readonly number[],
    stores: readonly Store[],
    reductions: readonly Reduction[],
    states: Map<Reduction, State[]>,
  ): void {
    const shader = this.#shader;
    const context: StatementContext = {
      ...this.#context(),
      lanes: { axis: -1, count: 1 },
      varying: this.#axes.varying.map(() => false),
      isVector: () => false,
    };
    const own = this.#threads > 1 ? ` + thread` : "";
    shader.block(`for (var c = ${start}${own}; c < ${end}; c += ${this.#threads}u)`, () => {
      this.#columnCoordinates("c");
      const writer = new StatementWriter(context, this.#rowWriter);
      writer.write(ids.filter((id) => this.#axes.ofColumn[id]));
      for (const r of reductions) {
        const position = r.position === undefined ? null : writer.value(r.position, 0);
        join(shader, r, states.get(r)![0], writer.value(r.value, 0), position);
      }
      for (const store of stores) writer.store(store, false);
    });
  }

  #columnCoordinates(flat: string): void {
    const { domain, rowRank } = this.#kernel;
    const names = coordinatesOf(domain.slice(rowRank), flat, (value) => this.#shader.let(value, "x"));
    names.forEach((name, i) => this.#coordinates[rowRank + i] = name);
  }

  /** Prepares one half of a pass over rows cut into chunks. */
  #chunks(mode: ChunkMode): Chunks {
    const chunks: Chunks = {
      kernel: this.#kernel,
      mode,
      shader: this.#shader,
      rows: this.#axes.rows,
      row: this.#row,
      lanes: this.#counts.lanes,
      alongRows: this.#axes.alongRows,
    };
    for (const [r, lanes] of readFinished(chunks)) this.#results.set(r, lanes);
    return chunks;
  }

  #partial(mode: ChunkMode): void {
    const chunks = this.#chunks(mode);
    const start = this.#shader.let(`chunk * ${mode.length}u`, "e");
    const end = this.#shader.let(`min(${start} + ${mode.length}u, ${this.#axes.columns}u)`, "e");
    writePartial(chunks, this.#pass(mode.pass, start, end));
  }

  #finish(mode: ChunkMode): void {
    const chunks = this.#chunks(mode);
    for (const [r, lanes] of writeFinished(chunks)) this.#results.set(r, lanes);
    this.#rowStores(mode.pass);
  }
}
