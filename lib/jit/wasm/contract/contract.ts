/** Matrix products as WebAssembly functions. */

import type { FunctionBuilder, ModuleBuilder, ValueType } from "../assembler/mod.ts";
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
}

/**
 * Emits a matrix product into a module. The memory must go on for 16 bytes behind every operand: vector loads
 * may read (and then ignore) what follows the last element.
 */
export function emitContract(module: ModuleBuilder, spec: ContractSpec): ContractFunction {
  const plan = planContract(spec);
  if (spec.rows === 0 || spec.columns === 0) {
    const params: ValueType[] = ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", ...spec.extra ?? []];
    return { index: module.addFunction({ params, results: [] }).index, plan };
  }
  const index = plan.method === "panels" ? emitPanels(module, spec) : emitOneRow(module, spec, plan);
  return { index, plan };
}

/** Emits a call that computes all of C; the locals hold the pointers, `extra` those of the extra arguments. */
export function emitCallContract(
  f: FunctionBuilder,
  contract: ContractFunction,
  spec: ContractSpec,
  locals: { a: number; b: number; c: number; scratch: number; extra?: readonly number[] },
): void {
  f.localGet(locals.a).localGet(locals.b).localGet(locals.c).localGet(locals.scratch);
  f.i32Const(0).i32Const(spec.rows).i32Const(0).i32Const(spec.columns);
  for (const local of locals.extra ?? []) f.localGet(local);
  f.call(contract.index);
}

/** A part of C. */
export interface ContractRange {
  readonly rowStart: number;
  readonly rowEnd: number;
  readonly columnStart: number;
  readonly columnEnd: number;
}

/**
 * Cuts C into at most `parts` ranges of about equal size, along its columns where there are enough of them
 * (so that B is packed once) and else along its rows.
 */
export function splitContract(spec: ContractSpec, plan: ContractPlan, parts: number): ContractRange[] {
  const { rows, columns } = spec;
  const columnTiles = Math.ceil(columns / plan.columnTile);
  const rowTiles = Math.ceil(rows / plan.rowTile);
  const alongColumns = columnTiles >= 2 * parts || columnTiles >= rowTiles;
  const tiles = alongColumns ? columnTiles : rowTiles;
  const count = Math.max(1, Math.min(parts, tiles));
  const ranges: ContractRange[] = [];
  for (let i = 0; i < count; i++) {
    const tile = alongColumns ? plan.columnTile : plan.rowTile;
    const size = alongColumns ? columns : rows;
    const start = Math.min(size, Math.floor(i * tiles / count) * tile);
    const end = Math.min(size, Math.floor((i + 1) * tiles / count) * tile);
    ranges.push(
      alongColumns
        ? { rowStart: 0, rowEnd: rows, columnStart: start, columnEnd: end }
        : { rowStart: start, rowEnd: end, columnStart: 0, columnEnd: columns },
    );
  }
  return ranges;
}
