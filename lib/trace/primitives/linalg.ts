/** The matrix primitives. */
import type { Primitive } from "../primitive.ts";
import { choleskyPrimitive } from "./linalg_cholesky.ts";
import { pinvOfPrimitive } from "./linalg_pinv.ts";
import { eigPrimitive } from "./linalg_eig.ts";
import { eighPrimitive } from "./linalg_eigh.ts";
import { luPrimitive, luSolvePrimitive } from "./linalg_lu.ts";
import { qrPrimitive } from "./linalg_qr.ts";
import { svdPrimitive } from "./linalg_svd.ts";
import { triangularSolvePrimitive } from "./linalg_triangular.ts";

export const linalgPrimitives: readonly Primitive[] = [
  choleskyPrimitive,
  triangularSolvePrimitive,
  luPrimitive,
  luSolvePrimitive,
  qrPrimitive,
  eighPrimitive,
  eigPrimitive,
  svdPrimitive,
  pinvOfPrimitive,
] as readonly Primitive[];
