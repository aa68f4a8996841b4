/** The routines by name. */
import type { RoutineGenerator } from "../routine.ts";
import { emitCholesky } from "./cholesky.ts";
import { emitEigh } from "./eigh.ts";
import { emitFft } from "./fft.ts";
import { emitLu } from "./lu.ts";
import { emitQr } from "./qr.ts";
import { emitIrfft, emitRfft } from "./real_fft.ts";
import { emitSvd } from "./svd.ts";
import { emitLuSolve, emitTriangularSolve } from "./triangular_solve.ts";

/** What the primitives of lib/trace/primitives/linalg*.ts and fft.ts are lowered to. */
export const routines: { readonly [name: string]: RoutineGenerator } = {
  cholesky: emitCholesky,
  eigh: emitEigh,
  fft: emitFft,
  irfft: emitIrfft,
  lu: emitLu,
  luSolve: emitLuSolve,
  qr: emitQr,
  rfft: emitRfft,
  svd: emitSvd,
  triangularSolve: emitTriangularSolve,
};
