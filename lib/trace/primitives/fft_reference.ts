/** Discrete Fourier transforms in plain float64: the sum itself, split by the factors of the length. */

/** e^(-2 pi i k / n), with the angle reduced to an eighth of the circle so that it is accurate. */
export function rootOfUnity(k: number, n: number): [number, number] {
  const eighths = 8 * (((k % n) + n) % n);
  const octant = Math.floor(eighths / n);
  const rest = (2 * Math.PI * (eighths - octant * n)) / (8 * n);
  const mirrored = octant % 2 === 1;
  const angle = mirrored ? Math.PI / 4 - rest : rest;
  let [c, s] = [Math.cos(angle), Math.sin(angle)];
  if (mirrored) [c, s] = [s, c];
  const quarter = octant >> 1;
  for (let turn = 0; turn < quarter; turn++) [c, s] = [-s, c];
  return [c + 0, -s + 0];
}

function smallestFactor(n: number): number {
  for (let p = 2; p * p <= n; p++) if (n % p === 0) return p;
  return n;
}

/**
 * X_k = sum over j of x_j e^(-2 pi i j k / n) (Cooley and Tukey 1965, over the smallest factor); the inverse has the
 * other sign and no factor 1 / n.
 */
export function transform(
  re: Float64Array,
  im: Float64Array,
  inverse: boolean,
): { re: Float64Array; im: Float64Array } {
  const n = re.length;
  if (n <= 1) return { re: re.slice(), im: im.slice() };
  const radix = smallestFactor(n), rest = n / radix;
  const sign = inverse ? -1 : 1;
  const roots = Array.from({ length: n }, (_, k) => rootOfUnity(k, n));
  const parts = Array.from({ length: radix }, (_, r) => {
    const pick = (x: Float64Array) => Float64Array.from({ length: rest }, (_, i) => x[i * radix + r]);
    return rest === 1 ? { re: pick(re), im: pick(im) } : transform(pick(re), pick(im), inverse);
  });
  const outRe = new Float64Array(n), outIm = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    let sumRe = 0, sumIm = 0;
    for (let r = 0; r < radix; r++) {
      const [c, s] = roots[(r * k) % n];
      const x = parts[r].re[k % rest], y = parts[r].im[k % rest];
      sumRe += x * c - y * sign * s;
      sumIm += x * sign * s + y * c;
    }
    outRe[k] = sumRe;
    outIm[k] = sumIm;
  }
  return { re: outRe, im: outIm };
}
