/** Transforms of one long row, whose stages threads share: the same bits on any number of threads. */
import { assert } from "@std/assert";
import { fft } from "@damo/damo";
import { TestRandom } from "../../support/random.ts";
import { type Argument, sameOnThreads } from "./thread_runner.ts";

type FloatArray = typeof Float32Array | typeof Float64Array;

function signal(Floats: FloatArray, length: number, seed: number): Argument {
  const random = new TestRandom(seed);
  return { shape: [length], values: new Floats(Array.from({ length }, () => random.normal())) };
}

/** One coefficient by its definition, in float64, added up by blocks so that rounding stays below that of a transform. */
function coefficient(re: ArrayLike<number>, im: ArrayLike<number> | null, k: number): [number, number] {
  const n = re.length, size = Math.ceil(Math.sqrt(n));
  let [totalRe, totalIm] = [0, 0];
  for (let start = 0; start < n; start += size) {
    let [sumRe, sumIm] = [0, 0];
    for (let j = start; j < Math.min(n, start + size); j++) {
      const angle = -2 * Math.PI * (j * k % n) / n, c = Math.cos(angle), s = Math.sin(angle);
      sumRe += re[j] * c - (im === null ? 0 : im[j] * s);
      sumIm += re[j] * s + (im === null ? 0 : im[j] * c);
    }
    totalRe += sumRe;
    totalIm += sumIm;
  }
  return [totalRe, totalIm];
}

function checkCoefficients(
  [re, im]: readonly ArrayLike<number>[],
  expected: (k: number) => [number, number],
  places: readonly number[],
  bound: number,
): void {
  for (const k of places) {
    const [a, b] = expected(k), gap = Math.max(Math.abs(re[k] - a), Math.abs(im[k] - b));
    assert(gap < bound, `coefficient ${k}: ${gap} of ${bound}`);
  }
}

for (const Floats of [Float32Array, Float64Array]) {
  const dtype = Floats === Float32Array ? "float32" : "float64";
  const epsilon = dtype === "float32" ? 2 ** -23 : 2 ** -52;

  // A power of two, many small factors with an odd first stage, and a prime, which goes through convolution.
  for (const length of [1 << 17, 3 * 5 * 7 * 11 * 13 * 7, 50021]) {
    Deno.test(`fft of one row of ${length} shared by threads, ${dtype}`, () => {
      const re = signal(Floats, length, 1), im = signal(Floats, length, 2);
      const results = sameOnThreads((re, im) => {
        const forward = fft.fft({ re, im }), back = fft.ifft(forward);
        return [forward.re, forward.im, back.re, back.im];
      }, [re, im]) as Float64Array[];
      const places = [0, 1, 2, 3, 1000, length >> 1, length - 2, length - 1];
      const bound = 20 * epsilon * Math.sqrt(length);
      checkCoefficients(results, (k) => coefficient(re.values, im.values, k), places, bound);
      for (let j = 0; j < length; j++) {
        assert(Math.abs(results[2][j] - re.values[j]) < 40 * epsilon, `back ${j}`);
        assert(Math.abs(results[3][j] - im.values[j]) < 40 * epsilon, `back ${j}`);
      }
    });
  }

  for (const length of [1 << 17, 2 * 50021, 3 * 5 * 7 * 9 * 11 * 13]) {
    Deno.test(`rfft and irfft of one row of ${length} shared by threads, ${dtype}`, () => {
      const x = signal(Floats, length, 3);
      const results = sameOnThreads((x) => {
        const { re, im } = fft.rfft(x);
        return [re, im, fft.irfft({ re, im }, { n: length })];
      }, [x]) as Float64Array[];
      const places = [0, 1, 2, 3, 1000, (length >> 1) - 1, length >> 1];
      checkCoefficients(
        results,
        (k) => coefficient(x.values, null, k),
        places,
        20 * epsilon * Math.sqrt(length),
      );
      for (let j = 0; j < length; j++) {
        assert(Math.abs(results[2][j] - x.values[j]) < 40 * epsilon, `back ${j}`);
      }
    });
  }
}
