/** float16 in memory, float32 in registers: the conversions of vector math on the value on the stack. */
import type { FunctionBuilder } from "../assembler/mod.ts";
import { floatToHalf, halfToFloat } from "../math/mod.ts";
import type { ModuleContext } from "./value.ts";

/** Float16 bit patterns in 32-bit lanes on the stack become float32. */
export function emitHalfToSingle(context: ModuleContext, f: FunctionBuilder): void {
  const half = f.local("v128");
  f.localSet(half);
  halfToFloat(f, context, half);
  f.release(half);
}

/** Float32 on the stack become float16 bit patterns in 32-bit lanes, rounded half to even. */
export function emitHalfBits(context: ModuleContext, f: FunctionBuilder): void {
  const single = f.local("v128");
  f.localSet(single);
  floatToHalf(f, context, single);
  f.release(single);
}
