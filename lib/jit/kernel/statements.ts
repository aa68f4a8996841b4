/** Walking over the statements of kernels, and giving them other places. */
import type { Index, Statement, Store } from "./kernel.ts";

/** The statements that a statement reads. */
export function argumentsOf(s: Statement): readonly number[] {
  switch (s.kind) {
    case "load": {
      const from = s.index.dynamic.map((term) => term.statement);
      if (s.mask !== undefined) from.push(s.mask);
      return from;
    }
    case "op":
    case "threefry":
      return s.args;
    case "cast":
    case "bitcast":
      return [s.arg];
    case "part":
      return [s.of];
    default:
      return [];
  }
}

/** The statements a store reads. */
export function storeRoots(store: Store): number[] {
  const roots = [store.value, ...store.index.dynamic.map((term) => term.statement)];
  if (store.mask !== undefined) roots.push(store.mask);
  return roots;
}

/** For each statement whether it depends on one of the axes, or on a reduction for which `reduced` says so. */
export function dependsOn(
  statements: readonly Statement[],
  axes: (axis: number) => boolean,
  reduced: (reduction: number) => boolean,
): boolean[] {
  const result = new Array<boolean>(statements.length).fill(false);
  statements.forEach((s, id) => {
    result[id] = s.kind === "coordinate"
      ? axes(s.axis)
      : s.kind === "reduced"
      ? reduced(s.reduction)
      : (s.kind === "load" && s.index.strides.some((stride, axis) => stride !== 0 && axes(axis))) ||
        argumentsOf(s).some((arg) => result[arg]);
  });
  return result;
}

/** How statements come into another nest: where those that they read are there, and what becomes of an affine index. */
export interface Placement {
  place(statement: number): number;
  /** Changes the offset and the strides; dynamic terms are placed. */
  move?(index: Index): Index;
}

function placedIndex(index: Index, { place, move }: Placement): Index {
  const moved = move ? move(index) : index;
  if (moved.dynamic.length === 0) return moved;
  return { ...moved, dynamic: moved.dynamic.map((term) => ({ ...term, statement: place(term.statement) })) };
}

function placedMask(mask: number | undefined, { place }: Placement): { mask?: number } {
  return mask === undefined ? {} : { mask: place(mask) };
}

/** A statement as it is in another nest. */
export function placedStatement(s: Statement, placement: Placement): Statement {
  const { place } = placement;
  switch (s.kind) {
    case "load":
      return { ...s, index: placedIndex(s.index, placement), ...placedMask(s.mask, placement) };
    case "op":
      return { ...s, args: s.args.map((arg) => place(arg)) };
    case "cast":
    case "bitcast":
      return { ...s, arg: place(s.arg) };
    case "threefry": {
      const [a, b, c, d] = s.args;
      return { ...s, args: [place(a), place(b), place(c), place(d)] };
    }
    case "part":
      return { ...s, of: place(s.of) };
    default:
      return s;
  }
}

/** A store as it is in another nest. */
export function placedStore(store: Store, placement: Placement): Store {
  return {
    ...store,
    value: placement.place(store.value),
    index: placedIndex(store.index, placement),
    ...placedMask(store.mask, placement),
  };
}
