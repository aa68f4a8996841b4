/** Every primitive of this folder, for tests and tools that go through them. */
import type { Primitive } from "../primitive.ts";
import { bitcastPrimitive } from "./bitcast.ts";
import { castPrimitive } from "./cast.ts";
import { j0Primitive, j1Primitive } from "./composed_bessel.ts";
import { erfcinvPrimitive } from "./composed_erfcinv.ts";
import { gammaPrimitive, polygammaPrimitive } from "./composed_gamma.ts";
import { constantPrimitive } from "./constant.ts";
import { contractPrimitive } from "./contract.ts";
import { convolvePrimitive } from "./convolve.ts";
import { cumulatives } from "./cumulative.ts";
import { elementwise } from "./elementwise.ts";
import { dynamicSlicePrimitive, dynamicUpdatePrimitive } from "./index_dynamic.ts";
import { fftPrimitive, irfftPrimitive, rfftPrimitive } from "./fft.ts";
import { gatherPrimitive, scatterPrimitive } from "./index_gather.ts";
import { iotaPrimitive } from "./iota.ts";
import { linalgPrimitives } from "./linalg.ts";
import { broadcastToPrimitive, reshapePrimitive, transposePrimitive } from "./move.ts";
import { concatPrimitive } from "./move_concat.ts";
import { flipPrimitive, padPrimitive, slicePrimitive } from "./move_slice.ts";
import { reductions } from "./reduce.ts";
import { positions } from "./reduce_position.ts";
import { sortPrimitive } from "./sort.ts";
import { topkPrimitive } from "./topk.ts";
import { stopGradientPrimitive } from "./stop_gradient.ts";
import { threefryPrimitive } from "./threefry.ts";
import { unwindowPrimitive, windowsPrimitive } from "./windows.ts";

export const allPrimitives: readonly Primitive[] = [
  ...Object.values(elementwise),
  ...Object.values(reductions),
  ...Object.values(positions),
  ...Object.values(cumulatives),
  gammaPrimitive,
  polygammaPrimitive,
  j0Primitive,
  j1Primitive,
  erfcinvPrimitive,
  constantPrimitive,
  castPrimitive,
  bitcastPrimitive,
  iotaPrimitive,
  threefryPrimitive,
  stopGradientPrimitive,
  broadcastToPrimitive,
  reshapePrimitive,
  transposePrimitive,
  slicePrimitive,
  flipPrimitive,
  padPrimitive,
  concatPrimitive,
  windowsPrimitive,
  unwindowPrimitive,
  gatherPrimitive,
  scatterPrimitive,
  dynamicSlicePrimitive,
  dynamicUpdatePrimitive,
  contractPrimitive,
  convolvePrimitive,
  sortPrimitive,
  topkPrimitive,
  ...linalgPrimitives,
  fftPrimitive,
  rfftPrimitive,
  irfftPrimitive,
] as readonly Primitive[];
