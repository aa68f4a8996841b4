/** Routines that threads share within one matrix or one row: the same bits on any number of threads. */
import { assert } from "@std/assert";
import { eye, linalg, matmul } from "@damo/damo";
import { TestRandom } from "../../support/random.ts";
import { type Argument, sameOnThreads } from "./thread_runner.ts";

type FloatArray = typeof Float32Array | typeof Float64Array;

function noise(Floats: FloatArray, shape: readonly number[], seed = 1): Argument {
  const random = new TestRandom(seed);
  const size = shape.reduce((product, extent) => product * extent, 1);
  return { shape, values: new Floats(Array.from({ length: size }, () => random.normal())) };
}

/** The product [m, k] x [k, n] in float64. */
function multiply(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  [m, k, n]: readonly [number, number, number],
): Float64Array {
  const c = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let l = 0; l < k; l++) {
      const factor = a[i * k + l];
      for (let j = 0; j < n; j++) c[i * n + j] += factor * b[l * n + j];
    }
  }
  return c;
}

/** The transpose of [m, n]. */
function turned(a: ArrayLike<number>, m: number, n: number): Float64Array {
  return Float64Array.from({ length: m * n }, (_, i) => a[(i % m) * n + Math.floor(i / m)]);
}

function unitMatrix(n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, i) => i % (n + 1) === 0 ? 1 : 0);
}

function largestGap(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < b.length; i++) most = Math.max(most, Math.abs(a[i] - b[i]));
  return most;
}

for (const Floats of [Float32Array, Float64Array]) {
  const dtype = Floats === Float32Array ? "float32" : "float64";
  const epsilon = dtype === "float32" ? 2 ** -23 : 2 ** -52;

  Deno.test(`solve, with the LU decomposition shared by threads, ${dtype}`, () => {
    for (const [count, n] of [[1, 331], [3, 240]]) {
      const a = noise(Floats, [count, n, n]), b = noise(Floats, [count, n, 1], 2);
      const [x, determinant] = sameOnThreads((a, b) => [linalg.solve(a, b), linalg.det(a.div(10))], [a, b]);
      let residual = 0;
      for (let matrix = 0; matrix < count; matrix++) {
        for (let i = 0; i < n; i++) {
          let sum = -b.values[matrix * n + i], size = 0;
          for (let j = 0; j < n; j++) {
            const term = a.values[(matrix * n + i) * n + j] * (x[matrix * n + j] as number);
            sum += term;
            size += Math.abs(term);
          }
          residual = Math.max(residual, Math.abs(sum) / size);
        }
      }
      assert(residual < 40 * epsilon, `${residual / epsilon}`);
      assert(determinant.length === count);
    }
  });

  Deno.test(`cholesky of one matrix shared by threads, ${dtype}`, () => {
    const n = 335;
    const factor = noise(Floats, [n, n], 3);
    const [product, l, broken] = sameOnThreads((x) => {
      const a = matmul(x, x.transpose()).div(n).add(eye(n, { dtype }));
      return [a, linalg.cholesky(a), linalg.cholesky(a.sub(eye(n, { dtype }).mul(2)))];
    }, [factor]) as Float64Array[];
    assert(broken.every(Number.isNaN), "an indefinite matrix has no factor");
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let k = 0; k <= Math.min(i, j); k++) sum += l[i * n + k] * l[j * n + k];
        assert(Math.abs(sum - product[i * n + j]) < 20 * epsilon, `${i} ${j}`);
        if (j > i) assert(l[i * n + j] === 0);
      }
    }
  });

  Deno.test(`qr of one matrix shared by threads, ${dtype}`, () => {
    for (const [m, n] of [[331, 289], [250, 333], [288, 288]]) {
      const a = noise(Floats, [m, n], 4), k = Math.min(m, n);
      const [q, r] = sameOnThreads((x) => {
        const { q, r } = linalg.qr(x);
        return [q, r];
      }, [a]) as Float64Array[];
      const back = multiply(q, r, [m, k, n]);
      assert(largestGap(back, a.values) < 100 * epsilon, `${m} ${n}`);
      const unit = multiply(turned(q, m, k), q, [k, m, k]);
      assert(largestGap(unit, unitMatrix(k)) < 40 * epsilon, `${m} ${n}`);
    }
  });

  Deno.test(`eigh of one matrix shared by threads, ${dtype}`, () => {
    const n = 301;
    const square = noise(Floats, [n, n], 5);
    // Blocks that are not connected make reflections that do nothing, and equal eigenvalues.
    const blocks = new Floats(n * n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) if (i % 7 === j % 7) blocks[i * n + j] = 1 / (1 + i % 3 + j % 3);
    }
    for (const a of [square, { shape: [n, n], values: blocks }]) {
      const [symmetric, values, vectors] = sameOnThreads((x) => {
        const whole = x.add(x.transpose()), { values, vectors } = linalg.eigh(whole);
        return [whole, values, vectors];
      }, [a]) as Float64Array[];
      const size = Math.max(Math.abs(values[0]), Math.abs(values[n - 1]));
      const scaled = vectors.map((x, i) => x * values[i % n]);
      const gap = largestGap(multiply(symmetric, vectors, [n, n, n]), scaled);
      assert(gap < 50 * epsilon * size, `${gap / epsilon / size}`);
      const unit = multiply(turned(vectors, n, n), vectors, [n, n, n]);
      assert(largestGap(unit, unitMatrix(n)) < 100 * epsilon);
      assert(values.every((value, i) => i === 0 || value >= values[i - 1]));
    }
  });

  Deno.test(`svd of one matrix shared by threads, ${dtype}`, () => {
    const low = noise(Floats, [301, 301], 6);
    // Columns of zeros: the matrix of two diagonals falls apart where it has zeros.
    for (let i = 0; i < low.values.length; i++) if (i % 5 === 0) low.values[i - i % 301] = 0;
    for (let i = 0; i < 301; i++) for (let j = 0; j < 301; j += 10) low.values[i * 301 + j] = 0;
    for (
      const a of [
        noise(Floats, [301, 301], 7),
        low,
        noise(Floats, [331, 203], 8),
        noise(Floats, [197, 250], 9),
      ]
    ) {
      const [m, n] = a.shape, k = Math.min(m, n);
      const [u, s, vt] = sameOnThreads((x) => {
        const { u, s, vt } = linalg.svd(x, { fullMatrices: false });
        return [u, s, vt];
      }, [a]) as Float64Array[];
      const back = multiply(u.map((x, i) => x * s[i % k]), vt, [m, k, n]);
      const gap = largestGap(back, a.values);
      assert(gap < 50 * epsilon * s[0], `${m} ${n}: ${gap / epsilon / s[0]}`);
      assert(largestGap(multiply(turned(u, m, k), u, [k, m, k]), unitMatrix(k)) < 100 * epsilon);
      assert(largestGap(multiply(vt, turned(vt, k, n), [k, n, k]), unitMatrix(k)) < 100 * epsilon);
      assert(s.every((value, i) => value >= 0 && (i === 0 || value <= s[i - 1])));
    }
  });
}
