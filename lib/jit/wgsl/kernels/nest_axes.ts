/** What the rows, columns and lanes of a nest mean for its statements. */
import { sizeOf } from "../../../trace/shape.ts";
import { dependsOn } from "../../kernel/statements.ts";
import type { Nest } from "../../kernel/kernel.ts";
import type { LaneChoice } from "./lanes.ts";

/** A nest whose invocations compute one place each, or four that lie along an axis. */
export interface NestAxes {
  readonly rows: number;
  readonly columns: number;
  /** Whether the four places are rows, or columns. */
  readonly alongRows: boolean;
  readonly alongColumns: boolean;
  readonly spread: "rows" | "columns" | "none";
  /** The loop over columns counts in groups of four where lanes are columns. */
  readonly columnStep: number;
  /** For each statement whether it depends on a column. */
  readonly ofColumn: readonly boolean[];
  /** For each statement whether it differs from lane to lane. */
  readonly varying: readonly boolean[];
}

/** The axes of a nest whose invocations have such lanes. */
export function nestAxes({ domain, rowRank, statements }: Nest, lanes: LaneChoice): NestAxes {
  const alongRows = lanes.count === 4 && lanes.axis < rowRank, alongColumns = lanes.count === 4 && !alongRows;
  return {
    rows: sizeOf(domain.slice(0, rowRank)),
    columns: sizeOf(domain.slice(rowRank)),
    alongRows,
    alongColumns,
    spread: alongRows ? "rows" : alongColumns ? "columns" : "none",
    columnStep: alongColumns ? 4 : 1,
    ofColumn: dependsOn(statements, (axis) => axis >= rowRank, () => false),
    varying: lanes.count === 1
      ? statements.map(() => false)
      : dependsOn(statements, (axis) => axis === lanes.axis, () => alongRows),
  };
}
