/** Compiles matrix products and runs them on operands between guard bytes. */
import { assert } from "@std/assert";
import { ModuleBuilder } from "../../../lib/jit/wasm/assembler/mod.ts";
import {
  type ContractDType,
  type ContractPlan,
  type ContractSpec,
  emitContract,
  planContract,
} from "../../../lib/jit/wasm/contract/mod.ts";

export const memory = new WebAssembly.Memory({ initial: 512, maximum: 512, shared: true });
export const bytes = new Uint8Array(memory.buffer);
export const guard = 0xa5;

export type Product = (
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

export type Elements =
  | Float32Array<ArrayBufferLike>
  | Float64Array<ArrayBufferLike>
  | Int32Array<ArrayBufferLike>;
export type ElementView = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => Elements;

export function bytesOf(dtype: ContractDType): number {
  return dtype === "float64" ? 8 : 4;
}

export function arrayType(dtype: ContractDType): ElementView {
  return dtype === "float32" ? Float32Array : dtype === "float64" ? Float64Array : Int32Array;
}

export function compile(spec: ContractSpec): Product {
  const module = new ModuleBuilder();
  module.importMemory({ module: "env", name: "memory" }, { minimum: 512, maximum: 512, shared: true });
  const { index } = emitContract(module, spec);
  module.exportFunction(index, "product");
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.build()), { env: { memory } });
  return instance.exports.product as Product;
}

let state = 1;
export function random(): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 31 - 1;
}

export interface Layouts {
  transposeA?: boolean;
  transposeB?: boolean;
}

export function makeSpec(
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

export interface Operands {
  a: Float32Array | Float64Array | Int32Array;
  b: Float32Array | Float64Array | Int32Array;
  before: number[];
  place: { a: number; b: number; c: number; scratch: number };
}

export function extent(outer: number, size: number, inner: number, depth: number): number {
  return size === 0 || depth === 0 ? 0 : (size - 1) * outer + (depth - 1) * inner + 1;
}

/** Lays the operands out, C between guard bytes, and fills them. */
export function place(spec: ContractSpec, fill: () => number = random): Operands {
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

export function run(
  spec: ContractSpec,
  product: Product,
  at: Operands["place"],
  extra: number[] = [],
): number[] {
  product(at.a, at.b, at.c, at.scratch, 0, spec.rows, 0, spec.columns, ...extra);
  return result(spec, at);
}

export function result(spec: ContractSpec, at: Operands["place"]): number[] {
  const View = arrayType(spec.dtype);
  const c = new View(memory.buffer, at.c, extent(spec.rowStride, spec.rows, 1, spec.columns));
  const out: number[] = [];
  for (let i = 0; i < spec.rows; i++) {
    for (let j = 0; j < spec.columns; j++) out.push(c[i * spec.rowStride + j]);
  }
  return out;
}

/** Nothing before or behind C, between its rows, or behind the scratch memory was written. */
export function checkGuards(spec: ContractSpec, at: Operands["place"]): void {
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
export function checkValues(
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

export function verify(spec: ContractSpec): void {
  const operands = place(spec);
  const got = run(spec, compile(spec), operands.place);
  checkValues(spec, operands, got);
  checkGuards(spec, operands.place);
}

/** A part of C. */
export interface ContractRange {
  readonly rowStart: number;
  readonly rowEnd: number;
  readonly columnStart: number;
  readonly columnEnd: number;
}

/**
 * Cuts C into at most `parts` ranges of about equal size, along its columns where there are enough of them
 * (so that B is packed once) and else along its rows.
 */
export function splitContract(spec: ContractSpec, plan: ContractPlan, parts: number): ContractRange[] {
  const { rows, columns } = spec;
  const columnTiles = Math.ceil(columns / plan.columnTile);
  const rowTiles = Math.ceil(rows / plan.rowTile);
  const alongColumns = columnTiles >= 2 * parts || columnTiles >= rowTiles;
  const tiles = alongColumns ? columnTiles : rowTiles;
  const count = Math.max(1, Math.min(parts, tiles));
  const ranges: ContractRange[] = [];
  for (let i = 0; i < count; i++) {
    const tile = alongColumns ? plan.columnTile : plan.rowTile;
    const size = alongColumns ? columns : rows;
    const start = Math.min(size, Math.floor(i * tiles / count) * tile);
    const end = Math.min(size, Math.floor((i + 1) * tiles / count) * tile);
    ranges.push(
      alongColumns
        ? { rowStart: 0, rowEnd: rows, columnStart: start, columnEnd: end }
        : { rowStart: start, rowEnd: end, columnStart: 0, columnEnd: columns },
    );
  }
  return ranges;
}
