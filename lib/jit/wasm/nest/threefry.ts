/** Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). */
import type { FunctionBuilder } from "../assembler/mod.ts";
import { type ModuleContext, push, pushSplat32, type Value } from "./value.ts";

const ROTATIONS: readonly (readonly number[])[] = [[13, 15, 26, 6], [17, 29, 16, 24]];
const PARITY = 0x1bd11bda;

/** Emits the permutation of (key0, key1, counter0, counter1) and returns the locals of the two results. */
export function emitThreefry(
  context: ModuleContext,
  f: FunctionBuilder,
  args: readonly Value[],
): readonly [number, number] {
  const { pool } = context;
  const [key0, key1, counter0, counter1] = args;
  const keys = [key0, key1].map((key) => {
    const local = f.local("v128");
    push(f, pool, key);
    f.localSet(local);
    return local;
  });
  const third = f.local("v128");
  f.localGet(keys[0]).localGet(keys[1]).v128Xor();
  pushSplat32(f, pool, PARITY);
  f.v128Xor().localSet(third);
  const schedule = [keys[0], keys[1], third];
  const x0 = f.local("v128"), x1 = f.local("v128");
  push(f, pool, counter0);
  f.localGet(keys[0]).i32x4Add().localSet(x0);
  push(f, pool, counter1);
  f.localGet(keys[1]).i32x4Add().localSet(x1);
  for (let group = 0; group < 5; group++) {
    for (const rotation of ROTATIONS[group % 2]) {
      f.localGet(x0).localGet(x1).i32x4Add().localSet(x0);
      f.localGet(x1).i32Const(rotation).i32x4Shl().localGet(x1).i32Const(32 - rotation).i32x4ShrU();
      f.v128Or().localGet(x0).v128Xor().localSet(x1);
    }
    f.localGet(x0).localGet(schedule[(group + 1) % 3]).i32x4Add().localSet(x0);
    f.localGet(x1).localGet(schedule[(group + 2) % 3]).i32x4Add();
    pushSplat32(f, pool, group + 1);
    f.i32x4Add().localSet(x1);
  }
  f.release(keys[0], keys[1], third);
  return [x0, x1];
}
