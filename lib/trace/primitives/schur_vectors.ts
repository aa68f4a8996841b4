/** Eigenvectors of real matrices from their Schur form, each solved for in complex numbers from its last component up. */
import type { Schur } from "./hessenberg.ts";

const EPSILON = 2 ** -52;

/** (a + i b) / (c + i d) without overflow of the squares (Smith 1962). */
function quotient(a: number, b: number, c: number, d: number): [number, number] {
  if (Math.abs(c) > Math.abs(d)) {
    const ratio = d / c, size = c + ratio * d;
    return [(a + ratio * b) / size, (b - ratio * a) / size];
  }
  const ratio = c / d, size = d + ratio * c;
  return [(ratio * a + b) / size, (ratio * b - a) / size];
}

/**
 * The vector x of the triangular part with (h - (p + i q)) x = 0 that ends at `last`, into `re` and `im`. Where the matrix
 * has a block of 2, its two components are solved for together.
 */
function triangularVector(
  schur: Schur,
  last: number,
  q: number,
  norm: number,
  re: Float64Array,
  im: Float64Array,
): void {
  const { n, h } = schur, p = schur.re[last];
  re.fill(0);
  im.fill(0);
  let next = last - 1;
  re[last] = 1;
  if (q !== 0) {
    // The other component of its own block: (h11 - p - i q) x1 + h12 x2 = 0.
    [re[last - 1], im[last - 1]] = quotient(
      -h[(last - 1) * n + last],
      0,
      h[(last - 1) * n + last - 1] - p,
      -q,
    );
    next = last - 2;
  }
  const least = EPSILON * norm;
  for (let i = next; i >= 0; i--) {
    const two = schur.im[i] < 0, rows = two ? [i - 1, i] : [i];
    const sums = rows.map((row) => {
      let a = 0, b = 0;
      for (let j = i + 1; j <= last; j++) {
        a -= h[row * n + j] * re[j];
        b -= h[row * n + j] * im[j];
      }
      return [a, b];
    });
    if (!two) {
      const d = h[i * n + i] - p;
      [re[i], im[i]] = quotient(sums[0][0], sums[0][1], d === 0 && q === 0 ? least : d, -q);
    } else {
      // Cramer's rule on [[a - l, b], [c, d - l]] x = sums, l = p + i q.
      const [a, b] = [h[(i - 1) * n + i - 1] - p, h[(i - 1) * n + i]];
      const [c, d] = [h[i * n + i - 1], h[i * n + i] - p];
      let real = a * d - q * q - b * c;
      const imaginary = -q * (a + d);
      if (real === 0 && imaginary === 0) real = least * least;
      const [[s0, t0], [s1, t1]] = sums;
      [re[i - 1], im[i - 1]] = quotient(
        s0 * d + t0 * q - b * s1,
        t0 * d - s0 * q - b * t1,
        real,
        imaginary,
      );
      [re[i], im[i]] = quotient(a * s1 + q * t1 - c * s0, a * t1 - q * s1 - c * t0, real, imaginary);
      i--;
    }
    let greatest = 0;
    for (let j = i; j <= last; j++) greatest = Math.max(greatest, Math.abs(re[j]), Math.abs(im[j]));
    if (greatest < 1e100) continue;
    for (let j = i; j <= last; j++) {
      re[j] /= greatest;
      im[j] /= greatest;
    }
  }
}

/** Of length 1, with a component of greatest size that is real and positive. */
function normalize(re: Float64Array, im: Float64Array): void {
  let at = 0, greatest = 0, square = 0;
  for (let i = 0; i < re.length; i++) {
    const size = Math.hypot(re[i], im[i]);
    square += size * size;
    // Sizes that differ by rounding alone: the first.
    if (size > greatest * (1 + 1e-9)) [at, greatest] = [i, size];
  }
  const length = Math.sqrt(square), c = re[at] / greatest / length, s = im[at] / greatest / length;
  for (let i = 0; i < re.length; i++) {
    [re[i], im[i]] = [re[i] * c + im[i] * s, im[i] * c - re[i] * s];
  }
  im[at] = 0;
}

/** The eigenvector of eigenvalue `k` (one with im >= 0: the other of its pair is conjugate). */
export function schurVector(schur: Schur, k: number): { re: Float64Array; im: Float64Array } {
  const { n, h, v } = schur;
  let norm = 0;
  for (const value of h) norm += Math.abs(value);
  const re = new Float64Array(n), im = new Float64Array(n);
  const x = { re: new Float64Array(n), im: new Float64Array(n) };
  const q = schur.im[k], last = q === 0 ? k : k + 1;
  triangularVector(schur, last, q, norm || 1, x.re, x.im);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= last; j++) {
      re[i] += v[i * n + j] * x.re[j];
      im[i] += v[i * n + j] * x.im[j];
    }
  }
  normalize(re, im);
  return { re, im };
}
