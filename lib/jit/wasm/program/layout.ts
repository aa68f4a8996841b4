/** The table in memory through which a running program finds its buffers, one word of 32 bits per entry. */
import { SMALL_BYTES } from "../storage.ts";
import type { LoopStep, Program, Step } from "../../kernel/program.ts";

/** Word 0 of the table: the address of the arena with the temporaries. */
export const ARENA_WORD = 0;
/** Word 1: the address of what the parts of a kernel hand to its end. */
export const PARTS_WORD = 1;

/** The cells of a tape, in words from its first. */
export const TAPE_POINTER = 0;
export const TAPE_CAPACITY = 1;
export const TAPE_RECORDS = 2;
const TAPE_WORDS = 3;

/** The cells of a loop, in words from its first: the step number, and where sequences are read. */
export const LOOP_STEP = 0;
export const LOOP_POSITION = 1;
export const LOOP_COUNT = 2;
const LOOP_WORDS = 3;

/** Where everything is in the table of one program, in words. */
export interface TableLayout {
  /** By buffer: the word with its address (its cells, for a tape); -1 for temporaries. */
  readonly buffers: Int32Array;
  /** By number of a loop: its cells. */
  readonly loops: readonly number[];
  /** By input position: the word of an 8-byte cell for a number given instead of a buffer; -1 for others. */
  readonly scalars: Int32Array;
  /** By input and by output position: the word where the elements of a small tensor are during a run; -1 for others. */
  readonly smallInputs: Int32Array;
  readonly smallOutputs: Int32Array;
  /** By number of a slot: the word with the address of an operand's panels, 0 where there are none. */
  readonly panels: Int32Array;
  readonly words: number;
}

/** All loops of some steps, by their number. */
function loopsOf(steps: readonly Step[]): LoopStep[] {
  const loops: LoopStep[] = [];
  const stack = [...steps];
  while (stack.length > 0) {
    const step = stack.pop()!;
    if (step.kind === "switch") { for (const branch of step.branches) for (const s of branch) stack.push(s); }
    if (step.kind !== "loop") continue;
    loops[step.loop] = step;
    for (const s of step.body) stack.push(s);
    for (const s of step.condition?.steps ?? []) stack.push(s);
  }
  return loops;
}

export function layOut(program: Program, scalars: readonly number[], panelSlots = 0): TableLayout {
  let next = PARTS_WORD + 1;
  const take = (words: number): number => (next += words) - words;
  const buffers = new Int32Array(program.buffers.length).fill(-1);
  for (const buffer of program.buffers) {
    if (buffer.kind === "temporary") continue;
    buffers[buffer.id] = take(buffer.kind === "tape" ? TAPE_WORDS : 1);
  }
  const loops = loopsOf(program.steps).map((loop) => loop === undefined ? -1 : take(LOOP_WORDS));
  const panels = Int32Array.from({ length: panelSlots }, () => take(1));
  next += next & 1;
  const cells = new Int32Array(program.inputs.length).fill(-1);
  for (const position of scalars) cells[position] = take(2);
  // Like blocks, small tensors start at multiples of 64 bytes and are followed by what belongs to nobody else.
  next = Math.ceil(next / 16) * 16;
  const small = (id: number): number => {
    const bytes = id < 0 ? Infinity : program.buffers[id].bytes;
    return bytes <= SMALL_BYTES ? take(Math.max(1, Math.ceil(bytes / 64)) * 16) : -1;
  };
  const smallInputs = Int32Array.from(program.inputs, (id, i) => cells[i] >= 0 ? -1 : small(id));
  const smallOutputs = Int32Array.from(program.outputs, ({ buffer }) => small(buffer));
  return { buffers, loops, scalars: cells, smallInputs, smallOutputs, panels, words: next };
}
