/** The scalar functions that elementwise primitives compute and that every device's code generator knows. */

/** One argument, result of the same dtype. */
export type UnaryOp =
  | "neg"
  | "abs"
  | "sign"
  | "floor"
  | "ceil"
  | "round"
  | "trunc"
  | "sqrt"
  | "rsqrt"
  | "reciprocal"
  | "square"
  | "exp"
  | "exp2"
  | "expm1"
  | "log"
  | "log2"
  | "log10"
  | "log1p"
  | "sin"
  | "cos"
  | "tan"
  | "asin"
  | "acos"
  | "atan"
  | "sinh"
  | "cosh"
  | "tanh"
  | "asinh"
  | "acosh"
  | "atanh"
  | "sigmoid"
  | "erf"
  | "erfc"
  | "erfinv"
  | "erfcx"
  | "i0"
  | "i1"
  | "lgamma"
  | "digamma"
  | "not";

/** One argument, result bool. */
export type TestOp = "isNaN" | "isFinite";

/** Two arguments of one dtype, result of the same dtype. */
export type BinaryOp =
  | "add"
  | "sub"
  | "mul"
  /** True division of floats; integers never reach it. */
  | "div"
  | "floorDiv"
  /** Remainder with the sign of the divisor. */
  | "mod"
  | "pow"
  | "atan2"
  /** NaN when either is NaN. */
  | "minimum"
  | "maximum"
  | "and"
  | "or"
  | "xor"
  /** Shifts of integers by 0 to bits - 1; shiftRight keeps the sign of signed integers. */
  | "shiftLeft"
  | "shiftRight"
  /** a * b, but 0 where a is 0 even if b is infinite or NaN: cotangents that are masked out stay out. */
  | "mulNoNaN";

/** Two arguments of one dtype, result bool. */
export type CompareOp = "eq" | "ne" | "lt" | "le" | "gt" | "ge";

/** condition ? a : b, the condition bool. */
export type SelectOp = "select";

export type ScalarOp = UnaryOp | TestOp | BinaryOp | CompareOp | SelectOp;

/** Associative functions that reductions and cumulative operations combine with. */
export type Combiner = "sum" | "prod" | "max" | "min" | "any" | "all" | "argmax" | "argmin";
