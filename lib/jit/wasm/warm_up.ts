/**
 * Calls that make functions be optimised before they have work to do. Engines compile a function quickly at first, and
 * again with optimisation when much of it has run; until then kernels are several times slower. V8 counts the bytes of
 * its first code that a function has gone through, and at the end of a call it counts all that lies before the end, so
 * that some thousands of calls which do nothing stand for a millisecond of work. The optimised code is then made on
 * another thread, while the program starts.
 */
import type { FunctionBuilder, ModuleBuilder } from "./assembler/mod.ts";

/** A call of a function that makes it do nothing. */
export interface IdleCall {
  readonly callee: FunctionBuilder;
  /** What differs from 0 in its arguments, by position; "scratch" is the address of memory that it may write. */
  readonly arguments?: { readonly [position: number]: number | "scratch" };
}

/** Bytes that an idle call may write. */
export const IDLE_BYTES = 64;

/** Bytes of its first code that a function goes through before V8 optimises it. */
const BYTES_BEFORE_OPTIMISATION = 13_000_000;
/** Bytes of first code for each of WebAssembly: 3.3 to 5 of loops over vectors. */
const EXPANSION = 3.5;
/** Shorter functions would take too many calls. */
const LEAST_BYTES = 300;

/** Emits a function that makes the calls, as often as it takes; `scratch` is the global with the address. */
export function emitWarmUp(
  module: ModuleBuilder,
  calls: readonly IdleCall[],
  scratch: number,
): FunctionBuilder {
  const f = module.addFunction({ params: [], results: [] });
  const rounds = f.local("i32");
  for (const { callee, arguments: given = {} } of calls) {
    if (callee.byteLength < LEAST_BYTES) continue;
    f.i32Const(Math.ceil(BYTES_BEFORE_OPTIMISATION / (EXPANSION * callee.byteLength))).localSet(rounds)
      .loop();
    for (let i = 0; i < callee.type.params.length; i++) {
      const value = given[i] ?? 0;
      if (value === "scratch") f.globalGet(scratch);
      else f.i32Const(value);
    }
    f.call(callee.index);
    f.localGet(rounds).i32Const(1).i32Sub().localTee(rounds).brIf(0).end();
  }
  return f;
}
