/** Matrix products as WebAssembly functions. */

import type { ModuleBuilder, ValueType } from "../assembler/mod.ts";
import type { IdleCall } from "../warm_up.ts";
import { emitOneRow } from "./one_row.ts";
import { emitPanels } from "./panels.ts";
import { type ContractPlan, planContract } from "./plan.ts";
import type { ContractSpec } from "./spec.ts";

/** A function that was emitted. */
export interface ContractFunction {
  /**
   * The index of `product(a, b, c, scratch, rowStart, rowEnd, columnStart, columnEnd, ...extra)`: pointers, and
   * the part of C to compute. Every element has the same bits however C is split. `scratch` is 64-byte aligned.
   */
  readonly index: number;
  readonly plan: ContractPlan;
  /** The functions that it calls in which most of the time goes. */
  readonly inner: readonly IdleCall[];
}

/**
 * Emits a matrix product into a module. The memory must go on for 16 bytes behind every operand: vector loads
 * may read (and then ignore) what follows the last element.
 */
export function emitContract(module: ModuleBuilder, spec: ContractSpec): ContractFunction {
  const plan = planContract(spec);
  if (spec.rows === 0 || spec.columns === 0) {
    const params: ValueType[] = ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", ...spec.extra ?? []];
    return { index: module.addFunction({ params, results: [] }).index, plan, inner: [] };
  }
  if (plan.method === "panels") return { ...emitPanels(module, spec), plan };
  return { index: emitOneRow(module, spec, plan), plan, inner: [] };
}
