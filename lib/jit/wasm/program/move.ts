/** Copying between two places that do not overlap. */
import type { FunctionBuilder } from "../assembler/mod.ts";

/** Beyond so many bytes one instruction for all of them is faster. */
const FEW_BYTES = 64;

/** Moves some bytes; they lie in blocks that are aligned to 64 and as long as a multiple of it, unless stepped. */
export function emitMove(
  f: FunctionBuilder,
  bytes: number,
  pushTarget: () => void,
  pushSource: () => void,
): void {
  if (bytes === 0) return;
  if (bytes > FEW_BYTES) {
    pushTarget();
    pushSource();
    f.i32Const(bytes).memoryCopy();
    return;
  }
  const to = f.local("i32"), from = f.local("i32");
  pushTarget();
  f.localSet(to);
  pushSource();
  f.localSet(from);
  for (let at = 0; at < bytes;) {
    const size = [16, 8, 4, 2, 1].find((size) => size <= bytes - at)!;
    f.localGet(to).localGet(from);
    if (size === 16) f.v128Load(at, 0).v128Store(at, 0);
    else if (size === 8) f.i64Load(at, 0).i64Store(at, 0);
    else if (size === 4) f.i32Load(at, 0).i32Store(at, 0);
    else if (size === 2) f.i32Load16U(at, 0).i32Store16(at, 0);
    else f.i32Load8U(at).i32Store8(at);
    at += size;
  }
  f.release(to, from);
}
