/** Texels of a row of a texture that stands for a buffer, where nothing else is better. */
export const TEXTURE_WIDTH = 4096;

/**
 * Texels behind each row that is no power of two then: elements below each other would otherwise all fall into the same
 * few places of the processor's caches.
 */
export const ROW_PADDING = 20;

/** The most texels of a row that every adapter allows, less the padding. */
export const MAX_ROW: number = 8192 - ROW_PADDING;
