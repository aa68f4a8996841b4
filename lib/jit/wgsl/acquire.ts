/** Getting the WebGPU device of the process: once, and again after it was lost. */
import type { BackendSettings } from "../backend.ts";
import type { AcquiredBackend } from "../devices.ts";
import { WgslBackend } from "./backend.ts";
import { acquireDevice } from "./device.ts";

let current: WgslBackend | null = null;

/** The backend; "auto" prefers it when it is no software adapter. */
export async function acquireWebGpu(settings: BackendSettings): Promise<AcquiredBackend> {
  if (current === null) current = new WgslBackend(await acquireDevice(), settings);
  else if (current.gpu.isLost) current.revive(await acquireDevice(), settings);
  return { backend: current, preferred: !current.gpu.isSoftware && current.gpu.canReadAtOnce };
}
