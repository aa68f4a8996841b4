/** wgslKernel: shaders of the user's own, alone, compiled, in loops, batched, differentiated, and refused. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  DeviceError,
  DTypeError,
  forLoop,
  grad,
  jit,
  scan,
  ShapeError,
  synchronize,
  type Tensor,
  tensor,
  vmap,
  wgslKernel,
  withDevice,
  zeros,
} from "@damo/damo";
import { onDevice } from "./default_device.ts";

const TRIPLE = `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < arrayLength(&y)) { y[id.x] = 3 * x[id.x] + f32(arrayLength(&x)) * 0; }
}`;

const size = ({ shape }: { shape: readonly number[] }) => shape.reduce((a, b) => a * b, 1);

const triple = wgslKernel({
  name: "triple",
  code: TRIPLE,
  inputs: [{ name: "x", dtype: "float32" }],
  outputs: (x) => x,
  workgroups: ([x]) => Math.ceil(size(x) / 64),
  vjp: (_inputs, _results, [cotangent]) => [cotangent.mul(3)],
});

onDevice("a shader computes outside and inside compiled functions, on views and plain numbers too", () => {
  const x = tensor([[1, 2, 3], [4, 5, 6]]);
  assertEquals(triple(x).arraySync(), [[3, 6, 9], [12, 15, 18]]);
  const f = jit((x: Tensor, k: number) => triple(x.transpose().mul(k)).at(1).add(triple(x.at(0, 2))));
  assertEquals(f(x, 2).arraySync(), [12 + 9, 30 + 9]);
  assertEquals(triple(2).itemSync(), 6);
  assertEquals(triple(zeros([0])).shape, [0]);
  const many = tensor(Float32Array.from({ length: 1000 }, (_, i) => i));
  assertEquals(triple(many).dataSync()[999], 2997);
});

onDevice("it works in loops, under vmap, and with its derivative", () => {
  const f = (xs: Tensor) => scan((c: Tensor, x: Tensor) => [c.add(triple(x)), triple(c)], tensor(0), xs);
  const [sum, before] = jit(f)(tensor([1, 2, 3])) as [Tensor, Tensor];
  assertEquals([sum.itemSync(), before.arraySync()], [18, [0, 9, 27]]);
  assertEquals(vmap((x: Tensor) => triple(x))(tensor([[1, 2], [3, 4]])).arraySync(), [[3, 6], [9, 12]]);
  assertEquals(jit(grad((x: Tensor) => triple(x).square().sum()))(tensor([1, 2])).arraySync(), [18, 36]);
});

onDevice("several results, integers, and code written for the types of the call", () => {
  const halves = wgslKernel({
    name: "halves",
    code: ([x]) => `
@group(0) @binding(0) var<storage, read> x: array<i32, ${size(x)}>;
@group(0) @binding(1) var<storage, read_write> low: array<i32>;
@group(0) @binding(2) var<storage, read_write> isOdd: array<u32>;
@compute @workgroup_size(1)
fn halve(@builtin(workgroup_id) id: vec3u) {
  low[id.x] = x[id.x] / 2;
  isOdd[id.x] = u32(x[id.x] & 1);
}`,
    entryPoint: "halve",
    outputs: (x): [typeof x, typeof x] => [x, { ...x, dtype: "uint32" }],
    workgroups: ([x]) => [x.shape[0], 1],
  });
  const [low, odd] = halves(tensor([7, 8, 9], { dtype: "int32" }));
  assertEquals([low.arraySync(), odd.arraySync()], [[3, 4, 4], [1, 0, 1]]);
});

onDevice("what does not fit is refused in words", () => {
  assertThrows(() => triple(tensor([1], { dtype: "int32" })), DTypeError, "the kernel reads float32");
  const wide = wgslKernel({ name: "wide", code: TRIPLE, outputs: (x) => x, workgroups: () => 65_536 });
  assertThrows(() => wide(tensor([1])), ShapeError, "workgroups is 65536");
});

onDevice(
  "a shader with a mistake never gives a result: the kernel is named, and then the reason",
  async () => {
    const wrong = wgslKernel({
      name: "wrong",
      code: TRIPLE.replace("3 * x[id.x]", "3u * x[id.x]"),
      outputs: (x) => x,
      workgroups: () => 1,
    });
    const f = jit((x: Tensor) => wrong(x).add(1), { name: "f" });
    const error = assertThrows(() => f(tensor([1, 2])).dataSync(), DeviceError, "refused");
    assert(error.message.includes("wrong") && error.message.includes("user_kernel_test.ts"), error.message);
    const reason = await assertRejects(() => synchronize("webgpu"), DeviceError, "wrong");
    assert(reason.message.includes("3u * x[id.x]"), reason.message);
    withDevice("webgpu", () => assertEquals(triple(tensor([1])).arraySync(), [3]));
  },
);

/** Submissions while `body` runs. */
function submissions(body: () => void): number {
  const queue = GPUQueue.prototype, { submit } = queue;
  let count = 0;
  queue.submit = function (this: GPUQueue, buffers) {
    count++;
    submit.call(this, buffers);
  };
  try {
    body();
  } finally {
    queue.submit = submit;
  }
  return count;
}

onDevice(
  "work starts before all of a program is compiled, and no mistake in either part is missed",
  async () => {
    const kernel = (name: string, code: string) =>
      wgslKernel({ name, code, inputs: [{ dtype: "float32" }], outputs: (x) => x, workgroups: () => 1 });
    const halve = kernel("halve", TRIPLE.replace("3 * x[id.x]", "0.5 * x[id.x] + 1"));
    const negate = kernel("negate", TRIPLE.replace("3 * x[id.x]", "-x[id.x]"));
    const program = (step: typeof halve, last: typeof halve) =>
      jit((x: Tensor) => last(forLoop(100, (_, c) => step(c), x)), { name: "f" });
    const right = program(halve, negate), x = tensor([1, 2, 3]);
    const first = submissions(() => assertEquals(right(x).arraySync(), [-2, -2, -2]));
    const second = submissions(() => assertEquals(right(x).arraySync(), [-2, -2, -2]));
    // The part that starts early, and the reading that proves both.
    assertEquals(first, second + 2);
    const wrong = (name: string) => kernel(name, TRIPLE.replace("3 * x[id.x]", `${name}(x[id.x])`));
    for (
      const [name, f] of [["early", program(wrong("early"), negate)], [
        "late",
        program(halve, wrong("late")),
      ]] as const
    ) {
      const error = assertThrows(() => f(x), DeviceError, "refused");
      assert(error.message.includes(`(${name}`), error.message);
      await assertRejects(() => synchronize("webgpu"), DeviceError, name);
    }
    withDevice("webgpu", () => assertEquals(right(x).arraySync(), [-2, -2, -2]));
  },
);

Deno.test("on another device a shader is refused with the remedies, or its fallback computes", () => {
  const x = withDevice("wasm", () => tensor([1, 2]));
  const error = assertThrows(() => triple(x).dataSync(), DeviceError, "triple is a WebGPU shader");
  assert(error.message.includes('.to("webgpu")') && error.message.includes("fallback"));
  const either = wgslKernel({
    name: "either",
    code: TRIPLE,
    outputs: (x) => x,
    workgroups: () => 1,
    fallback: (x) => x.data.map((value) => 3 * value),
  });
  assertEquals(jit((x: Tensor) => either(x).add(1))(x).arraySync(), [4, 7]);
  assertEquals(vmap((x: Tensor) => either(x))(x.reshape([2, 1])).arraySync(), [[3], [6]]);
});
