/**
 * The largest elements of rows: runs of the least power of two that holds them are sorted by a bitonic network, then of
 * every two runs the better half is kept and put in order, until one is left.
 */
import type { Topk } from "../../kernel/kernel.ts";
import { Access } from "../access.ts";
import { isPacked, type Place } from "../place.ts";
import type { Dispatch, KernelPlan } from "../plan.ts";
import { Shader } from "../shader.ts";
import type { Tuning } from "../tuning.ts";
import { groupsFor } from "./groups.ts";
import { plainUse, writeExchange, writeKeys } from "./sort.ts";
import { beginUnit, unitDispatch } from "./unit_dispatch.ts";

export function planTopk(kernel: Topk, places: readonly Place[], tuning: Tuning): KernelPlan {
  const { rows, length, count } = kernel;
  if (rows * count === 0) return { dispatches: [], scratchBytes: 0 };
  const padded = 2 ** Math.ceil(Math.log2(length)), run = 2 ** Math.ceil(Math.log2(count));
  const threads = tuning.mapThreads;
  const dispatches: Dispatch[] = [writeKeys({ ...kernel, descending: true }, places, tuning, padded)];
  if (padded > 1) {
    const exchange = writeExchange(rows, padded, tuning);
    for (let size = 2; size <= run; size *= 2) {
      for (let distance = size / 2; distance >= 1; distance /= 2) {
        dispatches.push({ ...exchange, constants: [size, distance] });
      }
    }
  }
  if (padded > run) {
    const halve = writeHalve(run, threads), merge = writeMerge(padded, run, threads);
    // Runs stay where they are: after each halving those in use are twice as far apart.
    for (let apart = run; apart < padded; apart *= 2) {
      const left = rows * padded / (2 * apart);
      dispatches.push({ ...halve, groups: groupsFor(left * run, threads), constants: [left * run, apart] });
      for (let distance = run / 2; distance >= 1; distance /= 2) {
        const units = left * run / 2;
        dispatches.push({
          ...merge,
          groups: groupsFor(units, threads),
          constants: [units, 2 * apart, distance],
        });
      }
    }
  }
  for (const target of [1, 2]) dispatches.push(writeResult(kernel, places, tuning, padded, target));
  return { dispatches, scratchBytes: 8 * rows * padded };
}

/** Loads the pairs `a` and `b` at two places. */
function loadPairs(shader: Shader): void {
  shader.line("let a = vec2u(scratch[2u * low], scratch[2u * low + 1u]);");
  shader.line("let b = vec2u(scratch[2u * high], scratch[2u * high + 1u]);");
  shader.line("let greater = a.x > b.x || (a.x == b.x && a.y > b.y);");
}

/** Of two runs, one ascending and one descending, the lesser of each two pairs: the lesser half, as one bitonic run. */
function writeHalve(run: number, threads: number): Dispatch {
  const shader = new Shader();
  const access = new Access(shader, [], [], new Set(), plainUse, true);
  access.declare(2);
  beginUnit(shader, 0xffffffff, threads);
  shader.line(`if (unit >= u32(${access.parameter(0, true)})) { return; }`);
  shader.line(`let apart = u32(${access.parameter(1, true)});`);
  shader.line(`let low = (unit / ${run}u) * 2u * apart + unit % ${run}u;`);
  shader.line("let high = low + apart;");
  loadPairs(shader);
  shader.block("if (greater)", () => {
    shader.line("scratch[2u * low] = b.x;");
    shader.line("scratch[2u * low + 1u] = b.y;");
  });
  return unitDispatch("topk halve", shader, access, 1, threads);
}

/** One step of putting bitonic runs in order, every second one descending; the last of a row ascends. */
function writeMerge(padded: number, run: number, threads: number): Dispatch {
  const shader = new Shader();
  const access = new Access(shader, [], [], new Set(), plainUse, true);
  access.declare(3);
  beginUnit(shader, 0xffffffff, threads);
  shader.line(`if (unit >= u32(${access.parameter(0, true)})) { return; }`);
  shader.line(`let apart = u32(${access.parameter(1, true)});`);
  shader.line(`let distance = u32(${access.parameter(2, true)});`);
  const half = Math.max(1, run / 2);
  shader.line(`let inside = unit % ${half}u;`);
  shader.line(`let low = (unit / ${half}u) * apart + 2u * inside - (inside & (distance - 1u));`);
  shader.line("let high = low + distance;");
  loadPairs(shader);
  shader.line(`let ascending = ((low & ${padded - 1}u) & apart) == 0u;`);
  shader.block("if (greater == ascending)", () => {
    shader.line("scratch[2u * low] = b.x;");
    shader.line("scratch[2u * low + 1u] = b.y;");
    shader.line("scratch[2u * high] = a.x;");
    shader.line("scratch[2u * high + 1u] = a.y;");
  });
  return unitDispatch("topk merge", shader, access, 1, threads);
}

/** Writes the elements (operand 1) or where they are (operand 2). */
function writeResult(
  { rows, length, count, operands }: Topk,
  places: readonly Place[],
  tuning: Tuning,
  padded: number,
  target: number,
): Dispatch {
  const shader = new Shader();
  const small = isPacked(operands[target].dtype, places[target]);
  const used = new Set(target === 1 ? [0, 1] : [2]);
  const access = new Access(
    shader,
    operands,
    places,
    used,
    (slot) => ({ vector: false, atomic: small && slot === places[target].slot }),
    true,
  );
  access.declare();
  const units = rows * count, threads = tuning.mapThreads;
  beginUnit(shader, units, threads);
  const row = shader.let(`unit / ${count}u`, "r");
  const source = shader.let(`scratch[2u * (${row} * ${padded}u + unit % ${count}u) + 1u]`, "s");
  const at = (operand: number, position: string): string => {
    const { constant, term } = access.base(operand);
    return `i32(${position}) + ${constant}${term === null ? "" : ` + ${term}`}`;
  };
  const value = target === 1
    ? shader.let(access.load(0, at(0, `${row} * ${length}u + ${source}`)))
    : `i32(${source})`;
  access.store(target, at(target, "unit"), value);
  return unitDispatch("topk result", shader, access, units, threads);
}
