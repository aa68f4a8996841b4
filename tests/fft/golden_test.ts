/** Fourier transforms against NumPy, in both dtypes, on the reference interpreter and on the device. */
import { assert, assertEquals } from "@std/assert";
import { fft, jit, type Tensor, tensor } from "@damo/damo";
import { transform } from "../../lib/trace/primitives/fft_reference.ts";
import golden from "../golden/fft.json" with { type: "json" };
import { assertNear, assertSame, FLOAT_DTYPES, matrixOperand, relativeError } from "../support/matrices.ts";
import { type GoldenArray, testEverywhere } from "../support/operands.ts";

interface Spectrum {
  readonly re: GoldenArray;
  readonly im: GoldenArray;
}

/** Relative to the largest coefficient. */
const TOLERANCE = { float32: 4e-7, float64: 1e-15 };

for (const dtype of FLOAT_DTYPES) {
  const tolerance = TOLERANCE[dtype];

  testEverywhere(`rfft of any length agrees with NumPy, ${dtype}`, () => {
    for (const [length, { re, im }] of golden.real as unknown as [number, Spectrum][]) {
      const result = fft.rfft(matrixOperand([length], 0, dtype));
      // Coefficients that are 0 in theory are compared with the largest of the whole spectrum.
      const error = relativeError(
        [...result.re.dataSync(), ...result.im.dataSync()],
        [...re.data.map(Number), ...im.data.map(Number)],
      );
      assert(error < tolerance * Math.log2(length + 2), `length ${length}: ${error}`);
      assertEquals([result.re.dtype, result.im.dtype], [dtype, dtype]);
    }
  });

  testEverywhere(`fft and ifft agree with NumPy and undo each other, ${dtype}`, () => {
    for (const [length, { re, im }] of golden.complex as unknown as [number, Spectrum][]) {
      const x = { re: matrixOperand([length], 0, dtype), im: matrixOperand([length], 1, dtype) };
      const result = fft.fft(x);
      const error = relativeError(
        [...result.re.dataSync(), ...result.im.dataSync()],
        [...re.data.map(Number), ...im.data.map(Number)],
      );
      assert(error < tolerance * Math.log2(length + 2), `length ${length}: ${error}`);
      const back = fft.ifft(result);
      assertSame(back.re, x.re, 5 * tolerance, `length ${length}`);
      assertSame(back.im, x.im, 5 * tolerance, `length ${length}`);
    }
  });

  testEverywhere(`irfft agrees with NumPy for even, odd, shorter and longer lengths, ${dtype}`, () => {
    for (const [count, n, expected] of golden.inverse as unknown as [number, number, GoldenArray][]) {
      const spectrum = { re: matrixOperand([count], 0, dtype), im: matrixOperand([count], 1, dtype) };
      assertNear(fft.irfft(spectrum, { n }), expected, 5 * tolerance, `${count} to ${n}`);
      if (n === 2 * (count - 1)) assertNear(fft.irfft(spectrum), expected, 5 * tolerance, `${count}`);
    }
  });
}

testEverywhere("a signal is cut or padded to the length asked for", () => {
  for (const [length, n, { re, im }] of golden.fitted as unknown as [number, number, Spectrum][]) {
    for (const options of [n, { n }]) {
      const result = fft.rfft(matrixOperand([length]), options);
      assertNear(result.re, re, 1e-14, `re ${length} ${n}`);
      assertNear(result.im, im, 1e-14, `im ${length} ${n}`);
    }
  }
});

testEverywhere("leading axes are a batch", () => {
  const { re, im } = golden.batched as unknown as Spectrum;
  const result = fft.rfft(matrixOperand([2, 3, 12]));
  assertNear(result.re, re, 1e-14, "re");
  assertNear(result.im, im, 1e-14, "im");
  assertEquals(fft.rfft(matrixOperand([0, 4])).re.shape, [0, 3]);
});

Deno.test("long signals of smooth, prime and odd lengths agree with the sum itself", () => {
  // The float64 error of the reference grows with large prime factors, which it sums one by one.
  for (
    const [length, limit] of [[4096, 1e-15], [6561, 2e-15], [30030, 2e-15], [4099, 1e-14], [65536, 2e-15]]
  ) {
    for (const dtype of FLOAT_DTYPES) {
      const x = matrixOperand([length], 0, dtype), y = matrixOperand([length], 2, dtype);
      const expected = transform(Float64Array.from(x.dataSync()), Float64Array.from(y.dataSync()), false);
      const { re, im } = fft.fft({ re: x, im: y });
      const error = relativeError([...re.dataSync(), ...im.dataSync()], [...expected.re, ...expected.im]);
      assert(error < (dtype === "float32" ? 1e-6 : limit), `${length} ${dtype}: ${error}`);
      const again = fft.irfft(fft.rfft(x), { n: length });
      assertSame(again, x, dtype === "float32" ? 2e-6 : 4e-15, `${length} ${dtype} and back`);
    }
  }
});

Deno.test("transforms inside jit are the same as outside", () => {
  const filter = (x: Tensor) => {
    const { re, im } = fft.rfft(x);
    return fft.irfft({ re: re.mul(2), im: im.mul(0.5) }, { n: 30 });
  };
  const x = matrixOperand([4, 30]);
  assertSame(jit(filter)(x) as Tensor, filter(x), 1e-15, "filter");
});

testEverywhere("integers and plain arrays are transformed in the default float", () => {
  const { re } = fft.rfft([1, 2, 3, 4]);
  assertEquals([re.dtype, ...re.dataSync()], ["float32", 10, -2, -2]);
  assertEquals(fft.rfft(tensor([1, 2], { dtype: "int32" })).re.dtype, "float32");
});
