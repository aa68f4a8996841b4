/** Dispatches in which every thread takes one unit of the work. */
import type { Access } from "../access.ts";
import type { Dispatch } from "../plan.ts";
import type { Shader } from "../shader.ts";
import { MAX_WORKGROUPS } from "../tuning.ts";
import { groupsFor } from "./groups.ts";

/** The head of a shader that knows its workgroup, `group`, and its thread in it, `thread`. */
export function entryPoint(threads: number): string {
  return `@compute @workgroup_size(${threads})\n` +
    "fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32)";
}

/** Names the unit of a thread; threads behind the last unit, in the last workgroup, have nothing to do. */
export function beginUnit(shader: Shader, units: number, threads: number): void {
  shader.line(`let unit = (group.x + group.y * ${MAX_WORKGROUPS}u) * ${threads}u + thread;`);
  shader.line(`if (unit >= ${units}u) { return; }`);
}

/** The dispatch of a shader that began with {@linkcode beginUnit}. */
export function unitDispatch(
  label: string,
  shader: Shader,
  access: Access,
  units: number,
  threads: number,
): Dispatch {
  return {
    label,
    code: shader.text(entryPoint(threads)),
    bindings: access.bindings,
    groups: groupsFor(units, threads),
    offsets: access.parameters,
    constants: [],
  };
}
