/**
 * Combining what the threads of a workgroup found: neighbours first, then pairs, then fours, so that the bits of a sum do
 * not depend on how many threads a subgroup has, nor on whether there are subgroups at all. Within subgroups values are
 * handed over directly, the rest goes through workgroup memory.
 */
import type { Reduction } from "../../kernel/kernel.ts";
import type { Shader } from "../shader.ts";
import { combined, isPosition, type State, stateType, wins } from "./combine.ts";

/** Cells that every thread combines by itself. */
const LAST_CELLS = 8;

function sharedType(r: Reduction): string {
  const type = stateType(r);
  return type === "bool" ? "u32" : type;
}

/** How many threads share a row, and how many of them in a row can hand each other values: 1 for none. */
export interface ThreadCounts {
  readonly threads: number;
  readonly lanes: number;
}

/** Declares the cells that the reductions of a kernel share. */
export function declareShared(
  shader: Shader,
  reductions: readonly Reduction[],
  { threads, lanes }: ThreadCounts,
): void {
  const cells = threads / lanes;
  if (cells <= 1) return;
  const types = new Set(reductions.map(sharedType));
  for (const type of types) {
    shader.declarations.push(`var<workgroup> shared_${type}: array<${type}, ${cells}>;`);
  }
  if (reductions.some((r) => isPosition(r.combiner))) {
    shader.declarations.push(`var<workgroup> shared_position: array<i32, ${cells}>;`);
  }
}

/** A value, as it can be handed over, and its position where the reduction has one. */
interface Found {
  readonly value: string;
  readonly position: string | null;
}

/** Combines the states of threads, powers of two; what comes of it is known to all of them. */
export function combineThreads(
  shader: Shader,
  r: Reduction,
  state: State,
  { threads, lanes }: ThreadCounts,
): State {
  const isBool = stateType(r) === "bool";
  const pack = (value: string) => isBool ? `select(0u, 1u, ${value})` : value;
  const unpack = (word: string) => isBool ? `(${word} != 0u)` : word;
  const pair = (a: Found, b: Found): Found => {
    if (a.position === null || b.position === null) {
      const both = combined(shader, r.combiner, r.dtype, unpack(a.value), unpack(b.value));
      return { value: shader.let(pack(both)), position: null };
    }
    const better = wins(r.combiner, r.dtype, unpack(a.value), a.position, unpack(b.value), b.position);
    const isBetter = shader.let(better);
    return {
      value: shader.let(`select(${a.value}, ${b.value}, ${isBetter})`),
      position: shader.let(`select(${a.position}, ${b.position}, ${isBetter})`),
    };
  };
  // As words, after an operation on words that changes nothing (group.z is 0): the compiler of llvmpipe fails otherwise.
  const type = sharedType(r);
  const hand = (value: string, own: string, form: (word: string) => string) =>
    shader.let(
      own === "u32" ? form(value) : `bitcast<${own}>(${form(`(bitcast<u32>(${value}) ^ group.z)`)})`,
    );
  const map = ({ value, position }: Found, form: (word: string) => string): Found => ({
    value: hand(value, type, form),
    position: position === null ? null : hand(position, "i32", form),
  });
  const stateOf = ({ value, position }: Found): State => ({ value: shader.let(unpack(value)), position });

  let own: Found = { value: shader.let(pack(state.value)), position: state.position };
  for (let distance = 1; distance < lanes; distance *= 2) {
    own = pair(own, map(own, (text) => `subgroupShuffleDown(${text}, ${distance}u)`));
  }
  let cells = threads / lanes;
  if (cells <= 1) return stateOf(map(own, (text) => `subgroupBroadcastFirst(${text})`));

  const values = `shared_${type}`;
  const write = ({ value, position }: Found, cell: string) => {
    shader.line(`${values}[${cell}] = ${value};`);
    if (position !== null) shader.line(`shared_position[${cell}] = ${position};`);
  };
  const read = (cell: string): Found => ({
    value: shader.let(`${values}[${cell}]`),
    position: state.position === null ? null : shader.let(`shared_position[${cell}]`),
  });
  if (lanes === 1) write(own, "thread");
  else shader.block(`if (thread % ${lanes}u == 0u)`, () => write(own, `thread / ${lanes}u`));
  shader.line("workgroupBarrier();");
  let distance = 1;
  for (; cells > LAST_CELLS; cells /= 2, distance *= 2) {
    shader.block(`if (thread < ${threads / lanes}u && thread % ${2 * distance}u == 0u)`, () => {
      write(pair(read("thread"), read(`thread + ${distance}u`)), "thread");
    });
    shader.line("workgroupBarrier();");
  }
  let level = Array.from({ length: cells }, (_, i) => read(`${i * distance}u`));
  while (level.length > 1) {
    level = level.flatMap((a, i) => i % 2 === 0 ? [pair(a, level[i + 1])] : []);
  }
  const result = stateOf(level[0]);
  // The cells are used again by the next reduction.
  shader.line("workgroupBarrier();");
  return result;
}
