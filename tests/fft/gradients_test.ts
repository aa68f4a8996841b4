/** Derivatives of Fourier transforms, and the words of their errors. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  checkGrads,
  DamoError,
  DTypeError,
  fft,
  grad,
  ShapeError,
  type Tensor,
  tensor,
  vmap,
  zeros,
} from "@damo/damo";
import { assertSame, matrixOperand } from "../support/matrices.ts";

for (const length of [1, 2, 3, 8, 9, 10, 17]) {
  Deno.test(`derivatives of first and second order, length ${length}`, () => {
    const count = Math.floor(length / 2) + 1;
    checkGrads((x: Tensor) => fft.rfft(x), [matrixOperand([2, length])]);
    checkGrads((re: Tensor, im: Tensor) => fft.irfft({ re, im }, { n: length }), [
      matrixOperand([count]),
      matrixOperand([count], 1),
    ]);
    checkGrads((re: Tensor, im: Tensor) => fft.ifft(fft.fft({ re: re.sin(), im })), [
      matrixOperand([length]),
      matrixOperand([length], 1),
    ]);
    checkGrads(
      (x: Tensor) => {
        const { re, im } = fft.rfft(x);
        return re.square().add(im.square());
      },
      [matrixOperand([length]).div(4)],
      { tolerance: 1e-6 },
    );
  });
}

Deno.test("Parseval: the gradient of the spectrum's energy is that of the signal's", () => {
  const x = matrixOperand([16]);
  const energy = (y: Tensor) => {
    const { re, im } = fft.fft(y);
    return re.square().add(im.square()).sum().div(16);
  };
  assertSame(grad(energy)(x), x.mul(2), 1e-14, "energy");
});

Deno.test("vmap over signals is the batched transform", () => {
  const x = matrixOperand([3, 8]);
  const { re, im } = vmap((y: Tensor) => fft.rfft(y))(x) as { re: Tensor; im: Tensor };
  const expected = fft.rfft(x);
  assertSame(re, expected.re, 0, "re");
  assertSame(im, expected.im, 0, "im");
});

type ErrorClass = new (...args: never[]) => Error;

const ERRORS: readonly (readonly [() => unknown, ErrorClass, string, string])[] = [
  [
    () => fft.rfft(3),
    ShapeError,
    "fft.rfft: a scalar float32[] has no axis to transform.",
    "at least one axis",
  ],
  [
    () => fft.rfft(zeros([2, 0])),
    ShapeError,
    "fft.rfft: the length of the signal is 0.",
    "at least one element",
  ],
  [
    () => fft.rfft(zeros([4]), { n: 2.5 }),
    ShapeError,
    "fft.rfft: the length of the signal is 2.5.",
    "n of at least 1",
  ],
  [
    () => fft.rfft(zeros([4], { dtype: "float16" })),
    DTypeError,
    "fft.rfft: takes float32 or float64, got float16[4].",
    "cast",
  ],
  [
    () => fft.irfft(zeros([4]) as never),
    DamoError,
    "fft.irfft: takes complex numbers as { re, im }.",
    "as fft.rfft returns it",
  ],
  [
    () => fft.irfft({ re: zeros([4]), im: zeros([3]) }),
    ShapeError,
    "fft.irfft: re is float32[4] and im float32[3]: they do not fit.",
    "of one shape",
  ],
  [
    () => fft.irfft({ re: zeros([1]), im: zeros([1]) }),
    ShapeError,
    "fft.irfft: the length of the signal is 0.",
    "n of at least 1",
  ],
  [() => fft.rfft(zeros([4]), { axis: 0 } as never), DamoError, 'fft.rfft: unknown option "axis".', '"n"'],
];

Deno.test("errors name the operation, the argument and the remedy", () => {
  for (const [act, kind, what, remedy] of ERRORS) {
    const error = assertThrows(act, kind as typeof Error);
    assert(error.message.includes(what), error.message);
    assert(error.message.includes(remedy), error.message);
  }
});

Deno.test("a constant has all its energy in coefficient 0, and imaginary parts at the ends are exactly 0", () => {
  const { re, im } = fft.rfft(tensor([2, 2, 2, 2, 2, 2]));
  assertEquals([...re.dataSync()].map((x) => x + 0), [12, 0, 0, 0]);
  assertEquals([im.dataSync()[0], im.dataSync()[3]].map((x) => x + 0), [0, 0]);
});
