import { assert, assertEquals, assertThrows } from "@std/assert";
import { ConstantPool, maximumLocals, ModuleBuilder, wat } from "../../../lib/jit/wasm/assembler/mod.ts";
import type { FunctionBuilder } from "../../../lib/jit/wasm/assembler/mod.ts";
import { instructionByOpcode } from "../../../lib/jit/wasm/assembler/instruction_table.ts";
import type { Immediate } from "../../../lib/jit/wasm/assembler/instruction_table.ts";

const page = { minimum: 1, maximum: 4, shared: true } as const;

function instantiate(module: ModuleBuilder, imports: WebAssembly.Imports = {}): Record<string, unknown> {
  return new WebAssembly.Instance(new WebAssembly.Module(module.build()), imports).exports;
}

/** Immediates to emit each kind of instruction with, and how they print. */
const samples: { readonly [Kind in Exclude<Immediate, "block">]: readonly [unknown[], string] } = {
  none: [[], ""],
  reserved: [[], ""],
  reservedPair: [[], ""],
  index: [[0], " 0"],
  indexReserved: [[0], " 0"],
  lane: [[1], " 1"],
  memory: [[300], " offset=300"],
  memoryLane: [[1, 300], " offset=300 1"],
  i32: [[-123456], " -123456"],
  i64: [[-(2n ** 63n)], " -9223372036854775808"],
  f32: [[0.1], " 0.10000000149011612"],
  f64: [[-0.1], " -0.1"],
  vector: [[Array.from({ length: 16 }, (_, i) => i)], " i32x4 0x03020100 0x07060504 0x0b0a0908 0x0f0e0d0c"],
  shuffle: [
    [Array.from({ length: 16 }, (_, i) => 31 - i)],
    " 31 30 29 28 27 26 25 24 23 22 21 20 19 18 17 16",
  ],
  table: [[[0, 0], 0], " 0 0 0"],
  callIndirect: [[{ params: ["i32"], results: ["f64"] }], " (param i32) (result f64)"],
};

/** `i32x4.extend_low_i16x8_s` becomes `i32x4ExtendLowI16x8S`. */
function methodName(instruction: string): string {
  return instruction.replace(/[._](.)/g, (_, letter: string) => letter.toUpperCase());
}

Deno.test("every instruction has a method, validates in V8 and prints under its name", () => {
  const module = new ModuleBuilder();
  module.importMemory({ module: "e", name: "memory" }, page);
  const f = module.addFunction({ params: ["i32"], results: [] });
  module.addTable([f.index]);
  module.addGlobal("i32", 0);
  module.addData(new Uint8Array(3));
  const expected: string[] = [];
  for (const { name, immediate } of instructionByOpcode().values()) {
    if (immediate === "block" || name === "else" || name === "end") continue;
    const [immediates, text] = samples[immediate];
    const method: unknown = Reflect.get(f, methodName(name));
    assert(typeof method === "function", `no method ${methodName(name)}`);
    // After `unreachable` the operands of anything may be taken from the stack.
    f.unreachable();
    Reflect.apply(method, f, immediates);
    expected.push(name + text);
  }
  f.unreachable();
  const binary = module.build();
  new WebAssembly.Module(binary);
  const lines = wat(binary).split("\n").map((line) => line.trim());
  const printed = lines.slice(lines.findIndex((line) => line.startsWith("(func")) + 1, -4);
  assertEquals(printed.filter((_, i) => i % 2 === 1), expected);
  assert(expected.length > 480);
  const names = [...instructionByOpcode().values()].map(({ name }) => name);
  for (
    const name of [
      "nop",
      "i32.div_s",
      "i32x4.extend_low_i16x8_s",
      "i64.atomic.rmw32.cmpxchg_u",
      "memory.atomic.wait32",
      "i16x8.relaxed_q15mulr_s",
      "v128.load32_zero",
    ]
  ) assert(names.includes(name), name);
});

Deno.test("a module prints as text with imports, table, globals, exports and nested blocks", () => {
  const module = new ModuleBuilder();
  const log = module.importFunction({ module: "e", name: "log" }, { params: ["f64"], results: [] });
  module.importMemory({ module: "e", name: "memory" }, page);
  const sum = module.addFunction({ params: ["i32", "i32"], results: ["i32"] }, "sum");
  const total = sum.local("i32");
  sum.forLoop(0, 1, 1, () => sum.localGet(total).localGet(0).i32Add().localSet(total));
  sum.localGet(total);
  const other = module.addFunction({ params: [], results: [] });
  other.i32Const(1).if().f64Const(Infinity).call(log).else().f64Const(NaN).call(log).end();
  module.addTable([sum.index], { exportName: "table" });
  module.addGlobal("f32", -0, { exportName: "zero", mutable: false });
  assertEquals(
    wat(module.build()),
    `(module
  (import "e" "log" (func (;0;) (param f64)))
  (import "e" "memory" (memory 1 4 shared))
  (table 1 funcref)
  (global f32 (f32.const -0))
  (export "sum" (func 1))
  (export "table" (table 0))
  (export "zero" (global 0))
  (elem (i32.const 0) func 1)
  (func (;1 sum;) (param i32 i32) (result i32)
    (local (;2;) i32)
    local.get 0
    local.get 1
    i32.lt_u
    if
      loop
        local.get 2
        local.get 0
        i32.add
        local.set 2
        local.get 0
        i32.const 1
        i32.add
        local.tee 0
        local.get 1
        i32.lt_u
        br_if 0
      end
    end
    local.get 2
  )
  (func (;2;)
    i32.const 1
    if
      f64.const inf
      call 0
    else
      f64.const nan
      call 0
    end
  )
)
`,
  );
});

Deno.test("assembled functions run: loops, calls through the table, globals, memory", () => {
  const module = new ModuleBuilder();
  const twice = module.importFunction({ module: "e", name: "twice" }, { params: ["f64"], results: ["f64"] });
  module.importMemory({ module: "e", name: "memory" }, page);
  const sum = module.addFunction({ params: ["i32", "i32"], results: ["i32"] }, "sum");
  const total = sum.local("i32");
  sum.forLoop(0, 1, 1, () => sum.localGet(total).localGet(0).i32Add().localSet(total));
  sum.localGet(total);
  const indirect = module.addFunction({ params: ["i32", "i32", "i32"], results: ["i32"] }, "indirect");
  indirect.localGet(0).localGet(1).localGet(2).callIndirect(sum.type);
  const product = module.addFunction({ params: ["i32", "i32"], results: ["i32"] });
  product.localGet(0).localGet(1).i32Mul();
  module.addTable([sum.index, product.index]);
  const counter = module.addGlobal("i32", 40, { exportName: "counter" });
  const call = module.addFunction({ params: ["f64"], results: ["f64"] }, "call");
  call.globalGet(counter).i32Const(2).i32Add().globalSet(counter).localGet(0).call(twice);
  const splat = module.addFunction({ params: [], results: ["f32"] }, "splat");
  splat.i32Const(0).v128Load32Splat(8).f32x4Neg().f32x4ExtractLane(3);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true });
  new Float32Array(memory.buffer)[2] = 2.5;
  const exports = instantiate(module, { e: { memory, twice: (x: number) => 2 * x } });
  assertEquals((exports.sum as (a: number, b: number) => number)(0, 10), 45);
  assertEquals((exports.sum as (a: number, b: number) => number)(10, 10), 0);
  assertEquals((exports.indirect as (a: number, b: number, c: number) => number)(6, 7, 0), 6);
  assertEquals((exports.indirect as (a: number, b: number, c: number) => number)(6, 7, 1), 42);
  assertEquals((exports.call as (x: number) => number)(1.25), 2.5);
  assertEquals((exports.counter as WebAssembly.Global).value, 42);
  assertEquals((exports.splat as () => number)(), -2.5);
});

Deno.test("constants of all sizes come back from the LEB128 encoding", () => {
  const module = new ModuleBuilder();
  const integers = [0, 1, -1, 63, 64, -64, -65, 8191, 8192, -8192, 2147483647, -2147483648, 0xffffffff];
  const longs = [0n, -1n, 63n, 64n, -65n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n];
  for (const [i, value] of integers.entries()) {
    module.addFunction({ params: [], results: ["i32"] }, `i${i}`).i32Const(value);
  }
  for (const [i, value] of longs.entries()) {
    module.addFunction({ params: [], results: ["i64"] }, `l${i}`).i64Const(value);
  }
  const exports = instantiate(module);
  for (const [i, value] of integers.entries()) assertEquals((exports[`i${i}`] as () => number)(), value | 0);
  for (const [i, value] of longs.entries()) assertEquals((exports[`l${i}`] as () => bigint)(), value);
});

Deno.test("a function of 100,000 instructions assembles and runs", () => {
  const module = new ModuleBuilder();
  const f = module.addFunction({ params: ["i32"], results: ["i32"] }, "f");
  f.localGet(0);
  for (let i = 0; i < 50_000; i++) f.i32Const(i % 300).i32Add();
  assert(f.byteLength > 150_000);
  const run = instantiate(module).f as (x: number) => number;
  let expected = 5;
  for (let i = 0; i < 50_000; i++) expected += i % 300;
  assertEquals(run(5), expected);
});

Deno.test("released locals are used again, by type", () => {
  const f: FunctionBuilder = new ModuleBuilder().addFunction({ params: ["i32", "v128"], results: [] });
  const first = f.local("v128");
  const second = f.local("i32");
  assertEquals([first, second, f.localCount], [2, 3, 4]);
  f.release(first);
  assertEquals(f.local("i32"), 4);
  assertEquals(f.local("v128"), first);
  assertEquals([f.localType(1), f.localType(first), f.localType(second)], ["v128", "v128", "i32"]);
  for (let i = 0; i < 10 * maximumLocals; i++) f.release(f.local("f64"));
  assertEquals(f.localCount, 6);
});

Deno.test("levelOf finds a block from any depth inside it", () => {
  const module = new ModuleBuilder();
  const f = module.addFunction({ params: ["i32"], results: ["i32"] }, "f");
  f.block("i32");
  const outer = f.depth;
  f.block().loop().localGet(0).localGet(0).brIf(f.levelOf(outer)).drop().end().end().i32Const(-1).end();
  const run = instantiate(module).f as (x: number) => number;
  assertEquals([run(7), run(0)], [7, -1]);
});

Deno.test("misuse is refused with a message", () => {
  const module = new ModuleBuilder();
  module.importMemory({ module: "e", name: "memory" }, page);
  assertThrows(() => module.importMemory({ module: "e", name: "memory" }, page), RangeError, "one memory");
  const f = module.addFunction({ params: [], results: [] });
  assertThrows(
    () => module.importFunction({ module: "e", name: "f" }, f.type),
    RangeError,
    "before functions",
  );
  assertThrows(() => f.end(), RangeError, "No block");
  assertThrows(() => f.param(0), RangeError, "0 parameters");
  f.block();
  assertThrows(() => module.build(), RangeError, "still open");
  assertThrows(() => f.v128Const([1]), RangeError, "16 bytes");
});

Deno.test("the constant pool interns by bit pattern, keeps alignment and reports when full", () => {
  const memory = new Uint8Array(256);
  const pool = new ConstantPool(memory, 32, 80);
  const view = new DataView(memory.buffer);
  const one = pool.f32(1);
  assertEquals(pool.f32(1), one);
  assertEquals(pool.i32(0x3f800000), one);
  assertEquals(view.getFloat32(one, true), 1);
  const zero = pool.f32(0);
  const minusZero = pool.f32(-0);
  assert(zero !== minusZero);
  assertEquals(pool.i32(-(2 ** 31)), minusZero);
  const pi = pool.f64(Math.PI);
  assertEquals([pi % 8, view.getFloat64(pi, true)], [0, Math.PI]);
  assertEquals(pool.i64(0x400921fb54442d18n), pi);
  // The bit patterns of small integers in 32 and 64 bits are different constants.
  assert(pool.i32(7) !== pool.i64(7n));
  const vector = pool.v128(new Uint8Array(16).fill(9));
  assertEquals([vector % 16, memory[vector + 15]], [0, 9]);
  assertEquals(pool.v128(new Uint8Array(16).fill(9)), vector);
  for (let i = 0; i < 40; i++) {
    const address = pool.f32(1000 + i);
    if (address >= 0) assertEquals([view.getFloat32(address, true), address < 112], [1000 + i, true]);
  }
  assertEquals([pool.f32(5000), pool.f64(5000), pool.v128(new Uint8Array(16)), pool.free], [-1, -1, -1, 0]);
  assertEquals(pool.f32(1), one);
  assertEquals([...memory.subarray(112)].every((byte) => byte === 0), true);
  assertThrows(() => new ConstantPool(memory, 8, 16), RangeError, "multiple of 16");
  assertThrows(() => new ConstantPool(memory, 240, 32), RangeError, "memory at 256");
});

Deno.test("data of a module is copied into the memory from any place of it", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true });
  const module = new ModuleBuilder();
  module.importMemory({ module: "e", name: "memory" }, page);
  module.addData(Uint8Array.of(9));
  const segment = module.addData(Uint8Array.of(1, 2, 3, 4));
  const f = module.addFunction({ params: ["i32"], results: [] }, "fill");
  f.localGet(0).i32Const(1).i32Const(2).memoryInit(segment);
  assert(wat(module.build()).includes("(data (;1;) (; 4 bytes ;))"));
  (instantiate(module, { e: { memory } }).fill as (address: number) => void)(100);
  assertEquals([...new Uint8Array(memory.buffer).slice(99, 103)], [0, 2, 3, 0]);
});

Deno.test("a function keeps few constants of 32 bits in locals, and loads many where they are used", () => {
  for (const count of [1, 2, 16, 17]) {
    const module = new ModuleBuilder();
    module.importMemory({ module: "test", name: "memory" }, page);
    const f = module.addFunction({ params: ["i32"], results: [] }, "run");
    const sum = f.local("v128"), rounds = f.local("i32");
    f.i32Const(3).localSet(rounds).loop();
    for (let i = 0; i < count; i++) {
      // Each at two places.
      f.localGet(sum).constantSplat32(64 + 4 * i).i32x4Add().constantSplat32(64 + 4 * i).i32x4Add().localSet(
        sum,
      );
    }
    f.localGet(rounds).i32Const(1).i32Sub().localTee(rounds).brIf(0).end();
    f.localGet(0).localGet(sum).v128Store();
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true });
    const words = new Int32Array(memory.buffer);
    for (let i = 0; i < count; i++) words[16 + i] = 10 ** (i % 8) + i;
    const expected = 6 * words.slice(16, 16 + count).reduce((a, b) => a + b, 0);
    const bytes = module.build();
    (instantiate(module, { test: { memory } }).run as (address: number) => void)(1024);
    assertEquals([...words.slice(256, 260)], [expected, expected, expected, expected]);
    const loads = wat(bytes).match(/v128\.load32_splat/g)!.length;
    assertEquals(loads, count <= 16 ? count : 2 * count);
  }
});

Deno.test("a function with all the locals there may be loads its constants where they are used", () => {
  for (const spare of [0, 1]) {
    const module = new ModuleBuilder();
    module.importMemory({ module: "test", name: "memory" }, page);
    const f = module.addFunction({ params: ["i32"], results: [] }, "run");
    while (f.localCount < maximumLocals - spare) f.local("v128");
    f.localGet(0).constantSplat32(64).constantSplat32(64).i32x4Add().v128Store();
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true });
    const words = new Int32Array(memory.buffer);
    words[16] = 21;
    const bytes = module.build();
    (instantiate(module, { test: { memory } }).run as (address: number) => void)(1024);
    assertEquals([...words.slice(256, 260)], [42, 42, 42, 42]);
    assertEquals(wat(bytes).match(/v128\.load32_splat/g)!.length, spare === 0 ? 2 : 1);
  }
});
