/**
 * Scatters of rows, place by place: the updates are first put in the order of the places they go to, those of one place in
 * the order in which they come, so that results have the bits of any other way. A place then stays in the first cache while
 * everything is added to it, and threads share the places.
 */
import type { DType } from "../../../trace/dtype.ts";
import type { Index, Nest, Statement } from "../../kernel/kernel.ts";
import { placedStatement } from "../../kernel/statements.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import { closure, planNest } from "./analysis.ts";
import { emitNest, type KernelFunction } from "./nest.ts";
import { emitScatterParts, keepsApart } from "./scatter_parts.ts";
import { simplifyNest } from "./simplify.ts";
import type { ModuleContext } from "./value.ts";

/** Points from which the order pays, the fewest columns of a row, and the fewest updates for each place on average. */
const LEAST_POINTS = 1 << 17;
const LEAST_COLUMNS = 64;
const LEAST_SHARE = 2;

const SUPPORTED: ReadonlySet<DType> = new Set(["float32", "float64", "int32", "uint32"]);

/** Updates that are added at a time; only one of those that take more statements to compute than this. */
const GROUPS = [4, 2, 1];
const MOST_STATEMENTS = 6;

/** What is known of a scatter of rows. */
interface ScatterOfRows {
  readonly nest: Nest;
  readonly updates: number;
  readonly places: number;
  /** The statement with the number of the place, and the one that says whether there is such a place; -1 without. */
  readonly place: number;
  readonly mask: number;
}

/** A scatter that adds a row at one place for each update; null for other nests. */
export function findScatterOfRows(original: Nest): ScatterOfRows | null {
  const nest = simplifyNest(original);
  if (nest.stores.length !== 1 || nest.reductions.length > 0 || nest.passes > 1) return null;
  if (nest.domain.length !== 2) return null;
  const [updates, columns] = nest.domain;
  const [{ mode, index, operand, extent = 0, mask = -1 }] = nest.stores;
  if (!SUPPORTED.has(nest.operands[operand].dtype)) return null;
  if (mode !== "add" || index.dynamic.length !== 1 || index.strides[0] !== 0) return null;
  if (updates * columns < LEAST_POINTS || columns < LEAST_COLUMNS) return null;
  const [{ statement, stride }] = index.dynamic;
  if (stride <= 0 || !keepsApart(index, 1, columns)) return null;
  const places = Math.ceil(extent / stride);
  if (places < 2 || updates < LEAST_SHARE * places) return null;
  if (nest.statements.some((s) => s.kind === "load" && s.operand === operand)) return null;
  const { dependences } = planNest(nest);
  if ((dependences[statement] & 2) !== 0 || (mask >= 0 && (dependences[mask] & 2) !== 0)) return null;
  return { nest, updates, places, place: statement, mask };
}

/** Writes the place of each update behind the other operands; -1 where there is none. */
function placesNest({ nest, updates, place, mask }: ScatterOfRows): Nest {
  const needed = closure(nest.statements, mask < 0 ? [place] : [place, mask]);
  const statements: Statement[] = [], moved: number[] = [];
  const push = (s: Statement): number => statements.push(s) - 1;
  nest.statements.forEach((s, i) => {
    const placement = { place: (statement: number): number => moved[statement] };
    moved.push(needed[i] ? push(placedStatement(s, placement)) : -1);
  });
  let value = moved[place];
  if (mask >= 0) {
    const none = push({ kind: "constant", dtype: "int32", value: -1 });
    value = push({ kind: "op", op: "select", dtype: "int32", args: [moved[mask], value, none] });
  }
  return {
    ...nest,
    domain: [updates, 1],
    operands: [
      ...nest.operands.map(({ dtype }) => ({ dtype, access: "read" as const })),
      { dtype: "int32", access: "write" },
    ],
    statements,
    stores: [{
      operand: nest.operands.length,
      index: { offset: 0, strides: [1, 0], dynamic: [] },
      value,
      mode: "set",
      perRow: false,
      pass: 0,
    }],
  };
}

/**
 * Adds `count` updates at a time to their common place: those in the order from the row's number on. What it reads of them
 * comes from several runs of memory at once, and the place is read and written once.
 */
function addingNest({ nest }: ScatterOfRows, layout: Layout, count: number): Nest {
  const [{ operand, index, value }] = nest.stores, { dtype } = nest.operands[operand];
  const needed = closure(nest.statements, [value]);
  const statements: Statement[] = [];
  const push = (s: Statement): number => statements.push(s) - 1;
  const word = (offset: number, strides: readonly number[], dynamic: Index["dynamic"]): number =>
    push({
      kind: "load",
      dtype: "int32",
      operand: nest.operands.length,
      index: { offset: offset / 4, strides, dynamic },
    });
  const updates = Array.from({ length: count }, (_, k) => word(layout.order + 4 * k, [1, 0], []));
  const place = word(layout.keys, [0, 0], [{ statement: updates[0], stride: 1 }]);
  const target: Index = { ...index, dynamic: [{ statement: place, stride: index.dynamic[0].stride }] };
  let total = push({ kind: "load", dtype, operand, index: target });
  for (const update of updates) {
    const moved: number[] = [];
    const placement = {
      place: (statement: number): number => moved[statement],
      move: (at: Index): Index => ({ ...at, strides: [0, at.strides[1]] }),
    };
    nest.statements.forEach((s, i) => {
      if (!needed[i]) return moved.push(-1);
      if (s.kind === "coordinate" && s.axis === 0) return moved.push(update);
      const placed = placedStatement(s, placement);
      if (placed.kind !== "load" || s.kind !== "load" || s.index.strides[0] === 0) {
        return moved.push(push(placed));
      }
      const dynamic = [...placed.index.dynamic, { statement: update, stride: s.index.strides[0] }];
      return moved.push(push({ ...placed, index: { ...placed.index, dynamic } }));
    });
    total = push({ kind: "op", op: "add", dtype, args: [total, moved[value]] });
  }
  return {
    ...nest,
    operands: [
      ...nest.operands.map(({ dtype }, i) => ({
        dtype,
        access: i === operand ? "readwrite" as const : "read" as const,
      })),
      { dtype: "int32", access: "read" },
    ],
    statements,
    stores: [{ operand, index: target, value: total, mode: "set", perRow: false, pass: 0 }],
  };
}

/** Where things stand in the temporary memory, in bytes. */
interface Layout {
  /** The place of each update. */
  readonly keys: number;
  /** The updates in the order of their places. */
  readonly order: number;
  /** By place, where its updates begin in that order; the end of the last one, too. */
  readonly starts: number;
  /** 1 where one place gets more of the updates than a thread should, else 0. */
  readonly crowded: number;
  readonly bytes: number;
}

function layoutOf({ updates, places }: ScatterOfRows): Layout {
  const line = (words: number): number => Math.ceil((4 * words + 16) / 64) * 64;
  const order = line(updates), starts = 2 * order, crowded = starts + line(places + 3);
  return { keys: 0, order, starts, crowded, bytes: crowded + 64 };
}

/** Sorts the updates by counting. Those without a place come last. */
function emitOrder(
  context: ModuleContext,
  { updates, places }: ScatterOfRows,
  layout: Layout,
  pointers: number,
): FunctionBuilder {
  const f = context.module.addFunction({ params: new Array<"i32">(pointers + 2).fill("i32"), results: [] });
  const temporary = pointers - 1;
  const key = f.local("i32"), count = f.local("i32"), sum = f.local("i32"), most = f.local("i32");
  const at = f.local("i32"), end = f.local("i32"), update = f.local("i32");
  const eachWord = (from: number, words: number, body: () => void): void => {
    f.localGet(temporary).i32Const(from).i32Add().localTee(at).i32Const(4 * words).i32Add().localSet(end);
    f.forLoop(at, end, 4, body);
  };
  /** Where the word for the place of the update at `at` lies, less the offset of `starts`. */
  const pushWord = (): void => {
    f.localGet(at).i32Load().localTee(key).i32Const(places);
    f.localGet(key).i32Const(places).i32LtU().select();
    f.i32Const(2).i32Shl().localGet(temporary).i32Add();
  };
  f.localGet(temporary).i32Const(layout.starts).i32Add().i32Const(0).i32Const(4 * (places + 3)).memoryFill();
  eachWord(layout.keys, updates, () => {
    pushWord();
    f.localTee(key).localGet(key).i32Load(layout.starts + 8).i32Const(1).i32Add().i32Store(layout.starts + 8);
  });
  f.i32Const(0).localSet(sum).i32Const(0).localSet(most);
  eachWord(layout.starts + 8, places, () => {
    f.localGet(at).i32Load().localTee(count).localGet(most).localGet(count).localGet(most).i32GtU().select();
    f.localSet(most);
    f.localGet(at).localGet(sum).localGet(count).i32Add().localTee(sum).i32Store();
  });
  f.localGet(temporary).localGet(most).i32Const(Math.floor(updates / context.threads)).i32GtU();
  f.i32Store(layout.crowded);
  // The word one further than a place's own says where its next update goes, and in the end where the next place begins.
  f.i32Const(0).localSet(update);
  eachWord(layout.keys, updates, () => {
    pushWord();
    f.localTee(key).localGet(key).i32Load(layout.starts + 4).localTee(count).i32Const(1).i32Add();
    f.i32Store(layout.starts + 4);
    f.localGet(count).i32Const(2).i32Shl().localGet(temporary).i32Add();
    f.localGet(update).i32Store(layout.order);
    f.localGet(update).i32Const(1).i32Add().localSet(update);
  });
  return f;
}

/** The function of a scatter of rows, or null for other nests. */
export function emitScatterOfRows(context: ModuleContext, original: Nest): KernelFunction | null {
  const found = findScatterOfRows(original);
  if (found === null) return null;
  const { nest, updates, places } = found;
  const layout = layoutOf(found);
  const pointers = nest.operands.length + 1, temporary = pointers - 1;
  const keys = emitNest(context, placesNest(found));
  const statements = closure(nest.statements, [nest.stores[0].value]).reduce((sum, flag) => sum + flag, 0);
  const groups = statements > MOST_STATEMENTS ? [1] : GROUPS;
  const adding = groups.map((count) => emitNest(context, addingNest(found, layout, count)));
  const shared = emitScatterParts(context, original);
  const order = emitOrder(context, found, layout, pointers);
  const f = context.module.addFunction({ params: new Array<"i32">(pointers + 2).fill("i32"), results: [] });
  const unit = pointers, end = pointers + 1;
  const pushOperands = (): void => {
    for (let i = 0; i < temporary; i++) f.localGet(i);
  };
  if (shared !== null) {
    const parts = shared.units / shared.grain!, part = f.local("i32");
    f.localGet(temporary).i32Load(layout.crowded).if();
    // Parts of the columns belong to units far from one another, which different threads take.
    for (let i = 0; i < parts; i++) {
      const place = Math.floor(i * places / parts);
      f.localGet(unit).i32Const(place).i32LeU().localGet(end).i32Const(place).i32GtU().i32And().if();
      f.i32Const(i * shared.grain!).localSet(part);
      pushOperands();
      f.localGet(part).localGet(part).i32Const(shared.grain!).i32Add().call(shared.index).end();
    }
    f.release(part);
    f.else();
  }
  const update = f.local("i32"), next = f.local("i32"), starts = f.local("i32"), last = f.local("i32");
  f.localGet(unit).i32Const(2).i32Shl().localGet(temporary).i32Add().localTee(starts).i32Load(layout.starts);
  f.localSet(update);
  f.forLoop(unit, end, 1, () => {
    f.localGet(starts).i32Load(layout.starts + 4).localSet(last);
    groups.forEach((count, i) => {
      f.block().loop();
      f.localGet(update).i32Const(count).i32Add().localTee(next).localGet(last).i32GtU().brIf(1);
      pushOperands();
      f.localGet(temporary).localGet(update).localGet(update).i32Const(1).i32Add().call(adding[i].index);
      f.localGet(next).localSet(update).br(0).end().end();
    });
    f.localGet(starts).i32Const(4).i32Add().localSet(starts);
  });
  if (shared !== null) f.end();
  return {
    ...keys,
    inner: [...keys.inner ?? [], ...adding.flatMap(({ inner = [] }) => inner)],
    finish: {
      index: order.index,
      temporaryBytes: layout.bytes,
      next: {
        index: f.index,
        units: places,
        unitCost: adding[0].unitCost * updates / places / groups[0],
        splittable: true,
      },
    },
  };
}
