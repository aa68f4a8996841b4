/** What a kernel becomes: one or more dispatches over the kernel's buffers and a scratch buffer. */
import type { SlotBinding } from "./place.ts";

/** Dispatches between two submits at most. */
export const MAX_DISPATCHES = 4000;

export interface Dispatch {
  readonly label: string;
  /** The whole module. */
  readonly code: string;
  /** `main` when left out. */
  readonly entryPoint?: string;
  readonly bindings: readonly SlotBinding[];
  /** Workgroups. */
  readonly groups: readonly [x: number, y: number, z: number];
  /** Operands whose run-time offsets are the first parameters. */
  readonly offsets: readonly number[];
  /** Constants behind them. */
  readonly constants: readonly number[];
}

export interface KernelPlan {
  readonly dispatches: readonly Dispatch[];
  /** Bytes of the scratch buffer; 0 for none. */
  readonly scratchBytes: number;
}
