/**
 * Long reductions with few results, cut into parts along one axis: a nest that reduces each part, one for what is left
 * over, and one that combines the results of the parts. How it is cut depends on the sizes alone, so that the results
 * have the same bits on any number of threads.
 */
import { byteSize, type DType } from "../../../trace/dtype.ts";
import { sizeOf, stridesOf } from "../../../trace/shape.ts";
import type { Nest, Operand, Reduction, Statement } from "../../kernel/kernel.ts";
import { placedStatement, placedStore, type Placement } from "../../kernel/statements.ts";
import { closure, columnRoots, rowRoots } from "./analysis.ts";

/** A nest in parts. The operands of each are those of the whole nest and then the temporaries. */
export interface SplitReduction {
  /** Its first axis counts the parts. */
  readonly partial: Nest;
  readonly parts: number;
  /** The columns that no full part has; null for none. */
  readonly rest: Nest | null;
  readonly final: Nest;
  /** What the parts hand to the final nest: see {@linkcode partReductions}. */
  readonly temporaries: readonly { readonly dtype: DType; readonly length: number }[];
}

/** What a part should at least cost, in nanoseconds, and how many there are at most. */
const PART_COST = 60_000;
const MOST_PARTS = 64;
/** Many parts are a multiple of this, so that two, four or eight threads have equal shares. */
const EVEN_PARTS = 8;
/** Nests whose rows can be shared among so many threads are left whole. */
const ENOUGH_ROWS = 8;
/** Temporaries take at most so many bytes. */
const MOST_BYTES = 256 << 10;
/** Long parts are multiples of so many columns. */
const ALIGNMENT = 1024;

const SPLITTABLE: ReadonlySet<DType> = new Set(["float32", "float64", "int32", "uint32", "bool"]);

function canSplit(nest: Nest): boolean {
  return nest.passes === 1 && nest.reductions.length > 0 && nest.rowRank < nest.domain.length &&
    nest.domain.length < 30 &&
    nest.reductions.every((r) => SPLITTABLE.has(r.dtype)) &&
    nest.stores.every((store) => store.mode === "set" && store.index.dynamic.length === 0);
}

/** What each part reduces: positions are handed on behind the best values that they belong to. */
function partReductions(nest: Nest): Reduction[] {
  return nest.reductions.flatMap((r) => {
    if (r.position === undefined) return [r];
    const { position: _, ...value } = r;
    return [{ ...value, combiner: r.combiner === "argmax" ? "max" : "min" } satisfies Reduction, r];
  });
}

/** The type of what a reduction gives. */
function resultType({ dtype, position }: Reduction): DType {
  return position === undefined ? dtype : "int32";
}

/** The outermost of the longest column axes; of equal values the first wins, and only along the first axis parts are in order. */
function axisToCut(nest: Nest): number {
  let best = nest.rowRank;
  if (nest.reductions.some(({ position }) => position !== undefined)) return best;
  for (let axis = best + 1; axis < nest.domain.length; axis++) {
    if (nest.domain[axis] > 4 * nest.domain[best]) best = axis;
  }
  return best;
}

/** Cuts a nest; null where it would not pay. `rowUnits` is how far its rows can be shared without that. */
export function splitReduction(nest: Nest, rowUnits: number): SplitReduction | null {
  if (rowUnits >= ENOUGH_ROWS || !canSplit(nest)) return null;
  const needed = closure(nest.statements, columnRoots(nest, 0));
  const work = needed.reduce((sum, flag) => sum + flag, 0);
  const rows = sizeOf(nest.domain.slice(0, nest.rowRank));
  const cost = sizeOf(nest.domain) * (0.15 + 0.05 * work);
  const axis = axisToCut(nest);
  const extent = nest.domain[axis];
  const bytes = rows * partReductions(nest).reduce((sum, r) => sum + byteSize(resultType(r)), 0);
  const most = Math.min(MOST_PARTS, Math.floor(MOST_BYTES / bytes), extent >> 1);
  let wanted = Math.min(most, Math.floor(cost / PART_COST));
  if (wanted < 2) return null;
  if (wanted > EVEN_PARTS) {
    wanted = Math.ceil(wanted / EVEN_PARTS) * EVEN_PARTS;
    if (wanted > most) wanted -= EVEN_PARTS;
  }
  const least = Math.ceil(extent / wanted);
  const size = least > ALIGNMENT ? Math.ceil(least / ALIGNMENT) * ALIGNMENT : least;
  return cutReduction(nest, axis, size);
}

/** Cuts a nest into parts of `size` columns along an axis. */
export function cutReduction(nest: Nest, axis: number, size: number): SplitReduction {
  const extent = nest.domain[axis];
  const parts = Math.floor(extent / size), left = extent - parts * size;
  const count = parts + (left > 0 ? 1 : 0);
  const rows = nest.domain.slice(0, nest.rowRank);
  const temporaries = partReductions(nest).map((r) => ({
    dtype: resultType(r),
    length: count * sizeOf(rows),
  }));
  return {
    partial: partOf(nest, axis, { first: 0, parts, size }),
    parts,
    rest: left > 0 ? partOf(nest, axis, { first: parts, parts: 1, size: left, step: size }) : null,
    final: finalOf(nest, count),
    temporaries,
  };
}

function operandsWith(nest: Nest, access: "read" | "write"): Operand[] {
  return [...nest.operands, ...partReductions(nest).map((r): Operand => ({ dtype: resultType(r), access }))];
}

/** Which parts a nest computes: those from `first` on, of `size` columns each, which begin `step` columns apart. */
interface Range {
  readonly first: number;
  readonly parts: number;
  readonly size: number;
  readonly step?: number;
}

/** The nest of some parts, over [parts, ...rows, ...columns]. */
export function partOf(nest: Nest, axis: number, { first, parts, size, step = size }: Range): Nest {
  const domain = [parts, ...nest.domain];
  domain[axis + 1] = size;
  const statements: Statement[] = [];
  const places: number[] = [];
  const placement: Placement = {
    place: (statement) => places[statement],
    move: (index) => ({
      ...index,
      offset: index.offset + first * step * index.strides[axis],
      strides: [step * index.strides[axis], ...index.strides],
    }),
  };
  const push = (statement: Statement): number => statements.push(statement) - 1;
  for (const s of nest.statements) {
    const moved = placedStatement(s, placement);
    if (moved.kind !== "coordinate") {
      places.push(push(moved));
      continue;
    }
    const inner = push({ ...moved, axis: moved.axis + 1 });
    if (s.kind === "coordinate" && s.axis === axis) {
      const part = push({ kind: "coordinate", dtype: "int32", axis: 0 });
      const long = push({ kind: "constant", dtype: "int32", value: step });
      const start = push({ kind: "constant", dtype: "int32", value: first * step });
      const distance = push({ kind: "op", op: "mul", dtype: "int32", args: [part, long] });
      const begin = push({ kind: "op", op: "add", dtype: "int32", args: [distance, start] });
      places.push(push({ kind: "op", op: "add", dtype: "int32", args: [inner, begin] }));
    } else places.push(inner);
  }
  const rows = nest.domain.slice(0, nest.rowRank), rowCount = sizeOf(rows);
  const stores = nest.stores.filter((store) => !store.perRow).map((store) => placedStore(store, placement));
  const reductions = partReductions(nest);
  reductions.forEach((r, reduction) => {
    const strides = [rowCount, ...stridesOf(rows), ...nest.domain.slice(nest.rowRank).map(() => 0)];
    stores.push({
      operand: nest.operands.length + reduction,
      index: { offset: first * rowCount, strides, dynamic: [] },
      value: push({ kind: "reduced", dtype: resultType(r), reduction }),
      mode: "set",
      perRow: true,
      pass: 0,
    });
  });
  return {
    ...nest,
    domain,
    rowRank: nest.rowRank + 1,
    operands: operandsWith(nest, "write"),
    statements,
    reductions: reductions.map((r) => ({
      ...r,
      value: places[r.value],
      ...(r.position === undefined ? {} : { position: places[r.position] }),
    })),
    stores,
  };
}

/** Combines the results of the parts, over [...rows, parts], and does what is left to do for each row. */
function finalOf(nest: Nest, count: number): Nest {
  const rows = nest.domain.slice(0, nest.rowRank);
  const statements: Statement[] = partReductions(nest).map((r, reduction) => ({
    kind: "load",
    dtype: resultType(r),
    operand: nest.operands.length + reduction,
    index: { offset: 0, strides: [...stridesOf(rows), sizeOf(rows)], dynamic: [] },
  }));
  const places: number[] = [];
  const placement: Placement = {
    place: (statement) => places[statement],
    move: (index) => ({ ...index, strides: [...index.strides.slice(0, nest.rowRank), 0] }),
  };
  const needed = closure(nest.statements, rowRoots(nest, 0));
  let at = 0;
  nest.statements.forEach((s, i) => {
    places.push(needed[i] ? statements.push(placedStatement(s, placement)) - 1 : -1);
  });
  return {
    ...nest,
    domain: [...rows, count],
    operands: operandsWith(nest, "read"),
    statements,
    reductions: nest.reductions.map((r) => {
      const value = at;
      at += r.position === undefined ? 1 : 2;
      return { ...r, value, ...(r.position === undefined ? {} : { position: value + 1 }) };
    }),
    stores: nest.stores.filter((store) => store.perRow).map((store) => placedStore(store, placement)),
  };
}
