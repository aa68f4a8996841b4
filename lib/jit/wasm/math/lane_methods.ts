// The assembler's methods for one element type, by operation.

/** The element types that vector math computes in. */
export type LaneType = "f32" | "f64";

/** Operations on floats of one operand. */
export type UnaryName = "Abs" | "Neg" | "Sqrt" | "Ceil" | "Floor" | "Trunc" | "Nearest";

/** Operations on floats of two operands. */
export type BinaryName =
  | "Add"
  | "Sub"
  | "Mul"
  | "Div"
  | "Min"
  | "Max"
  | "Pmin"
  | "Pmax"
  | "Eq"
  | "Ne"
  | "Lt"
  | "Gt"
  | "Le"
  | "Ge";

/** Operations on the bits as integers of the same width. */
export type IntegerBinaryName = "IntegerAdd" | "IntegerSub" | "IntegerEq" | "IntegerGtS";

/** Shifts of the bits as integers of the same width. */
export type ShiftName = "Shl" | "ShrS" | "ShrU";

/** Operations on all 128 bits. */
export type BitwiseName = "And" | "Andnot" | "Or" | "Xor";

type FloatName = UnaryName | BinaryName | "RelaxedMadd" | "RelaxedNmadd";

/** The name of the assembler's method for each operation. */
export type LaneMethods =
  & { readonly [Name in FloatName]: `f32x4${Name}` | `f64x2${Name}` }
  & { readonly [Name in ShiftName]: `i32x4${Name}` | `i64x2${Name}` }
  & {
    readonly [Name in IntegerBinaryName]: Name extends `Integer${infer Operation}`
      ? `i32x4${Operation}` | `i64x2${Operation}`
      : never;
  };

function methods<Floats extends "f32x4" | "f64x2", Integers extends "i32x4" | "i64x2">(
  f: Floats,
  i: Integers,
): LaneMethods {
  return {
    Abs: `${f}Abs`,
    Neg: `${f}Neg`,
    Sqrt: `${f}Sqrt`,
    Ceil: `${f}Ceil`,
    Floor: `${f}Floor`,
    Trunc: `${f}Trunc`,
    Nearest: `${f}Nearest`,
    Add: `${f}Add`,
    Sub: `${f}Sub`,
    Mul: `${f}Mul`,
    Div: `${f}Div`,
    Min: `${f}Min`,
    Max: `${f}Max`,
    Pmin: `${f}Pmin`,
    Pmax: `${f}Pmax`,
    Eq: `${f}Eq`,
    Ne: `${f}Ne`,
    Lt: `${f}Lt`,
    Gt: `${f}Gt`,
    Le: `${f}Le`,
    Ge: `${f}Ge`,
    RelaxedMadd: `${f}RelaxedMadd`,
    RelaxedNmadd: `${f}RelaxedNmadd`,
    Shl: `${i}Shl`,
    ShrS: `${i}ShrS`,
    ShrU: `${i}ShrU`,
    IntegerAdd: `${i}Add`,
    IntegerSub: `${i}Sub`,
    IntegerEq: `${i}Eq`,
    IntegerGtS: `${i}GtS`,
  };
}

/** Made once, because joining and looking up a name per instruction would take longer than emitting it. */
export const laneMethods: { readonly [Type in LaneType]: LaneMethods } = {
  f32: methods("f32x4", "i32x4"),
  f64: methods("f64x2", "i64x2"),
};
