/** Scalar operations on vectors of float32 (and float16, computed as float32) and float64. */
import type { ScalarOp } from "../../../trace/scalar_op.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import { Lanes, type Variable } from "../math/lanes.ts";
import { type VectorFunction, vectorMath } from "../math/mod.ts";
import { type ModuleContext, narrowMask, push, type Value, widenMask } from "./value.ts";

const NATIVE_UNARY: {
  readonly [op: string]: "Neg" | "Abs" | "Floor" | "Ceil" | "Nearest" | "Trunc" | "Sqrt";
} = {
  neg: "Neg",
  abs: "Abs",
  floor: "Floor",
  ceil: "Ceil",
  round: "Nearest",
  trunc: "Trunc",
  sqrt: "Sqrt",
};

const NATIVE_BINARY: {
  readonly [op: string]:
    | "Add"
    | "Sub"
    | "Mul"
    | "Div"
    | "Min"
    | "Max"
    | "Eq"
    | "Ne"
    | "Lt"
    | "Le"
    | "Gt"
    | "Ge";
} = {
  add: "Add",
  sub: "Sub",
  mul: "Mul",
  div: "Div",
  minimum: "Min",
  maximum: "Max",
  eq: "Eq",
  ne: "Ne",
  lt: "Lt",
  le: "Le",
  gt: "Gt",
  ge: "Ge",
};

const COMPARISONS: ReadonlySet<string> = new Set(["eq", "ne", "lt", "le", "gt", "ge", "isNaN", "isFinite"]);

/** Leaves the result of `op` on float arguments on the stack. */
export function emitFloatOp(
  context: ModuleContext,
  f: FunctionBuilder,
  op: ScalarOp,
  type: "f32" | "f64",
  args: readonly Value[],
): void {
  emitOp(context, f, op, type, args);
  if (type === "f64" && COMPARISONS.has(op)) narrowMask(f);
}

function emitOp(
  context: ModuleContext,
  f: FunctionBuilder,
  op: ScalarOp,
  type: "f32" | "f64",
  args: readonly Value[],
): void {
  const { pool } = context;
  const lanes = type === "f32" ? "f32x4" : "f64x2";
  const unary = NATIVE_UNARY[op];
  if (unary !== undefined) {
    push(f, pool, args[0]);
    f[`${lanes}${unary}`]();
    return;
  }
  const binary = NATIVE_BINARY[op];
  if (binary !== undefined) {
    const [first, second] = binary === "Min" || binary === "Max" ? constantLast(args) : args;
    push(f, pool, first);
    push(f, pool, second);
    // With a constant that is not NaN the short form keeps a NaN of the other: x < c ? c : x.
    if (binary === "Min" && isPlainConstant(second)) f[`${lanes}Pmin`]();
    else if (binary === "Max" && isPlainConstant(second)) f[`${lanes}Pmax`]();
    else f[`${lanes}${binary}`]();
    return;
  }
  switch (op) {
    case "isNaN":
      push(f, pool, args[0]);
      push(f, pool, args[0]);
      f[`${lanes}Ne`]();
      return;
    case "select":
      if (isZero(args[2]) || isZero(args[1])) {
        push(f, pool, isZero(args[2]) ? args[1] : args[2]);
        push(f, pool, args[0]);
        if (type === "f64") widenMask(f);
        if (isZero(args[2])) f.v128And();
        else f.v128Andnot();
        return;
      }
      push(f, pool, args[1]);
      push(f, pool, args[2]);
      push(f, pool, args[0]);
      if (type === "f64") widenMask(f);
      f.v128Bitselect();
      return;
    default:
      emitComposed(context, f, op, type, args);
  }
}

function isZero(value: Value): boolean {
  return value.local < 0 && Object.is(value.constant, 0);
}

function isPlainConstant(value: Value): boolean {
  return value.local < 0 && value.constant === value.constant;
}

function constantLast(args: readonly Value[]): readonly Value[] {
  return isPlainConstant(args[0]) ? [args[1], args[0]] : args;
}

/** Operations written in the notation of vector math. */
function emitComposed(
  context: ModuleContext,
  f: FunctionBuilder,
  op: ScalarOp,
  type: "f32" | "f64",
  args: readonly Value[],
): void {
  const owned: number[] = [];
  const [x, y = x] = args.map((arg) => {
    if (arg.local >= 0) return arg.local;
    const local = f.local("v128");
    owned.push(local);
    push(f, context.pool, arg);
    f.localSet(local);
    return local;
  });
  const name = op === "mod" ? "flooredMod" : op;
  if (name in vectorMath && name !== "sign") {
    vectorMath[name as VectorFunction][type](f, context, x, y);
  } else {
    const m = new Lanes(f, context, type);
    compose(context, m, op, m.variable(x), m.variable(y)).emit();
    m.release();
  }
  f.release(...owned);
}

function compose(context: ModuleContext, m: Lanes, op: ScalarOp, x: Variable, y: Variable): { emit(): void } {
  switch (op) {
    case "square":
      return m.mul(x, x);
    case "reciprocal":
      return m.div(1, x);
    case "rsqrt":
      return m.div(1, m.sqrt(x));
    case "isFinite":
      return m.less(m.abs(x), Infinity);
    case "sign":
      // x + 0 turns -0 into 0 and keeps NaN.
      return m.select(m.greater(x, 0), 1, m.select(m.less(x, 0), -1, m.add(x, 0)));
    case "mulNoNaN":
      return m.andNot(m.mul(x, y), m.equal(x, 0));
    case "floorDiv":
      return floorDivide(context, m, x, y);
    default:
      throw new Error(`There is no vector code for ${op}.`);
  }
}

/**
 * floor(x / y) without the rounding error of the quotient (NumPy's algorithm): (x - fmod(x, y)) / y is near an
 * integer, and one too large where the remainder has the other sign than y.
 */
function floorDivide(context: ModuleContext, m: Lanes, x: Variable, y: Variable): { emit(): void } {
  const rest = m.let(m.emitted(() => vectorMath.truncatedMod[m.type](m.builder, context, x.local, y.local)));
  const opposite = m.and(m.xor(m.less(rest, 0), m.less(y, 0)), m.notEqual(rest, 0));
  const quotient = m.let(m.sub(m.div(m.sub(x, rest), y), m.and(opposite, m.constant(1))));
  const down = m.let(m.floor(quotient));
  const above = m.greater(m.sub(quotient, down), 0.5);
  const near = m.let(m.add(down, m.and(above, m.constant(1))));
  const plain = m.let(m.div(x, y));
  return m.select(m.equal(y, 0), plain, m.select(m.equal(near, 0), m.withSignOf(0, plain), near));
}
