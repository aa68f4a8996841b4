/**
 * Textures that stand for buffers which kernels only read: software adapters fetch texels much faster than elements of
 * storage buffers. A buffer is copied before the first kernel that reads it so, and again after it was written; what it
 * was copied into is kept from run to run for buffers that are read again, such as weights and data.
 */
import type { Texels } from "./place.ts";
import type { GpuDevice } from "./device.ts";
import { ROW_PADDING } from "./texture_width.ts";

/** Bytes of free textures that are kept for reuse. */
const POOL_BYTES = 128 << 20;
/** Bytes of textures with the contents of buffers that are kept between runs. */
const KEPT_BYTES = 128 << 20;

export interface BufferTexture {
  readonly texture: GPUTexture;
  readonly view: GPUTextureView;
  readonly shape: TextureShape;
}

/** Texels of a row, rows, and words of a texel. */
export interface TextureShape {
  readonly width: number;
  readonly rows: number;
  readonly texels: Texels;
}

function keyOf({ width, rows, texels }: TextureShape): string {
  return `${width},${rows},${texels}`;
}

interface Copy {
  readonly texture: BufferTexture;
  isCurrent: boolean;
}

export class TexturePool {
  readonly #device: GpuDevice;
  /** Free textures by shape, the last one used first. */
  readonly #free: Map<string, BufferTexture[]> = new Map();
  #freeBytes = 0;
  /** What buffers were copied into, by their number, the last one used last. */
  readonly #copies: Map<number, Copy[]> = new Map();
  #copiedBytes = 0;
  #errorCount = 0;

  constructor(device: GpuDevice) {
    this.#device = device;
  }

  #take(shape: TextureShape): BufferTexture {
    const free = this.#free.get(keyOf(shape))?.pop();
    if (free !== undefined) {
      this.#freeBytes -= bytesOf(free);
      return free;
    }
    const texture = this.#device.device.createTexture({
      size: [shape.width + ROW_PADDING, shape.rows],
      format: shape.texels === 4 ? "rgba32uint" : "r32uint",
      usage: GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST,
    });
    return { texture, view: texture.createView(), shape };
  }

  #give(texture: BufferTexture): void {
    const bytes = bytesOf(texture);
    if (this.#freeBytes + bytes > POOL_BYTES) return texture.texture.destroy();
    const key = keyOf(texture.shape);
    const free = this.#free.get(key);
    if (free === undefined) this.#free.set(key, [texture]);
    else free.push(texture);
    this.#freeBytes += bytes;
  }

  /** What a buffer is copied into, which may hold its contents already. */
  copyOf(address: number, bufferBytes: number, texels: Texels, width: number): Copy {
    if (this.#errorCount !== this.#device.errorCount) this.forget();
    const copies = this.#copies.get(address) ?? [];
    this.#copies.delete(address);
    this.#copies.set(address, copies);
    let copy = copies.find(({ texture: { shape } }) => shape.texels === texels && shape.width === width);
    if (copy === undefined) {
      const rows = Math.ceil(bufferBytes / (4 * texels * width));
      copies.push(copy = { texture: this.#take({ width, rows, texels }), isCurrent: false });
      this.#copiedBytes += bytesOf(copy.texture);
    }
    return copy;
  }

  /** Says that a buffer has been written. */
  touch(address: number): void {
    const copies = this.#copies.get(address);
    if (copies !== undefined) { for (const copy of copies) copy.isCurrent = false; }
  }

  /** Says that a buffer has been freed. */
  drop(address: number): void {
    const copies = this.#copies.get(address);
    if (copies === undefined) return;
    this.#copies.delete(address);
    for (const { texture } of copies) {
      this.#copiedBytes -= bytesOf(texture);
      this.#give(texture);
    }
  }

  /** Lets go of what was used longest ago, and more than fits. */
  shrink(): void {
    for (const address of this.#copies.keys()) {
      if (this.#copiedBytes <= KEPT_BYTES) return;
      this.drop(address);
    }
  }

  /** Says that commands may not have run: what was to be copied may not be there. */
  forget(): void {
    this.#errorCount = this.#device.errorCount;
    for (const address of this.#copies.keys()) this.touch(address);
  }
}

function bytesOf({ shape: { width, rows, texels } }: BufferTexture): number {
  return 4 * texels * width * rows;
}

/** The textures that one run reads. */
export class RunTextures {
  readonly #pool: TexturePool;

  constructor(pool: TexturePool) {
    this.#pool = pool;
  }

  /** The texture of a buffer. `encoder` is asked for when its contents have to be copied. */
  get(
    address: number,
    { texels, width }: { readonly texels: Texels; readonly width: number },
    buffer: GPUBuffer,
    encoder: () => GPUCommandEncoder,
  ): BufferTexture {
    const copy = this.#pool.copyOf(address, buffer.size, texels, width);
    if (copy.isCurrent) return copy.texture;
    copy.isCurrent = true;
    const rowBytes = 4 * texels * width;
    const target = { texture: copy.texture.texture };
    const rows = Math.floor(buffer.size / rowBytes);
    const rest = (buffer.size - rows * rowBytes) / (4 * texels);
    const commands = encoder();
    if (rows > 0) {
      commands.copyBufferToTexture({ buffer, bytesPerRow: rowBytes }, target, [width, rows]);
    }
    if (rest > 0) {
      commands.copyBufferToTexture(
        { buffer, offset: rows * rowBytes, bytesPerRow: rowBytes },
        { ...target, origin: [0, rows] },
        [rest, 1],
      );
    }
    return copy.texture;
  }

  /** Says that a buffer has been written. */
  touch(address: number): void {
    this.#pool.touch(address);
  }

  release(): void {
    this.#pool.shrink();
  }
}
