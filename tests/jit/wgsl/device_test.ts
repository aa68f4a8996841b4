import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  cond,
  defaultDevice,
  DeviceError,
  devices,
  DTypeError,
  grad,
  jit,
  memory,
  OutOfMemoryError,
  scan,
  shared,
  synchronize,
  type Tensor,
  tensor,
  whileLoop,
  withDevice,
  zeros,
} from "@damo/damo";
import { WgslBackend } from "../../../lib/jit/wgsl/backend.ts";
import { acquireDevice } from "../../../lib/jit/wgsl/device.ts";
import { onDevice } from "./default_device.ts";
import { gpuTest, webgpu } from "./support.ts";

gpuTest("init takes the device and lists it", () => {
  assertEquals(defaultDevice(), "wasm");
  assert(devices().includes("webgpu"));
  withDevice("webgpu", () => assertEquals(tensor([1]).device, "webgpu"));
});

onDevice("operations and programs give values at once, in any dtype it has", () => {
  const x = tensor([[1, 2, 3], [4, 5, 6]]);
  assertEquals(x.mul(2).add(1).arraySync(), [[3, 5, 7], [9, 11, 13]]);
  const f = jit((x: Tensor, k: number) => x.mul(k).sum({ axis: 1 }));
  assertEquals(f(x, 0.5).arraySync(), [3, 7.5]);
  assertEquals(f(x, 2).arraySync(), [12, 30]);
  assertEquals(f.traces.length, 1);
  assertEquals(x.matmul(x.transpose()).arraySync(), [[14, 32], [32, 77]]);
  assertEquals(x.gt(3).arraySync(), [[false, false, false], [true, true, true]]);
  assertEquals(x.cast("int8").sub(4).dataSync(), Int8Array.of(-3, -2, -1, 0, 1, 2));
  assertEquals(x.cast("float16").div(3).cast("float32").dataSync()[0], Math.f16round(1 / 3));
});

gpuTest("values arrive through promises too, and synchronize waits", async () => {
  const x = withDevice("webgpu", () => tensor([1, 2, 3]));
  assertEquals(await x.add(1).data(), Float32Array.of(2, 3, 4));
  assertEquals(await x.sum().item(), 6);
  await synchronize("webgpu");
});

onDevice("float64 is refused with both remedies", () => {
  const error = assertThrows(() => tensor([1], { dtype: "float64" }), DTypeError);
  assert(error.message.includes("float32") && error.message.includes("wasm"));
  assertThrows(() => tensor([1, 2]).cast("float64"), DTypeError, "float64");
});

onDevice("long sums are right, in rows, columns and altogether", () => {
  const n = 3_000_001;
  const data = Float32Array.from({ length: n }, (_, i) => ((i * 7919) % 1000) / 1000);
  const exact = data.reduce((sum, value) => sum + value, 0);
  assertAlmostEquals(tensor(data).sum().itemSync(), exact, 2e-6 * exact);
  const x = tensor(data.subarray(0, 3_000_000)).reshape([3, 1_000_000]);
  const rows = x.sum({ axis: 1 }).dataSync(), columns = x.transpose().sum({ axis: 0 }).dataSync();
  for (let row = 0; row < 3; row++) {
    const part = data.subarray(row * 1_000_000, (row + 1) * 1_000_000);
    const sum = part.reduce((a, b) => a + b, 0);
    assertAlmostEquals(rows[row], sum, 2e-6 * sum);
    assertAlmostEquals(columns[row], sum, 2e-6 * sum);
  }
  assertEquals(
    tensor(data).argmax({ axis: 0 }).itemSync(),
    data.indexOf(data.reduce((a, b) => Math.max(a, b))),
  );
});

onDevice("loops inside operations count against the limit of software adapters too", () => {
  const data = Float32Array.from({ length: 40_000 }, (_, i) => i * 1e20);
  const sums = tensor(data).reshape([40, 1000]).mod(3e-3).sum({ axis: 1 }).dataSync();
  for (let row = 0; row < 40; row++) {
    let sum = 0;
    for (let i = 0; i < 1000; i++) sum += data[row * 1000 + i] % Math.fround(3e-3);
    assertAlmostEquals(sums[row], sum, 1e-4);
  }
});

onDevice("loops and conditions: scan, while, cond, and their gradients", () => {
  const xs = tensor([1, 2, 3, 4]);
  const f = (w: Tensor) => scan((c: Tensor, x: Tensor) => [c.mul(w).add(x).tanh(), c], tensor(0.5), xs)[0];
  const value = (w: number) => [1, 2, 3, 4].reduce((c, x) => Math.tanh(c * w + x), 0.5);
  assertAlmostEquals(f(tensor(0.3)).itemSync(), value(0.3), 1e-6);
  const slope = (value(0.3 + 1e-5) - value(0.3 - 1e-5)) / 2e-5;
  assertAlmostEquals(grad(f)(tensor(0.3)).itemSync(), slope, 1e-5);
  const g = jit((x: Tensor) => whileLoop((c) => c.lt(100), (c) => c.mul(x), x));
  assertEquals(g(tensor(3)).itemSync(), 243);
  assertEquals(grad(g)(tensor(3)).itemSync(), 405);
  const h = jit((x: Tensor) => cond(x.gt(0), (v: Tensor) => v.mul(2), (v: Tensor) => v.sub(1), x));
  assertEquals([h(tensor(3)).itemSync(), h(tensor(-3)).itemSync()], [6, -4]);
});

onDevice("a donated argument is updated in its own buffer", () => {
  const step = jit((w: Tensor, g: Tensor) => w.sub(g.mul(0.5)), { donate: [0] });
  let w = tensor(new Float32Array(1001).fill(1));
  const g = tensor(new Float32Array(1001).fill(1));
  w = step(w, g);
  const { live } = memory().webgpu;
  for (let i = 0; i < 5; i++) w = step(w, g);
  assertEquals(memory().webgpu.live, live);
  assertEquals(w.dataSync()[1000], -2);
});

onDevice("shared state is updated in place", () => {
  const counter = shared(tensor([1, 2, 3]));
  const next = jit(() => {
    counter.value = counter.value.add(1);
  });
  for (let i = 0; i < 4; i++) next();
  assertEquals(counter.value.arraySync(), [5, 6, 7]);
});

onDevice("the last of several stores to one place wins, and sums get all of them", () => {
  const index = tensor([2, 0, 2, 2], { dtype: "int32" });
  const values = tensor([1, 2, 3, 4]);
  const base = zeros([3]);
  assertEquals(base.with([index], values).arraySync(), [2, 0, 4]);
  assertEquals(base.withAdded([index], values).arraySync(), [2, 0, 8]);
});

onDevice("sorting is stable, with NaN last", () => {
  const x = tensor([3, NaN, -1, 2, -Infinity, 0, 2]);
  assertEquals(Array.from(x.sort().dataSync()), [-Infinity, -1, 0, 2, 2, 3, NaN]);
  assertEquals(Array.from(x.argsort().dataSync()), [4, 2, 5, 3, 6, 0, 1]);
});

gpuTest("a shader that is refused is an error with kernel, place and excerpt, never silence", async () => {
  const gpu = await acquireDevice();
  const { Pipelines } = await import("../../../lib/jit/wgsl/pipelines.ts");
  new Pipelines(gpu).get(
    {
      label: "map",
      code: "@compute @workgroup_size(1)\nfn main() {\n  let x: f32 = 1u;\n}\n",
      bindings: [],
      groups: [1, 1, 1],
      offsets: [],
      constants: [],
    },
    () => "The map kernel of f (add, written at f.ts:1) was refused:",
  );
  await new Promise((resolve) => setTimeout(resolve, 5));
  const error = assertThrows(() => gpu.check(), DeviceError, "written at f.ts:1");
  assert(error.message.includes("let x: f32 = 1u"));
  gpu.destroy();
});

gpuTest("a lost device is an error in words, and programs move to the next one", async () => {
  const first = await acquireDevice();
  const backend = new WgslBackend(first);
  const program = jit((x: Tensor) => x.add(1)).graph(tensor([1, 2]));
  const executable = backend.compile(program, { name: "f", scalars: [], donated: [], inPlace: [] });
  const run = () => executable.run([backend.upload(Float32Array.of(1, 2), "float32")], null)[0].read();
  assertEquals(run(), Float32Array.of(2, 3));
  first.destroy();
  assertThrows(run, DeviceError, "lost");
  backend.revive(await acquireDevice());
  assertEquals(run(), Float32Array.of(2, 3));
});

gpuTest("blocks beyond the budget are spilled and come back", () => {
  const backend = new WgslBackend(webgpu!.gpu, { memory: 1 << 20 });
  const parts = Array.from(
    { length: 8 },
    (_, i) => backend.upload(new Float32Array(65536).fill(i), "float32"),
  );
  assert(backend.memory().live <= 1.5 * (1 << 20));
  parts.forEach((part, i) => assertEquals(part.read()[65535], i));
});

gpuTest("what was spilled to the host outlives its device", async () => {
  const first = await acquireDevice();
  const backend = new WgslBackend(first, { memory: 1 << 20 });
  const parts = Array.from(
    { length: 8 },
    (_, i) => backend.upload(new Float32Array(65536).fill(i), "float32"),
  );
  first.destroy();
  assertEquals(parts[0].read()[65535], 0);
  assertThrows(() => parts[7].read(), DeviceError, "lost");
});

gpuTest("a device that is lost without a word makes reading an error in words", async () => {
  const gpu = await acquireDevice();
  const backend = new WgslBackend(gpu);
  const x = backend.upload(Float32Array.of(1, 2), "float32");
  // As when the driver resets it: nobody has been told yet.
  gpu.device.destroy();
  assertThrows(() => x.read(), DeviceError, "init");
});

gpuTest("an error that nobody waited for is reported at the next use", async () => {
  const gpu = await acquireDevice();
  gpu.device.createBuffer({ size: 2 ** 45, usage: GPUBufferUsage.STORAGE });
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertThrows(() => gpu.check(), DeviceError, "size");
  gpu.check();
  gpu.destroy();
});

gpuTest("memory that runs out is an error of its own, with the remedies", async () => {
  const gpu = await acquireDevice();
  gpu.report("Out of memory", true);
  const error = assertThrows(() => gpu.check(), OutOfMemoryError, "dispose()");
  assert(error.message.includes("memory"));
  gpu.check();
  gpu.destroy();
});

onDevice("batches and tensors beyond what one dispatch or one binding takes", () => {
  const count = 66_000;
  const a = tensor(Float32Array.from({ length: count * 16 }, (_, i) => i % 7), { shape: [count, 4, 4] });
  const product = a.matmul(a).at(count - 1);
  const last = a.at(count - 1);
  assertEquals(product.arraySync(), last.matmul(last).arraySync());
  const many = zeros([20_000_000]).add(1);
  assertEquals(many.sum().itemSync(), 20_000_000);
  assertThrows(() => zeros([2 ** 30]).add(1).dataSync(), DeviceError, "does not fit one buffer");
});

onDevice("profiles take the time of kernels from the device", () => {
  const f = jit((x: Tensor) => x.matmul(x).sum(), { profile: true });
  const x = zeros([256, 256]);
  f(x);
  f(x);
  const text = String(f.profile);
  assert(text.includes("contract") || text.includes("matmul"), text);
  assert(!text.includes("NaN"), text);
});

Deno.test("without an adapter the reason is said in words", async () => {
  const original = Object.getOwnPropertyDescriptor(globalThis, "navigator")!;
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  try {
    const error = await assertRejects(() => acquireDevice(), DeviceError, "no WebGPU");
    assert(error.message.includes('"wasm"'));
  } finally {
    Object.defineProperty(globalThis, "navigator", original);
  }
});
