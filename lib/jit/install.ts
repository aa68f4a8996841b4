/** Makes the executor of this folder the one that lib/trace runs operations on, with WebAssembly as its device. */
import { installExecutor } from "../trace/storage.ts";
import { installAcquirer, installBackend, installTextBackend } from "./devices.ts";
import { EagerExecutor } from "./eager.ts";
import { WasmBackend } from "./wasm/backend.ts";
import { acquireWebGpu } from "./wgsl/acquire.ts";
import { WgslTextBackend } from "./wgsl/text_backend.ts";

installBackend("wasm", (settings) => new WasmBackend(settings));
installAcquirer("webgpu", acquireWebGpu);
installTextBackend("webgpu", new WgslTextBackend());
installExecutor(new EagerExecutor());
