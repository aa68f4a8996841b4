/**
 * Groups of the columns of a sparse matrix in which no two have an entry in one row, so that the matrix is known from one
 * product for each group (Curtis, Powell and Reid 1974). Greedy, in the order of the columns.
 */

/** The entries of a sparse matrix by rows: row i has the columns `indices[starts[i]]` to before `indices[starts[i + 1]]`. */
export interface Entries {
  readonly indices: ArrayLike<number>;
  readonly starts: ArrayLike<number>;
}

/** A group for each column, and how many there are. */
export interface Grouping {
  readonly groups: Int32Array;
  readonly count: number;
}

/** The same entries by columns, of which there are `columns`. */
export function transposeEntries({ indices, starts }: Entries, columns: number): Entries {
  const begins = new Int32Array(columns + 1);
  for (let e = 0; e < indices.length; e++) begins[indices[e] + 1]++;
  for (let j = 0; j < columns; j++) begins[j + 1] += begins[j];
  const next = begins.slice();
  const rows = new Int32Array(indices.length);
  for (let i = 0; i + 1 < starts.length; i++) {
    for (let e = starts[i]; e < starts[i + 1]; e++) rows[next[indices[e]]++] = i;
  }
  return { indices: rows, starts: begins };
}

/** Puts each column into the first group none of whose columns meets it in a row. */
export function groupColumns(byRows: Entries, byColumns: Entries): Grouping {
  const columns = byColumns.starts.length - 1;
  const groups = new Int32Array(columns).fill(-1);
  /** For each group, the last column that met it. */
  const met: number[] = [];
  for (let j = 0; j < columns; j++) {
    for (let e = byColumns.starts[j]; e < byColumns.starts[j + 1]; e++) {
      const row = byColumns.indices[e];
      for (let k = byRows.starts[row]; k < byRows.starts[row + 1]; k++) {
        const group = groups[byRows.indices[k]];
        if (group >= 0) met[group] = j;
      }
    }
    let group = 0;
    while (group < met.length && met[group] === j) group++;
    if (group === met.length) met.push(-1);
    groups[j] = group;
  }
  return { groups, count: met.length };
}
