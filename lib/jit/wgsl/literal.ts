/** Numbers as WGSL writes them. */
import type { DType } from "../../trace/dtype.ts";

/** The types values have in registers. */
export type RegisterType = "f32" | "i32" | "u32" | "bool";

/** float16 is computed in float32; 8-bit integers in 32 bits. Weak scalars that arrive as float64 are float32 here. */
export function registerType(dtype: DType): RegisterType {
  switch (dtype) {
    case "float16":
    case "float32":
    case "float64":
      return "f32";
    case "int8":
    case "int32":
      return "i32";
    case "uint8":
    case "uint32":
      return "u32";
    case "bool":
      return "bool";
  }
}

const cell = new DataView(new ArrayBuffer(4));

/** A float32; what has no literal (infinities, NaN, -0, subnormal numbers) by its bits. */
export function floatLiteral(value: number): string {
  const rounded = Math.fround(value);
  const magnitude = Math.abs(rounded);
  if (Object.is(rounded, 0)) return "0.0";
  if (magnitude >= 2 ** -126 && magnitude < Infinity) {
    const text = String(rounded);
    const number = /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
    return rounded < 0 ? `(${number})` : number;
  }
  cell.setFloat32(0, rounded);
  return `bitcast<f32>(0x${cell.getUint32(0).toString(16)}u)`;
}

export function literal(value: number, type: RegisterType): string {
  switch (type) {
    case "f32":
      return floatLiteral(value);
    case "i32":
      return value === -2147483648 ? "i32(-2147483648)" : value < 0 ? `(${value}i)` : `${value}i`;
    case "u32":
      return `${value}u`;
    case "bool":
      return value !== 0 ? "true" : "false";
  }
}

/** c[0] + x * (c[1] + x * ...). */
export function polynomial(x: string, coefficients: readonly number[]): string {
  let text = floatLiteral(coefficients[coefficients.length - 1]);
  for (let i = coefficients.length - 2; i >= 0; i--) {
    text = `(${floatLiteral(coefficients[i])} + ${x} * ${text})`;
  }
  return text;
}

/** A register value as a word. */
export function asWord(dtype: DType, value: string): string {
  const type = registerType(dtype);
  return type === "u32" ? value : type === "bool" ? `select(0u, 1u, ${value})` : `bitcast<u32>(${value})`;
}

/** A register value from a word that holds nothing else. */
export function fromWord(dtype: DType, word: string): string {
  const type = registerType(dtype);
  return type === "u32" ? word : type === "bool" ? `(${word} != 0u)` : `bitcast<${type}>(${word})`;
}
