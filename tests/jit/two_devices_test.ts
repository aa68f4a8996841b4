/** Tensors of WebGPU while WebAssembly is the default device, and the other way round. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  add,
  arange,
  computed,
  cond,
  type Device,
  DeviceError,
  eye,
  grad,
  init,
  io,
  jit,
  linalg,
  nn,
  nonzero,
  oneHot,
  ones,
  optim,
  random,
  scan,
  shared,
  sparse,
  type Tensor,
  tensor,
  tril,
  where,
  withDevice,
  zeros,
} from "@damo/damo";
import { isWebGpuRequired } from "../support/require_webgpu.ts";

async function findWebGpu(): Promise<boolean> {
  try {
    await init({ device: "webgpu" });
    return true;
  } catch (error) {
    if (isWebGpuRequired()) throw error;
    return false;
  } finally {
    await init({ device: "wasm" });
  }
}

const available = await findWebGpu();

/** Runs a body with tensors of each device while the other one is the default. */
function crossTest(promise: string, body: (device: Device) => void): void {
  for (const [device, fallback] of [["webgpu", "wasm"], ["wasm", "webgpu"]] as const) {
    Deno.test({
      name: `${promise} (${device} beside ${fallback})`,
      ignore: !available,
      sanitizeResources: false,
      sanitizeOps: false,
      fn: () => withDevice(fallback, () => body(device)),
    });
  }
}

function other(device: Device): Device {
  return device === "wasm" ? "webgpu" : "wasm";
}

/** A result on a device, as nested arrays. */
function on(device: Device, x: Tensor): unknown {
  assertEquals(x.device, device);
  return x.arraySync();
}

crossTest("arrays among the operands go to the device of the tensors", (device) => {
  const x = tensor([1, 2, 3], { device });
  assertEquals(on(device, x.add([1, 1, 1])), [2, 3, 4]);
  assertEquals(on(device, add(new Float32Array([1, 1, 1]), x)), [2, 3, 4]);
  assertEquals(on(device, where([true, false, true], x, [7, 8, 9])), [1, 8, 3]);
  assertEquals(on(device, x.at([0, -1])), [1, 3]);
  assertEquals(on(device, x.at([true, false, true])), [1, 3]);
  assertEquals(on(device, x.with([[0, 1]], [5, 6])), [5, 6, 3]);
  assertEquals(on(device, x.withAdded([[0, 0]], 1)), [3, 2, 3]);
  assertEquals(on(device, nn.mse(x, [1, 2, 6])), 3);
  assertEquals(on(device, grad((x: Tensor) => x.mul([1, 2, 3]).sum())(x)), [1, 2, 3]);
});

crossTest("what library functions make for themselves lies where their operands do", (device) => {
  const x = tensor([[4, 1], [1, 3]], { device }), mask = tensor([true, false], { device });
  assertEquals(on(device, tril(x)), [[4, 0], [1, 3]]);
  assertEquals(on(device, oneHot(tensor([1, 0], { dtype: "int32", device }), 2)), [[0, 1], [1, 0]]);
  assertEquals(on(device, x.at(mask)), [[4, 1]]);
  assertEquals(on(device, nonzero(mask)[0]), [0]);
  assertEquals(on(device, linalg.matrixPower(x, 0)), [[1, 0], [0, 1]]);
  assertEquals(on(device, cond(true, (x: Tensor) => x, (x: Tensor) => x.neg(), x) as Tensor), [[4, 1], [
    1,
    3,
  ]]);
  const [last] = scan((c: Tensor, row: Tensor) => [c.add(row.sum()), c], 0, x) as [Tensor, Tensor];
  assertEquals(on(device, last), 9);
  const key = random.key(3).to(device);
  const here = random.choice(key, x, [3], { p: [0.5, 0.5] });
  assertEquals(
    on(device, here),
    random.choice(key.to(other(device)), x.to(other(device)), [3], { p: [0.5, 0.5] }).arraySync(),
  );
  const rows = sparse.fromDense(x);
  assertEquals(on(device, sparse.matmul(rows, tensor([1, 1], { device }))), [5, 4]);
  const layer = withDevice(device, () => new nn.LSTM(2, 3, { seed: 1 }));
  assertEquals(layer.forward(x.expandDims(0)).device, device);
});

crossTest(
  "tensors that users made on two devices are a DeviceError that names what was written",
  (device) => {
    const x = tensor([1, 2], { device });
    for (const made of [tensor([1, 2]), ones([2]), zeros([2]), arange(2), eye(2)]) {
      assertThrows(() => x.add(made), DeviceError, "add: the operands are on two devices");
    }
    assertThrows(() => where(x.gt(1), tensor([1, 2]), 0), DeviceError, "where: the operands");
    assertThrows(() => x.at(tensor([0], { dtype: "int32" })), DeviceError, "at or take: the operands");
    assertThrows(() => x.dot(ones([2])), DeviceError, "matmul: the operands");
    assertThrows(() => jit((a: Tensor, b: Tensor) => a.add(b))(x, ones([2])), DeviceError, "argument b");
  },
);

crossTest(
  "a compiled function without tensors among its arguments runs where those it uses are",
  (device) => {
    const x = tensor([1, 2], { device }), w = shared([3, 4], { device, name: "w" });
    let traces = 0;
    const scaled = jit((k: number) => (traces++, x.mul(k).add([1, 1])));
    assertEquals([on(device, scaled(2)), on(device, scaled(3))], [[3, 5], [4, 7]]);
    // One look at what it uses, and the trace that is kept.
    assertEquals([traces, scaled.cacheSize, scaled.traces.length], [2, 1, 1]);
    assertEquals(on(device, computed(() => w.value.mul(2)).value), [6, 8]);
    const either = jit((mine: boolean) => mine ? w.value.neg() : ones([2]));
    for (let i = 0; i < 2; i++) {
      assertEquals(on(device, either(true)), [-3, -4]);
      assertEquals(on(other(device), either(false)), [1, 1]);
    }
    assertEquals(either.traces.length, 2);
    const both = jit(() =>
      x.add(ones([2], { device }).mul(w)).add(tensor([1, 1], { device: other(device) }))
    );
    assertThrows(() => both(), DeviceError);
    const confused = jit(() => withDevice(other(device), () => x.add(1)).add(w));
    assertEquals(on(device, confused()), [5, 7]);
  },
);

crossTest(
  "compiled functions follow a shared variable to another device, or say that it has moved",
  (device) => {
    const w = shared([1, 2], { device, name: "weights" }), x = tensor([1, 1], { device });
    const alone = jit(() => w.value.mul(2)), withArgument = jit((x: Tensor) => x.mul(w));
    const twice = computed(() => w.value.add(w));
    assertEquals([alone(), withArgument(x), twice.value].map((y) => on(device, y)), [[2, 4], [1, 2], [2, 4]]);
    w.value = w.value.to(other(device));
    assertEquals(on(other(device), alone()), [2, 4]);
    assertEquals(on(other(device), twice.value), [2, 4]);
    assertThrows(() => withArgument(x), DeviceError, `uses the shared variable "weights"`);
    assertEquals(on(other(device), withArgument(x.to(other(device)))), [1, 2]);
    w.value = w.value.to(device);
    assertEquals([alone(), withArgument(x), twice.value].map((y) => on(device, y)), [[2, 4], [1, 2], [2, 4]]);
  },
);

crossTest(
  "optimisers keep their state beside the parameters, and loaded state goes where the variables are",
  (device) => {
    const w = shared([1, -2], { device });
    const optimizer = optim.adam([w], { lr: 0.5 });
    const step = jit(() => optimizer.step(grad(w.value.square().sum(), [w])));
    step();
    assertEquals(on(device, w.peek()), [0.5, -1.5]);
    const saved = Object.fromEntries(
      Object.entries(optimizer.stateDict()).map(([name, x]) => [name, x.to(other(device))]),
    );
    optimizer.loadStateDict(saved);
    step();
    assertEquals(w.device, device);
    const pure = optim.adam({ w }, { lr: 0.5 });
    const parameters = { w: tensor([1, -2], { device }) };
    const [next] = pure.apply({ w: tensor([2, -4], { device }) }, pure.init(parameters), parameters);
    assertEquals(on(device, next.w), [0.5, -1.5]);
    const layer = withDevice(device, () => new nn.Linear(2, 1, { seed: 1 }));
    layer.loadStateDict({ weight: [[1], [2]], bias: [3] });
    assertEquals(on(device, layer.forward([1, 1])), [6]);
    assert(layer.parameters().every((parameter) => parameter.device === device));
  },
);

Deno.test({
  name: "tensors from files go where what they meet lies, and into shared variables there",
  ignore: !available,
  sanitizeResources: false,
  sanitizeOps: false,
  async fn() {
    const bytes = await io.encode({ w: tensor([1, 2]) }, "npz");
    const wide = await withDevice(
      "webgpu",
      () => io.encode({ x: Float64Array.of(0.1), y: 2 }, "safetensors"),
    );
    const { x, y } = await withDevice("webgpu", () => io.decode(wide));
    // WebGPU has no float64: such an array waits to be cast.
    assertEquals([x.dtype, x.device, y.device], ["float64", "wasm", "webgpu"]);
    assertEquals(on("webgpu", tensor([2], { device: "webgpu" }).add(x.cast("float32")).round()), [2]);
    for (const device of ["webgpu", "wasm"] as const) {
      const { w } = await withDevice(other(device), () => io.decode(bytes)) as unknown as { w: Tensor };
      const kept = shared(zeros([2], { device }));
      kept.value = w;
      assertEquals(on(device, kept.value), [1, 2]);
      assertEquals(on(device, tensor([1, 1], { device }).add(w)), [2, 3]);
      // What is asked for by name stays.
      assertThrows(() => tensor([1, 1], { device }).add(tensor(w)), DeviceError);
    }
  },
});
