/** The reference meaning of a loop. A leading size that is DYNAMIC in types is a real size here. */
import { interpretGraph } from "../trace/interpret.ts";
import type { HostArray } from "../trace/primitive.ts";
import { type Aval, sizeOf } from "../trace/shape.ts";
import { splitBodyOutputs, splitInputs } from "./loop_layout.ts";
import { DYNAMIC, type LoopParams } from "./loop_params.ts";

function scalar(value: number): HostArray {
  return { shape: [], dtype: "int32", data: Float64Array.of(value) };
}

function row(sequence: HostArray, position: number): HostArray {
  const shape = sequence.shape.slice(1);
  const size = sizeOf(shape);
  const data = sequence.data.subarray(position * size, (position + 1) * size);
  return { shape, dtype: sequence.dtype, data };
}

export function evaluateLoop(
  inputs: readonly HostArray[],
  params: LoopParams,
  outputs: readonly Aval[],
): HostArray[] {
  const { body, condition, length, reverse } = params;
  const { count, constants, carries: initial, sequences } = splitInputs(inputs, params);
  const limit = length !== DYNAMIC ? length : sequences.length > 0 ? sequences[0].shape[0] : Infinity;
  const steps = count ? Math.max(0, Math.min(count.data[0], limit)) : limit;
  let carries: readonly HostArray[] = initial;
  const rows: HostArray[][] = Array.from({ length: params.results }, () => []);
  let taken = 0;
  while (taken < steps) {
    if (condition && interpretGraph(condition, [...constants, ...carries])[0].data[0] === 0) break;
    const position = reverse ? steps - 1 - taken : taken;
    const slices = sequences.map((sequence) => row(sequence, position));
    const step = params.step ? [scalar(taken)] : [];
    const after = splitBodyOutputs(
      interpretGraph(body, [...constants, ...carries, ...step, ...slices]),
      params,
    );
    carries = after.carries;
    after.rows.forEach((value, i) => rows[i].push(value));
    taken++;
    if (after.stop && after.stop.data[0] !== 0) break;
  }
  const stacked = rows.map((list, i): HostArray => {
    const { shape: [declared, ...rest], dtype } = outputs[params.carries + i];
    const leading = declared === DYNAMIC ? taken : declared;
    const size = sizeOf(rest);
    const data = new Float64Array(leading * size);
    list.forEach((value, step) => data.set(value.data, (reverse ? taken - 1 - step : step) * size));
    return { shape: [leading, ...rest], dtype, data };
  });
  return [...carries, ...stacked, ...(params.taken ? [scalar(taken)] : [])];
}
