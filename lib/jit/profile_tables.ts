/** Tables of a profile as text. */

/** One row before it is laid out. */
export interface TableRow {
  readonly milliseconds: number;
  readonly calls: number;
  /** The columns after the times. */
  readonly rest: readonly string[];
}

const NUMBERS = ["% time", "cumulative %", "total ms", "per call µs", "calls"];

/** Rows by falling time, with their share and the running sum of it. */
export function timeTable(
  title: string,
  columns: readonly string[],
  rows: readonly TableRow[],
  limit: number = Infinity,
): string {
  if (rows.length === 0) return "";
  const total = rows.reduce((sum, row) => sum + row.milliseconds, 0) || 1;
  let cumulative = 0;
  const sorted = rows.toSorted((a, b) => b.milliseconds - a.milliseconds);
  const lines = sorted.slice(0, limit).map((row) => {
    const share = 100 * row.milliseconds / total;
    cumulative += share;
    return [
      share.toFixed(1),
      cumulative.toFixed(1),
      row.milliseconds.toFixed(3),
      (1000 * row.milliseconds / (row.calls || 1)).toFixed(2),
      String(row.calls),
      ...row.rest,
    ];
  });
  const text = layOut(title, [...NUMBERS, ...columns], lines);
  return sorted.length > limit ? `${text}\n(${sorted.length - limit} more rows)` : text;
}

/** Columns right-aligned but for the last. */
export function layOut(
  title: string,
  header: readonly string[],
  lines: readonly (readonly string[])[],
): string {
  const widths = header.map((name, i) =>
    lines.reduce((width, line) => Math.max(width, line[i].length), name.length)
  );
  const text = (cells: readonly string[]) =>
    cells.map((cell, i) => i === cells.length - 1 ? cell : cell.padStart(widths[i])).join("  ");
  return [title, "=".repeat(title.length), text(header), ...lines.map(text)].join("\n");
}

/** `12.3 MB`. */
export function bytesText(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) {
    bytes /= 1000;
    unit++;
  }
  return `${unit === 0 ? bytes : bytes.toPrecision(3)} ${units[unit]}`;
}

/** Billions a second, of `count` in `milliseconds`. */
export function rate(count: number, milliseconds: number): string {
  return count === 0 || milliseconds === 0 ? "" : (count / milliseconds / 1e6).toFixed(2);
}
