/** Where the elements of operands lie, how many bits they take there, and how buffers are bound. */
import type { DType } from "../../trace/dtype.ts";

/** The slot of the scratch buffer of a kernel. */
export const SCRATCH: number = -1;

/** Where the elements of an operand lie. */
export interface Place {
  /** Operands with equal numbers are bound to one buffer, and share a binding. */
  readonly slot: number;
  /** Elements from the start of the buffer. */
  readonly offset: number;
  /** A run-time offset, given as a parameter, is added. It is a multiple of `step`. */
  readonly dynamic: boolean;
  readonly step: number;
  /** Numbers given at run time: every element takes a whole word, whatever its dtype. */
  readonly words: boolean;
  /** Elements of the buffer. Behind them it is padded to 16 bytes that nobody reads. */
  readonly elements: number;
  /** Whether it is worth reading as a texture where it is only read. */
  readonly texture: boolean;
  /** Whether elements are the shader's own type f16; float16 is packed two to a word otherwise. */
  readonly halves: boolean;
  /** An offset that the shader computes, as an expression. */
  readonly inside?: string | null;
}

/** A buffer as a shader binds it. */
export interface SlotBinding {
  /** Number of the slot, or {@linkcode SCRATCH}. */
  readonly slot: number;
  readonly write: boolean;
  /** Words of a texel, where the buffer is read through a texture with its contents. */
  readonly texels: Texels | null;
  /** Texels of a row of that texture. */
  readonly width: number;
  /** Bytes bound; the whole buffer when left out. */
  readonly bytes?: number;
}

/** Bits of an element in memory. */
export function storedBits(dtype: DType): 8 | 16 | 32 {
  switch (dtype) {
    case "bool":
    case "int8":
    case "uint8":
      return 8;
    case "float16":
      return 16;
    default:
      return 32;
  }
}

/** Whether elements share words, so that writing one must leave its neighbours alone. */
export function isPacked(dtype: DType, place: Place): boolean {
  return storedBits(dtype) < 32 && !place.halves;
}

/** Words of a texel of a texture that stands for a buffer. */
export type Texels = 1 | 4;

/** How a shader treats a slot. */
export interface SlotUse {
  /** Elements are addressed four at a time. */
  vector: boolean;
  /** Several invocations may write to one word. */
  atomic: boolean;
}
