/** What this machine can do at most with vectors of 128 bits: the measure of all other figures. */
import { ModuleBuilder } from "../lib/jit/wasm/assembler/mod.ts";

/** Floating-point operations of one round of the loop that multiplies and adds. */
const ROUND = 4 * 12 * 8;
/** Floating-point operations of one call of {@linkcode fmaLimit}. */
export const FMA_OPERATIONS: number = 20_000 * ROUND;
/** Bytes that one call of {@linkcode readLimit} reads: more than any cache holds. */
export const READ_BYTES: number = 64 << 20;

const module = new ModuleBuilder();
module.importMemory({ module: "env", name: "memory" }, {
  minimum: READ_BYTES >> 16,
  maximum: READ_BYTES >> 16,
  shared: false,
});

/** Twelve independent chains of multiplications and additions, which is as many as registers allow. */
function emitMultiplyAdd(): void {
  const f = module.addFunction({ params: ["i32"], results: ["i32"] }, "multiplyAdd");
  const sums = Array.from({ length: 12 }, () => f.local("v128"));
  const x = f.local("v128"), y = f.local("v128");
  f.f32Const(0.999).f32x4Splat().localSet(x).f32Const(0.5).f32x4Splat().localSet(y);
  f.loop();
  for (let unrolled = 0; unrolled < 4; unrolled++) {
    for (const sum of sums) f.localGet(x).localGet(y).localGet(sum).f32x4RelaxedMadd().localSet(sum);
  }
  f.localGet(0).i32Const(1).i32Sub().localTee(0).brIf(0).end();
  f.localGet(sums[0]);
  for (const sum of sums.slice(1)) f.localGet(sum).f32x4Add();
  f.i32x4ExtractLane(0);
}

/** Places far apart that are read side by side: a core fetches ahead along several at a time, and one is not its limit. */
const STREAMS = 4;

/** `(from, to)`: a quarter from each of so many places, cache line by cache line. */
function emitRead(): void {
  const f = module.addFunction({ params: ["i32", "i32"], results: ["i32"] }, "read");
  const sums = Array.from({ length: 8 }, () => f.local("v128"));
  const places = Array.from({ length: STREAMS }, () => f.local("i32"));
  places.forEach((place, i) => {
    f.localGet(1).localGet(0).i32Sub().i32Const(STREAMS).i32DivU().i32Const(i).i32Mul();
    f.localGet(0).i32Add().localSet(place);
  });
  f.localGet(places[1]).localSet(1);
  f.loop();
  for (let vector = 0; vector < 4; vector++) {
    places.forEach((place, i) => {
      const sum = sums[(STREAMS * vector + i) % sums.length];
      f.localGet(place).v128Load(16 * vector).localGet(sum).f32x4Add().localSet(sum);
    });
  }
  for (const place of places) f.localGet(place).i32Const(64).i32Add().localSet(place);
  f.localGet(places[0]).localGet(1).i32LtU().brIf(0).end();
  f.localGet(sums[0]);
  for (const sum of sums.slice(1)) f.localGet(sum).f32x4Add();
  f.i32x4ExtractLane(0);
}

emitMultiplyAdd();
emitRead();
/** Pages of the memory that the module imports as `env.memory`. */
export const limitsPages: number = READ_BYTES >> 16;
/** The module, for further threads. */
export const limitsModule: WebAssembly.Module = new WebAssembly.Module(module.build());
const memory = new WebAssembly.Memory({ initial: limitsPages, maximum: limitsPages });
new Uint8Array(memory.buffer).fill(1);
const { exports } = new WebAssembly.Instance(limitsModule, { env: { memory } });
const multiplyAdd = exports.multiplyAdd as (rounds: number) => number;
const read = exports.read as (from: number, to: number) => number;

/** Multiplications and additions of registers alone on one thread, as many as asked for and hardly more. */
export function multiplyAddLimit(operations: number): number {
  let sum = 0;
  // Short calls, so that the engine soon runs its best code.
  for (let rounds = Math.ceil(operations / ROUND); rounds > 0; rounds -= 200) {
    sum += multiplyAdd(Math.min(rounds, 200));
  }
  return sum;
}

/** {@linkcode FMA_OPERATIONS} operations on one thread. */
export function fmaLimit(): number {
  return multiplyAddLimit(FMA_OPERATIONS);
}

/** As many bytes read on one thread, {@linkcode READ_BYTES} at most. */
export function readLimit(bytes: number = READ_BYTES): number {
  let sum = 0;
  for (let from = 0; from < bytes; from += 1 << 18) sum += read(from, from + (1 << 18));
  return sum;
}
