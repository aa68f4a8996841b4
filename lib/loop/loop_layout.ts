/** Which inputs and outputs of a loop node, and of its body, are what: the orders that loop_params.ts defines. */
import type { LoopParams } from "./loop_params.ts";

/** The inputs of a loop node. */
export interface LoopInputs<T> {
  readonly count: T | null;
  readonly constants: readonly T[];
  readonly carries: readonly T[];
  readonly sequences: readonly T[];
}

/** The outputs of a loop node. */
export interface LoopOutputs<T> {
  readonly carries: readonly T[];
  readonly results: readonly T[];
  readonly taken: T | null;
}

/** The inputs of a body. */
export interface BodyInputs<T> {
  readonly constants: readonly T[];
  readonly carries: readonly T[];
  readonly step: T | null;
  readonly slices: readonly T[];
}

/** The outputs of a body. */
export interface BodyOutputs<T> {
  readonly carries: readonly T[];
  readonly rows: readonly T[];
  readonly stop: T | null;
}

type Counts = Pick<
  LoopParams,
  "constants" | "carries" | "sequences" | "results" | "counted" | "step" | "stops" | "taken"
>;

export function splitInputs<T>(values: readonly T[], params: Counts): LoopInputs<T> {
  let next = params.counted ? 1 : 0;
  const take = (count: number) => values.slice(next, next += count);
  return {
    count: params.counted ? values[0] : null,
    constants: take(params.constants),
    carries: take(params.carries),
    sequences: take(params.sequences),
  };
}

export function joinInputs<T>({ count, constants, carries, sequences }: LoopInputs<T>): T[] {
  return [...(count === null ? [] : [count]), ...constants, ...carries, ...sequences];
}

export function splitOutputs<T>(values: readonly T[], params: Counts): LoopOutputs<T> {
  const { carries, results } = params;
  return {
    carries: values.slice(0, carries),
    results: values.slice(carries, carries + results),
    taken: params.taken ? values[carries + results] : null,
  };
}

export function splitBodyInputs<T>(values: readonly T[], params: Counts): BodyInputs<T> {
  let next = 0;
  const take = (count: number) => values.slice(next, next += count);
  const constants = take(params.constants), carries = take(params.carries);
  const [step] = take(params.step ? 1 : 0);
  return { constants, carries, step: params.step ? step : null, slices: take(params.sequences) };
}

export function joinBodyInputs<T>({ constants, carries, step, slices }: BodyInputs<T>): T[] {
  return [...constants, ...carries, ...(step === null ? [] : [step]), ...slices];
}

export function splitBodyOutputs<T>(values: readonly T[], params: Counts): BodyOutputs<T> {
  const { carries, results } = params;
  return {
    carries: values.slice(0, carries),
    rows: values.slice(carries, carries + results),
    stop: params.stops ? values[carries + results] : null,
  };
}
