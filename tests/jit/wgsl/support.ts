/** The adapter of this machine for tests: without one they are ignored, or fail where DAMO_REQUIRE_WEBGPU is set. */
import { WgslBackend } from "../../../lib/jit/wgsl/backend.ts";
import { acquireDevice } from "../../../lib/jit/wgsl/device.ts";
import { isWebGpuRequired } from "../../support/require_webgpu.ts";
import type { Tuning } from "../../../lib/jit/wgsl/tuning.ts";

async function tryBackend(tuning?: Tuning): Promise<WgslBackend | string> {
  try {
    return new WgslBackend(await acquireDevice({ tuning }));
  } catch (error) {
    if (isWebGpuRequired()) throw error;
    return (error as Error).message.split("\n")[0];
  }
}

const found: WgslBackend | string = await tryBackend();

/** The backend, or null with the reason in `missing`. */
export const webgpu: WgslBackend | null = typeof found === "string" ? null : found;
export const missing: string = typeof found === "string" ? found : "";

/** A second device with another tuning table. */
export async function backendWith(tuning: Tuning, memory?: number): Promise<WgslBackend> {
  return new WgslBackend(await acquireDevice({ tuning }), { memory });
}

/** A test that needs an adapter. */
export function gpuTest(name: string, body: (backend: WgslBackend) => void | Promise<void>): void {
  const ignore = webgpu === null;
  Deno.test({
    name: ignore ? `${name} (ignored: ${missing})` : name,
    ignore,
    // The device lives as long as the process.
    sanitizeResources: false,
    sanitizeOps: false,
    fn: () => body(webgpu!),
  });
}
