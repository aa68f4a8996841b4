/**
 * What makes the collector run for memory that it does not see: an array that is never touched and dropped at once. It costs
 * no memory (arrays of this size are mapped, not cleared) but weighs in the collector's books.
 */

/** Above 32 MB every C library maps fresh zero pages instead of clearing recycled ones. */
export const ballastBytes: number = 64 << 20;

/** Makes the collector feel `ballastBytes` of memory that it does not see. */
export function makeBallast(): void {
  try {
    new ArrayBuffer(ballastBytes);
  } catch {
    // Without room for it the collector has been called already.
  }
}
