/** The routines by name. */
import type { RoutineGenerator } from "../routine.ts";
import { emitCholesky } from "./cholesky.ts";
import { emitLu } from "./lu.ts";
import { emitLuSolve, emitTriangularSolve } from "./triangular_solve.ts";

/** What the primitives of lib/trace/primitives/linalg*.ts and fft.ts are lowered to. */
export const routines: { readonly [name: string]: RoutineGenerator } = {
  cholesky: emitCholesky,
  lu: emitLu,
  luSolve: emitLuSolve,
  triangularSolve: emitTriangularSolve,
};
