/** Kernels that decide whether dispatches happen: they write numbers of workgroups into the buffer of predicates. */
import type { DType } from "../../../trace/dtype.ts";
import { Access } from "../access.ts";
import type { Place } from "../place.ts";
import type { KernelPlan } from "../plan.ts";
import { RECORD_WORDS, SCOPE_HEAD, SCOPE_WORDS } from "../predicates.ts";
import { Shader } from "../shader.ts";

/** What a flag says about the steps of a loop. */
export interface FlagMeaning {
  /** The flag with which the loop goes on. */
  readonly goesOn: boolean;
  /** Whether it is this flag that counts a step: before it where a loop ends with a step, else when it goes on. */
  readonly counts: boolean;
}

/** A shader over one operand, and the buffer of predicates as its scratch buffer. */
function predicateKernel(
  place: Place,
  dtype: DType,
  groups: number,
  parameters: number,
  write: (shader: Shader, access: Access, value: string) => void,
): KernelPlan {
  const shader = new Shader();
  const access = new Access(
    shader,
    [{ dtype, access: "read" }],
    [place],
    new Set([0]),
    () => ({ vector: false, atomic: false }),
    true,
  );
  access.declare(parameters);
  const { constant, term } = access.base(0);
  write(shader, access, access.load(0, term === null ? `${constant}` : `${term} + ${constant}`));
  return {
    dispatches: [{
      label: "predicate",
      code: shader.text("@compute @workgroup_size(1)\nfn main(@builtin(workgroup_id) group: vec3u)"),
      bindings: access.bindings,
      groups: [groups, 1, 1],
      offsets: access.parameters,
      constants: new Array(parameters).fill(0),
    }],
    scratchBytes: 0,
  };
}

/** Sets the workgroups of all records of a scope along x. */
function writeRecords(shader: Shader, value: (record: string) => string): void {
  shader.block("for (var i = 0u; i < scratch[scope + 2u]; i++)", () => {
    const record = shader.let(`scope + ${SCOPE_HEAD}u + ${RECORD_WORDS}u * i`, "record");
    shader.line(`scratch[${record}] = ${value(record)};`);
  });
}

/** Ends the scope of a loop by a flag, and counts its steps. The parameter is the scope. */
export function planEnd(place: Place, { goesOn, counts }: FlagMeaning): KernelPlan {
  return predicateKernel(place, "bool", 1, 1, (shader, access, flag) => {
    shader.line(`let scope = u32(${access.parameter(0, true)});`);
    shader.line("if (scratch[scope] == 0u) { return; }");
    const ends = shader.let(goesOn ? `!${flag}` : flag, "ends");
    if (counts) shader.line(`scratch[scope + 1u] += ${goesOn ? `select(1u, 0u, ${ends})` : "1u"};`);
    shader.block(`if (${ends})`, () => {
      shader.line("scratch[scope] = 0u;");
      writeRecords(shader, () => "0u");
    });
  });
}

/** Lets one of several scopes live, by an index. The parameters are the first, and the one around them or -1. */
export function planChoice(place: Place, branches: number): KernelPlan {
  return predicateKernel(place, "int32", branches, 2, (shader, access, index) => {
    const around = access.parameter(1, true);
    shader.line(`let scope = u32(${access.parameter(0, true)}) + ${SCOPE_WORDS}u * group.x;`);
    shader.line(`var alive = clamp(${index}, 0, ${branches - 1}) == i32(group.x);`);
    shader.line(`if (${around} >= 0) { alive = alive && scratch[u32(${around})] != 0u; }`);
    shader.line("scratch[scope] = select(0u, 1u, alive);");
    writeRecords(shader, (record) => `select(0u, scratch[${record} + 3u], alive)`);
  });
}
