/** Functions on one pair of integers, for operations that vectors lack. */
import type { FunctionBuilder } from "../assembler/mod.ts";
import type { ModuleContext } from "./value.ts";

/** The index of `(a, b) -> a op b` on i32; by 0 the first two give 0, and the least number by -1 wraps. */
export function integerHelper(
  context: ModuleContext,
  op: "floorDiv" | "mod" | "pow",
  unsigned: boolean,
): number {
  const name = `${op}_${unsigned ? "u32" : "i32"}`;
  return context.helper(name, () => {
    const f = context.module.addFunction({ params: ["i32", "i32"], results: ["i32"] });
    if (op === "pow") emitPower(f, unsigned);
    else if (unsigned) emitUnsigned(f, op);
    else emitSigned(f, op);
    return f;
  }).index;
}

function emitUnsigned(f: FunctionBuilder, op: "floorDiv" | "mod"): void {
  f.localGet(1).i32Eqz().if().i32Const(0).return().end();
  f.localGet(0).localGet(1);
  if (op === "floorDiv") f.i32DivU();
  else f.i32RemU();
}

function emitSigned(f: FunctionBuilder, op: "floorDiv" | "mod"): void {
  f.localGet(1).i32Eqz().if().i32Const(0).return().end();
  // The hardware traps on the least number divided by -1.
  f.localGet(1).i32Const(-1).i32Eq().if();
  if (op === "floorDiv") f.i32Const(0).localGet(0).i32Sub();
  else f.i32Const(0);
  f.return().end();
  const rest = f.local("i32");
  f.localGet(0).localGet(1).i32RemS().localSet(rest);
  // The truncated quotient is one too high where a remainder's sign differs from the divisor's.
  const differs = (): FunctionBuilder =>
    f.localGet(rest).i32Const(0).i32Ne().localGet(rest).localGet(1).i32Xor().i32Const(0).i32LtS().i32And();
  if (op === "floorDiv") {
    f.localGet(0).localGet(1).i32DivS();
    differs().i32Sub();
  } else {
    f.localGet(rest).localGet(1).i32Const(0);
    differs().select().i32Add();
  }
}

/** By squaring, modulo 2^32; a negative exponent gives the truncated 1 / a^|b|, with 0 for a base of 0. */
function emitPower(f: FunctionBuilder, unsigned: boolean): void {
  if (!unsigned) {
    f.localGet(1).i32Const(0).i32LtS().if();
    f.localGet(0).i32Const(1).i32Eq().if().i32Const(1).return().end();
    f.localGet(0).i32Const(-1).i32Eq().if();
    f.i32Const(1).localGet(1).i32Const(1).i32And().i32Const(1).i32Shl().i32Sub().return().end();
    f.i32Const(0).return();
    f.end();
  }
  const result = f.local("i32");
  f.i32Const(1).localSet(result);
  f.block().loop();
  f.localGet(1).i32Eqz().brIf(1);
  f.localGet(1).i32Const(1).i32And().if();
  f.localGet(result).localGet(0).i32Mul().localSet(result);
  f.end();
  f.localGet(0).localGet(0).i32Mul().localSet(0);
  f.localGet(1).i32Const(1).i32ShrU().localSet(1);
  f.br(0).end().end();
  f.localGet(result);
}
