/**
 * Masks that compare the coordinate along the lanes with constants (the edges of a padded or shifted operand) are known
 * but for a few points. Such a nest runs as pieces along that axis, in each of which the masks are constants.
 */
import type { Index, Nest, Statement, Store } from "../../kernel/kernel.ts";
import { placedStatement, placedStore, type Placement, storeRoots } from "../../kernel/statements.ts";
import { closure } from "./analysis.ts";

/** Points [begin, end) of a nest along an axis, as a nest of its own over the same operands. */
export interface Piece {
  readonly begin: number;
  readonly end: number;
  readonly nest: Nest;
}

/** More pieces are not worth their code, nor are short axes. */
const MAX_PIECES = 6;
const MIN_EXTENT = 12;

/** A coordinate plus a number. */
interface Shifted {
  readonly axis: number;
  readonly by: number;
}

/** The statements that are a coordinate plus a number. */
function shiftedCoordinates(statements: readonly Statement[]): (Shifted | null)[] {
  const found: (Shifted | null)[] = [];
  for (const s of statements) {
    let shifted: Shifted | null = null;
    if (s.kind === "coordinate") shifted = { axis: s.axis, by: 0 };
    else if (s.kind === "op" && (s.op === "add" || s.op === "sub")) {
      const [a, b] = s.args;
      const right = statements[b], left = statements[a];
      if (found[a] && right.kind === "constant") {
        shifted = { axis: found[a].axis, by: found[a].by + (s.op === "add" ? right.value : -right.value) };
      } else if (s.op === "add" && found[b] && left.kind === "constant") {
        shifted = { axis: found[b].axis, by: found[b].by + left.value };
      }
    }
    found.push(shifted);
  }
  return found;
}

const MIRRORED: { readonly [op: string]: string } = { ge: "le", gt: "lt", le: "ge", lt: "gt" };

/** For each comparison along the axis, the first coordinate from which on it is `after`; before that it is not. */
function thresholds(nest: Nest, axis: number): Map<number, { readonly at: number; readonly after: boolean }> {
  const shifted = shiftedCoordinates(nest.statements);
  const result = new Map<number, { at: number; after: boolean }>();
  nest.statements.forEach((s, i) => {
    if (s.kind !== "op" || !Object.hasOwn(MIRRORED, s.op)) return;
    const [a, b] = s.args;
    const swapped = shifted[a] === null;
    const side = shifted[swapped ? b : a], other = nest.statements[swapped ? a : b];
    if (!side || side.axis !== axis || other.kind !== "constant") return;
    const op = swapped ? MIRRORED[s.op] : s.op;
    const bound = other.value - side.by;
    const at = op === "gt" || op === "le" ? bound + 1 : bound;
    result.set(i, { at, after: op === "ge" || op === "gt" });
  });
  return result;
}

/** The pieces of a nest along an axis; null where there is nothing to gain. */
export function edgePieces(nest: Nest, axis: number): Piece[] | null {
  const extent = nest.domain[axis];
  if (extent < MIN_EXTENT || nest.reductions.length > 0 || nest.passes > 1) return null;
  if (nest.stores.some((store) => store.perRow || store.mode === "add")) return null;
  const known = thresholds(nest, axis);
  if (known.size === 0) return null;
  const masks = new Set<number>();
  for (const s of nest.statements) if (s.kind === "load" && s.mask !== undefined) masks.add(s.mask);
  if (masks.size === 0) return null;
  const decided = closure(nest.statements, [...masks]);
  const cuts = new Set<number>();
  for (const [i, { at }] of known) if (decided[i] && at > 0 && at < extent) cuts.add(at);
  if (cuts.size === 0 || cuts.size >= MAX_PIECES) return null;
  const ends = [...cuts, extent].sort((a, b) => a - b);
  const pieces = ends.map((end, i): Piece => {
    const begin = i === 0 ? 0 : ends[i - 1];
    return { begin, end, nest: specialised(nest, axis, begin, end, known) };
  });
  return pieces.some(({ begin, end }) => 2 * (end - begin) >= extent) ? pieces : null;
}

/** The part of a nest from `begin` to before `end`, with the comparisons that do not change there as constants. */
function specialised(
  nest: Nest,
  axis: number,
  begin: number,
  end: number,
  known: ReadonlyMap<number, { readonly at: number; readonly after: boolean }>,
): Nest {
  const statements: Statement[] = [];
  const places: number[] = [];
  const placement: Placement = { place: (statement) => places[statement] };
  const truth: (boolean | undefined)[] = [];
  const push = (s: Statement): number => statements.push(s) - 1;
  const moved = <T extends { readonly index: Index }>(at: T): T => ({
    ...at,
    index: { ...at.index, offset: at.index.offset + at.index.strides[axis] * begin },
  });
  const placed = (s: Statement, i: number): number => {
    const threshold = known.get(i);
    if (threshold && (threshold.at <= begin || threshold.at >= end)) {
      truth[i] = threshold.at <= begin === threshold.after;
      return push({ kind: "constant", dtype: "bool", value: truth[i] ? 1 : 0 });
    }
    if (s.kind === "coordinate" && s.axis === axis && begin > 0) {
      const shift = push({ kind: "constant", dtype: "int32", value: begin });
      return push({ kind: "op", op: "add", dtype: "int32", args: [push(s), shift] });
    }
    if (s.kind === "load") {
      const { mask, fill, ...rest } = s;
      const seen = mask === undefined || truth[mask];
      if (seen === false) return push({ kind: "constant", dtype: s.dtype, value: fill ?? 0 });
      return push(placedStatement(moved(seen ? rest : s), placement));
    }
    if (s.kind === "op") {
      const [a, b] = s.args;
      if (s.op === "select" && truth[a] !== undefined) return places[s.args[truth[a] ? 1 : 2]];
      if (s.op === "and" && (truth[a] ?? truth[b]) !== undefined) {
        // Of "x and true" x is left, and nothing of "x and false".
        const one = truth[a] !== undefined ? a : b, other = one === a ? b : a;
        truth[i] = truth[one] ? truth[other] : false;
        return places[truth[one] ? other : one];
      }
    }
    return push(placedStatement(s, placement));
  };
  nest.statements.forEach((s, i) => places[i] = placed(s, i));
  const stores = nest.stores.flatMap((store): Store[] => {
    const { mask, ...rest } = store;
    const seen = mask === undefined || truth[mask];
    return seen === false ? [] : [placedStore(moved(seen ? rest : store), placement)];
  });
  const domain = nest.domain.map((size, i) => i === axis ? end - begin : size);
  return withoutUnused({ ...nest, domain, statements, stores });
}

/** Drops statements that no store needs. */
function withoutUnused(nest: Nest): Nest {
  const needed = closure(nest.statements, nest.stores.flatMap(storeRoots));
  let count = 0;
  const places = Array.from(needed, (flag) => flag ? count++ : -1);
  const placement: Placement = { place: (statement) => places[statement] };
  const statements = nest.statements.filter((_, i) => needed[i]).map((s) => placedStatement(s, placement));
  return { ...nest, statements, stores: nest.stores.map((store) => placedStore(store, placement)) };
}
