/** The graphs inside the parameters of a node: bodies of loops, branches, called functions. */
import { Graph } from "./graph.ts";
import type { Params } from "./primitive.ts";

/** The parameters with every graph in them, also in arrays, replaced; the very same object when none changes. */
export function mapGraphs<P extends Params>(params: P, fn: (graph: Graph) => Graph): P {
  let copy: Record<string, unknown> | null = null;
  for (const [key, value] of Object.entries(params)) {
    const mapped = mapValue(value, fn);
    if (mapped !== value) (copy ??= { ...params } as Record<string, unknown>)[key] = mapped;
  }
  return copy ? copy as P : params;
}

function mapValue(value: unknown, fn: (graph: Graph) => Graph): unknown {
  if (value instanceof Graph) return fn(value);
  if (!Array.isArray(value) || !value.some((item) => item instanceof Graph)) return value;
  const items = value.map((item) => item instanceof Graph ? fn(item) : item);
  return items.some((item, i) => item !== value[i]) ? items : value;
}
