/**
 * Running sums, products and extrema: a thread per line; long lines are cut into chunks, whose totals are combined
 * first (Blelloch 1990).
 */
import type { Cumulative, Reduction } from "../../kernel/kernel.ts";
import { Access } from "../access.ts";
import { isPacked, type Place } from "../place.ts";
import { asWord, fromWord } from "../literal.ts";
import type { Dispatch, KernelPlan } from "../plan.ts";
import { castExpression } from "../scalar_ops.ts";
import { Shader } from "../shader.ts";
import type { Tuning } from "../tuning.ts";
import { combined, startValue, stateType } from "./combine.ts";
import { beginUnit, unitDispatch } from "./unit_dispatch.ts";

/** Elements of a chunk that is worth a thread of its own. */
const MIN_CHUNK = 256;

type Part = "whole" | "totals" | "starts" | "lines";

export function planCumulative(kernel: Cumulative, places: readonly Place[], tuning: Tuning): KernelPlan {
  const lines = kernel.outer * kernel.inner;
  if (lines === 0 || kernel.length === 0) return { dispatches: [], scratchBytes: 0 };
  const wanted = Math.max(
    Math.ceil(kernel.length / (tuning.maxIterations / 2)),
    Math.min(Math.ceil(tuning.wantedThreads / lines), Math.ceil(kernel.length / MIN_CHUNK)),
  );
  const size = Math.ceil(kernel.length / wanted);
  const chunks = Math.ceil(kernel.length / size);
  const write = (part: Part) => writePart(kernel, places, tuning, part, size, chunks);
  if (chunks === 1) return { dispatches: [write("whole")], scratchBytes: 0 };
  return {
    dispatches: [write("totals"), write("starts"), write("lines")],
    scratchBytes: 4 * lines * chunks,
  };
}

function writePart(
  kernel: Cumulative,
  places: readonly Place[],
  tuning: Tuning,
  part: Part,
  size: number,
  chunks: number,
): Dispatch {
  const { outer, inner, length, reverse, combiner, dtype, operands } = kernel;
  const shader = new Shader();
  const reads = part !== "starts", writes = part === "whole" || part === "lines";
  const used = new Set<number>([...(reads ? [0] : []), ...(writes ? [1] : [])]);
  const small = isPacked(operands[1].dtype, places[1]);
  const target = places[1].slot;
  const access = new Access(
    shader,
    operands,
    places,
    used,
    (slot) => ({ vector: false, atomic: small && writes && slot === target }),
    part !== "whole",
  );
  access.declare();
  const lines = outer * inner;
  const units = part === "whole" || part === "starts" ? lines : lines * chunks;
  const threads = tuning.rowThreads;
  beginUnit(shader, units, threads);
  shader.line(`let line = i32(unit % ${lines}u);`);
  shader.line(units === lines ? "let chunk = 0;" : `let chunk = i32(unit / ${lines}u);`);
  const reduction: Reduction = { combiner, dtype, value: 0, pass: 0 };
  const type = stateType(reduction);
  const join = (value: string) => combined(shader, combiner, dtype, "total", value);
  const cell = (chunk: string) => `scratch[u32(${chunk} * ${lines} + line)]`;
  shader.line(`var total: ${type} = ${startValue(reduction)};`);
  if (part === "starts") {
    // Each chunk learns what the chunks before it come to.
    shader.block(`for (var c = 0; c < ${chunks}; c++)`, () => {
      const own = shader.let(fromWord(dtype, cell("c")));
      shader.line(`${cell("c")} = ${asWord(dtype, "total")};`);
      shader.line(`total = ${join(own)};`);
    });
  } else {
    const along = (at: string) => reverse ? `(${length - 1} - ${at})` : at;
    const base = shader.let(`(line / ${inner}) * ${length * inner} + line % ${inner}`, "p");
    const position = (operand: number, at: string): string => {
      const { constant, term } = access.base(operand);
      return `${base} + ${along(at)} * ${inner} + ${constant}${term === null ? "" : ` + ${term}`}`;
    };
    if (part === "lines") shader.line(`total = ${fromWord(dtype, cell("chunk"))};`);
    const first = shader.let(`chunk * ${size}`, "e");
    const last = shader.let(`min(${first} + ${size}, ${length})`, "e");
    shader.block(`for (var i = ${first}; i < ${last}; i++)`, () => {
      const read = access.load(0, position(0, "i"));
      const value = shader.let(castExpression(shader, operands[0].dtype, dtype, read));
      shader.line(`total = ${join(value)};`);
      if (writes) access.store(1, position(1, "i"), "total");
    });
    if (part === "totals") shader.line(`${cell("chunk")} = ${asWord(dtype, "total")};`);
  }
  return unitDispatch(part === "whole" ? "cumulative" : `cumulative ${part}`, shader, access, units, threads);
}
