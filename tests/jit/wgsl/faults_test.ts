/** A device that fails in the middle, and one that needs no rights. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { DeviceError, init, jit, OutOfMemoryError, type Tensor, tensor, withDevice } from "@damo/damo";
import { acquireWebGpu } from "../../../lib/jit/wgsl/acquire.ts";
import { WgslBackend } from "../../../lib/jit/wgsl/backend.ts";
import { acquireDevice } from "../../../lib/jit/wgsl/device.ts";
import { gpuTest } from "./support.ts";

gpuTest("memory that runs out on the device is an error with the remedies at the next use", async () => {
  const gpu = await acquireDevice();
  const error = new GPUOutOfMemoryError("not enough memory left");
  gpu.device.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error }));
  const { message } = assertThrows(() => gpu.check(), OutOfMemoryError, "not enough memory left");
  assert(message.includes("dispose()") && message.includes("memory }"), message);
  gpu.check();
  gpu.destroy();
});

gpuTest("a device lost in the middle: what the host holds is intact, and the next init goes on", async () => {
  await init({ device: "webgpu" });
  const onHost = withDevice("wasm", () => tensor([1, 2, 3]));
  const double = jit((x: Tensor) => x.mul(2).sum());
  const x = withDevice("webgpu", () => tensor([1, 2, 3]));
  assertEquals(double(x).itemSync(), 12);
  const { backend } = await acquireWebGpu({});
  assert(backend instanceof WgslBackend);
  backend.gpu.device.destroy();
  await backend.gpu.device.lost;
  assert(assertThrows(() => double(x), DeviceError, "lost").message.includes("await init("));
  assertThrows(() => x.dataSync(), DeviceError, "lost");
  await init({ device: "webgpu" });
  await init({ device: "wasm" });
  assertEquals(double(onHost).itemSync(), 12);
  const moved = onHost.to("webgpu");
  assertEquals([double(moved).itemSync(), double(moved.add(1)).itemSync()], [12, 18]);
});

/** Runs a program without any permission flag. */
async function runProgram(code: string): Promise<{ code: number; text: string; errors: string }> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, code);
  const { code: status, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--no-prompt", file],
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(60_000),
  }).output();
  await Deno.remove(file);
  const [text, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code: status, text: text.trim(), errors };
}

const source = (path: string) => JSON.stringify(new URL(`../../../lib/${path}`, import.meta.url).href);

gpuTest("deno run without any flag computes on the device, and the process ends by itself", async () => {
  const { code, text, errors } = await runProgram(`
import { grad, init, jit, type Tensor, tensor } from ${source("mod.ts")};
await init({ device: "webgpu" });
const x = tensor([1, 2, 3]);
const slope = jit(grad((x: Tensor) => x.square().sum()))(x) as Tensor;
console.log(slope.device, slope.dataSync().join());`);
  assertEquals([code, text], [0, "webgpu 2,4,6"], errors);
});

gpuTest("an error that arrives after the last use of the device is told when the program ends", async () => {
  const program = (last: string) => `
import { acquireDevice } from ${source("jit/wgsl/device.ts")};
const gpu = await acquireDevice();
gpu.device.createBuffer({ size: 2 ** 45, usage: GPUBufferUsage.STORAGE });
await new Promise((resolve) => setTimeout(resolve, 20));
${last}
console.log("end");`;
  const silent = await runProgram(program(""));
  assertEquals([silent.code, silent.text], [0, "end"], silent.errors);
  assert(silent.errors.includes("the last work of this program"), silent.errors);
  const told = await runProgram(program("try { gpu.check(); } catch { console.log('told'); }"));
  assertEquals([told.code, told.text], [0, "told\nend"], told.errors);
  assert(!told.errors.includes("the last work of this program"), told.errors);
});
