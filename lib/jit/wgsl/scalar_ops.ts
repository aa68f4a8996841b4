/** Scalar operations as WGSL expressions. Arguments are names or literals, so that they may be repeated. */
import { type DType, isFloat } from "../../trace/dtype.ts";
import type { ScalarOp } from "../../trace/scalar_op.ts";
import { registerType } from "./literal.ts";
import type { Shader } from "./shader.ts";

const FLOAT_HELPERS: { readonly [op: string]: string } = {
  sign: "sign_f32",
  exp: "exp_f32",
  exp2: "exp2_f32",
  expm1: "expm1_f32",
  log: "log_f32",
  log2: "log2_f32",
  log10: "log10_f32",
  log1p: "log1p_f32",
  sin: "sin_f32",
  cos: "cos_f32",
  tan: "tan_f32",
  asin: "asin_f32",
  acos: "acos_f32",
  atan: "atan_f32",
  sinh: "sinh_f32",
  cosh: "cosh_f32",
  tanh: "tanh_f32",
  asinh: "asinh_f32",
  acosh: "acosh_f32",
  atanh: "atanh_f32",
  sigmoid: "sigmoid_f32",
  erf: "erf_f32",
  erfc: "erfc_f32",
  erfinv: "erfinv_f32",
  erfcx: "erfcx_f32",
  i0: "i0_f32",
  i1: "i1_f32",
  lgamma: "lgamma_f32",
  digamma: "digamma_f32",
  isNaN: "is_nan_f32",
  isFinite: "is_finite_f32",
  floorDiv: "floor_div_f32",
  mod: "mod_f32",
  pow: "pow_f32",
  atan2: "atan2_f32",
  minimum: "minimum_f32",
  maximum: "maximum_f32",
};

const COMPARE: { readonly [op: string]: string } = { eq: "==", lt: "<", le: "<=", gt: ">", ge: ">=" };

/** How many lines of helpers an operation brings, roughly: the cost of writing it four times. */
export function opWeight(op: ScalarOp, dtype: DType): number {
  return isFloat(dtype) && op in FLOAT_HELPERS && op !== "minimum" && op !== "maximum" ? 8 : 1;
}

/** Iterations of the loops inside an operation, at most: software adapters end an invocation's loops after 65,535. */
export function opIterations(op: ScalarOp, dtype: DType): number {
  if (isFloat(dtype)) {
    return op === "mod" || op === "floorDiv" ? 280 : 0;
  }
  return op === "pow" ? 34 : 0;
}

/** The expression of an operation on arguments of `from`. */
export function opExpression(
  shader: Shader,
  op: ScalarOp,
  from: DType,
  args: readonly string[],
): string {
  const [a, b, c] = args;
  if (op === "select") return `select(${c}, ${b}, ${a})`;
  // WGSL's != is false for NaN on some drivers.
  if (op === "ne") return `!(${a} == ${b})`;
  const type = registerType(from);
  if (type === "bool") return boolExpression(op, a, b);
  if (op in COMPARE) return `(${a} ${COMPARE[op]} ${b})`;
  if (type === "f32") return floatExpression(shader, op, a, b);
  if (op === "isNaN") return "false";
  if (op === "isFinite") return "true";
  return narrow(from, integerExpression(shader, op, type, from, a, b));
}

function floatExpression(shader: Shader, op: ScalarOp, a: string, b: string): string {
  if (op in FLOAT_HELPERS) {
    const name = shader.use(FLOAT_HELPERS[op]);
    return b === undefined ? `${name}(${a})` : `${name}(${a}, ${b})`;
  }
  switch (op) {
    case "neg":
      return `(-${a})`;
    case "abs":
    case "floor":
    case "ceil":
    case "round":
    case "trunc":
    case "sqrt":
      return `${op}(${a})`;
    case "rsqrt":
      return `(1.0f / sqrt(${a}))`;
    case "reciprocal":
      return `(1.0f / ${a})`;
    case "square":
      return `(${a} * ${a})`;
    case "add":
      return `(${a} + ${b})`;
    case "sub":
      return `(${a} - ${b})`;
    case "mul":
      return `(${a} * ${b})`;
    case "div":
      return `(${a} / ${b})`;
    case "mulNoNaN":
      return `select(${a} * ${b}, 0.0f, ${a} == 0.0f)`;
    default:
      throw new Error(`WGSL has no ${op} of floats.`);
  }
}

function integerExpression(
  shader: Shader,
  op: ScalarOp,
  type: "i32" | "u32",
  dtype: DType,
  a: string,
  b: string,
): string {
  const signed = type === "i32";
  switch (op) {
    case "neg":
      return signed ? `(-${a})` : `(0u - ${a})`;
    case "abs":
      return signed ? `abs(${a})` : a;
    case "sign":
      return signed ? `sign(${a})` : `min(${a}, 1u)`;
    case "floor":
    case "ceil":
    case "round":
    case "trunc":
      return a;
    case "square":
      return `(${a} * ${a})`;
    case "add":
      return `(${a} + ${b})`;
    case "sub":
      return `(${a} - ${b})`;
    case "mul":
      return `(${a} * ${b})`;
    case "floorDiv":
      return `${shader.use(signed ? "floor_div_i32" : "floor_div_u32")}(${a}, ${b})`;
    case "mod":
      return `${shader.use(signed ? "mod_i32" : "mod_u32")}(${a}, ${b})`;
    case "pow":
      return `${shader.use(signed ? "pow_i32" : "pow_u32")}(${a}, ${b})`;
    case "minimum":
      return `min(${a}, ${b})`;
    case "maximum":
      return `max(${a}, ${b})`;
    case "and":
      return `(${a} & ${b})`;
    case "or":
      return `(${a} | ${b})`;
    case "xor":
      return `(${a} ^ ${b})`;
    case "not":
      return `(~${a})`;
    case "shiftLeft":
      return `(${a} << ${signed ? `bitcast<u32>(${b})` : b})`;
    case "shiftRight":
      return `(${a} >> ${signed ? `bitcast<u32>(${b})` : b})`;
    default:
      throw new Error(`WGSL has no ${op} of ${dtype}.`);
  }
}

function boolExpression(op: ScalarOp, a: string, b: string): string {
  switch (op) {
    case "and":
    case "mul":
    case "minimum":
      return `(${a} && ${b})`;
    case "or":
    case "add":
    case "maximum":
      return `(${a} || ${b})`;
    case "xor":
      return `(${a} != ${b})`;
    case "not":
      return `(!${a})`;
    case "eq":
      return `(${a} == ${b})`;
    case "lt":
      return `(!${a} && ${b})`;
    case "le":
      return `(!${a} || ${b})`;
    case "gt":
      return `(${a} && !${b})`;
    case "ge":
      return `(${a} || !${b})`;
    case "abs":
    case "square":
    case "sign":
    case "neg":
      return a;
    case "isNaN":
      return "false";
    case "isFinite":
      return "true";
    default:
      throw new Error(`WGSL has no ${op} of bool.`);
  }
}

/** Brings a result back into the range of an 8-bit dtype. */
export function narrow(dtype: DType, expression: string): string {
  if (dtype === "int8") return `((${expression} << 24u) >> 24u)`;
  if (dtype === "uint8") return `(${expression} & 255u)`;
  return expression;
}

/** `cast`, with the meaning of castValue in lib/trace/dtype.ts. */
export function castExpression(shader: Shader, from: DType, to: DType, a: string): string {
  if (from === to) return a;
  const source = registerType(from), target = registerType(to);
  switch (target) {
    case "bool":
      if (source === "bool") return a;
      return `!(${a} == ${source === "f32" ? "0.0f" : source === "i32" ? "0i" : "0u"})`;
    case "f32": {
      const value = source === "f32" ? a : source === "bool" ? `select(0.0f, 1.0f, ${a})` : `f32(${a})`;
      return to === "float16" ? `${shader.use("half_value")}(${shader.use("half_bits")}(${value}))` : value;
    }
    default: {
      if (source === "bool") return `select(0${target[0]}, 1${target[0]}, ${a})`;
      if (source === "f32") {
        const limits: { readonly [d: string]: string } = {
          int8: `clamp(${shader.use("to_i32")}(${a}), -128i, 127i)`,
          uint8: `min(${shader.use("to_u32")}(${a}), 255u)`,
        };
        return limits[to] ?? `${shader.use(`to_${target}`)}(${a})`;
      }
      return narrow(to, source === target ? a : `bitcast<${target}>(${a})`);
    }
  }
}

/** The same bits as another dtype of the same width. */
export function bitcastExpression(shader: Shader, from: DType, to: DType, a: string): string {
  if (from === to) return a;
  if (from === "float16" || to === "float16") {
    throw new Error(`WGSL has no bitcast from ${from} to ${to}.`);
  }
  const source = registerType(from), target = registerType(to);
  if (source === "bool" || target === "bool") return castExpression(shader, from, to, a);
  return narrow(to, source === target ? a : `bitcast<${target}>(${a})`);
}
