/** Makes the executor of this folder the one that lib/trace runs operations on, with WebAssembly as its device. */
import { installExecutor } from "../trace/storage.ts";
import { installAcquirer, installBackend } from "./devices.ts";
import { EagerExecutor } from "./eager.ts";
import { WasmBackend } from "./wasm/backend.ts";
import { acquireWebGpu } from "./wgsl/acquire.ts";

installBackend("wasm", (settings) => new WasmBackend(settings));
installAcquirer("webgpu", acquireWebGpu);
installExecutor(new EagerExecutor());
