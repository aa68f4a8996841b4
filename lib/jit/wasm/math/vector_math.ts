// The table of all vector functions in both types.

import type { UnaryOp } from "../../../trace/scalar_op.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import { viaDouble } from "./double.ts";
import { i0, i1 } from "./bessel.ts";
import { erf, erfc, erfcx, erfinv } from "./error_function.ts";
import { exp, exp2, expm1, sigmoid } from "./exponential.ts";
import { digamma, lgamma } from "./gamma.ts";
import { acosh, asinh, atanh, cosh, sinh, tanh } from "./hyperbolic.ts";
import { acos, asin, atan, atan2 } from "./inverse_trigonometric.ts";
import { Lanes } from "./lanes.ts";
import type { LaneType, MathContext, Value, Variable } from "./lanes.ts";
import { log, log10, log1p, log2 } from "./logarithm.ts";
import { pow } from "./power.ts";
import { flooredMod, sign, truncatedMod } from "./rounding.ts";
import { cos, sin, tan } from "./trigonometric.ts";

/** Functions of one argument: those that are more than an instruction or two. */
export type UnaryVectorFunction = Exclude<
  UnaryOp,
  "neg" | "abs" | "floor" | "ceil" | "round" | "trunc" | "sqrt" | "rsqrt" | "reciprocal" | "square" | "not"
>;

/** Functions of two arguments: `atan2(y, x)`, `pow(base, exponent)`, remainders (see rounding.ts). */
export type BinaryVectorFunction = "atan2" | "pow" | "flooredMod" | "truncatedMod";

/** All functions of the table. */
export type VectorFunction = UnaryVectorFunction | BinaryVectorFunction;

/**
 * Emits one function of the vectors in the locals `x` (and `y`) and leaves the result on the stack. Arguments are
 * left unchanged; locals made on the way are released.
 */
export type Emitter = (builder: FunctionBuilder, context: MathContext, x: number, y?: number) => void;

/** The emitters of one function. */
export type EmitterPair = { readonly [Type in LaneType]: Emitter };

function emitter(type: LaneType, formula: (m: Lanes, x: Variable, y: Variable) => Value): Emitter {
  return (builder, context, x, y = x) => {
    const m = new Lanes(builder, context, type);
    formula(m, m.variable(x), m.variable(y)).emit();
    m.release();
  };
}

/** The same formula in both types. */
function generic(formula: (m: Lanes, x: Variable, y: Variable) => Value): EmitterPair {
  return { f32: emitter("f32", formula), f64: emitter("f64", formula) };
}

/** A formula for float64 that serves float32 by widening; one that cancels needs more than float32 accuracy. */
function widened(formula: (m: Lanes, x: Variable) => Value, accuracy: LaneType = "f32"): EmitterPair {
  const narrow = emitter("f32", (m, x) => viaDouble(m, [x], formula, accuracy));
  return { f32: narrow, f64: emitter("f64", formula) };
}

/** As {@linkcode widened}, for two arguments. */
function widenedBinary(formula: (m: Lanes, x: Variable, y: Variable, single: boolean) => Value): EmitterPair {
  return {
    f32: emitter(
      "f32",
      (m, x, y) => viaDouble(m, [x, y], (double, a, b) => formula(double, a, b, true), "f64"),
    ),
    f64: emitter("f64", (m, x, y) => formula(m, x, y, false)),
  };
}

/** Emitters of every function for float32x4 and float64x2. */
export const vectorMath: { readonly [Name in VectorFunction]: EmitterPair } = {
  exp: generic(exp),
  exp2: generic(exp2),
  expm1: generic(expm1),
  log: generic(log),
  log2: generic(log2),
  log10: generic(log10),
  log1p: generic(log1p),
  sin: generic(sin),
  cos: generic(cos),
  tan: widened(tan),
  asin: generic(asin),
  acos: generic(acos),
  atan: generic(atan),
  sinh: generic(sinh),
  cosh: generic(cosh),
  tanh: generic(tanh),
  asinh: widened(asinh),
  acosh: widened(acosh),
  atanh: widened(atanh),
  sigmoid: generic(sigmoid),
  erf: generic(erf),
  erfc: widened(erfc),
  erfinv: widened(erfinv),
  erfcx: widened(erfcx),
  i0: widened(i0),
  i1: widened(i1),
  lgamma: widened(lgamma, "f64"),
  digamma: widened(digamma, "f64"),
  sign: generic(sign),
  atan2: generic(atan2),
  pow: generic(pow),
  flooredMod: widenedBinary(flooredMod),
  truncatedMod: widenedBinary(truncatedMod),
};
