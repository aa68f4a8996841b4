/** The table of an evaluation's times, on the console and in bench/RESULTS.md. */

/** Milliseconds of a function and of its derivative; undefined where there is no such function. */
export interface Pair {
  readonly primal?: number;
  readonly derivative?: number;
}

/** One input. */
export interface Row {
  readonly module: string;
  readonly size: string;
  readonly own: Pair;
  /** The suite's hand-differentiated program on the same input. */
  readonly native?: Pair;
  /** The larger relative error of the outputs. */
  readonly error: number;
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? "" : value.toPrecision(3);
}

function ratio(a: number | undefined, b: number | undefined): string {
  if (a === undefined || b === undefined) return "";
  return a / b < 0.1 ? (a / b).toPrecision(1) : (a / b).toFixed(2);
}

const HEAD = ["evaluation", "size", "primal ms", "gradient ms", "ratio", "error"];
const NATIVE_HEAD = ["C++ primal ms", "C++ gradient ms", "primal / C++", "gradient / C++"];

function cells(rows: readonly Row[]): string[][] {
  const compared = rows.some((row) => row.native);
  const body = rows.map(({ module, size, own, native, error }) => [
    module,
    size,
    milliseconds(own.primal),
    milliseconds(own.derivative),
    ratio(own.derivative, own.primal),
    error.toExponential(0),
    ...(compared
      ? [
        milliseconds(native?.primal),
        milliseconds(native?.derivative),
        ratio(own.primal, native?.primal),
        ratio(own.derivative, native?.derivative),
      ]
      : []),
  ]);
  return [compared ? [...HEAD, ...NATIVE_HEAD] : HEAD, ...body];
}

export function printRows(rows: readonly Row[]): void {
  const table = cells(rows);
  const widths = table[0].map((_, i) => Math.max(...table.map((row) => row[i].length)));
  for (const row of table) {
    const padded = row.map((cell, i) => i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]));
    console.log(padded.join("  ").trimEnd());
  }
}

/** The same as a table of Markdown. */
export function markdown(rows: readonly Row[]): string {
  const [head, ...body] = cells(rows);
  const line = (row: readonly string[]) => `| ${row.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => i < 2 ? "---" : "---:")), ...body.map(line)].join("\n");
}
