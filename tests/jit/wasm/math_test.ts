// Every vector function against golden values (tests/golden/math.py), with and without fused multiply-add.

import { assert, assertEquals } from "@std/assert";
import { ConstantPool, ModuleBuilder } from "../../../lib/jit/wasm/assembler/mod.ts";
import type { FunctionBuilder } from "../../../lib/jit/wasm/assembler/mod.ts";
import {
  floatToHalf,
  halfToFloat,
  importMathHelpers,
  mathImports,
  vectorMath,
} from "../../../lib/jit/wasm/math/mod.ts";
import type { LaneType, VectorFunction } from "../../../lib/jit/wasm/math/mod.ts";

/** The largest allowed distance from the correctly rounded result, in floats. */
const allowed: { readonly [Name in VectorFunction]: { readonly [Type in LaneType]: number } } = {
  exp: { f32: 1, f64: 1 },
  exp2: { f32: 1, f64: 1 },
  expm1: { f32: 2, f64: 2 },
  log: { f32: 1, f64: 1 },
  log2: { f32: 1, f64: 1 },
  log10: { f32: 1, f64: 1 },
  log1p: { f32: 1, f64: 1 },
  sin: { f32: 2, f64: 1 },
  cos: { f32: 2, f64: 1 },
  tan: { f32: 1, f64: 2 },
  asin: { f32: 1, f64: 1 },
  acos: { f32: 1, f64: 1 },
  atan: { f32: 2, f64: 1 },
  sinh: { f32: 2, f64: 2 },
  cosh: { f32: 2, f64: 1 },
  tanh: { f32: 1, f64: 1 },
  asinh: { f32: 1, f64: 2 },
  acosh: { f32: 1, f64: 2 },
  atanh: { f32: 1, f64: 2 },
  sigmoid: { f32: 2, f64: 2 },
  erf: { f32: 1, f64: 1 },
  erfc: { f32: 1, f64: 4 },
  erfinv: { f32: 1, f64: 4 },
  erfcx: { f32: 1, f64: 4 },
  i0: { f32: 1, f64: 4 },
  i1: { f32: 1, f64: 4 },
  lgamma: { f32: 1, f64: 4 },
  digamma: { f32: 1, f64: 4 },
  sign: { f32: 0, f64: 0 },
  atan2: { f32: 2, f64: 2 },
  pow: { f32: 1, f64: 1 },
  flooredMod: { f32: 0, f64: 0 },
  truncatedMod: { f32: 0, f64: 0 },
};

const binary: ReadonlySet<string> = new Set(["atan2", "pow", "flooredMod", "truncatedMod"]);
const names = Object.keys(vectorMath) as VectorFunction[];
const goldenNames = names.filter((name) => name !== "sign");

const xAddress = 65536;
const yAddress = xAddress + 131072;
const outAddress = yAddress + 131072;
const memory = new WebAssembly.Memory({ initial: 8, maximum: 8 });
const pool = new ConstantPool(new Uint8Array(memory.buffer), 16, 32768);

type Kernel = (x: number, y: number, out: number, end: number) => void;

/** Rounds the product of a multiply-add, as machines without the fused instruction do. */
function withoutFusion(f: FunctionBuilder): void {
  const product = f.local("v128");
  const addend = f.local("v128");
  for (const shape of ["f32x4", "f64x2"] as const) {
    for (const [name, last] of [["RelaxedMadd", "Add"], ["RelaxedNmadd", "Sub"]] as const) {
      Object.defineProperty(f, `${shape}${name}`, {
        value(): FunctionBuilder {
          f.localSet(addend)[`${shape}Mul`]().localSet(product);
          return f.localGet(addend).localGet(product)[`${shape}${last}`]();
        },
      });
    }
  }
}

function compile(fused: boolean): Record<string, Kernel> {
  const module = new ModuleBuilder();
  const context = { pool, helpers: importMathHelpers(module) };
  module.importMemory({ module: "e", name: "memory" }, { minimum: 8, maximum: 8 });
  const add = (name: string, emit: (f: FunctionBuilder, x: number, y: number) => void): void => {
    const f = module.addFunction({ params: ["i32", "i32", "i32", "i32"], results: [] }, name);
    if (!fused) withoutFusion(f);
    const x = f.local("v128");
    const y = f.local("v128");
    f.doWhile(() => {
      f.localGet(0).v128Load().localSet(x).localGet(1).v128Load().localSet(y).localGet(2);
      emit(f, x, y);
      f.v128Store();
      for (const pointer of [2, 1, 0]) f.localGet(pointer).i32Const(16).i32Add().localSet(pointer);
      f.localGet(0).localGet(3).i32LtU();
    });
  };
  for (const name of names) {
    for (const type of ["f32", "f64"] as const) {
      add(`${name}_${type}`, (f, x, y) => vectorMath[name][type](f, context, x, y));
    }
  }
  add("halfToFloat", (f, x) => halfToFloat(f, context, x));
  add("floatToHalf", (f, x) => floatToHalf(f, context, x));
  const imports = { e: { memory }, math: { ...mathImports } };
  return new WebAssembly.Instance(new WebAssembly.Module(module.build()), imports).exports as Record<
    string,
    Kernel
  >;
}

const kernels = compile(true);
const unfusedKernels = compile(false);

type Floats = Float32Array<ArrayBufferLike> | Float64Array<ArrayBufferLike>;

function floatsOf(type: LaneType, address: number, length: number): Floats {
  return type === "f32"
    ? new Float32Array(memory.buffer, address, length)
    : new Float64Array(memory.buffer, address, length);
}

const numberView = new DataView(new ArrayBuffer(8));

/** The place of a float among all floats in order; both zeros are 0. */
function ordinal(type: LaneType, value: number): number {
  if (type === "f32") {
    numberView.setFloat32(0, value);
    const bits = numberView.getInt32(0);
    return bits < 0 ? -2147483648 - bits : bits;
  }
  numberView.setFloat64(0, value);
  const bits = numberView.getBigInt64(0);
  // Differences of neighbours survive the conversion when taken relative to the value's own high bits.
  return Number(bits < 0n ? -(2n ** 63n) - bits : bits);
}

/** How many floats two results lie apart; NaN, infinities and zeros (with their sign) must agree. */
function distance(type: LaneType, actual: number, expected: number): number {
  if (Object.is(actual, expected)) return 0;
  if (actual === 0 && expected === 0) return Infinity;
  if (!Number.isFinite(actual) || !Number.isFinite(expected)) return Infinity;
  if (type === "f32") return Math.abs(ordinal(type, actual) - ordinal(type, expected));
  const magnitude = Math.max(Math.abs(expected), 2 ** -1022);
  const unit = 2 ** (Math.floor(Math.log2(magnitude)) - 52);
  return Math.abs(actual - expected) / Math.max(unit, 5e-324);
}

interface Point {
  readonly x: number;
  readonly y: number;
  readonly expected: number;
}

async function golden(name: VectorFunction): Promise<Record<LaneType, Point[]>> {
  const bytes = await Deno.readFile(new URL(`../../golden/math/${name}.bin`, import.meta.url));
  const view = new DataView(bytes.buffer);
  const result: Record<LaneType, Point[]> = { f64: [], f32: [] };
  const width = binary.has(name) ? 3 : 2;
  let offset = 16;
  for (const [i, type] of (["f64", "f32"] as const).entries()) {
    for (let k = view.getFloat64(8 * i, true); k > 0; k--) {
      const row = Array.from({ length: width }, (_, j) => view.getFloat64(offset + 8 * j, true));
      result[type].push({ x: row[0], y: row[width - 2], expected: row[width - 1] });
      offset += 8 * width;
    }
  }
  return result;
}

function run(kernel: Kernel, type: LaneType, points: readonly Point[]): Floats {
  // One vector more than needed lies behind the last point.
  const x = floatsOf(type, xAddress, points.length);
  const y = floatsOf(type, yAddress, points.length);
  for (const [i, point] of points.entries()) {
    x[i] = point.x;
    y[i] = point.y;
  }
  kernel(xAddress, yAddress, outAddress, xAddress + x.byteLength);
  return floatsOf(type, outAddress, points.length);
}

/** Near the zeros of lgamma and digamma between negative integers, the terms' precision is what counts. */
function allowance(name: VectorFunction, type: LaneType, point: Point): number {
  const limit = allowed[name][type];
  const special = name === "lgamma" || name === "digamma";
  if (!special || type === "f32" || !(point.x < 0 && Math.abs(point.expected) < 2)) return limit;
  return limit * Math.max(1, 8 / Math.abs(point.expected));
}

for (const [label, compiled] of [["", kernels], [" without fused multiply-add", unfusedKernels]] as const) {
  for (const name of goldenNames) {
    Deno.test(`${name}${label} matches golden values in float32 and float64`, async () => {
      const points = await golden(name);
      for (const type of ["f32", "f64"] as const) {
        assert(points[type].length > 50);
        const actual = run(compiled[`${name}_${type}`], type, points[type]);
        for (const [i, point] of points[type].entries()) {
          const expected = type === "f32" ? Math.fround(point.expected) : point.expected;
          const error = distance(type, actual[i], expected);
          assert(
            error <= allowance(name, type, point),
            `${name} ${type}(${point.x}, ${point.y}) = ${actual[i]}, not ${expected}: ${error} floats apart`,
          );
        }
      }
    });
  }
}

const dense: { readonly [Name in VectorFunction]?: (x: number) => number } = {
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  sign: Math.sign,
};

Deno.test("float32 functions stay within their bounds over all bit patterns, sampled", () => {
  const chunk = 16384;
  const patterns = 131072;
  const bits = new Int32Array(memory.buffer, xAddress, chunk);
  const x = new Float32Array(memory.buffer, xAddress, chunk);
  const out = new Float32Array(memory.buffer, outAddress, chunk);
  for (const [name, reference] of Object.entries(dense) as [VectorFunction, (x: number) => number][]) {
    for (let start = 0; start < patterns; start += chunk) {
      for (let i = 0; i < chunk; i++) bits[i] = Math.imul(start + i, 32749);
      kernels[`${name}_f32`](xAddress, xAddress, outAddress, xAddress + x.byteLength);
      for (let i = 0; i < chunk; i++) {
        const expected = Math.fround(reference(x[i]));
        const error = distance("f32", out[i], expected);
        if (error > allowed[name].f32) {
          throw new Error(`${name}(${x[i]}) = ${out[i]}, not ${expected}: ${error} floats apart`);
        }
      }
    }
  }
});

Deno.test("float16 conversions are exact, rounding to nearest even, for all halves and their neighbours", () => {
  const all = new Uint16Array(65536).map((_, i) => i);
  const expected = new Float16Array(all.buffer);
  const words = new Int32Array(memory.buffer, xAddress, 16384);
  const floats = new Float32Array(memory.buffer, xAddress, 16384);
  const outFloats = new Float32Array(memory.buffer, outAddress, 16384);
  const outWords = new Uint32Array(memory.buffer, outAddress, 16384);
  for (let start = 0; start < 65536; start += 16384) {
    for (let i = 0; i < 16384; i++) words[i] = start + i;
    kernels.halfToFloat(xAddress, xAddress, outAddress, xAddress + 65536);
    for (let i = 0; i < 16384; i++) {
      if (!Object.is(outFloats[i], expected[start + i])) {
        throw new Error(`half ${start + i} became ${outFloats[i]}`);
      }
    }
  }
  const rounded = new Float16Array(1);
  const roundedBits = new Uint16Array(rounded.buffer);
  for (let start = 0; start < 131072; start += 16384) {
    for (let i = 0; i < 16384; i++) {
      // Around halves and halfway between them: the last 14 bits are 0, 1, -1 or a half unit with those.
      const pattern = (start + i) >> 3;
      const offset = [0, 1, -1, 0x1000, 0x1001, 0x0fff, 0x1fff, 0x0800][i & 7];
      words[i] = (0x33000000 + (pattern << 13) + offset) | ((start + i) << 31);
    }
    kernels.floatToHalf(xAddress, xAddress, outAddress, xAddress + 65536);
    for (let i = 0; i < 16384; i++) {
      rounded[0] = floats[i];
      const want = Number.isNaN(floats[i]) ? (0x7e00 | (words[i] < 0 ? 0x8000 : 0)) : roundedBits[0];
      if (outWords[i] !== want) throw new Error(`${floats[i]} became half ${outWords[i]}, not ${want}`);
    }
  }
});

Deno.test("sign keeps zeros and NaN", () => {
  const values = [0, -0, 5, -5, Infinity, -Infinity, NaN, 1e-40];
  for (const type of ["f32", "f64"] as const) {
    const points = values.map((x) => ({ x, y: 0, expected: Math.sign(x) }));
    assertEquals([...run(kernels[`sign_${type}`], type, points)], points.map((point) => point.expected));
  }
});

Deno.test("a full constant pool makes constants inline, with the same results", () => {
  const module = new ModuleBuilder();
  const full = new ConstantPool(new Uint8Array(memory.buffer), 16, 0);
  const context = { pool: full, helpers: importMathHelpers(module) };
  module.importMemory({ module: "e", name: "memory" }, { minimum: 8 });
  const f = module.addFunction({ params: [], results: [] }, "f");
  const x = f.local("v128");
  f.i32Const(xAddress).v128Load().localSet(x).i32Const(outAddress);
  vectorMath.tanh.f32(f, context, x);
  f.v128Store();
  const binaryModule = module.build();
  const instance = new WebAssembly.Instance(new WebAssembly.Module(binaryModule), {
    e: { memory },
    math: { ...mathImports },
  });
  const input = [0.25, -1.5, 20, -0.5];
  new Float32Array(memory.buffer, xAddress, 4).set(input);
  (instance.exports.f as () => void)();
  const inline = [...new Float32Array(memory.buffer, outAddress, 4)];
  kernels.tanh_f32(xAddress, xAddress, outAddress, xAddress + 16);
  assertEquals(inline, [...new Float32Array(memory.buffer, outAddress, 4)]);
});
