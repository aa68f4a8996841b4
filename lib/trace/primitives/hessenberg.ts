/**
 * Eigenvalues of real matrices on the host: reflections to Hessenberg form and shifted QR steps in pairs (procedures
 * orthes and hqr2 of J. H. Wilkinson and C. Reinsch, "Handbook for Automatic Computation II", 1971).
 */

const EPSILON = 2 ** -52;
/** QR steps for one eigenvalue; about ten are usual. */
const MOST_STEPS = 60;

/** A matrix on its way to real Schur form, with the transformations made. */
export interface Schur {
  readonly n: number;
  /** Row-major [n, n]: upper triangular but for blocks of 2 on the diagonal. */
  readonly h: Float64Array;
  /** The orthogonal matrix of all transformations. */
  readonly v: Float64Array;
  readonly re: Float64Array;
  /** A pair has the positive part first. */
  readonly im: Float64Array;
}

/** a = v h transpose(v) with h zero below the subdiagonal; a is destroyed. */
export function toHessenberg(a: Float64Array, n: number): { h: Float64Array; v: Float64Array } {
  const v = new Float64Array(n * n), u = new Float64Array(n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  for (let m = 1; m < n - 1; m++) {
    let scale = 0;
    for (let i = m; i < n; i++) scale += Math.abs(a[i * n + m - 1]);
    if (scale === 0) continue;
    let square = 0;
    for (let i = m; i < n; i++) {
      u[i] = a[i * n + m - 1] / scale;
      square += u[i] * u[i];
    }
    const g = u[m] > 0 ? -Math.sqrt(square) : Math.sqrt(square);
    const half = square - u[m] * g;
    u[m] -= g;
    for (let j = m - 1; j < n; j++) {
      let f = 0;
      for (let i = m; i < n; i++) f += u[i] * a[i * n + j];
      f /= half;
      for (let i = m; i < n; i++) a[i * n + j] -= f * u[i];
    }
    for (const matrix of [a, v]) {
      for (let i = 0; i < n; i++) {
        let f = 0;
        for (let j = m; j < n; j++) f += u[j] * matrix[i * n + j];
        f /= half;
        for (let j = m; j < n; j++) matrix[i * n + j] -= f * u[j];
      }
    }
    for (let i = m + 1; i < n; i++) a[i * n + m - 1] = 0;
  }
  return { h: a, v };
}

/** Brings a Hessenberg matrix to real Schur form; false when an eigenvalue does not converge. */
export function toSchur({ n, h, v, re, im }: Schur): boolean {
  let norm = 0;
  for (let i = 0; i < n; i++) for (let j = Math.max(i - 1, 0); j < n; j++) norm += Math.abs(h[i * n + j]);
  let shifted = 0, steps = 0;
  for (let last = n - 1; last >= 0;) {
    const first = deflated(h, n, last, norm);
    if (first === last) {
      h[last * n + last] += shifted;
      re[last] = h[last * n + last];
      im[last] = 0;
      last--;
      steps = 0;
    } else if (first === last - 1) {
      pair({ n, h, v, re, im }, last, shifted);
      last -= 2;
      steps = 0;
    } else {
      if (++steps > MOST_STEPS) return false;
      const diagonal = last * n + last;
      let x = h[diagonal], y = h[diagonal - n - 1], w = h[diagonal - 1] * h[diagonal - n];
      if (steps % 10 === 0) {
        // An exceptional shift for matrices that the usual ones go round in circles with.
        shifted += x;
        for (let i = 0; i <= last; i++) h[i * n + i] -= x;
        const s = Math.abs(h[diagonal - 1]) + Math.abs(h[(last - 1) * n + last - 2]);
        x = y = 0.75 * s;
        w = -0.4375 * s * s;
      }
      doubleStep(h, v, n, first, last, x, y, w);
    }
  }
  return true;
}

/** The first row of the block that ends at `last` and is connected. */
function deflated(h: Float64Array, n: number, last: number, norm: number): number {
  let l = last;
  for (; l > 0; l--) {
    const s = Math.abs(h[(l - 1) * n + l - 1]) + Math.abs(h[l * n + l]);
    if (Math.abs(h[l * n + l - 1]) <= EPSILON * (s === 0 ? norm : s)) {
      h[l * n + l - 1] = 0;
      break;
    }
  }
  return l;
}

/** The eigenvalues of the last block of 2; a real pair is made triangular by a rotation. */
function pair({ n, h, v, re, im }: Schur, last: number, shifted: number): void {
  const i1 = (last - 1) * n, i2 = last * n;
  const w = h[i2 + last - 1] * h[i1 + last];
  const half = (h[i1 + last - 1] - h[i2 + last]) / 2, q = half * half + w, root = Math.sqrt(Math.abs(q));
  h[i2 + last] += shifted;
  h[i1 + last - 1] += shifted;
  const x = h[i2 + last];
  if (q < 0) {
    re[last - 1] = re[last] = x + half;
    im[last - 1] = root;
    im[last] = -root;
    return;
  }
  const z = half >= 0 ? half + root : half - root;
  re[last - 1] = x + z;
  re[last] = z === 0 ? x + z : x - w / z;
  im[last - 1] = im[last] = 0;
  const size = Math.hypot(h[i2 + last - 1], z), s = h[i2 + last - 1] / size, c = z / size;
  if (size === 0) return;
  for (let j = last - 1; j < n; j++) {
    const upper = h[i1 + j];
    h[i1 + j] = c * upper + s * h[i2 + j];
    h[i2 + j] = c * h[i2 + j] - s * upper;
  }
  for (const [matrix, rows] of [[h, last + 1], [v, n]] as const) {
    for (let i = 0; i < rows; i++) {
      const left = matrix[i * n + last - 1];
      matrix[i * n + last - 1] = c * left + s * matrix[i * n + last];
      matrix[i * n + last] = c * matrix[i * n + last] - s * left;
    }
  }
  h[i2 + last - 1] = 0;
}

/** A QR step with both shifts of x, y and w (Golub and Van Loan, 7.5.1) on rows and columns first .. last. */
function doubleStep(
  h: Float64Array,
  v: Float64Array,
  n: number,
  first: number,
  last: number,
  x: number,
  y: number,
  w: number,
): void {
  let m = last - 2, p = 0, q = 0, r = 0;
  for (; m >= first; m--) {
    const z = h[m * n + m], rest = x - z, s = y - z;
    p = (rest * s - w) / h[(m + 1) * n + m] + h[m * n + m + 1];
    q = h[(m + 1) * n + m + 1] - z - rest - s;
    r = h[(m + 2) * n + m + 1];
    const size = Math.abs(p) + Math.abs(q) + Math.abs(r);
    p /= size;
    q /= size;
    r /= size;
    if (m === first) break;
    const around = Math.abs(h[(m - 1) * n + m - 1]) + Math.abs(z) + Math.abs(h[(m + 1) * n + m + 1]);
    const small = Math.abs(h[m * n + m - 1]) * (Math.abs(q) + Math.abs(r));
    if (small < EPSILON * Math.abs(p) * around) break;
  }
  for (let i = m + 2; i <= last; i++) {
    h[i * n + i - 2] = 0;
    if (i > m + 2) h[i * n + i - 3] = 0;
  }
  for (let k = m; k < last; k++) {
    const three = k < last - 1;
    let size = 1;
    if (k > m) {
      [p, q, r] = [h[k * n + k - 1], h[(k + 1) * n + k - 1], three ? h[(k + 2) * n + k - 1] : 0];
      size = Math.abs(p) + Math.abs(q) + Math.abs(r);
      if (size === 0) continue;
      p /= size;
      q /= size;
      r /= size;
    }
    if (!three) r = 0;
    const s = Math.sqrt(p * p + q * q + r * r) * (p < 0 ? -1 : 1);
    if (s === 0) continue;
    if (k > m) h[k * n + k - 1] = -s * size;
    else if (first !== m) h[k * n + k - 1] = -h[k * n + k - 1];
    p += s;
    const [a, b, c] = [p / s, q / s, r / s];
    q /= p;
    r /= p;
    for (let j = k; j < n; j++) {
      const f = h[k * n + j] + q * h[(k + 1) * n + j] + (three ? r * h[(k + 2) * n + j] : 0);
      h[k * n + j] -= f * a;
      h[(k + 1) * n + j] -= f * b;
      if (three) h[(k + 2) * n + j] -= f * c;
    }
    for (const [matrix, rows] of [[h, Math.min(last, k + 3) + 1], [v, n]] as const) {
      for (let i = 0; i < rows; i++) {
        const at = i * n + k, f = a * matrix[at] + b * matrix[at + 1] + (three ? c * matrix[at + 2] : 0);
        matrix[at] -= f;
        matrix[at + 1] -= f * q;
        if (three) matrix[at + 2] -= f * r;
      }
    }
  }
}
