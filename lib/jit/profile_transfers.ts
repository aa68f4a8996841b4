/** Transfers of profiled functions: typed arrays that come in, results that are read. */
import type { Storage } from "../trace/storage.ts";
import { Tensor } from "../trace/tensor.ts";
import { flatten } from "../trace/tree.ts";
import type { Profile } from "./profile.ts";

/** Bytes of typed arrays among arguments: they are copied to the device by the call. */
export function typedArrayBytes(args: readonly unknown[]): number {
  let bytes = 0;
  for (const arg of args) {
    for (const view of flatten(arg, isView).leaves) bytes += view.byteLength;
  }
  return bytes;
}

function isView(value: unknown): value is ArrayBufferView {
  return ArrayBuffer.isView(value);
}

function isTensor(value: unknown): value is Tensor {
  return value instanceof Tensor;
}

/** Has `profile` told when a result of the function `name` is read. */
export function watchReads(result: unknown, name: string, profile: Profile): void {
  for (const leaf of flatten(result, isTensor).leaves) {
    const storage = leaf.rawStorage();
    if (storage !== null && !Object.hasOwn(storage, "read")) watchStorage(storage, name, profile);
  }
}

function watchStorage(storage: Storage, name: string, profile: Profile): void {
  const read = storage.read, readAsync = storage.readAsync;
  const add = (bytes: number, started: number) =>
    profile.addTransfer(name, "from the device", bytes, performance.now() - started);
  storage.read = () => {
    const started = performance.now();
    const data = read.call(storage);
    add(data.byteLength, started);
    return data;
  };
  storage.readAsync = async () => {
    const started = performance.now();
    // Some devices answer from `read`, which must not count a second time.
    storage.read = read;
    const data = await readAsync.call(storage);
    watchStorage(storage, name, profile);
    add(data.byteLength, started);
    return data;
  };
}
