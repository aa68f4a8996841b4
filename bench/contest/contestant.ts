/** What bench/peers/child.ts asks of each library. */
import type { Values } from "./workload.ts";

export interface Input {
  readonly shape: number[];
  readonly values: Values;
}

export type Inputs = { readonly [name: string]: Input };

/** A workload made ready: data uploaded, functions made; nothing has been computed. */
export interface Prepared {
  /** Computes once, to the end. */
  run(): unknown;
  /** Computes once and gives the values that are compared. */
  outputs(): ArrayLike<number>[] | Promise<ArrayLike<number>[]>;
}

export interface Contestant {
  readonly version: string;
  /** Null where the library has no such operation. */
  prepare(workload: string, inputs: Inputs): Prepared | null | Promise<Prepared | null>;
}

/** The layout at the end of a product's name: which operands are transposed. */
export function layoutOf(workload: string): [boolean, boolean] {
  return [workload.at(-2) === "T", workload.at(-1) === "T"];
}
