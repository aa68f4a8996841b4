/**
 * The transpose of a linear loop: a loop over the same coefficients in the other direction. Cotangents of the carries
 * are its carries, those of constants add up in further carries, and those of sequences are its stacked results.
 */
import { transposeGraph } from "../autodiff/transpose_graph.ts";
import { GradientError } from "../trace/errors.ts";
import type { MaybeTensor, TransposeArguments } from "../trace/primitive.ts";
import { elementwise } from "../trace/primitives/elementwise.ts";
import { filled, instantiate } from "../trace/primitives/zeros.ts";
import type { Tensor } from "../trace/tensor.ts";
import { bind, bindOne } from "../trace/trace.ts";
import { cotangentActivity, dependence, loopActivity } from "./activity.ts";
import { closedBody, inputsLike, inputsOf } from "./body_trace.ts";
import { joinBodyInputs, splitBodyInputs, splitInputs, splitOutputs } from "./loop_layout.ts";
import type { LoopParams } from "./loop_params.ts";
import { loopPrimitive } from "./loop_primitive.ts";

export function transposeLoop(
  { cotangents, inputs, avals, params }: TransposeArguments<LoopParams>,
): readonly MaybeTensor[] {
  const { body } = params;
  const given = splitInputs(inputs, params);
  const types = splitInputs(avals, params);
  const absent = (list: readonly MaybeTensor[]) => list.map((tensor) => tensor === null);
  const linear = {
    constants: absent(given.constants),
    carries: absent(given.carries),
    slices: absent(given.sequences),
  };
  if (params.condition || params.stops || params.step) throw mixed();
  // Initial values that are known are tangents too: the body is linear in all carries together.
  const forward = loopActivity(params, { ...linear, carries: linear.carries.map(() => true) }, dependence);
  const outputs = splitOutputs(cotangents, params);
  const present = (list: readonly MaybeTensor[]) => list.map((tensor) => tensor !== null);
  const inside = splitBodyInputs(body.inputs, params);
  const active = cotangentActivity(params, forward.variables, {
    carries: present(outputs.carries),
    rows: present(outputs.results),
  });
  const constants = inside.constants.map((input) => active.variables.has(input));
  const slices = inside.slices.map((input) => active.variables.has(input));
  if (![...active.carries, ...constants, ...slices].includes(true)) return inputs.map(() => null);
  const chosen = <T>(list: readonly T[], flags: readonly boolean[]) => list.filter((_, i) => flags[i]);
  const known = <T>(list: readonly T[], flags: readonly boolean[]) => list.filter((_, i) => !flags[i]);
  const rowCotangents = outputs.results.filter((tensor) => tensor !== null);

  const backward = closedBody(`backward ${body.name}`, (trace) => {
    const own = {
      constants: inputsLike(trace, known(inside.constants, linear.constants)),
      carries: inputsLike(trace, chosen(inside.carries, active.carries)),
      sums: inputsLike(trace, chosen(inside.constants, constants)),
      slices: inputsLike(trace, known(inside.slices, linear.slices)),
      rows: inputsOf(
        trace,
        rowCotangents.map(({ aval: { shape, dtype } }) => ({ shape: shape.slice(1), dtype })),
      ),
    };
    const place = (list: readonly Tensor[], flags: readonly boolean[]) => {
      let next = 0;
      return flags.map((flag): MaybeTensor => flag ? list[next++] : null);
    };
    const values = joinBodyInputs<MaybeTensor>({
      constants: place(own.constants, linear.constants.map((flag) => !flag)),
      carries: inside.carries.map(() => null),
      step: null,
      slices: place(own.slices, linear.slices.map((flag) => !flag)),
    });
    const directions = [...place(own.carries, active.carries), ...place(own.rows, present(outputs.results))];
    const pulled = transposeGraph(body, values, directions, "loop");
    // The cotangents come for the linear inputs only, in order.
    const flags = [...linear.constants, ...inside.carries.map(() => true), ...linear.slices];
    const results = splitBodyInputs(place(pulled as Tensor[], flags), params);
    const sums = chosen(results.constants, constants).map((cotangent, i) =>
      cotangent ? bindOne(elementwise.add, [own.sums[i], cotangent], {}) : own.sums[i]
    );
    return {
      inputs: Object.values(own).flat(),
      outputs: [
        ...chosen(results.carries.map((ct, i) => instantiate(ct, inside.carries[i].aval)), active.carries),
        ...sums,
        ...chosen(results.slices.map((ct, i) => instantiate(ct, inside.slices[i].aval)), slices),
      ],
    };
  });
  const constantTensors = known(given.constants, linear.constants) as Tensor[];
  const carryTensors = [
    ...chosen(types.carries.map((aval, i) => instantiate(outputs.carries[i], aval)), active.carries),
    ...chosen(types.constants, constants).map((aval) => filled(0, aval)),
  ];
  const sequenceTensors = [...known(given.sequences, linear.slices) as Tensor[], ...rowCotangents];
  const transposed: LoopParams = {
    body: backward,
    condition: null,
    constants: constantTensors.length,
    carries: carryTensors.length,
    sequences: sequenceTensors.length,
    results: slices.filter((slice) => slice).length,
    length: params.length,
    counted: params.counted,
    step: false,
    stops: false,
    reverse: !params.reverse,
    taken: false,
  };
  const count = given.count ? [given.count] : [];
  const all = [...count, ...constantTensors, ...carryTensors, ...sequenceTensors];
  const results = splitOutputs(bind(loopPrimitive, all, transposed), transposed);
  let nextCarry = 0, nextRow = 0;
  const carryCotangents = active.carries.map((flag) => flag ? results.carries[nextCarry++] : null);
  const constantCotangents = constants.map((flag) => flag ? results.carries[nextCarry++] : null);
  return [
    ...count.map(() => null),
    ...constantCotangents,
    // An initial value that is known is no variable of the linear function.
    ...carryCotangents.map((cotangent, i) => linear.carries[i] ? cotangent : null),
    ...slices.map((flag) => flag ? results.results[nextRow++] : null),
  ];
}

function mixed(): GradientError {
  return new GradientError(
    "A derivative rule runs a loop that computes tangents together with values that are no tangents.",
    {
      operation: "loop",
      remedy:
        "Compute those values in a loop of their own, stack them with scan, and pass them to the loop on tangents.",
    },
  );
}
