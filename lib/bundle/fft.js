/* @ts-self-types="../trace/ops/fft/mod.ts" */
import { fft as namespace } from "./damo.js";
const { fft: fft_, ifft: ifft_, irfft: irfft_, rfft: rfft_ } = namespace;
export { fft_ as fft, ifft_ as ifft, irfft_ as irfft, rfft_ as rfft };
