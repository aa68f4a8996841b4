/** Tests whose bodies run with WebGPU as the default device. */
import { init, withDevice } from "@damo/damo";
import { gpuTest, webgpu } from "./support.ts";

// Bodies may use WebAssembly beside it, which stays the default outside of them.
if (webgpu !== null) {
  await init({ device: "webgpu" });
  await init({ device: "wasm" });
}

export function onDevice(name: string, body: () => void | Promise<void>): void {
  gpuTest(name, () => withDevice("webgpu", body));
}
