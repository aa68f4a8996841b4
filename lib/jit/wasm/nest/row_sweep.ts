/** Rows as lanes: reductions along axes that are not the innermost in memory. */
import type { NestWriter } from "./nest_writer.ts";
import type { RowRange } from "./row_loop.ts";
import type { StatementEmitter } from "./statement_emitter.ts";
export function writeRowSweep(_w: NestWriter, _outer: StatementEmitter, _range: RowRange): void {
  throw new Error("later");
}
