/** fft, rfft and irfft: discrete Fourier transforms along the last axis, of any length, without a factor 1 / n. */
import { DTypeError, ShapeError } from "../errors.ts";
import type { Primitive } from "../primitive.ts";
import { type Aval, describe, sameAval } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { bind, bindOne } from "../trace.ts";
import { apply, type NoParams } from "./elementwise_rules.ts";
import { transform } from "./fft_reference.ts";
import { iotaPrimitive } from "./iota.ts";
import { evaluateMatrices } from "./linalg_algebra.ts";
import { batchAll, instantiate } from "./zeros.ts";

export interface FftParams {
  /** e^(+2 pi i j k / n) instead of e^(-2 pi i j k / n). */
  readonly inverse: boolean;
}

function checkSignal(operation: string, inputs: readonly Aval[]): void {
  const [x] = inputs;
  const given = inputs.map((y, i) => ({ name: i === 0 ? "re" : "im", shape: y.shape, dtype: y.dtype }));
  const float = x.dtype === "float32" || x.dtype === "float64";
  if (!float || inputs.some((y) => y.dtype !== x.dtype)) {
    throw new DTypeError(
      `${operation}: takes float32 or float64, got ${inputs.map(describe).join(" and ")}.`,
      {
        operation,
        arguments: given,
        remedy: 'Use cast("float32") or cast("float64").',
      },
    );
  }
  if (x.shape.length === 0 || x.shape[x.shape.length - 1] === 0) {
    throw new ShapeError(
      `${operation}: ${describe(x)} has no ${x.shape.length === 0 ? "axis" : "element"} to transform.`,
      { operation, arguments: given, remedy: "The last axis must exist and have at least one element." },
    );
  }
  if (inputs.some((y) => !sameAval(x, y))) {
    throw new ShapeError(`${operation}: re and im differ: ${inputs.map(describe).join(" and ")}.`, {
      operation,
      arguments: given,
      remedy: "The real and imaginary parts must have one shape.",
    });
  }
}

/** Complex to complex, of real and imaginary parts. The matrix is symmetric: the transpose is the inverse sign. */
export const fftPrimitive: Primitive<FftParams> = {
  name: "fft",
  infer(inputs) {
    checkSignal("fft.fft", inputs);
    return inputs.map(({ shape, dtype }) => ({ shape, dtype }));
  },
  derivative: {
    kind: "derivative",
    jvp({ primals, tangents, params }) {
      if (!tangents[0] && !tangents[1]) return [null, null];
      return bind(fftPrimitive, tangents.map((t, i) => instantiate(t, primals[i].aval)), params);
    },
  },
  linear: {
    kind: "linear",
    // (C + i S) (re + i im) as a real map is [[C, -S], [S, C]], whose transpose has -S for S.
    transpose({ cotangents, avals, params: { inverse }, inputs }) {
      if (!cotangents[0] && !cotangents[1]) return [null, null];
      const parts = cotangents.map((c, i) => instantiate(c, avals[i]));
      const results = bind(fftPrimitive, parts, { inverse: !inverse });
      return results.map((result, i) => inputs[i] ? null : result);
    },
  },
  batch(args) {
    return bind(fftPrimitive, batchAll(args), args.params);
  },
  evaluate(inputs, { inverse }, outputs) {
    return evaluateMatrices(inputs, [1, 1], outputs, [1, 1], ([re, im], [outRe, outIm]) => {
      const result = transform(re, im, inverse);
      outRe.set(result.re);
      outIm.set(result.im);
    });
  },
  lower({ inverse }) {
    return { kind: "routine", routine: "fft", options: { inverse } };
  },
  print({ inverse }) {
    return inverse ? "inverse" : "";
  },
};

/** How often each coefficient of the half spectrum of a real signal occurs in the whole: 2, at both ends 1. */
function multiplicity(length: number, like: Aval, inverse: boolean): Tensor {
  const count = Math.floor(length / 2) + 1;
  const k = bindOne(iotaPrimitive, [], { shape: [count], dtype: "int32", axis: 0 });
  const is = (value: number) => apply("eq", k, Tensor.literal(value, "int32"));
  const ends = length % 2 === 0 ? apply("or", is(0), is(length / 2)) : is(0);
  return apply("select", ends, Tensor.literal(1, like.dtype), Tensor.literal(inverse ? 0.5 : 2, like.dtype));
}

/** The coefficients 0 to floor(n / 2) of a real signal. */
export const rfftPrimitive: Primitive<NoParams> = {
  name: "rfft",
  infer([x]) {
    checkSignal("fft.rfft", [x]);
    const length = x.shape[x.shape.length - 1];
    const out: Aval = { shape: [...x.shape.slice(0, -1), Math.floor(length / 2) + 1], dtype: x.dtype };
    return [out, out];
  },
  derivative: {
    kind: "derivative",
    jvp({ tangents: [tangent], params }) {
      return tangent ? bind(rfftPrimitive, [tangent], params) : [null, null];
    },
  },
  linear: {
    kind: "linear",
    // irfft counts the inner coefficients twice, the sum over the half spectrum counts them once.
    transpose({ cotangents, avals: [x] }) {
      if (!cotangents[0] && !cotangents[1]) return [null];
      const length = x.shape[x.shape.length - 1];
      const half: Aval = { shape: [...x.shape.slice(0, -1), Math.floor(length / 2) + 1], dtype: x.dtype };
      const weights = multiplicity(length, x, true);
      const parts = cotangents.map((c) => apply("mul", instantiate(c, half), weights));
      return [bindOne(irfftPrimitive, parts, { length })];
    },
  },
  batch(args) {
    return bind(rfftPrimitive, batchAll(args), args.params);
  },
  evaluate(inputs, _params, outputs) {
    return evaluateMatrices(inputs, [1], outputs, [1, 1], ([x], [re, im]) => {
      const result = transform(x, new Float64Array(x.length), false);
      re.set(result.re.subarray(0, re.length));
      im.set(result.im.subarray(0, im.length));
      im[0] = 0;
      if (x.length % 2 === 0) im[x.length / 2] = 0;
    });
  },
  lower() {
    return { kind: "routine", routine: "rfft", options: {} };
  },
  print() {
    return "";
  },
};

export interface IrfftParams {
  /** Of the signal; the spectrum has floor(length / 2) + 1 coefficients. */
  readonly length: number;
}

/**
 * The real signal of a half spectrum, whose other half is its conjugate mirror image: the imaginary parts at 0 and, for an
 * even length, at length / 2 are taken as 0.
 */
export const irfftPrimitive: Primitive<IrfftParams> = {
  name: "irfft",
  infer([re, im], { length }) {
    checkSignal("fft.irfft", [re, im]);
    const count = re.shape[re.shape.length - 1];
    if (count !== Math.floor(length / 2) + 1 || length < 1) {
      throw new ShapeError(`fft.irfft: ${describe(re)} is not half of a spectrum of ${length}.`, {
        operation: "fft.irfft",
        arguments: [{ name: "re", shape: re.shape, dtype: re.dtype }, { name: "length", value: length }],
        remedy: `A signal of length n has floor(n / 2) + 1 coefficients.`,
      });
    }
    return [{ shape: [...re.shape.slice(0, -1), length], dtype: re.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ primals, tangents, params }) {
      if (!tangents[0] && !tangents[1]) return [null];
      return [bindOne(irfftPrimitive, tangents.map((t, i) => instantiate(t, primals[i].aval)), params)];
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents: [cotangent], inputs, params: { length } }) {
      if (!cotangent) return [null, null];
      const weights = multiplicity(length, cotangent.aval, false);
      const parts = bind(rfftPrimitive, [cotangent], {});
      return parts.map((part, i) => inputs[i] ? null : apply("mul", part, weights));
    },
  },
  batch(args) {
    return [bindOne(irfftPrimitive, batchAll(args), args.params)];
  },
  evaluate(inputs, { length }, outputs) {
    return evaluateMatrices(inputs, [1, 1], outputs, [1], ([re, im], [x]) => {
      const wholeRe = new Float64Array(length), wholeIm = new Float64Array(length);
      for (let k = 0; k < re.length; k++) {
        const edge = k === 0 || 2 * k === length;
        wholeRe[k] = re[k];
        wholeIm[k] = edge ? 0 : im[k];
        if (edge) continue;
        wholeRe[length - k] = re[k];
        wholeIm[length - k] = -im[k];
      }
      x.set(transform(wholeRe, wholeIm, true).re);
    });
  },
  lower({ length }) {
    return { kind: "routine", routine: "irfft", options: { length } };
  },
  print({ length }) {
    return `length=${length}`;
  },
};
