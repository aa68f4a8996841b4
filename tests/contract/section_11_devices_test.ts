/** API.md, section 11: devices. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  DamoError,
  defaultDevice,
  DeviceError,
  devices,
  DisposedError,
  DTypeError,
  init,
  jit,
  memory,
  ones,
  scope,
  shared,
  synchronize,
  type Tensor,
  tensor,
  withDevice,
  zeros,
} from "@damo/damo";
import { list, message } from "./support.ts";

Deno.test("without init: wasm, at once", async () => {
  assertEquals(defaultDevice(), "wasm");
  assert(devices().includes("wasm"));
  assertEquals(withDevice("wasm", () => zeros([2]).device), "wasm");
  assertEquals(withDevice("wasm", () => defaultDevice()), "wasm");
  await synchronize();
  await synchronize("wasm");
  message(() => withDevice("cuda" as never, () => 1), DeviceError, "cuda");
  message(() => zeros([1], { device: "gpu" as never }), DeviceError, "gpu");
  message(() => tensor([1]).to("gpu" as never), DeviceError, "gpu");
});

Deno.test("init: wasm and auto; unknown devices and options are refused", async () => {
  assertEquals(await init({ device: "wasm" }), "wasm");
  const taken = await init({ device: "auto" });
  assert(taken === "wasm" || taken === "webgpu");
  await init({ device: "wasm", threads: 1 });
  await assertRejects(async () => await init({ device: "tpu" as never }), DamoError);
  assertEquals(await init(), await init({ device: "auto" }));
  await init({ device: "wasm" });
  assertEquals(defaultDevice(), "wasm");
});

Deno.test("memory: live, pool, peak of each device", () => {
  const before = memory();
  for (const device of ["wasm", "webgpu"] as const) {
    for (const key of ["live", "pool", "peak"] as const) assert(before[device][key] >= 0, `${device} ${key}`);
  }
  const big = ones([250_000]);
  big.sum().itemSync();
  const during = memory();
  assert(during.wasm.live >= before.wasm.live + 1_000_000, JSON.stringify([before, during]));
  assert(during.wasm.peak >= during.wasm.live);
  big.dispose();
  assert(memory().wasm.live <= during.wasm.live - 1_000_000);
});

Deno.test("scope disposes what was made inside, but not its result, nor what a Shared took", () => {
  const w = shared(zeros([3]));
  let inner: Tensor | undefined;
  const out = scope(() => {
    inner = ones([3]);
    w.value = inner.mul(2);
    return { sum: inner.add(1), text: "kept" };
  });
  assertEquals([list(out.sum), out.text, list(w.value)], [[2, 2, 2], "kept", [2, 2, 2]]);
  message(() => inner!.sum(), DisposedError);
  let kept: Tensor, lost: Tensor;
  {
    using s = scope();
    lost = ones([2]);
    kept = s.keep(ones([2]));
    assertEquals(list(lost.add(1)), [2, 2]);
  }
  assertEquals([lost.disposed, kept.disposed], [true, false]);
  assertEquals(list(scope(() => scope(() => ones([1]).mul(3)))), [3]);
  const f = jit((x: Tensor) => x.mul(2));
  assertEquals(list(scope(() => f(ones([2])))), [2, 2]);
  // A shared variable keeps its value when a tensor that is that value is disposed.
  {
    using read = jit(() => w.value)();
    assertEquals(list(read), [2, 2, 2]);
    w.value.dispose();
  }
  assertEquals(list(w.value), [2, 2, 2]);
  let thrown: unknown;
  let made: Tensor | undefined;
  try {
    scope(() => {
      made = ones([2]);
      throw new Error("inside");
    });
  } catch (error) {
    thrown = error;
  }
  assertEquals([(thrown as Error).message, made!.disposed], ["inside", true]);
});

Deno.test("no permission flag is needed to import Damo or to compute with it", async () => {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  const entry = new URL("../../lib/mod.ts", import.meta.url).href;
  await Deno.writeTextFile(
    file,
    `import * as damo from ${JSON.stringify(entry)};
const f = damo.jit(damo.grad((x: damo.Tensor) => x.matmul(x).tanh().sum()));
console.log(f(damo.ones([64, 64])).shape.join(), damo.random.normal(damo.random.key(1), [2]).size, await damo.init());`,
  );
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--no-prompt", file],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assertEquals(code, 0, text);
  assert(text.includes("64,64 2 "), text);
});

const gpu = await init({ device: "webgpu" }).then(() => true, () => false);
await init({ device: "wasm" });

Deno.test({
  name: "webgpu, where there is one: placement, two devices in one operation, float64, edges alike",
  ignore: !gpu,
  fn: async () => {
    const g = tensor([1, 2], { device: "webgpu" }), w = tensor([1, 2]);
    assertEquals([g.device, g.add(1).device, g.to("wasm").device, w.to("webgpu").device], [
      "webgpu",
      "webgpu",
      "wasm",
      "webgpu",
    ]);
    assertEquals(withDevice("webgpu", () => zeros([2]).device), "webgpu");
    assert(devices().includes("webgpu"));
    for (const mix of [() => g.add(w), () => jit((a: Tensor, b: Tensor) => a.mul(b))(g, w)]) {
      message(mix, DeviceError, "float32[2]", "wasm", "webgpu", "section_11_devices_test.ts:");
    }
    message(() => jit((a: Tensor) => a.add(w))(g), DeviceError, "webgpu", "wasm");
    message(() => g.cast("float64"), DTypeError, "float64", 'cast("float32")', "section_11_devices_test.ts:");
    const wide = new Float64Array([0.1]);
    message(() => tensor(wide, { device: "webgpu" }), DTypeError, "cast", "setDefaultFloat");
    const x = withDevice("webgpu", () => tensor([NaN, 1e20, -1e20, 3.7]));
    assertEquals(await x.cast("int32").array() as unknown, [0, 2147483647, -2147483648, 3]);
    assertEquals(await x.cast("uint8").array() as unknown, [0, 255, 0, 3]);
    const i = withDevice("webgpu", () => tensor([7, -7], { dtype: "int32" }));
    assertEquals(await i.floorDiv(0).array() as unknown, [0, 0]);
    assertEquals(await i.mod(0).array() as unknown, [0, 0]);
    await synchronize("webgpu");
    assert(memory().webgpu.live > 0);
  },
});
