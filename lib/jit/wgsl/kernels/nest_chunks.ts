/** Rows cut into chunks: what each chunk finds goes to the scratch buffer, and a second dispatch combines it per row. */
import type { Nest, Reduction, Store } from "../../kernel/kernel.ts";
import { asWord, fromWord } from "../literal.ts";
import type { Shader } from "../shader.ts";
import { rowValues } from "./lane_states.ts";
import { combineThreads } from "./workgroup.ts";
import { declareState, isPosition, join, resultOf, type State, stateType, wantsBlocks } from "./combine.ts";

export interface ChunkMode {
  readonly kind: "partial" | "finish";
  readonly pass: number;
  readonly chunks: number;
  readonly length: number;
  /** Threads that share a chunk, and then the chunks of a row. */
  readonly threads: number;
}

/** Whole rows by `threads` threads each, or one half of a pass over rows cut into chunks. */
export type NestMode = { readonly kind: "whole"; readonly threads: number } | ChunkMode;

export interface Chunks {
  readonly kernel: Nest;
  readonly mode: ChunkMode;
  readonly shader: Shader;
  readonly rows: number;
  /** Threads in a row that can hand each other values. */
  readonly lanes: number;
  /** The name of the row, or of the group of four rows where lanes are rows. */
  readonly row: string;
  readonly alongRows: boolean;
}

/** The stores that a dispatch does. */
export function storesOf({ stores }: Nest, mode: NestMode): Store[] {
  return stores.filter((store) =>
    mode.kind === "whole" || (store.pass === mode.pass && store.perRow === (mode.kind === "finish"))
  );
}

/** The reductions that a dispatch computes from columns. */
export function reductionsOf({ reductions }: Nest, mode: NestMode): Reduction[] {
  if (mode.kind === "finish") return [];
  return reductions.filter((r) => mode.kind === "whole" || r.pass === mode.pass);
}

/** Where partial results (and positions) of a reduction lie in the scratch buffer, and its final result. */
function regionOf({ kernel, rows, mode }: Chunks, r: Reduction): { partial: number; final: number } {
  const base = kernel.reductions.indexOf(r) * 2 * rows * (mode.chunks + 1);
  return { partial: base, final: base + 2 * rows * mode.chunks };
}

function resultType(r: Reduction): "int32" | Reduction["dtype"] {
  return isPosition(r.combiner) ? "int32" : r.dtype;
}

/** Reads the results of earlier passes, by number of the reduction. */
export function readFinished(chunks: Chunks): Map<number, readonly string[]> {
  const { kernel, mode, shader, row, alongRows } = chunks;
  const results = new Map<number, readonly string[]>();
  if (alongRows) shader.line(`let unit_row = ${row} * 4u;`);
  kernel.reductions.forEach((r, i) => {
    if (r.pass >= mode.pass) return;
    const { final } = regionOf(chunks, r);
    const lanes = alongRows ? [0, 1, 2, 3] : [0];
    results.set(
      i,
      lanes.map((lane) => {
        const word = `scratch[${final}u + ${alongRows ? `(unit_row + ${lane}u)` : row}]`;
        return shader.let(stateType(r) === "bool" ? `(${word} != 0u)` : fromWord(resultType(r), word));
      }),
    );
  });
  return results;
}

/** Has `write` written for the one thread that stores what all of them know. */
function once({ mode, shader }: Chunks, write: () => void): void {
  if (mode.threads === 1) write();
  else shader.block("if (thread == 0u)", write);
}

/** Writes what a chunk found. */
export function writePartial(chunks: Chunks, states: ReadonlyMap<Reduction, readonly State[]>): void {
  const { mode, shader, alongRows } = chunks;
  for (const [r, lanes] of states) {
    const { partial } = regionOf(chunks, r);
    const found = lanes.map((state) => mode.threads === 1 ? state : combinedState(chunks, r, state));
    once(chunks, () => {
      found.forEach((state, lane) => {
        const row = alongRows ? `(${chunks.row} * 4u + ${lane}u)` : chunks.row;
        const index = `${partial}u + 2u * (${row} * ${mode.chunks}u + chunk)`;
        shader.line(`scratch[${index}] = ${stateWord(r, state.value)};`);
        if (state.position !== null) {
          shader.line(`scratch[${index} + 1u] = bitcast<u32>(${state.position});`);
        }
      });
    });
  }
}

/** Combines what the chunks of a row found. Gives the results by reduction. */
export function writeFinished(chunks: Chunks): Map<number, readonly string[]> {
  const { kernel, mode, shader, row } = chunks;
  const results = new Map<number, readonly string[]>();
  kernel.reductions.forEach((r, i) => {
    if (r.pass !== mode.pass) return;
    const { partial, final } = regionOf(chunks, r);
    const state = declareState(shader, r);
    const read = (into: State, c: string) => {
      const index = shader.let(`${partial}u + 2u * (${row} * ${mode.chunks}u + ${c})`, "p");
      const word = `scratch[${index}]`;
      const value = shader.let(stateType(r) === "bool" ? `(${word} != 0u)` : fromWord(r.dtype, word));
      const position = state.position === null ? null : shader.let(`bitcast<i32>(scratch[${index} + 1u])`);
      join(shader, r, into, value, position);
    };
    combineChunks(chunks, r, state, read);
    const all = mode.threads === 1 ? state : combinedState(chunks, r, state);
    const [result] = rowValues(r, [resultOf(all)]);
    const word = isPosition(r.combiner) ? asWord("int32", result) : stateWord(r, result);
    once(chunks, () => shader.line(`scratch[${final}u + ${row}] = ${word};`));
    results.set(i, [result]);
  });
  return results;
}

function combinedState({ mode, shader, lanes }: Chunks, r: Reduction, state: State): State {
  return combineThreads(shader, r, state, { threads: mode.threads, lanes });
}

/** Chunks of which the sums are summed before they join the sum. */
const BLOCK = 32;

function combineChunks(
  { mode, shader }: Chunks,
  r: Reduction,
  state: State,
  read: (into: State, chunk: string) => void,
): void {
  const c = shader.name("c");
  const { threads } = mode;
  if (!wantsBlocks(r) || threads > 1 || mode.chunks <= 2 * BLOCK) {
    const first = threads === 1 ? "0u" : "thread";
    shader.block(
      `for (var ${c} = ${first}; ${c} < ${mode.chunks}u; ${c} += ${threads}u)`,
      () => read(state, c),
    );
    return;
  }
  const b = shader.name("b");
  shader.block(`for (var ${b} = 0u; ${b} < ${mode.chunks}u; ${b} += ${BLOCK}u)`, () => {
    const inner = declareState(shader, r);
    const stop = shader.let(`min(${b} + ${BLOCK}u, ${mode.chunks}u)`, "e");
    shader.block(`for (var ${c} = ${b}; ${c} < ${stop}; ${c}++)`, () => read(inner, c));
    join(shader, r, state, inner.value, null);
  });
}

function stateWord(r: Reduction, value: string): string {
  return stateType(r) === "bool" ? `select(0u, 1u, ${value})` : asWord(r.dtype, value);
}
