// Types of the WebAssembly binary format, and how its names become method names.

/** The types of values that generated code works with. */
export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

/** The byte that stands for each value type in the binary format. */
export const valueTypeCodes: { readonly [T in ValueType]: number } = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

/** Parameters and results of a function. */
export interface FunctionType {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** `i32x4.extend_low_i16x8_s` becomes `i32x4ExtendLowI16x8S`: the method that emits the instruction. */
export type MethodName<Name extends string> = Name extends `${infer Head}.${infer Tail}`
  ? `${Head}${Capitalize<MethodName<Tail>>}`
  : Name extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<MethodName<Tail>>}`
  : Name;

/** The method name of an instruction, computed as {@linkcode MethodName} does it. */
export function methodName(instruction: string): string {
  return instruction.replace(/[._](.)/g, (_, letter: string) => letter.toUpperCase());
}
