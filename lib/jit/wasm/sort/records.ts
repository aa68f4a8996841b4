/** What is sorted: records in memory, each a key and perhaps the position it came from. */
import type { DType } from "../../../trace/dtype.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import { hasWideKey } from "./keys.ts";
import { Word } from "./word.ts";

/** Where things stand in a record. */
export interface RecordLayout {
  /** 4, 8 or 16 bytes. */
  readonly bytes: number;
  /** The key has 64 bits. */
  readonly wide: boolean;
  /** Where the position (an i32) is; null for records that are a key only. */
  readonly position: number | null;
}

/** Records for keys of a dtype. */
export function recordLayout(dtype: DType, withPosition: boolean): RecordLayout {
  const wide = hasWideKey(dtype), keyBytes = wide ? 8 : 4;
  return withPosition
    ? { bytes: 2 * keyBytes, wide, position: keyBytes }
    : { bytes: keyBytes, wide, position: null };
}

/** A name for functions that work on these records. */
export function layoutName({ bytes, wide }: RecordLayout): string {
  return `${wide ? 64 : 32}in${8 * bytes}`;
}

/** Takes the address of a record and leaves its key. */
export function loadKey(f: FunctionBuilder, layout: RecordLayout): void {
  new Word(f, layout.wide).load();
}

/** Takes two addresses and copies the record at the second to the first. */
export function copyRecord(f: FunctionBuilder, layout: RecordLayout): void {
  if (layout.bytes === 16) f.v128Load().v128Store();
  else if (layout.bytes === 8) f.i64Load().i64Store();
  else f.i32Load().i32Store();
}
