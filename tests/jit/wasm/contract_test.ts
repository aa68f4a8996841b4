import { assert, assertEquals } from "@std/assert";
import { ModuleBuilder } from "../../../lib/jit/wasm/assembler/mod.ts";
import {
  type ContractDType,
  type ContractSpec,
  emitBatch,
  emitContract,
  planContract,
  splitContract,
  stridedOperand,
} from "../../../lib/jit/wasm/contract/mod.ts";

const memory = new WebAssembly.Memory({ initial: 512, maximum: 512, shared: true });
const bytes = new Uint8Array(memory.buffer);
const guard = 0xa5;

type Product = (
  a: number,
  b: number,
  c: number,
  scratch: number,
  rowStart: number,
  rowEnd: number,
  columnStart: number,
  columnEnd: number,
  ...extra: number[]
) => void;

type Elements = Float32Array<ArrayBufferLike> | Float64Array<ArrayBufferLike> | Int32Array<ArrayBufferLike>;
type ElementView = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => Elements;

function bytesOf(dtype: ContractDType): number {
  return dtype === "float64" ? 8 : 4;
}

function arrayType(dtype: ContractDType): ElementView {
  return dtype === "float32" ? Float32Array : dtype === "float64" ? Float64Array : Int32Array;
}

function compile(spec: ContractSpec): Product {
  const module = new ModuleBuilder();
  module.importMemory({ module: "env", name: "memory" }, { minimum: 512, maximum: 512, shared: true });
  const { index } = emitContract(module, spec);
  module.exportFunction(index, "product");
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.build()), { env: { memory } });
  return instance.exports.product as Product;
}

let state = 1;
function random(): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 31 - 1;
}

interface Layouts {
  transposeA?: boolean;
  transposeB?: boolean;
}

function makeSpec(
  dtype: ContractDType,
  rows: number,
  columns: number,
  depth: number,
  { transposeA = false, transposeB = false }: Layouts,
  rest: Partial<ContractSpec> = {},
): ContractSpec {
  return {
    dtype,
    rows,
    columns,
    depth,
    a: transposeA ? { outer: 1, depth: rows } : { outer: depth, depth: 1 },
    b: transposeB ? { outer: depth, depth: 1 } : { outer: 1, depth: columns },
    rowStride: columns,
    ...rest,
  };
}

interface Operands {
  a: Float32Array | Float64Array | Int32Array;
  b: Float32Array | Float64Array | Int32Array;
  before: number[];
  place: { a: number; b: number; c: number; scratch: number };
}

function extent(outer: number, size: number, inner: number, depth: number): number {
  return size === 0 || depth === 0 ? 0 : (size - 1) * outer + (depth - 1) * inner + 1;
}

/** Lays the operands out, C between guard bytes, and fills them. */
function place(spec: ContractSpec, fill: () => number = random): Operands {
  const View = arrayType(spec.dtype);
  const { rows, columns, depth, a, b } = spec;
  const sizeA = extent(a.outer, rows, a.depth, depth);
  const sizeB = extent(b.outer, columns, b.depth, depth);
  const up = (n: number): number => Math.ceil(n / 64) * 64;
  const one = bytesOf(spec.dtype);
  const places = { a: 4096, b: 0, c: 0, scratch: 0 };
  places.b = up(places.a + sizeA * one + 64);
  places.c = up(places.b + sizeB * one + 64) + 64;
  const sizeC = extent(spec.rowStride, rows, 1, columns);
  places.scratch = up(places.c + sizeC * one + 64);
  const end = places.scratch + planContract(spec).scratchBytes;
  assert(end + 64 < bytes.length);
  bytes.fill(guard, places.c - 64, end + 64);
  const operandA = new View(memory.buffer, places.a, sizeA);
  const operandB = new View(memory.buffer, places.b, sizeB);
  const value = spec.dtype.endsWith("int32") ? () => Math.round(fill() * 1e6) : fill;
  for (let i = 0; i < sizeA; i++) operandA[i] = value();
  for (let i = 0; i < sizeB; i++) operandB[i] = value();
  const c = new View(memory.buffer, places.c, sizeC);
  const before: number[] = [];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) before.push(c[i * spec.rowStride + j] = spec.accumulate ? value() : 77);
  }
  return { a: operandA, b: operandB, before, place: places };
}

function run(spec: ContractSpec, product: Product, at: Operands["place"], extra: number[] = []): number[] {
  product(at.a, at.b, at.c, at.scratch, 0, spec.rows, 0, spec.columns, ...extra);
  return result(spec, at);
}

function result(spec: ContractSpec, at: Operands["place"]): number[] {
  const View = arrayType(spec.dtype);
  const c = new View(memory.buffer, at.c, extent(spec.rowStride, spec.rows, 1, spec.columns));
  const out: number[] = [];
  for (let i = 0; i < spec.rows; i++) {
    for (let j = 0; j < spec.columns; j++) out.push(c[i * spec.rowStride + j]);
  }
  return out;
}

/** Nothing before or behind C, between its rows, or behind the scratch memory was written. */
function checkGuards(spec: ContractSpec, at: Operands["place"]): void {
  const one = bytesOf(spec.dtype);
  const expectGuard = (from: number, to: number, what: string): void => {
    for (let i = from; i < to; i++) {
      if (bytes[i] !== guard) throw new Error(`${what} was written at ${i - from}`);
    }
  };
  expectGuard(at.c - 64, at.c, "memory before C");
  const end = at.c + extent(spec.rowStride, spec.rows, 1, spec.columns) * one;
  expectGuard(end, at.scratch, "memory behind C");
  for (let i = 0; i + 1 < spec.rows; i++) {
    const rowEnd = at.c + (i * spec.rowStride + spec.columns) * one;
    expectGuard(rowEnd, at.c + (i + 1) * spec.rowStride * one, `gap behind row ${i}`);
  }
  const scratchEnd = at.scratch + planContract(spec).scratchBytes;
  expectGuard(scratchEnd, scratchEnd + 64, "memory behind the scratch");
}

/** Compares with sums in float64, within the error bound of a sum of `depth` products. */
function checkValues(
  spec: ContractSpec,
  { a, b, before }: Operands,
  got: number[],
  after = (x: number) => x,
): void {
  const { rows, columns, depth } = spec;
  const unit = spec.dtype === "float32" ? 2 ** -24 : 2 ** -53;
  const integer = spec.dtype.endsWith("int32");
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = spec.accumulate ? before[i * columns + j] : 0;
      let magnitude = Math.abs(sum);
      for (let k = 0; k < depth; k++) {
        const x = a[i * spec.a.outer + k * spec.a.depth];
        const y = b[j * spec.b.outer + k * spec.b.depth];
        if (integer) sum = (sum + Math.imul(x, y)) | 0;
        else sum += x * y;
        magnitude += Math.abs(x * y);
      }
      const value = got[i * columns + j];
      const expected = after(sum);
      const bound = integer
        ? 0
        : unit * (depth + 3) * magnitude + (after === undefined ? 0 : unit * Math.abs(expected));
      if (!(Math.abs(value - expected) <= bound)) {
        throw new Error(
          `${spec.dtype} ${rows}x${columns}x${depth} [${i}, ${j}]: ${value}, not ${expected} within ${bound}: ${
            JSON.stringify(spec)
          }`,
        );
      }
    }
  }
}

function verify(spec: ContractSpec): void {
  const operands = place(spec);
  const got = run(spec, compile(spec), operands.place);
  checkValues(spec, operands, got);
  checkGuards(spec, operands.place);
}

const layouts: Layouts[] = [
  {},
  { transposeA: true },
  { transposeB: true },
  { transposeA: true, transposeB: true },
];

const sizes = [1, 3, 5, 6, 7, 8, 17, 33, 129, 255];

for (const dtype of ["float32", "float64"] as const) {
  Deno.test(`${dtype} products of every transpose and odd size are right and write nothing else`, () => {
    for (const layout of layouts) {
      for (let i = 0; i < sizes.length; i++) {
        for (let j = 0; j < sizes.length; j++) {
          // Every pair of sizes of C, with depths that go round.
          const depth = sizes[(3 * i + j + (layout.transposeA ? 1 : 0)) % sizes.length];
          if (sizes[i] * sizes[j] * depth > 5e5) continue;
          verify(makeSpec(dtype, sizes[i], sizes[j], depth, layout));
        }
      }
      for (
        const [rows, columns, depth] of [[255, 129, 33], [7, 255, 129], [129, 5, 255], [300, 70, 270], [
          13,
          9,
          700,
        ]]
      ) {
        verify(makeSpec(dtype, rows, columns, depth, layout));
      }
    }
  });

  Deno.test(`${dtype} products of one row or one column are right in every layout`, () => {
    for (const layout of layouts) {
      for (const [rows, columns] of [[1, 1], [1, 2], [1, 67], [1, 2050], [66, 1], [2050, 1], [3, 1]]) {
        for (const depth of [1, 2, 3, 8, 31, 130]) {
          verify(makeSpec(dtype, rows, columns, depth, layout));
          verify(makeSpec(dtype, rows, columns, depth, layout, { accumulate: true }));
        }
      }
    }
  });

  Deno.test(`${dtype} products of any strides, with a gap between the rows of C, are right`, () => {
    for (const [rows, columns, depth] of [[5, 7, 9], [33, 17, 20], [1, 9, 5], [9, 1, 5], [260, 70, 30]]) {
      const spread = { outer: 3 * depth + 1, depth: 3 };
      const repeated = { outer: 0, depth: 2 };
      verify(makeSpec(dtype, rows, columns, depth, {}, { a: spread, rowStride: columns + 3 }));
      verify(makeSpec(dtype, rows, columns, depth, {}, { b: spread, rowStride: columns + 1 }));
      verify(makeSpec(dtype, rows, columns, depth, {}, { a: repeated, b: spread }));
      verify(makeSpec(dtype, rows, columns, depth, {}, { b: repeated }));
    }
  });
}

Deno.test("a product can be added to C, over several blocks of depth too", () => {
  for (const layout of layouts) {
    verify(makeSpec("float32", 17, 33, 700, layout, { accumulate: true }));
    verify(makeSpec("float64", 7, 5, 3, layout, { accumulate: true }));
  }
});

Deno.test("integer products wrap", () => {
  for (const layout of layouts) {
    verify(makeSpec("int32", 17, 9, 33, layout));
    verify(makeSpec("int32", 1, 9, 33, layout));
    verify(makeSpec("int32", 9, 1, 33, layout, { accumulate: true }));
  }
});

Deno.test("depth 0 gives zeros or leaves C alone; no rows or no columns write nothing", () => {
  for (const [rows, columns] of [[5, 9], [1, 9], [9, 1], [300, 40]]) {
    for (const layout of layouts) {
      verify(makeSpec("float32", rows, columns, 0, layout));
      verify(makeSpec("float64", rows, columns, 0, layout, { accumulate: true }));
    }
  }
  for (const [rows, columns] of [[0, 5], [5, 0], [0, 0], [0, 1], [1, 0]]) {
    for (const layout of layouts) {
      for (const depth of [0, 3]) verify(makeSpec("float32", rows, columns, depth, layout));
    }
  }
});

Deno.test("NaN and infinity reach exactly the elements that they touch", () => {
  for (const [rows, columns, depth] of [[13, 21, 30], [1, 21, 30], [21, 1, 30], [3, 3, 3]]) {
    for (const layout of layouts) {
      const spec = makeSpec("float32", rows, columns, depth, layout);
      const operands = place(spec, () => 1);
      const row = rows >> 1;
      const column = columns - 1;
      operands.a[row * spec.a.outer + 2 * spec.a.depth] = NaN;
      operands.b[column * spec.b.outer + 1 * spec.b.depth] = Infinity;
      const got = run(spec, compile(spec), operands.place);
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          assertEquals(got[i * columns + j], i === row ? NaN : j === column ? Infinity : depth);
        }
      }
    }
  }
});

Deno.test("the bits do not depend on how C is split", () => {
  for (
    const [rows, columns, depth] of [[67, 45, 300], [300, 130, 70], [1, 1500, 50], [1500, 1, 50], [
      7,
      500,
      40,
    ]]
  ) {
    for (const layout of layouts) {
      const spec = makeSpec("float32", rows, columns, depth, layout);
      const { place: at } = place(spec);
      const product = compile(spec);
      const whole = run(spec, product, at);
      for (const parts of [2, 3, 7]) {
        bytes.fill(0, at.c, at.c + rows * columns * 4);
        for (const range of splitContract(spec, planContract(spec), parts)) {
          product(
            at.a,
            at.b,
            at.c,
            at.scratch,
            range.rowStart,
            range.rowEnd,
            range.columnStart,
            range.columnEnd,
          );
        }
        assertEquals(result(spec, at), whole);
      }
    }
  }
});

Deno.test("an epilogue sees every element once, with its row, its column and the extra arguments", () => {
  for (const [rows, columns, depth] of [[13, 21, 30], [1, 21, 30], [21, 1, 30], [3, 6, 700], [300, 70, 20]]) {
    for (const layout of layouts) {
      const spec: ContractSpec = makeSpec("float32", rows, columns, depth, layout, {
        extra: ["i32", "f32"],
        // max(value + bias[column] + row, 0) * factor
        epilogue: (f, { value, row, column, extra }) => {
          f.localGet(value).localGet(extra[0]).localGet(column).i32Const(4).i32Mul().i32Add().v128Load(0)
            .f32x4Add();
          f.localGet(row).f32ConvertI32U().f32x4Splat().f32x4Add();
          f.f32Const(0).f32x4Splat().f32x4Max().localGet(extra[1]).f32x4Splat().f32x4Mul();
        },
      });
      const operands = place(spec);
      const biasAt = 16 << 20;
      const bias = new Float32Array(memory.buffer, biasAt, columns);
      bias.forEach((_, j) => bias[j] = 10 * j);
      const got = run(spec, compile(spec), operands.place, [biasAt, 0.5]);
      checkGuards(spec, operands.place);
      const plain = makeSpec("float32", rows, columns, depth, layout);
      const sums = run(plain, compile(plain), operands.place);
      const { fround, max } = Math;
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          const sum = fround(fround(sums[i * columns + j] + 10 * j) + i);
          assertEquals([i, j, rows, got[i * columns + j]], [i, j, rows, fround(max(sum, 0) * 0.5)]);
        }
      }
    }
  }
});

Deno.test("operands can be computed while they are packed", () => {
  for (const [rows, columns, depth] of [[13, 21, 30], [1, 5, 7], [5, 1, 7], [300, 40, 300]]) {
    const spec: ContractSpec = makeSpec("float32", rows, columns, depth, {}, {
      // A holds bytes, at its pointer + extra[0].
      extra: ["i32"],
      loadA: {
        element: (f, { pointer, index, depth: k, extra }, lane) => {
          f.localGet(pointer).localGet(extra[0]).i32Add().localGet(index).i32Const(lane).i32Add();
          f.i32Const(depth).i32Mul().i32Add().localGet(k).i32Add().i32Load8U().f32ConvertI32U();
        },
      },
      // B is negated, by vectors where they are full.
      loadB: {
        element: (f, { pointer, index, depth: k }, lane) => {
          f.localGet(pointer).localGet(k).i32Const(columns).i32Mul().localGet(index).i32Add();
          f.i32Const(4).i32Mul().i32Add().f32Load(4 * lane).f32Neg();
        },
        vector: (f, { pointer, index, depth: k }, lane) => {
          f.localGet(pointer).localGet(k).i32Const(columns).i32Mul().localGet(index).i32Add();
          f.i32Const(4).i32Mul().i32Add().v128Load(4 * lane).f32x4Neg();
        },
      },
    });
    const operands = place(spec);
    const at = operands.place;
    const digits = Uint8Array.from({ length: rows * depth }, (_, i) => (i * 7) % 256);
    bytes.set(digits, at.a + 16);
    const got = run(spec, compile(spec), at, [16]);
    checkGuards(spec, at);
    const asFloats = Float32Array.from(digits, (x) => -x);
    checkValues(makeSpec("float32", rows, columns, depth, {}), { ...operands, a: asFloats }, got);
  }
});

Deno.test("a batch of products broadcasts its operands along any axis and may be cut anywhere", () => {
  const [rows, columns, depth] = [5, 9, 4];
  const spec = makeSpec("float32", rows, columns, depth, { transposeB: true }, {
    extra: ["f32", "i32"],
    // value * factor + number of the product
    epilogue: (f, { value, extra }) => {
      f.localGet(value).localGet(extra[0]).f32x4Splat().f32x4Mul();
      f.localGet(extra[1]).f32ConvertI32U().f32x4Splat().f32x4Add();
    },
  });
  const module = new ModuleBuilder();
  module.importMemory({ module: "env", name: "memory" }, { minimum: 512, maximum: 512, shared: true });
  const axes = [
    { size: 3, a: rows * depth, b: 0, c: 4 * rows * columns },
    { size: 4, a: 0, b: columns * depth, c: rows * columns },
  ];
  const batch = emitBatch(module, emitContract(module, spec), spec, axes, { passNumber: true });
  assertEquals(batch.count, 12);
  module.exportFunction(batch.index, "batch");
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.build()), { env: { memory } });
  const call = instance.exports.batch as (...numbers: number[]) => void;
  const [a, b, c, scratch] = [4096, 8192, 16384, 32768];
  const left = new Float32Array(memory.buffer, a, 3 * rows * depth);
  const right = new Float32Array(memory.buffer, b, 4 * columns * depth);
  left.forEach((_, i) => left[i] = i % 7 - 3);
  right.forEach((_, i) => right[i] = i % 5 - 2);
  for (const [start, end] of [[0, 5], [5, 5], [5, 12]]) call(a, b, c, scratch, start, end, 0.5);
  const out = new Float32Array(memory.buffer, c, 12 * rows * columns);
  for (let product = 0; product < 12; product++) {
    const [x, y] = [Math.floor(product / 4), product % 4];
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = 0;
        for (let k = 0; k < depth; k++) {
          sum += left[x * rows * depth + i * depth + k] * right[y * columns * depth + j * depth + k];
        }
        assertEquals(out[(product * rows + i) * columns + j], sum * 0.5 + product);
      }
    }
  }
});

interface Convolution {
  channels: number;
  filters: number;
  height: number;
  width: number;
  kernel: [number, number];
  stride: number;
  dilation: number;
}

Deno.test("windows of a convolution can be an operand, and so can their transpose", () => {
  const cases: Convolution[] = [
    { channels: 3, filters: 5, height: 9, width: 11, kernel: [3, 2], stride: 1, dilation: 1 },
    { channels: 2, filters: 7, height: 12, width: 10, kernel: [3, 3], stride: 2, dilation: 1 },
    { channels: 4, filters: 13, height: 9, width: 9, kernel: [2, 3], stride: 1, dilation: 2 },
    { channels: 1, filters: 1, height: 5, width: 5, kernel: [5, 5], stride: 1, dilation: 1 },
    { channels: 6, filters: 100, height: 20, width: 21, kernel: [5, 5], stride: 1, dilation: 1 },
  ];
  for (const dtype of ["float32", "float64"] as const) {
    for (const { channels, filters, height, width, kernel: [kh, kw], stride, dilation } of cases) {
      const rows = Math.floor((height - dilation * (kh - 1) - 1) / stride) + 1;
      const columns = Math.floor((width - dilation * (kw - 1) - 1) / stride) + 1;
      const positions = [{ size: rows, stride: stride * width }, { size: columns, stride }];
      const taps = [
        { size: channels, stride: height * width },
        { size: kh, stride: dilation * width },
        { size: kw, stride: dilation },
      ];
      const depth = channels * kh * kw;
      const space = rows * columns;
      const image = Float64Array.from(
        { length: channels * height * width },
        (_, i) => Math.fround(Math.sin(i)),
      );
      const at = (tap: number, position: number): number => {
        const [y, x] = [Math.floor(position / columns), position % columns];
        const [c, i, j] = [Math.floor(tap / (kh * kw)), Math.floor(tap / kw) % kh, tap % kw];
        return image[(c * height + y * stride + i * dilation) * width + x * stride + j * dilation];
      };
      // Forward: filters x taps times taps x positions. Of the filters: outputs x positions times its transpose.
      for (const transpose of [false, true]) {
        const [n, k] = transpose ? [depth, space] : [space, depth];
        const spec = makeSpec(dtype, filters, n, k, {}, {
          loadB: stridedOperand(
            dtype,
            transpose ? { outer: taps, depth: positions } : { outer: positions, depth: taps },
          ),
        });
        const operands = place(spec);
        const matrix = new Float64Array(k * n);
        for (let i = 0; i < k; i++) {
          for (let j = 0; j < n; j++) {
            matrix[i * n + j] = transpose ? at(j, i) : at(i, j);
          }
        }
        // The image may be larger than the matrix it stands for: lay it behind everything else.
        const imageAt = 24 << 20;
        new (arrayType(dtype))(memory.buffer, imageAt, image.length).set(image);
        const got = run(spec, compile(spec), { ...operands.place, b: imageAt });
        checkGuards(spec, operands.place);
        const { loadB: _, ...plain } = spec;
        checkValues(plain, { ...operands, b: matrix }, got);
      }
    }
  }
});

Deno.test("permuted axes can be either operand, also where tiles cut through their rows", () => {
  for (const dtype of ["float32", "float64"] as const) {
    for (const [slow, fast] of [[7, 4], [4, 7], [50, 8], [3, 5], [1, 28]]) {
      const depth = [{ size: 3, stride: 1000 }, { size: 5, stride: -2 }];
      const outer = [{ size: slow, stride: fast + 6 }, { size: fast, stride: 1 }];
      const hook = stridedOperand(dtype, { outer, depth });
      const size = slow * fast;
      const source = Float64Array.from({ length: 4000 }, (_, i) => Math.fround(Math.cos(i)));
      const at = (index: number, k: number): number =>
        source[
          8 + Math.floor(index / fast) * (fast + 6) + index % fast + Math.floor(k / 5) * 1000 - 2 * (k % 5)
        ];
      const sourceAt = 24 << 20;
      const values = new (arrayType(dtype))(memory.buffer, sourceAt, source.length);
      values.set(source);
      const start = sourceAt + 8 * values.BYTES_PER_ELEMENT;
      for (const operand of ["a", "b"] as const) {
        const [rows, columns] = operand === "a" ? [size, 17] : [17, size];
        const spec = makeSpec(
          dtype,
          rows,
          columns,
          15,
          {},
          operand === "a" ? { loadA: hook } : { loadB: hook },
        );
        const operands = place(spec);
        const got = run(spec, compile(spec), { ...operands.place, [operand]: start });
        checkGuards(spec, operands.place);
        const matrix = Float64Array.from(
          { length: size * 15 },
          (_, i) => operand === "a" ? at(Math.floor(i / 15), i % 15) : at(i % size, Math.floor(i / size)),
        );
        checkValues(makeSpec(dtype, rows, columns, 15, {}), { ...operands, [operand]: matrix }, got);
      }
    }
  }
});
