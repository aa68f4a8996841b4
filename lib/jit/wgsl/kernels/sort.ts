/**
 * Sorting by a bitonic network (Batcher 1968) over pairs of a key, whose unsigned order is the order wanted, and the
 * position it came from, which makes the sort stable. Rows are padded to a power of two.
 */
import type { DType } from "../../../trace/dtype.ts";
import type { Sort } from "../../kernel/kernel.ts";
import { Access } from "../access.ts";
import { isPacked, type Place, type SlotUse } from "../place.ts";
import { registerType } from "../literal.ts";
import type { Dispatch, KernelPlan } from "../plan.ts";
import { Shader } from "../shader.ts";
import type { Tuning } from "../tuning.ts";
import { beginUnit, unitDispatch } from "./unit_dispatch.ts";

/** What is sorted: rows of the first operand. */
export type SortedRows = Pick<Sort, "rows" | "length" | "operands" | "descending">;

export function planSort(kernel: Sort, places: readonly Place[], tuning: Tuning): KernelPlan {
  const { rows, length } = kernel;
  if (rows * length === 0) return { dispatches: [], scratchBytes: 0 };
  const padded = 2 ** Math.ceil(Math.log2(length));
  const pairs = rows * padded;
  const dispatches: Dispatch[] = [writeKeys(kernel, places, tuning, padded)];
  if (padded > 1) {
    const exchange = writeExchange(rows, padded, tuning);
    for (let size = 2; size <= padded; size *= 2) {
      for (let distance = size / 2; distance >= 1; distance /= 2) {
        dispatches.push({ ...exchange, constants: [size, distance] });
      }
    }
  }
  // Few buffers per dispatch: each operand is brought into order by its own.
  for (let k = 0; k < kernel.operands.length / 2; k++) {
    dispatches.push(writeMove(kernel, places, tuning, padded, k));
  }
  return { dispatches, scratchBytes: 8 * pairs };
}

/** The key of a value: unsigned order is the order of values, NaN last in either direction. */
function keyOf(dtype: DType, value: string, descending: boolean): string {
  const flip = descending ? "~" : "";
  switch (registerType(dtype)) {
    case "bool":
      return `${flip}select(0u, 1u, ${value})`;
    case "u32":
      return `${flip}${value}`;
    case "i32":
      return `${flip}(bitcast<u32>(${value}) ^ 0x80000000u)`;
    case "f32":
      return `float_key(${value})`;
  }
}

/** Negative numbers in reverse, below the others; both zeros are equal. */
function floatKey(descending: boolean): string {
  return `fn float_key(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return 0xffffffffu; }
  let key = select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u && magnitude != 0u);
  return ${descending ? "~key" : "key"};
}`;
}

/** The dispatch that makes pairs of keys and positions of the first operand, in scratch memory. */
export function writeKeys(
  kernel: SortedRows,
  places: readonly Place[],
  tuning: Tuning,
  padded: number,
): Dispatch {
  const { rows, length, operands, descending } = kernel;
  const shader = new Shader();
  const access = new Access(shader, operands, places, new Set([0]), plainUse, true);
  access.declare();
  if (registerType(operands[0].dtype) === "f32") shader.declarations.push(floatKey(descending));
  const units = rows * padded, threads = tuning.mapThreads;
  beginUnit(shader, units, threads);
  shader.line(`let place = unit % ${padded}u;`);
  shader.line("var key = 0xffffffffu;");
  shader.block(`if (place < ${length}u)`, () => {
    const { constant, term } = access.base(0);
    const position = `i32((unit / ${padded}u) * ${length}u + place) + ${constant}${
      term === null ? "" : ` + ${term}`
    }`;
    const value = shader.let(access.load(0, position));
    shader.line(`key = ${keyOf(operands[0].dtype, value, descending)};`);
  });
  shader.line("scratch[2u * unit] = key;");
  // Padding comes behind everything, NaN included.
  shader.line(`scratch[2u * unit + 1u] = place;`);
  return unitDispatch("sort keys", shader, access, units, threads);
}

/** How sorting treats all slots. */
export const plainUse = (): SlotUse => ({ vector: false, atomic: false });

/** The dispatch that brings pairs at a distance into order; its constants are the size of sorted runs and the distance. */
export function writeExchange(rows: number, padded: number, tuning: Tuning): Dispatch {
  const shader = new Shader();
  const access = new Access(shader, [], [], new Set(), plainUse, true);
  access.declare(2);
  const units = rows * padded / 2, threads = tuning.mapThreads;
  beginUnit(shader, units, threads);
  shader.line(`let size = u32(${access.parameter(0, true)});`);
  shader.line(`let distance = u32(${access.parameter(1, true)});`);
  shader.line("let low = 2u * unit - (unit & (distance - 1u));");
  shader.line("let high = low + distance;");
  shader.line("let a = vec2u(scratch[2u * low], scratch[2u * low + 1u]);");
  shader.line("let b = vec2u(scratch[2u * high], scratch[2u * high + 1u]);");
  shader.line("let greater = a.x > b.x || (a.x == b.x && a.y > b.y);");
  shader.line(`let ascending = ((low & ${padded - 1}u) & size) == 0u;`);
  shader.block("if (greater == ascending)", () => {
    shader.line("scratch[2u * low] = b.x;");
    shader.line("scratch[2u * low + 1u] = b.y;");
    shader.line("scratch[2u * high] = a.x;");
    shader.line("scratch[2u * high + 1u] = a.y;");
  });
  return unitDispatch("sort exchange", shader, access, units, threads);
}

function writeMove(
  kernel: Sort,
  places: readonly Place[],
  tuning: Tuning,
  padded: number,
  number: number,
): Dispatch {
  const { rows, length, operands } = kernel;
  const shader = new Shader();
  const target = number + operands.length / 2;
  const small = isPacked(operands[target].dtype, places[target]);
  const access = new Access(
    shader,
    operands,
    places,
    new Set([number, target]),
    (slot) => ({ vector: false, atomic: small && slot === places[target].slot }),
    true,
  );
  access.declare();
  const units = rows * length, threads = tuning.mapThreads;
  beginUnit(shader, units, threads);
  const row = shader.let(`unit / ${length}u`, "r");
  const source = shader.let(`scratch[2u * (${row} * ${padded}u + unit % ${length}u) + 1u]`, "s");
  const at = (operand: number, position: string): string => {
    const { constant, term } = access.base(operand);
    return `i32(${position}) + ${constant}${term === null ? "" : ` + ${term}`}`;
  };
  const value = shader.let(access.load(number, at(number, `${row} * ${length}u + ${source}`)));
  access.store(target, at(target, "unit"), value);
  return unitDispatch("sort move", shader, access, units, threads);
}
