/** States of reductions where four lanes are computed at once. */
import type { Reduction } from "../../kernel/kernel.ts";
import type { Shader } from "../shader.ts";
import { combined, declareState, isPosition, join, type State } from "./combine.ts";
import type { StatementWriter } from "./statements.ts";

/** A state per lane; one for positions, which are joined in the order of the columns. */
export function declareLanes(
  shader: Shader,
  r: Reduction,
  spread: "rows" | "columns" | "none",
): State[] {
  const count = spread === "none" || (spread === "columns" && isPosition(r.combiner)) ? 1 : 4;
  return Array.from({ length: count }, () => declareState(shader, r));
}

/** Lets the values of all lanes join their states. */
export function joinLanes(
  shader: Shader,
  writer: StatementWriter,
  reductions: readonly Reduction[],
  states: ReadonlyMap<Reduction, readonly State[]>,
  lanes: number,
): void {
  for (const r of reductions) {
    const own = states.get(r)!;
    for (let lane = 0; lane < lanes; lane++) {
      const state = own[Math.min(lane, own.length - 1)];
      const position = r.position === undefined ? null : writer.value(r.position, lane);
      join(shader, r, state, writer.value(r.value, lane), position);
    }
  }
}

/** Lanes that are columns become one state. */
export function foldLanes(shader: Shader, r: Reduction, states: State[], alongColumns: boolean): State[] {
  if (!alongColumns || states.length === 1) return states;
  const [a, b, c, d] = states.map((s) => s.value);
  const pair = (x: string, y: string) => combined(shader, r.combiner, r.dtype, x, y);
  shader.line(`${a} = ${pair(pair(a, b), pair(c, d))};`);
  return [states[0]];
}

/** What results of a reduction are as row values: a position is never less than 0. */
export function rowValues(r: Reduction, results: readonly string[]): readonly string[] {
  return isPosition(r.combiner) ? results.map((result) => `max(${result}, 0i)`) : results;
}
