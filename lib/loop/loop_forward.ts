/** Forward mode: one loop whose carries, slices and rows are primals and tangents side by side. */
import { pushForward } from "../autodiff/push_forward.ts";
import type { MaybeTensor } from "../trace/primitive.ts";
import { instantiate } from "../trace/primitives/zeros.ts";
import type { Tensor } from "../trace/tensor.ts";
import { bind } from "../trace/trace.ts";
import { differentiable, loopActivity } from "./activity.ts";
import { closedBody, inputsLike, withUnusedInputs } from "./body_trace.ts";
import { joinInputs, splitBodyInputs, splitBodyOutputs, splitInputs, splitOutputs } from "./loop_layout.ts";
import type { LoopParams } from "./loop_params.ts";
import { loopPrimitive } from "./loop_primitive.ts";

export interface Pushed {
  readonly outputs: readonly Tensor[];
  readonly tangents: readonly MaybeTensor[];
}

/** The outputs of a loop and their tangents. */
export function forwardLoop(
  primals: readonly Tensor[],
  tangents: readonly MaybeTensor[],
  params: LoopParams,
): Pushed {
  const { body } = params;
  const given = splitInputs(primals, params);
  const moving = splitInputs(tangents, params);
  const has = (list: readonly MaybeTensor[]) => list.map((tangent) => tangent !== null);
  const constants = has(moving.constants), slices = has(moving.sequences);
  const { carries } = loopActivity(
    params,
    { constants, carries: has(moving.carries), slices },
    differentiable,
  );
  let rows: boolean[] = [];
  const inside = splitBodyInputs(body.inputs, params);
  const chosen = <T>(list: readonly T[], flags: readonly boolean[]) => list.filter((_, i) => flags[i]);
  const graph = closedBody(body.name, (trace) => {
    const own = {
      constants: inputsLike(trace, inside.constants),
      constantTangents: inputsLike(trace, chosen(inside.constants, constants)),
      carries: inputsLike(trace, inside.carries),
      carryTangents: inputsLike(trace, chosen(inside.carries, carries)),
      step: inputsLike(trace, inside.step ? [inside.step] : []),
      slices: inputsLike(trace, inside.slices),
      sliceTangents: inputsLike(trace, chosen(inside.slices, slices)),
    };
    const spread = (list: readonly Tensor[], flags: readonly boolean[]) => {
      let next = 0;
      return flags.map((flag): MaybeTensor => flag ? list[next++] : null);
    };
    const pushed = pushForward(
      body,
      [...own.constants, ...own.carries, ...own.step, ...own.slices],
      [
        ...spread(own.constantTangents, constants),
        ...spread(own.carryTangents, carries),
        ...own.step.map(() => null),
        ...spread(own.sliceTangents, slices),
      ],
      "loop",
    );
    const values = splitBodyOutputs(pushed.outputs, params);
    const directions = splitBodyOutputs(pushed.tangents, params);
    rows = has(directions.rows);
    return {
      inputs: Object.values(own).flat(),
      outputs: [
        ...values.carries,
        ...chosen(directions.carries.map((t, i) => instantiate(t, values.carries[i].aval)), carries),
        ...values.rows,
        ...directions.rows.filter((tangent) => tangent !== null),
        ...(values.stop ? [values.stop] : []),
      ],
    };
  });
  const newConstants = moving.constants.filter((tangent) => tangent !== null);
  const newCarries = chosen(moving.carries.map((t, i) => instantiate(t, given.carries[i].aval)), carries);
  const newSequences = moving.sequences.filter((tangent) => tangent !== null);
  const condition = params.condition && withUnusedInputs(params.condition, [
    ...newConstants.map(({ aval }) => ({ at: params.constants, aval })),
    ...newCarries.map(({ aval }) => ({ at: params.constants + params.carries, aval })),
  ]);
  const rowCount = rows.filter((row) => row).length;
  const doubled: LoopParams = {
    ...params,
    body: graph,
    condition,
    constants: params.constants + newConstants.length,
    carries: params.carries + newCarries.length,
    sequences: params.sequences + newSequences.length,
    results: params.results + rowCount,
  };
  const results = splitOutputs(
    bind(
      loopPrimitive,
      joinInputs({
        count: given.count,
        constants: [...given.constants, ...newConstants],
        carries: [...given.carries, ...newCarries],
        sequences: [...given.sequences, ...newSequences],
      }),
      doubled,
    ),
    doubled,
  );
  const carryTangents = results.carries.slice(params.carries),
    rowTangents = results.results.slice(params.results);
  let nextCarry = 0, nextRow = 0;
  const taken = results.taken ? [results.taken] : [];
  return {
    outputs: [
      ...results.carries.slice(0, params.carries),
      ...results.results.slice(0, params.results),
      ...taken,
    ],
    tangents: [
      ...carries.map((active) => active ? carryTangents[nextCarry++] : null),
      ...rows.map((active) => active ? rowTangents[nextRow++] : null),
      ...taken.map(() => null),
    ],
  };
}
