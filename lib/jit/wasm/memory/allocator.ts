/**
 * Where blocks lie in the memory.
 *
 * Small blocks (up to 32 KB) come from spans of 256 KB, each cut into blocks of one size class;
 * large blocks are whole units of 4 KB found through two-level bins (Masmano et al., "TLSF: a new
 * dynamic memory allocator for real-time systems", 2004) and merged with free neighbours when they
 * come back. Both cost constant time, and both prefer memory that was used before, since the first
 * touch of a page costs about 2 µs.
 *
 * Bookkeeping of large blocks lies in arrays outside the memory, where no kernel can damage it.
 */

const granuleShift = 6;
const unitShift = 12;
const unitBytes = 1 << unitShift;
const smallLimit = 32768;
const spanUnits = 64;
const spanBytes = spanUnits * unitBytes;

/** Sizes are rounded to 3 bits after the leading one: at most one eighth is wasted. */
function sizeClass(count: number): number {
  if (count < 8) return count;
  const shift = 28 - Math.clz32(count);
  const rounded = (count + (1 << shift) - 1) >> shift;
  return (shift << 3) + rounded;
}

/** The largest count of a class: the inverse of `sizeClass`. */
function classCount(index: number): number {
  if (index < 16) return index;
  const shift = (index >> 3) - 1;
  return (8 + (index & 7)) << shift;
}

/** The bin whose blocks all hold at least the smallest count of that bin. */
function binBelow(count: number): number {
  if (count < 8) return count;
  const shift = 28 - Math.clz32(count);
  return (shift << 3) + (count >> shift);
}

const smallClasses = sizeClass(smallLimit >> granuleShift) + 1;
const binCount = 256;

/** The whole memory as words: another view once it has grown. */
interface Words {
  readonly i32: Int32Array;
}

/** Blocks of one memory. */
export class Allocator {
  live = 0;
  peak = 0;
  pool = 0;
  readonly #memory: Words;
  readonly #firstUnit: number;
  #endUnit: number;
  /** Everything from this unit on was never used, or has come back completely. */
  #top: number;
  #highest: number;

  // Per unit. The length of the block that starts or ends here; negative while it is free.
  readonly #extent: Int32Array;
  // The span that holds this unit, 0 for none.
  readonly #spanOf: Int32Array;
  readonly #nextFree: Int32Array;
  readonly #previousFree: Int32Array;
  readonly #binHead: Int32Array = new Int32Array(binCount);
  readonly #binMask: Int32Array = new Int32Array(binCount / 32);

  // Per span (numbered by its first unit, which is never 0).
  readonly #freeGranule: Int32Array;
  readonly #bumpGranule: Int32Array;
  readonly #liveBlocks: Int32Array;
  readonly #classOfSpan: Uint8Array;
  readonly #nextSpan: Int32Array;
  readonly #previousSpan: Int32Array;
  // Per class: the first span with room.
  readonly #openSpan: Int32Array = new Int32Array(smallClasses);
  readonly #classGranules: Int32Array = new Int32Array(smallClasses);

  /** Blocks lie between the addresses `start` and `end`; there may be more later, up to the address `last`. */
  constructor(memory: Words, start: number, end: number, last: number = end) {
    this.#memory = memory;
    this.#firstUnit = Math.ceil(start / unitBytes);
    this.#endUnit = Math.floor(end / unitBytes);
    this.#top = this.#firstUnit;
    this.#highest = this.#top;
    const units = Math.floor(last / unitBytes) + 1;
    this.#extent = new Int32Array(units);
    this.#spanOf = new Int32Array(units);
    this.#nextFree = new Int32Array(units);
    this.#previousFree = new Int32Array(units);
    this.#freeGranule = new Int32Array(units);
    this.#bumpGranule = new Int32Array(units);
    this.#liveBlocks = new Int32Array(units);
    this.#classOfSpan = new Uint8Array(units);
    this.#nextSpan = new Int32Array(units);
    this.#previousSpan = new Int32Array(units);
    for (let index = 0; index < smallClasses; index++) this.#classGranules[index] = classCount(index);
  }

  /** From now on blocks may lie in front of this address. */
  extend(end: number): void {
    this.#endUnit = Math.floor(end / unitBytes);
  }

  roundedBytes(bytes: number): number {
    if (bytes <= smallLimit) return classCount(sizeClass((bytes + 63) >> granuleShift || 1)) << granuleShift;
    return Math.ceil(bytes / unitBytes) * unitBytes;
  }

  allocate(bytes: number): number {
    if (bytes > smallLimit) return this.#allocateUnits(Math.ceil(bytes / unitBytes)) * unitBytes;
    const index = sizeClass((bytes + 63) >> granuleShift || 1);
    let span = this.#openSpan[index];
    if (span === 0) {
      span = this.#newSpan(index);
      if (span === 0) return 0;
    }
    const granules = this.#classGranules[index];
    let granule = this.#freeGranule[span];
    if (granule !== 0) {
      this.#freeGranule[span] = this.#memory.i32[granule << 4];
    } else {
      granule = this.#bumpGranule[span];
      this.#bumpGranule[span] = granule + granules;
    }
    this.#liveBlocks[span]++;
    const spanEnd = (span + spanUnits) << (unitShift - granuleShift);
    if (this.#freeGranule[span] === 0 && this.#bumpGranule[span] + granules > spanEnd) {
      this.#close(span, index);
    }
    this.live += granules << granuleShift;
    if (this.live > this.peak) this.peak = this.live;
    return granule * 64;
  }

  free(address: number): void {
    const unit = Math.floor(address / unitBytes);
    const span = this.#spanOf[unit];
    if (span === 0) {
      this.#freeUnits(unit);
      return;
    }
    const index = this.#classOfSpan[span];
    const granules = this.#classGranules[index];
    const granule = address / 64;
    const spanEnd = (span + spanUnits) << (unitShift - granuleShift);
    const wasClosed = this.#freeGranule[span] === 0 && this.#bumpGranule[span] + granules > spanEnd;
    this.#memory.i32[granule << 4] = this.#freeGranule[span];
    this.#freeGranule[span] = granule;
    this.live -= granules << granuleShift;
    const left = --this.#liveBlocks[span];
    if (wasClosed) this.#open(span, index);
    // The last open span of a class stays, so that one block coming and going costs no span.
    if (left === 0 && (this.#nextSpan[span] !== 0 || this.#previousSpan[span] !== 0)) {
      this.#close(span, index);
      this.#spanOf.fill(0, span, span + spanUnits);
      this.live += spanBytes;
      this.#freeUnits(span);
    }
  }

  #newSpan(index: number): number {
    const span = this.#allocateUnits(spanUnits);
    if (span === 0) return 0;
    this.live -= spanBytes;
    this.#spanOf.fill(span, span, span + spanUnits);
    this.#classOfSpan[span] = index;
    this.#freeGranule[span] = 0;
    this.#bumpGranule[span] = span << (unitShift - granuleShift);
    this.#liveBlocks[span] = 0;
    this.#open(span, index);
    return span;
  }

  #open(span: number, index: number): void {
    const head = this.#openSpan[index];
    this.#nextSpan[span] = head;
    this.#previousSpan[span] = 0;
    if (head !== 0) this.#previousSpan[head] = span;
    this.#openSpan[index] = span;
  }

  #close(span: number, index: number): void {
    const next = this.#nextSpan[span];
    const previous = this.#previousSpan[span];
    if (previous !== 0) this.#nextSpan[previous] = next;
    else this.#openSpan[index] = next;
    if (next !== 0) this.#previousSpan[next] = previous;
    this.#nextSpan[span] = 0;
    this.#previousSpan[span] = 0;
  }

  #allocateUnits(count: number): number {
    let start = this.#takeFromBins(count);
    if (start === 0) {
      start = this.#top;
      if (start + count > this.#endUnit) return 0;
      this.#top = start + count;
      if (this.#top > this.#highest) {
        this.#highest = this.#top;
        this.pool = (this.#highest - this.#firstUnit) * unitBytes;
      }
    }
    this.#extent[start] = count;
    this.#extent[start + count - 1] = count;
    this.live += count * unitBytes;
    if (this.live > this.peak) this.peak = this.live;
    return start;
  }

  /** The first bin at or above that of `count` that holds something, then the smallest fit at its front. */
  #takeFromBins(count: number): number {
    let start = 0;
    // Equal sizes come back again and again: look at a few blocks of the bin below before going up.
    const own = binBelow(count);
    let candidate = this.#binHead[own];
    for (let tries = 0; candidate !== 0 && tries < 8; tries++, candidate = this.#nextFree[candidate]) {
      if (-this.#extent[candidate] >= count) {
        start = candidate;
        break;
      }
    }
    if (start === 0) {
      const bin = this.#binAtOrAbove(sizeClass(count));
      if (bin < 0) return 0;
      start = this.#binHead[bin];
    }
    const extent = -this.#extent[start];
    this.#removeFromBin(start, extent);
    if (extent > count) this.#addToBin(start + count, extent - count);
    return start;
  }

  #binAtOrAbove(bin: number): number {
    let word = bin >> 5;
    let bits = this.#binMask[word] & (-1 << (bin & 31));
    while (bits === 0) {
      if (++word >= this.#binMask.length) return -1;
      bits = this.#binMask[word];
    }
    return (word << 5) + 31 - Math.clz32(bits & -bits);
  }

  #addToBin(start: number, extent: number): void {
    const bin = binBelow(extent);
    const head = this.#binHead[bin];
    this.#nextFree[start] = head;
    this.#previousFree[start] = 0;
    if (head !== 0) this.#previousFree[head] = start;
    this.#binHead[bin] = start;
    this.#binMask[bin >> 5] |= 1 << (bin & 31);
    this.#extent[start] = -extent;
    this.#extent[start + extent - 1] = -extent;
  }

  #removeFromBin(start: number, extent: number): void {
    const bin = binBelow(extent);
    const next = this.#nextFree[start];
    const previous = this.#previousFree[start];
    if (next !== 0) this.#previousFree[next] = previous;
    if (previous !== 0) this.#nextFree[previous] = next;
    else {
      this.#binHead[bin] = next;
      if (next === 0) this.#binMask[bin >> 5] &= ~(1 << (bin & 31));
    }
  }

  #freeUnits(unit: number): void {
    let start = unit;
    let extent = this.#extent[unit];
    this.live -= extent * unitBytes;
    const after = this.#extent[start + extent];
    if (start + extent < this.#top && after < 0) {
      this.#removeFromBin(start + extent, -after);
      extent -= after;
    }
    const before = start > this.#firstUnit ? this.#extent[start - 1] : 0;
    if (before < 0) {
      this.#removeFromBin(start + before, -before);
      start += before;
      extent -= before;
    }
    if (start + extent === this.#top) {
      this.#top = start;
      return;
    }
    this.#addToBin(start, extent);
  }
}
