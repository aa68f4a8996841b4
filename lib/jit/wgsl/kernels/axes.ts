/** Fewer axes: those of one element are dropped, and neighbours that every operand walks as one are joined. */
import type { Index, Nest, Statement } from "../../kernel/kernel.ts";

/** The indices that a nest's loads and stores use. */
function indicesOf(kernel: Nest): Index[] {
  const indices = kernel.stores.map((store) => store.index);
  for (const s of kernel.statements) if (s.kind === "load") indices.push(s.index);
  return indices;
}

/** The same nest with as few axes as possible. Elementwise kernels get all their axes as rows. */
export function collapseAxes(kernel: Nest): Nest {
  const { domain } = kernel;
  const elementwise = kernel.reductions.length === 0 && kernel.passes === 1 &&
    kernel.stores.every((store) => !store.perRow);
  const rowRank = elementwise ? domain.length : kernel.rowRank;
  const indices = indicesOf(kernel);
  const coordinates = new Set<number>();
  for (const s of kernel.statements) if (s.kind === "coordinate") coordinates.add(s.axis);
  const extents: number[] = [];
  /** For each new axis, the old axis whose strides it has. */
  const source: number[] = [];
  const renamed = new Array<number>(domain.length).fill(-1);
  let rows = 0;
  let open = false;
  for (let axis = 0; axis < domain.length; axis++) {
    if (axis === rowRank) open = false;
    if (domain[axis] === 1) continue;
    const previous = source[source.length - 1];
    const joins = open && !coordinates.has(axis) && !coordinates.has(previous) &&
      indices.every(({ strides }) => strides[previous] === strides[axis] * domain[axis]);
    if (joins) {
      extents[extents.length - 1] *= domain[axis];
      source[source.length - 1] = axis;
    } else {
      renamed[axis] = extents.length;
      extents.push(domain[axis]);
      source.push(axis);
    }
    if (axis < rowRank) rows = extents.length;
    open = true;
  }
  const index = (old: Index): Index => ({ ...old, strides: source.map((axis) => old.strides[axis]) });
  const statements = kernel.statements.map((s): Statement => {
    if (s.kind === "load") return { ...s, index: index(s.index) };
    if (s.kind !== "coordinate") return s;
    return domain[s.axis] === 1
      ? { kind: "constant", dtype: "int32", value: 0 }
      : { ...s, axis: renamed[s.axis] };
  });
  return {
    ...kernel,
    domain: extents,
    rowRank: rows,
    statements,
    stores: kernel.stores.map((store) => ({ ...store, index: index(store.index) })),
  };
}

/** Divides and takes remainders: the coordinates of a flat number, as names of i32 values. */
export function coordinatesOf(
  extents: readonly number[],
  flat: string,
  emit: (value: string, axis: number) => string,
): string[] {
  const names = new Array<string>(extents.length);
  let stride = 1;
  for (let axis = extents.length - 1; axis >= 0; axis--) {
    const divided = stride === 1 ? flat : `(${flat} / ${stride}u)`;
    const value = axis === 0 ? divided : `(${divided} % ${extents[axis]}u)`;
    names[axis] = emit(`i32(${value})`, axis);
    stride *= extents[axis];
  }
  return names;
}
