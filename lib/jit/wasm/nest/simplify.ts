/** Nests with as few axes as possible, which mean the same. */
import type { Index, Nest, Statement, Store } from "../../kernel/kernel.ts";
import { unrolledColumns } from "./short_rows.ts";

/**
 * Removes axes of extent 1 and joins neighbours that every operand walks as one: a contiguous elementwise kernel
 * becomes one long loop. A nest without reductions gets row axes only.
 */
export function simplifyNest(original: Nest): Nest {
  const nest = readsItsStores(original)
    ? original
    : hasOneColumn(original)
    ? withoutReductions(original)
    : unrolledColumns(original) ?? original;
  const isMap = nest.reductions.length === 0 && nest.passes <= 1 && !nest.stores.some((s) => s.perRow);
  let simple: Nest = isMap ? { ...nest, rowRank: nest.domain.length } : nest;
  for (let axis = simple.domain.length - 1; axis >= 0; axis--) {
    const onlyColumn = !isMap && axis === simple.rowRank && simple.domain.length === axis + 1;
    if (simple.domain[axis] === 1 && !onlyColumn) simple = dropAxis(simple, axis);
  }
  const counted = countedAxes(simple);
  for (let axis = simple.domain.length - 2; axis >= 0; axis--) {
    if (axis + 1 === simple.rowRank || counted.has(axis) || counted.has(axis + 1)) continue;
    if (joins(simple, axis)) simple = joinAxes(simple, axis);
  }
  return simple;
}

function hasOneColumn(nest: Nest): boolean {
  return nest.domain.slice(nest.rowRank).every((extent) => extent === 1);
}

/** True when a pass reads what another stores, so that passes cannot become one. */
function readsItsStores(nest: Nest): boolean {
  const stored = new Set(nest.stores.map((store) => store.operand));
  return nest.statements.some((s) => s.kind === "load" && stored.has(s.operand));
}

/** With a single column a reduction is the value itself (or its position), and what is stored per row per point. */
function withoutReductions(nest: Nest): Nest {
  const statements = nest.statements.map((s): Statement => {
    if (s.kind !== "reduced") return s;
    const { value, position } = nest.reductions[s.reduction];
    return { kind: "cast", dtype: s.dtype, from: s.dtype, arg: position ?? value };
  });
  const stores = nest.stores.map((store): Store => ({ ...store, perRow: false, pass: 0 }));
  return { ...nest, statements, stores, reductions: [], passes: 1 };
}

/** Axes whose coordinate is used as a value; those after a joined pair keep their names because joins go inwards out. */
function countedAxes(nest: Nest): Set<number> {
  const axes = new Set<number>();
  for (const s of nest.statements) if (s.kind === "coordinate") axes.add(s.axis);
  return axes;
}

function indicesOf(nest: Nest): Index[] {
  const indices = nest.stores.map((store) => store.index);
  for (const s of nest.statements) if (s.kind === "load") indices.push(s.index);
  return indices;
}

function joins(nest: Nest, axis: number): boolean {
  const inner = nest.domain[axis + 1];
  return indicesOf(nest).every(({ strides }) => strides[axis] === strides[axis + 1] * inner);
}

function mapIndices(nest: Nest, change: (index: Index) => Index): Pick<Nest, "statements" | "stores"> {
  const statements = nest.statements.map((s): Statement =>
    s.kind === "load" ? { ...s, index: change(s.index) } : s
  );
  const stores = nest.stores.map((store): Store => ({ ...store, index: change(store.index) }));
  return { statements, stores };
}

function without(list: readonly number[], position: number): number[] {
  return list.filter((_, i) => i !== position);
}

function dropAxis(nest: Nest, axis: number): Nest {
  const { statements, stores } = mapIndices(
    nest,
    (index) => ({ ...index, strides: without(index.strides, axis) }),
  );
  return {
    ...nest,
    domain: without(nest.domain, axis),
    rowRank: axis < nest.rowRank ? nest.rowRank - 1 : nest.rowRank,
    statements: statements.map((s): Statement => {
      if (s.kind !== "coordinate") return s;
      if (s.axis === axis) return { kind: "constant", dtype: "int32", value: 0 };
      return s.axis > axis ? { ...s, axis: s.axis - 1 } : s;
    }),
    stores,
  };
}

/** Makes one axis of `axis` and the one after it. */
function joinAxes(nest: Nest, axis: number): Nest {
  const { statements, stores } = mapIndices(
    nest,
    (index) => ({ ...index, strides: without(index.strides, axis) }),
  );
  const domain = without(nest.domain, axis);
  domain[axis] = nest.domain[axis] * nest.domain[axis + 1];
  return {
    ...nest,
    domain,
    rowRank: axis < nest.rowRank ? nest.rowRank - 1 : nest.rowRank,
    statements: statements.map((s): Statement =>
      s.kind === "coordinate" && s.axis > axis ? { ...s, axis: s.axis - 1 } : s
    ),
    stores,
  };
}
