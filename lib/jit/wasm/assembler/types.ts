// Types of the WebAssembly binary format.

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
