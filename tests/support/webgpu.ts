/** Tests of operations as users write them, on a WebGPU adapter. */
import { init, withDevice } from "@damo/damo";

async function adapterMissing(): Promise<string | null> {
  try {
    await init({ device: "webgpu" });
    await init({ device: "wasm" });
    return null;
  } catch (error) {
    return (error as Error).message.split("\n")[0];
  }
}

const missing: string | null = await adapterMissing();

/** A test that is ignored where there is no adapter. */
export function onWebGpu(promise: string, body: () => void): void {
  Deno.test({
    name: missing === null ? promise : `${promise} (ignored: ${missing})`,
    ignore: missing !== null,
    // The device lives as long as the process.
    sanitizeResources: false,
    sanitizeOps: false,
    fn: () => withDevice("webgpu", body),
  });
}
