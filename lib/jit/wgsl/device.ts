/** A WebGPU device with what was found out about it, its errors and its loss. */
import { DeviceError, OutOfMemoryError } from "../../trace/errors.ts";
import { findSubgroups } from "./subgroups.ts";
import { GPU, SOFTWARE, type Tuning } from "./tuning.ts";

/** Limits that kernels or buffers come up against; the most the adapter grants is asked for. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "minUniformBufferOffsetAlignment",
  "maxUniformBufferBindingSize",
] as const;

/** Features that are used where they are there. */
const FEATURES: GPUFeatureName[] = ["subgroups" as GPUFeatureName, "shader-f16", "timestamp-query"];

export interface AcquireOptions {
  /** Takes this table instead of the one for the kind of adapter; tests do. */
  readonly tuning?: Tuning;
}

export class GpuDevice {
  readonly device: GPUDevice;
  /** The adapter in words. */
  readonly name: string;
  readonly isSoftware: boolean;
  readonly tuning: Tuning;
  /** Whether values can be read at once, without waiting for a promise. */
  canReadAtOnce = false;
  /** Why the device can be used no more. */
  #lost: string | null = null;
  readonly #errors: string[] = [];
  /** Errors that were ever reported: after one, commands submitted before may not have run. */
  errorCount = 0;
  #outOfMemory = false;

  constructor(device: GPUDevice, name: string, isSoftware: boolean, tuning: Tuning) {
    this.device = device;
    this.name = name;
    this.isSoftware = isSoftware;
    this.tuning = tuning;
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault?.();
      const { error } = event as GPUUncapturedErrorEvent;
      this.report(error.message, error.constructor?.name === "GPUOutOfMemoryError");
    });
    device.lost.then(({ reason, message }) => {
      this.#lost ??= message || reason || "unknown";
    });
  }

  get isLost(): boolean {
    return this.#lost !== null;
  }

  /** Keeps an error for the next use of the device: errors of WebGPU arrive later than the call that made them. */
  report(message: string, outOfMemory = false): void {
    // Should the program end before the device is used again, nobody would hear of it.
    if (this.#errors.push(message) === 1) globalThis.addEventListener("unload", this.#tell);
    this.errorCount++;
    this.#outOfMemory ||= outOfMemory;
  }

  #takeErrors(): string {
    globalThis.removeEventListener("unload", this.#tell);
    return this.#errors.splice(0).join("\n");
  }

  readonly #tell = (): void => {
    console.error(`WebGPU reported an error in the last work of this program:\n${this.#takeErrors()}`);
  };

  /** Throws what went wrong since the last use. */
  check(): void {
    if (this.#lost !== null) {
      throw new DeviceError(`The WebGPU device was lost (${this.#lost}).`, {
        operation: "webgpu",
        remedy:
          'Call await init({ device: "webgpu" }) to get a new one; tensors on the lost device are gone.',
      });
    }
    if (this.#errors.length === 0) return;
    const messages = this.#takeErrors();
    if (this.#outOfMemory) {
      this.#outOfMemory = false;
      throw new OutOfMemoryError(`The WebGPU device has no memory left:\n${messages}`, {
        operation: "webgpu",
        remedy:
          "Let go of tensors with dispose() or scope(), make less at once, or bound what tensors may take " +
          'with init({ device: "webgpu", memory }). Results computed since are not to be trusted.',
      });
    }
    throw new DeviceError(`WebGPU reported an error in work that was submitted before:\n${messages}`, {
      operation: "webgpu",
      remedy: "If the shader is not one of your own, this is a mistake of Damo: please report this message.",
    });
  }

  destroy(): void {
    this.#lost ??= "destroyed";
    this.#takeErrors();
    this.device.destroy();
  }
}

/**
 * Asks for an adapter and a device.
 *
 * @throws {DeviceError} that says in words what is missing.
 */
export async function acquireDevice(options: AcquireOptions = {}): Promise<GpuDevice> {
  const gpu = (globalThis.navigator as Partial<Navigator> | undefined)?.gpu;
  if (!gpu) throw missing("This runtime has no WebGPU (there is no navigator.gpu).");
  let adapter: GPUAdapter | null;
  try {
    adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  } catch (error) {
    throw missing(`Asking for a WebGPU adapter failed: ${(error as Error).message}`);
  }
  if (adapter === null) {
    throw missing("There is no WebGPU adapter: no driver for Vulkan, Metal or Direct3D 12 was found.");
  }
  const { info } = adapter;
  const name = [info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(" ");
  const granted = adapter.limits as unknown as Record<string, number>;
  if (granted.maxStorageBuffersPerShaderStage < 4 || granted.maxComputeInvocationsPerWorkgroup < 64) {
    throw missing(`The only WebGPU adapter (${name}) has no compute shaders.`);
  }
  const requiredLimits: Record<string, number> = {};
  for (const limit of LIMITS) if (granted[limit] !== undefined) requiredLimits[limit] = granted[limit];
  const isSoftware = (info as { isFallbackAdapter?: boolean }).isFallbackAdapter ?? false;
  const device = await requestDevice(adapter, name, requiredLimits);
  const tuning = options.tuning ?? (isSoftware ? SOFTWARE : GPU);
  const { subgroupMinSize = 0 } = info as { subgroupMinSize?: number };
  const found = await findSubgroups(device, {
    rowsOfEight: isSoftware,
    lanes: Math.min(tuning.rowLanes, subgroupMinSize),
  });
  return new GpuDevice(device, name, isSoftware, {
    ...tuning,
    subgroups: found.rowsOfEight,
    rowLanes: found.lanes,
  });
}

/** A device with the features that kernels use; some adapters have more than they list. */
async function requestDevice(
  adapter: GPUAdapter,
  name: string,
  requiredLimits: Record<string, number>,
): Promise<GPUDevice> {
  const listed = FEATURES.filter((feature) => adapter.features.has(feature));
  for (const requiredFeatures of [FEATURES, listed]) {
    try {
      return await adapter.requestDevice({ requiredLimits, requiredFeatures });
    } catch {
      // The next list is shorter.
    }
  }
  try {
    return await adapter.requestDevice({ requiredLimits });
  } catch (error) {
    throw missing(`The adapter ${name} gave no device: ${(error as Error).message}`);
  }
}

function missing(what: string): DeviceError {
  return new DeviceError(what, {
    operation: "init",
    remedy: "Install a GPU driver (or Mesa's software Vulkan, mesa-vulkan-drivers), " +
      'or use the device "wasm", which is always there.',
  });
}
