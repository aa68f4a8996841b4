/** Which inputs of loops and conditions their outputs depend on: a carry that no wanted one is computed of is none. */
import { graphInfluences } from "../autodiff/influence.ts";
import { joinInputs, splitBodyInputs, splitOutputs } from "./loop_layout.ts";
import { DYNAMIC, type LoopParams, type SwitchParams } from "./loop_params.ts";

/** What the number of steps depends on counts for every output. */
export function loopInfluences(params: LoopParams, wanted: readonly boolean[]): boolean[] {
  const { body, condition, constants, counted, length, stops } = params;
  const outputs = splitOutputs(wanted, params);
  const control = condition && graphInfluences(condition, [true]);
  const carries = outputs.carries.map((flag, i) => flag || (control?.[constants + i] ?? false));
  for (;;) {
    const flags = [...carries, ...outputs.results, ...(stops ? [true] : [])];
    const inside = splitBodyInputs(graphInfluences(body, flags), params);
    const changed = inside.carries.map((flag, i) => flag && !carries[i]);
    changed.forEach((flag, i) => carries[i] ||= flag);
    if (changed.includes(true)) continue;
    const mayBeEmpty = counted || condition !== null || length === 0 || length === DYNAMIC;
    return joinInputs({
      count: counted ? true : null,
      constants: inside.constants.map((flag, i) => flag || (control?.[i] ?? false)),
      carries: inside.carries.map((flag, i) => flag || (mayBeEmpty && carries[i])),
      sequences: inside.slices,
    });
  }
}

/** The index counts always. */
export function switchInfluences({ branches }: SwitchParams, wanted: readonly boolean[]): boolean[] {
  const inside = branches.map((branch) => graphInfluences(branch, wanted));
  return [true, ...branches[0].inputs.map((_, i) => inside.some((flags) => flags[i]))];
}
