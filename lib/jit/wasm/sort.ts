/** Stable sorting of rows by merging, through keys whose unsigned order is the order wanted. */
import { byteSize, type DType, isFloat, isUnsigned } from "../../trace/dtype.ts";
import type { Sort } from "../kernel/kernel.ts";
import type { FunctionBuilder } from "./assembler/mod.ts";
import type { KernelFunction, ModuleContext } from "./nest/mod.ts";

/** A record is a key of 64 bits and the position that it came from. */
const RECORD_BYTES = 16;

/** A unit of work is one row. Further keys come after the first and decide among equals of those before. */
export function emitSort(context: ModuleContext, kernel: Sort): KernelFunction {
  const { rows, length, operands, keys } = kernel;
  const count = operands.length / 2;
  const params = new Array<"i32">(operands.length + 2).fill("i32");
  const unitCost = length * 8 * Math.ceil(Math.log2(length + 2));
  context.needScratch(2 * length * RECORD_BYTES);
  const sortRecords = context.helper("sortRecords", () => emitMergeSort(context)).index;
  const f = context.module.addFunction({ params, results: [] });
  if (length === 0) return { index: f.index, units: 0, unitCost, splittable: true };
  const begin = operands.length, end = begin + 1;
  const row = f.local("i32"), i = f.local("i32"), size = f.local("i32"), at = f.local("i32");
  const records = f.local("i32");
  f.i32Const(length).localSet(size);
  f.localGet(begin).localSet(row);
  f.forLoop(row, end, 1, () => {
    f.globalGet(context.scratchGlobal).localSet(records);
    f.i32Const(0).localSet(i);
    f.forLoop(i, size, 1, () => {
      pushRecord(f, records, i);
      f.localGet(i).i32Store(8);
    });
    // A stable sort by the last key first, then by those before it.
    for (let key = keys - 1; key >= 0; key--) {
      const { dtype } = operands[key];
      f.i32Const(0).localSet(i);
      f.forLoop(i, size, 1, () => {
        pushRecord(f, records, i);
        f.localTee(at);
        pushElementAddress(f, key, byteSize(dtype), row, length, () => f.localGet(at).i32Load(8));
        pushKey(f, dtype, kernel.descending);
        f.i64Store();
      });
      f.globalGet(context.scratchGlobal).localGet(size).call(sortRecords);
    }
    for (let k = 0; k < count; k++) {
      const bytes = byteSize(operands[k].dtype);
      f.i32Const(0).localSet(i);
      f.forLoop(i, size, 1, () => {
        pushElementAddress(f, count + k, bytes, row, length, () => f.localGet(i));
        pushElementAddress(f, k, bytes, row, length, () => {
          pushRecord(f, records, i);
          f.i32Load(8);
        });
        copyElement(f, bytes);
      });
    }
  });
  return { index: f.index, units: rows, unitCost, splittable: true };
}

function pushRecord(f: FunctionBuilder, records: number, i: number): void {
  f.localGet(records).localGet(i).i32Const(RECORD_BYTES).i32Mul().i32Add();
}

function pushElementAddress(
  f: FunctionBuilder,
  pointer: number,
  bytes: number,
  row: number,
  length: number,
  pushColumn: () => void,
): void {
  f.localGet(row).i32Const(length).i32Mul();
  pushColumn();
  f.i32Add().i32Const(bytes).i32Mul().localGet(pointer).i32Add();
}

function copyElement(f: FunctionBuilder, bytes: number): void {
  if (bytes === 8) f.i64Load().i64Store();
  else if (bytes === 4) f.i32Load().i32Store();
  else if (bytes === 2) f.i32Load16U().i32Store16();
  else f.i32Load8U().i32Store8();
}

/** Takes the address of an element and leaves its key as i64: unsigned order is the order of values, NaN last. */
function pushKey(f: FunctionBuilder, dtype: DType, descending: boolean): void {
  const width = BigInt(8 * byteSize(dtype));
  const sign = 1n << (width - 1n), all = (1n << width) - 1n;
  const signed = BigInt.asIntN(64, sign), mask = BigInt.asIntN(64, all);
  const key = f.local("i64");
  switch (width) {
    case 64n:
      f.i64Load();
      break;
    case 32n:
      f.i64Load32U();
      break;
    case 16n:
      f.i64Load16U();
      break;
    default:
      f.i64Load8U();
  }
  if (!isFloat(dtype)) {
    if (!isUnsigned(dtype) && dtype !== "bool") f.i64Const(signed).i64Xor();
    if (descending) f.i64Const(mask).i64Xor();
    f.release(key);
    return;
  }
  const infinity = dtype === "float64" ? 0x7ff0n << 48n : dtype === "float32" ? 0x7f800000n : 0x7c00n;
  const magnitude = f.local("i64");
  f.localTee(key).i64Const(BigInt.asIntN(64, sign - 1n)).i64And().localSet(magnitude);
  // NaN comes last in either direction.
  f.i64Const(-1n);
  // Negative numbers in reverse, below the others; both zeros are equal.
  f.localGet(key).i64Const(mask).i64Xor();
  f.localGet(key).i64Const(signed).i64Or();
  f.localGet(key).i64Const(signed).i64And().i64Eqz().i32Eqz();
  f.localGet(magnitude).i64Eqz().i32Eqz().i32And().select();
  if (descending) f.i64Const(mask).i64Xor();
  f.localGet(magnitude).i64Const(infinity).i64GtU().select();
  f.release(key, magnitude);
}

/**
 * `sortRecords(address, count)` sorts records by key, stably: runs that double in length are merged back and forth
 * between the records and an equal space behind them.
 */
function emitMergeSort(context: ModuleContext): FunctionBuilder {
  const f = context.module.addFunction({ params: ["i32", "i32"], results: [] });
  const [records, count] = [0, 1];
  const from = f.local("i32"), to = f.local("i32"), bytes = f.local("i32"), width = f.local("i32");
  const start = f.local("i32"), left = f.local("i32"), right = f.local("i32"), out = f.local("i32");
  const middle = f.local("i32"), last = f.local("i32"), end = f.local("i32");
  f.localGet(count).i32Const(RECORD_BYTES).i32Mul().localSet(bytes);
  f.localGet(records).localSet(from);
  f.localGet(records).localGet(bytes).i32Add().localSet(to);
  f.i32Const(RECORD_BYTES).localSet(width);
  const limited = (base: number, add: number, target: number): void => {
    // target = min(base + add, end), without passing the end of the address space.
    f.localGet(end).localGet(base).i32Sub().localGet(add).i32GtU().if("i32");
    f.localGet(base).localGet(add).i32Add().else().localGet(end).end().localSet(target);
  };
  const take = (source: number): void => {
    f.localGet(out).localGet(source).v128Load().v128Store();
    f.localGet(out).i32Const(RECORD_BYTES).i32Add().localSet(out);
    f.localGet(source).i32Const(RECORD_BYTES).i32Add().localSet(source);
  };
  f.block().loop();
  f.localGet(width).localGet(bytes).i32GeU().brIf(1);
  f.localGet(from).localSet(start);
  f.localGet(to).localSet(out);
  f.localGet(from).localGet(bytes).i32Add().localSet(end);
  f.block().loop();
  f.localGet(start).localGet(end).i32GeU().brIf(1);
  limited(start, width, middle);
  limited(middle, width, last);
  f.localGet(start).localSet(left);
  f.localGet(middle).localSet(right);
  f.block().loop();
  f.localGet(left).localGet(middle).i32GeU().brIf(1);
  f.localGet(right).localGet(last).i32GeU().brIf(1);
  f.localGet(right).i64Load().localGet(left).i64Load().i64LtU().if();
  take(right);
  f.else();
  take(left);
  f.end().br(0).end().end();
  for (const [source, stop] of [[left, middle], [right, last]]) {
    f.localGet(out).localGet(source).localGet(stop).localGet(source).i32Sub().memoryCopy();
    f.localGet(out).localGet(stop).localGet(source).i32Sub().i32Add().localSet(out);
  }
  f.localGet(last).localSet(start);
  f.br(0).end().end();
  // Exchange the two spaces.
  f.localGet(from).localGet(to).localSet(from).localSet(to);
  f.localGet(width).i32Const(1).i32Shl().localSet(width);
  f.br(0).end().end();
  f.localGet(from).localGet(records).i32Ne().if();
  f.localGet(records).localGet(from).localGet(bytes).memoryCopy();
  f.end();
  return f;
}
