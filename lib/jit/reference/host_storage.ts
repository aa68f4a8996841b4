/** Storage in a typed array of the host: what the reference backend computes with. */
import { castValue, type DType, newTypedArray, type TypedArray } from "../../trace/dtype.ts";
import type { HostArray } from "../../trace/primitive.ts";
import type { Aval } from "../../trace/shape.ts";
import type { Device, Donation, Storage } from "../../trace/storage.ts";
import type { Tensor } from "../../trace/tensor.ts";

const NOTHING = new Uint8Array(0);

/** Bytes held by all host storages that were not disposed (those collected unseen included). */
export const hostBytes: { live: number; peak: number } = { live: 0, peak: 0 };

export class HostStorage implements Storage {
  readonly device: Device = "wasm";
  readonly dtype: DType;
  readonly length: number;
  donation: Donation | null = null;
  disposed = false;
  holders = 0;
  #data: TypedArray;

  /** Takes `data` over: nobody else may write to it. */
  constructor(data: TypedArray, dtype: DType) {
    this.#data = data;
    this.dtype = dtype;
    this.length = data.length;
    hostBytes.live += data.byteLength;
    if (hostBytes.live > hostBytes.peak) hostBytes.peak = hostBytes.live;
  }

  /** The elements themselves, not to be written to. */
  view(): TypedArray {
    return this.#data;
  }

  /** Takes the elements away, for another storage. */
  detach(): TypedArray {
    const data = this.#data;
    hostBytes.live -= data.byteLength;
    this.#data = NOTHING;
    return data;
  }

  read(): TypedArray {
    return this.#data.slice();
  }

  readAsync(): Promise<TypedArray> {
    return Promise.resolve(this.read());
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.detach();
  }
}

/** The elements of any storage as the interpreter wants them. */
export function toHostArray(storage: Storage, aval: Aval): HostArray {
  const data = storage instanceof HostStorage ? storage.view() : storage.read();
  return { shape: aval.shape, dtype: aval.dtype, data: Float64Array.from(data) };
}

/** A concrete tensor or literal as the interpreter wants it. */
export function hostValue(tensor: Tensor): HostArray {
  if (tensor.literal === null) return toHostArray(tensor.storage(), tensor.aval);
  const { dtype } = tensor.aval;
  return { shape: [], dtype, data: Float64Array.of(castValue(tensor.literal, "float64", dtype)) };
}

/** Rounds the interpreter's float64 values to their dtype. */
export function toTypedArray(array: HostArray): TypedArray {
  const data = newTypedArray(array.dtype, array.data.length);
  data.set(array.data);
  return data;
}
