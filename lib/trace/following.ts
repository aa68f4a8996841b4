/**
 * Tensors that follow their operands: the arrays among the arguments of an operation, what library functions make for
 * themselves and what comes from files lie on the default device only because they have to lie somewhere. Where they meet
 * a tensor or a shared variable on another device they go there; tensors that users made stay where they are, and two of
 * them on two devices are an error.
 */
import { type Device, executor, type Storage } from "./storage.ts";
import { Tensor } from "./tensor.ts";
import { currentTrace } from "./trace.ts";

const storages: WeakSet<Storage> = new WeakSet();
let devices = 0;

/** Says that one more device is in use: with a single one there is nothing to follow. */
export function countDevice(): void {
  devices++;
}

/** Whether tensors may lie on different devices. */
export function severalDevices(): boolean {
  return devices > 1;
}

/** Lets a concrete tensor follow its operands. Gives the tensor. */
export function follow(x: Tensor): Tensor {
  const storage = x.rawStorage();
  if (devices > 1 && storage !== null) storages.add(storage);
  return x;
}

/** The same where another tensor, of which `x` was made on the host, follows too. */
export function followLike(x: Tensor, model: Tensor): Tensor {
  const storage = model.rawStorage();
  return storage !== null && storages.has(storage) ? follow(x) : x;
}

/** What a user asked for stays where it is; made while tracing, it goes where the traced function runs. */
export function stay(x: Tensor): Tensor {
  const storage = x.rawStorage();
  if (devices > 1 && storage !== null && currentTrace() === null) storages.delete(storage);
  return x;
}

/** Whether these elements lie where they lie for no reason. */
export function follows(storage: Storage): boolean {
  return storages.has(storage);
}

/** A copy of a tensor on the device that it follows to. */
export function followedTo(device: Device, x: Tensor): Tensor {
  const storage = x.storage();
  return new Tensor(x.aval, executor().upload(storage.read(), storage.dtype, device));
}

/** The device that operands have to be on: that of those that stay; null without any; undefined where they disagree. */
export function deviceOfStaying(tensors: Iterable<Tensor>): Device | null | undefined {
  let device: Device | null = null;
  for (const tensor of tensors) {
    const storage = tensor.rawStorage();
    if (storage === null || storage.device === device || storages.has(storage)) continue;
    if (device !== null) return undefined;
    device = storage.device;
  }
  return device;
}
