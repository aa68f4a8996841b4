/** Fourier transforms along the last axis. */
import { DamoError, ShapeError } from "../../errors.ts";
import { fftPrimitive, irfftPrimitive, rfftPrimitive } from "../../primitives/fft.ts";
import { apply, broadcastShape, constantLike } from "../../primitives/elementwise_rules.ts";
import { padPrimitive } from "../../primitives/move_slice.ts";
import { filled } from "../../primitives/zeros.ts";
import { broadcastShapes, describe } from "../../shape.ts";
import { Shared } from "../../shared.ts";
import { Tensor } from "../../tensor.ts";
import { bind, bindOne } from "../../trace.ts";
import { whole } from "../../whole.ts";
import { promoteOperands, strong, type TensorLike } from "../convert.ts";
import { checkOptions } from "../options.ts";

/** Real and imaginary parts of complex numbers. */
export interface Complex<Part = Tensor> {
  /** The real parts. */
  readonly re: Part;
  /** The imaginary parts. */
  readonly im: Part;
}

/** Options of the transforms. */
export interface TransformOptions {
  /** The length of the signal: its last axis is cut, or padded with zeros at the end. */
  readonly n?: number;
}

function floats(operation: string, xs: readonly TensorLike[]): Tensor[] {
  return promoteOperands(operation, xs, { float: true }).map((x) => strong(x, operation));
}

/** The last axis cut or padded with zeros to `length`. */
function fitted(x: Tensor, length: number): Tensor {
  const missing = length - x.shape[x.ndim - 1];
  if (missing === 0) return x;
  const zeros = x.shape.map(() => 0);
  const high = [...zeros.slice(1), missing];
  return bindOne(padPrimitive, [x], { low: zeros, high, interior: zeros, value: 0 });
}

function signalLength(operation: string, x: Tensor, options: TransformOptions | number, own: number): number {
  if (typeof options !== "number") checkOptions(operation, options, ["n"]);
  const { n = own } = typeof options === "number" ? { n: options } : options;
  if (x.ndim === 0) {
    throw new ShapeError(`${operation}: a scalar ${describe(x.aval)} has no axis to transform.`, {
      operation,
      arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }],
      remedy: "Pass a tensor of at least one axis.",
    });
  }
  if (!Number.isSafeInteger(n) || n < 1) {
    throw new ShapeError(`${operation}: the length of the signal is ${String(n)}.`, {
      operation,
      arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }, { name: "n", value: n }],
      remedy: "A transform needs at least one element: pass a longer signal, or n of at least 1.",
    });
  }
  return n;
}

function isComplex(x: unknown): x is Complex<TensorLike> {
  return typeof x === "object" && x !== null && !(x instanceof Tensor) && !(x instanceof Shared) &&
    "re" in x && "im" in x;
}

/** Real and imaginary parts of one dtype and shape. */
function complexParts(operation: string, x: unknown): [Tensor, Tensor] {
  if (!isComplex(x)) {
    throw new DamoError(`${operation}: takes complex numbers as { re, im }.`, {
      operation,
      arguments: [{ name: "x", value: x }],
      remedy: "Pass an object with the real part re and the imaginary part im, as fft.rfft returns it.",
    });
  }
  const [re, im] = floats(operation, [x.re, x.im]);
  const shape = broadcastShapes(re.shape, im.shape);
  if (shape === null) {
    throw new ShapeError(
      `${operation}: re is ${describe(re.aval)} and im ${describe(im.aval)}: they do not fit.`,
      {
        operation,
        arguments: [
          { name: "re", shape: re.shape, dtype: re.dtype },
          { name: "im", shape: im.shape, dtype: im.dtype },
        ],
        remedy: "Pass real and imaginary parts of one shape.",
      },
    );
  }
  return [broadcastShape(re, shape), broadcastShape(im, shape)];
}

/**
 * The discrete Fourier transform of real signals along the last axis: of a signal of n elements, any n, the coefficients 0
 * to floor(n / 2) of `X_k = sum_j x_j e^(-2 pi i j k / n)`; the others are their conjugates. Lengths are split by their
 * factors (Cooley and Tukey 1965), large prime ones by Bluestein's algorithm (1970).
 *
 * @throws {ShapeError} for an empty signal.
 * @throws {DTypeError} for float16.
 * @example
 * ```ts
 * import { fft, tensor } from "@damo/damo";
 * const { re, im } = fft.rfft(tensor([1, 0, 0, 0]));
 * console.assert(String(re.arraySync()) === "1,1,1" && im.shape.join() === "3");
 * ```
 */
export function rfft(x: TensorLike, options: TransformOptions | number = {}): Complex {
  const [value] = floats("fft.rfft", [x]);
  const length = signalLength("fft.rfft", value, options, value.shape[value.ndim - 1]);
  const [re, im] = whole("fft.rfft", rfftOf, value, length);
  return { re, im };
}

function rfftOf(x: Tensor, length: number): readonly Tensor[] {
  return bind(rfftPrimitive, [fitted(x, length)], {});
}

/**
 * The inverse of {@link rfft}, with the factor 1 / n. The length of the signal is `n`, or 2 (m - 1) for m coefficients: a
 * signal of odd length needs it said. The imaginary parts of coefficient 0, and of n / 2 for an even n, are not read.
 *
 * @throws {ShapeError} for an empty spectrum.
 * @throws {DamoError} when the spectrum is not given as { re, im }.
 * @example
 * ```ts
 * import { fft, tensor } from "@damo/damo";
 * const x = fft.irfft(fft.rfft(tensor([1, 2, 3])), { n: 3 });
 * console.assert(x.sub([1, 2, 3]).abs().max().itemSync() < 1e-6);
 * ```
 */
export function irfft(spectrum: Complex<TensorLike>, options: TransformOptions | number = {}): Tensor {
  const parts = complexParts("fft.irfft", spectrum);
  const own = 2 * (parts[0].shape[parts[0].ndim - 1] - 1);
  const length = signalLength("fft.irfft", parts[0], options, own);
  return whole("fft.irfft", irfftOf, ...parts, length);
}

function irfftOf(re: Tensor, im: Tensor, length: number): Tensor {
  const half = [re, im].map((part) => fitted(part, Math.floor(length / 2) + 1));
  const x = bindOne(irfftPrimitive, half, { length });
  return apply("mul", x, constantLike(x, 1 / length));
}

function complexTransform(
  operation: string,
  x: Complex<TensorLike> | TensorLike,
  options: TransformOptions | number,
  inverse: boolean,
): Complex {
  const parts = isComplex(x) ? complexParts(operation, x) : floats(operation, [x as TensorLike]);
  const length = signalLength(operation, parts[0], options, parts[0].shape[parts[0].ndim - 1]);
  const [re, im] = whole(operation, complexTransformOf, inverse, length, ...parts);
  return { re, im };
}

function complexTransformOf(inverse: boolean, length: number, ...[re, given]: Tensor[]): readonly Tensor[] {
  const im = given ?? filled(0, re.aval);
  const parts = bind(fftPrimitive, [fitted(re, length), fitted(im, length)], { inverse });
  return inverse ? parts.map((part) => apply("mul", part, constantLike(part, 1 / length))) : parts;
}

/**
 * The discrete Fourier transform `X_k = sum_j x_j e^(-2 pi i j k / n)` of complex (or real) signals along the last axis, of
 * any length.
 *
 * @throws {ShapeError} for an empty signal.
 * @example
 * ```ts
 * import { fft as transforms, tensor } from "@damo/damo";
 * const { re } = transforms.fft({ re: tensor([0, 1]), im: tensor([0, 0]) });
 * console.assert(String(re.arraySync()) === "1,-1");
 * ```
 */
export function fft(x: Complex<TensorLike> | TensorLike, options: TransformOptions | number = {}): Complex {
  return complexTransform("fft.fft", x, options, false);
}

/**
 * The inverse of {@link fft}, with the factor 1 / n.
 *
 * @throws {ShapeError} for an empty signal.
 * @example
 * ```ts
 * import { fft, tensor } from "@damo/damo";
 * const { re } = fft.ifft({ re: tensor([1, -1]), im: tensor([0, 0]) });
 * console.assert(String(re.arraySync()) === "0,1");
 * ```
 */
export function ifft(x: Complex<TensorLike> | TensorLike, options: TransformOptions | number = {}): Complex {
  return complexTransform("fft.ifft", x, options, true);
}
