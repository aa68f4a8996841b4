import { assert, assertEquals, assertThrows } from "@std/assert";
import { grad, init, jit, NonFiniteError, print, shared, type Tensor, tensor, withDevice } from "@damo/damo";
import { gpuTest, webgpu } from "../jit/wgsl/support.ts";

if (webgpu !== null) {
  await init({ device: "webgpu" });
  await init({ device: "wasm" });
}

gpuTest(
  "on WebGPU a guard names the operation, its operands and the backward pass, and state survives",
  () =>
    withDevice("webgpu", () => {
      const w = shared([1, 2], { name: "w" });
      const f = jit((x: Tensor) => {
        const root = (x: Tensor) => x.square().sum().sqrt();
        const gradient = grad(root)(x);
        w.value = w.value.add(gradient);
        return gradient;
      }, { guard: { nan: true } });
      const [a, b] = f(tensor([3, 4])).arraySync() as number[];
      assert(Math.abs(a - 0.6) < 1e-5 && Math.abs(b - 0.8) < 1e-5);
      const before = w.value.arraySync();
      const error = assertThrows(() => f(tensor([0, 0])), NonFiniteError);
      assert(error.message.includes("webgpu_test.ts:16:"), error.message);
      assert(error.message.includes("in the backward pass (grad of root)"), error.message);
      assertEquals(w.value.arraySync(), before);
    }),
);

gpuTest("on WebGPU prints come in the order of the program", () => {
  const lines: string[] = [];
  const log = console.log;
  console.log = (text: string) => lines.push(text);
  try {
    withDevice("webgpu", () => {
      const f = jit((x: Tensor) => print(print(x, "x").mul(2), "doubled", { show: ["mean", "max"] }).sum());
      f(tensor([1, 3]));
    });
  } finally {
    console.log = log;
  }
  assertEquals(lines, ["x: [1, 3] float32[2]", "doubled: mean 4, max 6"]);
});

gpuTest(
  "on WebGPU a profile has kernels of type wgsl and what reading back took",
  () =>
    withDevice("webgpu", () => {
      const f = jit((x: Tensor) => x.sin().sum(), { name: "wave", profile: true });
      f(tensor([1, 2, 3])).itemSync();
      const text = String(f.profile);
      assert(/\bwgsl\b/.test(text), text);
      assert(text.includes("from the device: wave"), text);
    }),
);
