/** What an evaluation is to the protocol: functions that prepare their input, run, and give a result as JSON. */
import { type Tensor, tensor } from "@damo/damo";

/** One input, ready: `run` is what is timed, `output` what is sent back. */
export interface Prepared {
  run(): unknown;
  output(result: unknown): unknown;
}

/** A function of an evaluation by its name in the protocol. */
export interface EvaluatedFunction {
  prepare(input: unknown): Prepared;
}

/** The functions of one module of the protocol. */
export type Evaluation = Readonly<Record<string, EvaluatedFunction>>;

/** How a compiled function meets the protocol. */
export interface Binding<I, A extends readonly unknown[], R> {
  /** The compiled function's arguments: what lies in memory before the clock starts. */
  prepare(input: I): A;
  /** The result as JSON, after the clock has stopped. */
  output(result: R, input: I): unknown;
}

/** A compiled function as an evaluated one. */
export function evaluated<I, A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  { prepare, output }: Binding<I, A, R>,
): EvaluatedFunction {
  return {
    prepare(input): Prepared {
      const args = prepare(input as I);
      return { run: () => fn(...args), output: (result) => output(result as R, input as I) };
    },
  };
}

/** Doubles of any shape. */
export function doubles(values: number | readonly unknown[]): Tensor {
  return tensor(values as number[], { dtype: "float64" });
}

/** A result that is one number. */
export function numberOf(result: Tensor): number {
  return Number(result.itemSync());
}

/** A result that is an array, nested as its shape is. */
export function arrayOf(result: Tensor): unknown {
  return result.arraySync();
}
