/** Keys of elements: words whose unsigned order is the order wanted, with NaN last. */
import { byteSize, type DType, isFloat, isUnsigned } from "../../../trace/dtype.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import { Word } from "./word.ts";

/** The dtypes of 8 bytes have keys of 64 bits, all others of 32. */
export function hasWideKey(dtype: DType): boolean {
  return byteSize(dtype) === 8;
}

/** Bits of a key that differ between elements. */
export function keyWidth(dtype: DType): number {
  return 8 * byteSize(dtype);
}

/** -0, as its bits are loaded: extended by their sign. */
export function negativeZero(dtype: DType): bigint {
  return BigInt.asIntN(keyWidth(dtype), 1n << BigInt(keyWidth(dtype) - 1));
}

const INFINITY: { readonly [width: number]: bigint } = {
  16: 0x7c00n,
  32: 0x7f800000n,
  64: 0x7ff0000000000000n,
};

/** Takes the address of an element and leaves its bits, those of floats extended by their sign. */
export function pushBits(f: FunctionBuilder, dtype: DType): void {
  switch (byteSize(dtype)) {
    case 8:
      f.i64Load();
      break;
    case 4:
      f.i32Load();
      break;
    case 2:
      f.i32Load16S();
      break;
    default:
      if (dtype === "int8") f.i32Load8S();
      else f.i32Load8U();
  }
}

/** Takes an address and the bits of an element, and stores it. */
export function storeBits(f: FunctionBuilder, dtype: DType): void {
  switch (byteSize(dtype)) {
    case 8:
      f.i64Store();
      break;
    case 4:
      f.i32Store();
      break;
    case 2:
      f.i32Store16();
      break;
    default:
      f.i32Store8();
  }
}

export interface KeyOptions {
  readonly descending: boolean;
  /** Whether -0 comes before 0, so that the key tells the value; otherwise they are equal. */
  readonly zerosApart: boolean;
}

/**
 * Takes the bits of an element and leaves its key. Numbers that are negative have all bits inverted, the others the sign
 * bit only: that makes the order of floats (and, with the sign bit alone, of integers) the unsigned order of their bits.
 */
export function pushKey(f: FunctionBuilder, dtype: DType, { descending, zerosApart }: KeyOptions): void {
  const word = new Word(f, hasWideKey(dtype));
  const width = BigInt(keyWidth(dtype));
  const sign = 1n << (width - 1n), all = (1n << width) - 1n;
  if (!isFloat(dtype)) {
    const signed = !isUnsigned(dtype) && dtype !== "bool";
    const flipped = (signed ? sign : 0n) ^ (descending ? all : 0n);
    if (flipped !== 0n) word.constant(flipped).xor();
    if (signed && !word.wide && width < 32n) word.constant(all).and();
    return;
  }
  const bits = f.local(word.type), magnitude = f.local(word.type);
  word.tee(bits).constant(sign - 1n).and().set(magnitude);
  word.constant(all);
  word.get(bits).get(bits).spreadSign().constant(sign).or().xor();
  if (!zerosApart) {
    word.constant(sign).get(magnitude);
    word.constant(0n).notEqual();
    f.select();
  }
  word.constant(descending ? all : 0n).xor();
  if (width < 32n) word.constant(all).and();
  word.get(magnitude).constant(INFINITY[Number(width)]).greater();
  f.select();
  f.release(bits, magnitude);
}

/** Takes a key that tells zeros apart and leaves the bits of its element. */
export function pushBitsOfKey(f: FunctionBuilder, dtype: DType, descending: boolean): void {
  const word = new Word(f, hasWideKey(dtype));
  const width = BigInt(keyWidth(dtype));
  const sign = 1n << (width - 1n), all = (1n << width) - 1n;
  if (!isFloat(dtype)) {
    const signed = !isUnsigned(dtype) && dtype !== "bool";
    const flipped = (signed ? sign : 0n) ^ (descending ? all : 0n);
    if (flipped !== 0n) word.constant(flipped).xor();
    return;
  }
  const key = f.local(word.type);
  word.constant(descending ? all : 0n).xor().tee(key).constant(sign).xor();
  word.get(key).constant(all).xor();
  word.get(key).constant(sign).and();
  word.constant(0n).notEqual();
  f.select().release(key);
}
