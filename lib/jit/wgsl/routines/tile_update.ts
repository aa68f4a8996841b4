/** The update of the rest of a matrix after a block is done: C -= A B for a short inner axis, in tiles of registers. */
import type { Stage } from "./stage.ts";

/** Rows and columns that a thread computes. */
const TILE = 4;
/** Neighbouring threads have neighbouring columns. */
const LANES = 8;

export interface TileUpdate {
  /** Matrices, and the extents of each, as expressions. */
  readonly matrices: string;
  readonly rows: string;
  readonly columns: string;
  readonly depth: string;
  /** Where one matrix of the batch begins, and elements by row (or column) and position on the inner axis. */
  readonly begin: (matrix: string) => {
    readonly left: (row: string, k: string) => string;
    readonly right: (k: string, column: string) => string;
    readonly get: (row: string, column: string) => string;
    readonly set: (row: string, column: string, value: string) => void;
  };
  /** Only elements on and below the diagonal, where the rows and columns begin at the same place. */
  readonly lower?: boolean;
}

/** Units of {@linkcode writeTileUpdate} for one matrix. */
export function tileUnits(rows: number, columns: number): number {
  return Math.ceil(rows / TILE) * Math.ceil(columns / (TILE * LANES)) * LANES;
}

export function writeTileUpdate(stage: Stage, update: TileUpdate): void {
  const { matrices, rows, columns, depth, begin, lower = false } = update;
  const tiles = Array.from({ length: TILE }, (_, i) => i);
  stage.line(`let down = (${rows} + ${TILE - 1}) / ${TILE};`);
  stage.line(`let across = (${columns} + ${TILE * LANES - 1}) / ${TILE * LANES} * ${LANES};`);
  stage.units(`${matrices} * down * across`);
  stage.line("let matrix = unit / (down * across);");
  stage.line("let tile = unit % (down * across);");
  stage.line(`let row = tile / across * ${TILE};`);
  stage.line(`let column = tile % across / ${LANES} * ${TILE * LANES} + tile % ${LANES};`);
  stage.line(`if (column >= ${columns}) { return; }`);
  if (lower) stage.line(`if (column > row + ${TILE - 1}) { return; }`);
  const { left, right, get, set } = begin("matrix");
  // What lies outside is read from the last row and column, and not stored.
  const rowOf = tiles.map((i) => stage.let(`min(row + ${i}, ${rows} - 1)`));
  const columnOf = tiles.map((j) => stage.let(`min(column + ${j * LANES}, ${columns} - 1)`));
  const sums = tiles.map(() => tiles.map(() => stage.variable("f32", "0.0")));
  stage.loop("0", depth, (k) => {
    const a = tiles.map((i) => stage.let(left(rowOf[i], k)));
    const b = tiles.map((j) => stage.let(right(k, columnOf[j])));
    for (const i of tiles) for (const j of tiles) stage.line(`${sums[i][j]} += ${a[i]} * ${b[j]};`);
  });
  for (const i of tiles) {
    for (const j of tiles) {
      const inside = `row + ${i} < ${rows} && column + ${j * LANES} < ${columns}`;
      const below = lower ? ` && column + ${j * LANES} <= row + ${i}` : "";
      stage.block(`if (${inside}${below})`, () => {
        set(rowOf[i], columnOf[j], `${get(rowOf[i], columnOf[j])} - ${sums[i][j]}`);
      });
    }
  }
}
