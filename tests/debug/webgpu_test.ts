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

gpuTest(
  "on WebGPU the interpreting modes take captured tensors and shared variables, and give tensors there",
  () =>
    withDevice("webgpu", () => {
      for (const mode of ["reference", "debug"] as const) {
        const w = shared([1, 2]), captured = tensor([3, 4]);
        const f = jit((x: Tensor) => {
          w.value = w.value.add(x);
          return x.mul(w.value).add(captured).add(tensor([5, 6]));
        }, { mode });
        const result = f(tensor([10, 20]));
        assertEquals([result.device, w.value.device], ["webgpu", "webgpu"]);
        assertEquals(result.add(captured).arraySync(), [121, 454]);
        assertEquals(f(tensor([0, 0])).arraySync(), [8, 10]);
        assertEquals(w.value.arraySync(), [11, 22]);
        assertEquals(jit(() => captured.mul(2), { mode })().arraySync(), [6, 8]);
        const donating = jit((x: Tensor) => x.add(1), { mode, donate: [0] });
        assertEquals(donating(donating(tensor([1, 2]))).arraySync(), [3, 4]);
      }
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
