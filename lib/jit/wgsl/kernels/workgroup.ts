/** Combining what the threads of a workgroup found, through workgroup memory. */
import type { Reduction } from "../../kernel/kernel.ts";
import type { Shader } from "../shader.ts";
import { combined, isPosition, type State, stateType, wins } from "./combine.ts";

function sharedType(r: Reduction): string {
  const type = stateType(r);
  return type === "bool" ? "u32" : type;
}

/** Declares the cells that the reductions of a kernel share. */
export function declareShared(shader: Shader, reductions: readonly Reduction[], threads: number): void {
  const types = new Set(reductions.map(sharedType));
  for (const type of types) {
    shader.declarations.push(`var<workgroup> shared_${type}: array<${type}, ${threads}>;`);
  }
  if (reductions.some((r) => isPosition(r.combiner))) {
    shader.declarations.push(`var<workgroup> shared_position: array<i32, ${threads}>;`);
  }
}

/** Combines the states of `threads` threads, a power of two; the name of the result is known to all of them. */
export function combineThreads(shader: Shader, r: Reduction, state: State, threads: number): string {
  const cells = `shared_${sharedType(r)}`;
  const isBool = stateType(r) === "bool";
  const toCell = (value: string) => isBool ? `select(0u, 1u, ${value})` : value;
  const fromCell = (cell: string) => isBool ? `(${cell} != 0u)` : cell;
  shader.line(`${cells}[thread] = ${toCell(state.value)};`);
  if (state.position !== null) shader.line(`shared_position[thread] = ${state.position};`);
  shader.line("workgroupBarrier();");
  const t = shader.name("t");
  shader.block(`for (var ${t} = ${threads / 2}u; ${t} > 0u; ${t} >>= 1u)`, () => {
    shader.block(`if (thread < ${t})`, () => {
      const a = shader.let(fromCell(`${cells}[thread]`));
      const b = shader.let(fromCell(`${cells}[thread + ${t}]`));
      if (state.position === null) {
        shader.line(`${cells}[thread] = ${toCell(combined(shader, r.combiner, r.dtype, a, b))};`);
        return;
      }
      const p = shader.let("shared_position[thread]"), q = shader.let(`shared_position[thread + ${t}]`);
      shader.block(`if (${wins(r.combiner, r.dtype, a, p, b, q)})`, () => {
        shader.line(`${cells}[thread] = ${cells}[thread + ${t}];`);
        shader.line(`shared_position[thread] = ${q};`);
      });
    });
    shader.line("workgroupBarrier();");
  });
  const result = shader.let(state.position === null ? fromCell(`${cells}[0]`) : "shared_position[0]");
  // The cells are used again by the next reduction.
  shader.line("workgroupBarrier();");
  return result;
}
