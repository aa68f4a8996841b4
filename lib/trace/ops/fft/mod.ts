/**
 * Fourier transforms along the last axis.
 *
 * @module
 */
export { type Complex, fft, ifft, irfft, rfft, type TransformOptions } from "./transforms.ts";
