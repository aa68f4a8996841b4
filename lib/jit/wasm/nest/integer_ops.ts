/** Scalar operations on vectors of integers and on masks. */
import type { DType } from "../../../trace/dtype.ts";
import type { ScalarOp } from "../../../trace/scalar_op.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import { integerHelper } from "./integer_helpers.ts";
import { type ModuleContext, push, pushSplat32, type Value } from "./value.ts";

/** Brings the result on the stack back into the range of a narrow type. */
export function wrap(context: ModuleContext, f: FunctionBuilder, dtype: DType): void {
  if (dtype === "int8") f.i32Const(24).i32x4Shl().i32Const(24).i32x4ShrS();
  else if (dtype === "uint8") {
    pushSplat32(f, context.pool, 255);
    f.v128And();
  }
}

const WRAPPING: { readonly [op: string]: "Add" | "Sub" | "Mul" } = { add: "Add", sub: "Sub", mul: "Mul" };
const COMPARE: { readonly [op: string]: readonly ["Lt" | "Le" | "Gt" | "Ge"] } = {
  lt: ["Lt"],
  le: ["Le"],
  gt: ["Gt"],
  ge: ["Ge"],
};

/** Leaves the result of `op` on arguments of an integer dtype on the stack; `lanes` of them count. */
export function emitIntegerOp(
  context: ModuleContext,
  f: FunctionBuilder,
  op: ScalarOp,
  dtype: DType,
  args: readonly Value[],
  lanes: number,
): void {
  const { pool } = context;
  const pushAll = (): void => args.forEach((arg) => push(f, pool, arg));
  const unsigned = dtype === "uint32";
  if (op in WRAPPING) {
    pushAll();
    f[`i32x4${WRAPPING[op]}`]();
    return wrap(context, f, dtype);
  }
  if (op in COMPARE) {
    pushAll();
    const [name] = COMPARE[op];
    f[`i32x4${name}${unsigned ? "U" : "S"}`]();
    return;
  }
  switch (op) {
    case "eq":
      pushAll();
      f.i32x4Eq();
      return;
    case "ne":
      pushAll();
      f.i32x4Ne();
      return;
    case "minimum":
      pushAll();
      f[unsigned ? "i32x4MinU" : "i32x4MinS"]();
      return;
    case "maximum":
      pushAll();
      f[unsigned ? "i32x4MaxU" : "i32x4MaxS"]();
      return;
    case "and":
      pushAll();
      f.v128And();
      return;
    case "or":
      pushAll();
      f.v128Or();
      return;
    case "xor":
      pushAll();
      f.v128Xor();
      return;
    case "not":
      pushAll();
      f.v128Not();
      return wrap(context, f, dtype);
    case "neg":
      pushAll();
      f.i32x4Neg();
      return wrap(context, f, dtype);
    case "abs":
      pushAll();
      if (dtype === "int32" || dtype === "int8") f.i32x4Abs();
      return wrap(context, f, dtype);
    case "square":
      push(f, pool, args[0]);
      push(f, pool, args[0]);
      f.i32x4Mul();
      return wrap(context, f, dtype);
    case "sign":
      return emitSign(context, f, dtype, args[0]);
    case "floor":
    case "ceil":
    case "round":
    case "trunc":
      return pushAll();
    case "isNaN":
      return pushSplat32(f, pool, 0);
    case "isFinite":
      return pushSplat32(f, pool, -1);
    case "select":
      push(f, pool, args[1]);
      push(f, pool, args[2]);
      push(f, pool, args[0]);
      f.v128Bitselect();
      return;
    case "shiftLeft":
    case "shiftRight":
      if (args[1].uniform) {
        push(f, pool, args[0]);
        if (args[1].local < 0) f.i32Const(args[1].constant);
        else f.localGet(args[1].local).i32x4ExtractLane(0);
        f[op === "shiftLeft" ? "i32x4Shl" : unsigned ? "i32x4ShrU" : "i32x4ShrS"]();
        return wrap(context, f, dtype);
      }
      emitPerLane(f, args, lanes, () => {
        f[op === "shiftLeft" ? "i32Shl" : unsigned ? "i32ShrU" : "i32ShrS"]();
      });
      return wrap(context, f, dtype);
    case "floorDiv":
    case "mod":
    case "pow": {
      const helper = integerHelper(context, op, unsigned);
      emitPerLane(f, args, lanes, () => f.call(helper));
      return wrap(context, f, dtype);
    }
    default:
      throw new Error(`The operation ${op} is not defined on ${dtype}.`);
  }
}

/** Applies scalar code to each lane of two vectors. */
function emitPerLane(
  f: FunctionBuilder,
  args: readonly Value[],
  lanes: number,
  emit: () => void,
): void {
  const extract = (arg: Value, lane: number): void => {
    if (arg.local < 0) f.i32Const(arg.constant);
    else f.localGet(arg.local).i32x4ExtractLane(lane);
  };
  const count = args.every((arg) => arg.uniform) ? 1 : lanes;
  extract(args[0], 0);
  extract(args[1], 0);
  emit();
  f.i32x4Splat();
  for (let lane = 1; lane < count; lane++) {
    extract(args[0], lane);
    extract(args[1], lane);
    emit();
    f.i32x4ReplaceLane(lane);
  }
}

/** (x > 0) - (x < 0). */
function emitSign(context: ModuleContext, f: FunctionBuilder, dtype: DType, x: Value): void {
  const { pool } = context;
  if (dtype === "uint32" || dtype === "uint8") {
    push(f, pool, x);
    pushSplat32(f, pool, 1);
    f.i32x4MinU();
    return;
  }
  push(f, pool, x);
  pushSplat32(f, pool, 1);
  f.i32x4MinS();
  pushSplat32(f, pool, -1);
  f.i32x4MaxS();
}

/** Leaves the result of `op` on bool arguments on the stack. */
export function emitMaskOp(
  context: ModuleContext,
  f: FunctionBuilder,
  op: ScalarOp,
  args: readonly Value[],
): void {
  const { pool } = context;
  const order = (...positions: number[]): void => positions.forEach((i) => push(f, pool, args[i]));
  switch (op) {
    case "and":
    case "minimum":
    case "mul":
      order(0, 1);
      f.v128And();
      return;
    case "or":
    case "maximum":
    case "add":
      order(0, 1);
      f.v128Or();
      return;
    case "xor":
    case "ne":
      order(0, 1);
      f.v128Xor();
      return;
    case "eq":
      order(0, 1);
      f.v128Xor().v128Not();
      return;
    case "lt":
      order(1, 0);
      f.v128Andnot();
      return;
    case "gt":
      order(0, 1);
      f.v128Andnot();
      return;
    case "le":
      order(0, 1);
      f.v128Andnot().v128Not();
      return;
    case "ge":
      order(1, 0);
      f.v128Andnot().v128Not();
      return;
    case "not":
      order(0);
      f.v128Not();
      return;
    case "isNaN":
      return pushSplat32(f, pool, 0);
    case "isFinite":
      return pushSplat32(f, pool, -1);
    case "abs":
    case "sign":
    case "square":
    case "floor":
    case "ceil":
    case "round":
    case "trunc":
    // A bool has one bit: it can be shifted by 0 only.
    case "shiftLeft":
    case "shiftRight":
      return order(0);
    case "select":
      order(1, 2, 0);
      f.v128Bitselect();
      return;
    default:
      throw new Error(`The operation ${op} is not defined on bool.`);
  }
}
