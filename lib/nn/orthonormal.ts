/** Orthonormal bases by the modified method of Gram and Schmidt. */

/** Rows of a matrix [m, n] with m <= n, made orthonormal one after the other; in place. */
export function orthonormalRows(
  matrix: Float64Array<ArrayBufferLike>,
  m: number,
  n: number,
): Float64Array<ArrayBufferLike> {
  for (let i = 0; i < m; i++) {
    const row = matrix.subarray(i * n, (i + 1) * n);
    // Twice is enough: the second pass removes what rounding left of the first (Kahan and Parlett).
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) {
        const other = matrix.subarray(j * n, (j + 1) * n);
        let product = 0;
        for (let k = 0; k < n; k++) product += row[k] * other[k];
        for (let k = 0; k < n; k++) row[k] -= product * other[k];
      }
    }
    let square = 0;
    for (let k = 0; k < n; k++) square += row[k] * row[k];
    const scale = 1 / Math.sqrt(square);
    for (let k = 0; k < n; k++) row[k] *= scale;
  }
  return matrix;
}
