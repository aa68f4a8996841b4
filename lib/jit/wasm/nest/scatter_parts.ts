/**
 * Scatters that threads can share: where the elements that one index stands for lie side by side, each thread takes
 * some of their columns, and goes through all indices in their order. So the results have the same bits.
 */
import type { Index, Nest } from "../../kernel/kernel.ts";
import { planNest } from "./analysis.ts";
import { emitNest, type KernelFunction } from "./nest.ts";
import { simplifyNest } from "./simplify.ts";
import { partOf } from "./split_reduction.ts";
import type { ModuleContext } from "./value.ts";

/** Points from which going through the indices more than once pays. */
const LEAST_POINTS = 1 << 17;
/** Columns of a part, at least. */
const LEAST_COLUMNS = 32;

/** Whether different places along the axis are never one element, whatever the indices are. */
export function keepsApart({ strides, dynamic }: Index, axis: number, extent: number): boolean {
  const reach = strides[axis] * extent;
  return strides[axis] > 0 && dynamic.every(({ stride }) => stride % reach === 0) &&
    strides.every((stride, i) => i === axis || stride % reach === 0);
}

/**
 * The columns that can be shared, as an axis and the number of parts; null for none. Parts are as wide as they can be for so
 * many threads: every part begins anew in each row, and memory is fetched ahead along long runs only.
 */
export function findScatterParts(
  nest: Nest,
  threads: number,
): { readonly axis: number; readonly parts: number } | null {
  if (nest.reductions.length > 0 || nest.passes > 1 || nest.domain.length > 28) return null;
  if (nest.stores.every((store) => store.mode === "set" && store.index.dynamic.length === 0)) return null;
  const stored = new Set(nest.stores.map((store) => store.operand));
  if (nest.statements.some((s) => s.kind === "load" && stored.has(s.operand))) return null;
  for (let axis = nest.domain.length - 1; axis >= 0; axis--) {
    const extent = nest.domain[axis];
    if (!nest.stores.every((store) => keepsApart(store.index, axis, extent))) continue;
    const possible = [2, 4, 8, 16].filter((n) => extent % (4 * n) === 0 && extent / n >= LEAST_COLUMNS);
    if (possible.length > 0) return { axis, parts: possible.find((n) => n >= threads) ?? possible.at(-1)! };
  }
  return null;
}

/** The function of a large scatter whose columns can be shared; null for other nests. */
export function emitScatterParts(context: ModuleContext, original: Nest): KernelFunction | null {
  if (context.threads < 2 || original.domain.reduce((a, b) => a * b, 1) < LEAST_POINTS) return null;
  const nest = simplifyNest(original);
  const found = findScatterParts(nest, context.threads);
  if (found === null) return null;
  const { axis, parts } = found;
  const cut = partOf(nest, axis, { first: 0, parts, size: nest.domain[axis] / parts });
  const plan = planNest(simplifyNest(cut));
  if (plan.rowAxes[0] !== 0 || plan.nest.domain[0] !== parts || plan.unitsAreLanes) return null;
  const kernel = emitNest(context, cut);
  return { ...kernel, splittable: true, grain: kernel.units / parts };
}
