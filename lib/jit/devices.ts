/** The devices of this process and which one new tensors are made on. */
import type { DType, TypedArray } from "../trace/dtype.ts";
import { DamoError, DeviceError } from "../trace/errors.ts";
import { countDevice } from "../trace/following.ts";
import { checkOptions } from "../trace/ops/options.ts";
import type { Device, Storage } from "../trace/storage.ts";
import type { Backend, BackendSettings, MemoryUse } from "./backend.ts";
import { WasmBackend } from "./wasm/backend.ts";

/** Options of {@link init}. */
export interface InitOptions {
  /** "auto" takes WebGPU when a real GPU is there, and WebAssembly otherwise. */
  device?: "auto" | Device;
  /** Threads of the WebAssembly device, the calling one included: as many as the machine has cores if not given. */
  threads?: number;
  /**
   * Bytes that tensors may take on the device before those not used for longest are copied to the host, from where they come
   * back when they are used. What one call needs at once may exceed it.
   */
  memory?: number;
}

type BackendMaker = (settings: BackendSettings) => Backend;

const makers: { [D in Device]?: BackendMaker } = {
  wasm: (settings) => new WasmBackend(settings),
};
const backends: { [D in Device]?: Backend } = {};
const settings: BackendSettings = {};
let chosen: Device = "wasm";

/** A backend that had to be asked for, and whether "auto" should take it. */
export interface AcquiredBackend {
  readonly backend: Backend;
  readonly preferred: boolean;
}

type Acquirer = (settings: BackendSettings) => Promise<AcquiredBackend>;

const acquirers: { [D in Device]?: Acquirer } = {};

/** Says how the backend of a device is got that takes time to get: {@link init} waits for it. */
export function installAcquirer(device: Device, acquire: Acquirer): void {
  acquirers[device] = acquire;
}

const textBackends: { [D in Device]?: Backend } = {};

/** Says what shows the programs of a device as text while the device itself is not there. */
export function installTextBackend(device: Device, backend: Backend): void {
  textBackends[device] = backend;
}

/** A backend that can at least compile for a device, or undefined. */
export function compilerFor(device: Device): Backend | undefined {
  return makers[device] ? backendFor(device) : textBackends[device];
}

/** Gets a device that has to be asked for. False when "auto" should not take it, or has no such device. */
async function acquire(device: Device): Promise<boolean> {
  const acquirer = acquirers[device];
  if (!acquirer) return false;
  const { backend, preferred } = await acquirer(settings);
  makers[device] = () => backend;
  if (!backends[device]) countDevice();
  backends[device] = backend;
  return preferred;
}

/** Says how the backend of a device is made, at its first use. The function given back undoes this. */
export function installBackend(device: Device, make: BackendMaker): () => void {
  const maker = makers[device], backend = backends[device];
  makers[device] = make;
  backends[device] = undefined;
  return () => {
    makers[device] = maker;
    backends[device] = backend;
  };
}

/** The backend of a device. */
export function backendFor(device: Device): Backend {
  const existing = backends[device];
  if (existing) return existing;
  const make = makers[device];
  if (!make) throw noDevice(device);
  countDevice();
  return backends[device] = make(settings);
}

function noDevice(device: unknown): DeviceError {
  const known = device === "wasm" || device === "webgpu";
  const what = known
    ? `The device "${device}" is not available here.`
    : `There is no device ${JSON.stringify(device) ?? String(device)}.`;
  const available = devices().map((name) => `"${name}"`).join(" and ");
  return new DeviceError(what, {
    operation: "device",
    arguments: [{ name: "device", value: device }],
    remedy: `Available: ${available}.${known ? " Use init() to prepare a device before its first use." : ""}`,
  });
}

function checkDevice(device: Device): Device {
  if (!makers[device]) throw noDevice(device);
  return device;
}

/**
 * Prepares a device and makes it the default; optional. Without it everything runs on WebAssembly, at once. Gives the
 * device taken.
 *
 * @throws {DeviceError} when the device asked for is not there.
 * @throws {DamoError} when an option is unknown, or `threads` or `memory` is no whole number of at least 1.
 * @example
 * ```ts
 * import { init } from "@damo/damo";
 * console.assert(await init({ device: "wasm" }) === "wasm");
 * ```
 */
export function init(options: InitOptions = {}): Promise<Device> {
  const { device = "auto", threads, memory } = options;
  try {
    checkOptions("init", options, ["device", "threads", "memory"]);
    if (threads !== undefined) settings.threads = checkCount("threads", threads, "a number of threads");
    if (memory !== undefined) settings.memory = checkCount("memory", memory, "a number of bytes");
    if (device === "auto" && acquirers.webgpu) {
      return acquire("webgpu").then((preferred) => take(preferred ? "webgpu" : "wasm"), () => take("wasm"));
    }
    if (device !== "auto" && acquirers[device]) return acquire(device).then(() => take(device));
    return Promise.resolve(take(device === "auto" ? "wasm" : checkDevice(device)));
  } catch (error) {
    return Promise.reject(error);
  }
}

function checkCount(name: string, value: unknown, what: string): number {
  if (Number.isInteger(value) && (value as number) >= 1) return value as number;
  throw new DamoError(`init: ${name} is ${String(value)}, which is not ${what}.`, {
    operation: "init",
    arguments: [{ name, value }],
    remedy: `Give ${name} as a whole number of at least 1, or leave it out.`,
  });
}

/** Makes a device the default one. */
function take(device: Device): Device {
  if (backends[device]) backends[device].configure?.(settings);
  else backendFor(device);
  return chosen = device;
}

/** The devices that can be used here. */
export function devices(): Device[] {
  return (Object.keys(makers) as Device[]).filter((device) => makers[device] !== undefined);
}

/** The device that new tensors are made on and operations of numbers alone run on. */
export function defaultDevice(): Device {
  return chosen;
}

/**
 * Runs `fn` with another default device until it returns: what an asynchronous function does after its first `await`
 * has the device of before, so say `{ device }` there.
 */
export function withDevice<T>(device: Device, fn: () => T): T {
  checkDevice(device);
  const previous = chosen;
  chosen = device;
  try {
    return fn();
  } finally {
    chosen = previous;
  }
}

/** Resolves when everything submitted to the device so far is done. */
export function synchronize(device: Device = chosen): Promise<void> {
  try {
    return backendFor(device).synchronize();
  } catch (error) {
    return Promise.reject(error);
  }
}

const NOTHING: MemoryUse = { live: 0, pool: 0, peak: 0 };

/** Bytes in use per device: held by tensors, taken from the system, and the most held so far. */
export function memory(): { wasm: MemoryUse; webgpu: MemoryUse } {
  return { wasm: backends.wasm?.memory() ?? NOTHING, webgpu: backends.webgpu?.memory() ?? NOTHING };
}

/** A storage on `device` with a copy of `data`. */
export function uploadTo(device: Device, data: TypedArray, dtype: DType): Storage {
  return backendFor(device).upload(data, dtype);
}
