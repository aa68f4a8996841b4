import type { Texels } from "./place.ts";

/** Texels of a row of a texture that stands for a buffer, where nothing else is better. */
export const TEXTURE_WIDTH = 4096;

/**
 * Texels behind each row that is no power of two then: elements below each other would otherwise all fall into the same
 * few places of the processor's caches.
 */
export const ROW_PADDING = 20;

/** The most texels of a row that every adapter allows, less the padding. */
export const MAX_ROW: number = 8192 - ROW_PADDING;

/**
 * Texels of a row of the texture of a buffer that is read with these strides: so many that elements which are read
 * together, and a power of two apart, lie below each other, and do not meet in the processor's caches.
 */
export function textureWidth(strides: Iterable<number>, texels: Texels): number {
  let width = 0;
  for (const stride of strides) {
    const own = Math.abs(stride) / texels;
    if (own >= 64 && own <= TEXTURE_WIDTH && Number.isInteger(Math.log2(own))) width = Math.max(width, own);
  }
  return width || TEXTURE_WIDTH;
}
