import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  DamoError,
  defaultDevice,
  DeviceError,
  devices,
  DisposedError,
  init,
  jit,
  memory,
  scope,
  shared,
  synchronize,
  type Tensor,
  tensor,
  withDevice,
} from "@damo/damo";

Deno.test("wasm is there at once and the default", async () => {
  assert(devices().includes("wasm"));
  assertEquals(defaultDevice(), "wasm");
  assertEquals(await init({ device: "wasm" }), "wasm");
  assertEquals(withDevice("wasm", () => tensor([1]).device), "wasm");
  await synchronize();
});

Deno.test("a device that is not there is a DeviceError that names those that are", async () => {
  const error = assertThrows(() => withDevice("cuda" as never, () => 1), DeviceError);
  assert(error.message.startsWith('There is no device "cuda".'), error.message);
  assert(error.message.includes('"wasm"'), error.message);
  await assertRejects(() => init({ device: "cuda" as never }), DeviceError, "cuda");
});

Deno.test("options of init are checked: their names, and that counts are whole numbers", async () => {
  for (const threads of [0, -1, 1.5, NaN, "2" as never]) {
    await assertRejects(() => init({ device: "wasm", threads }), DamoError, "is not a number of threads");
  }
  await assertRejects(() => init({ device: "wasm", memory: 0.5 }), DamoError, "is not a number of bytes");
  await assertRejects(() => init({ cores: 2 } as never), DamoError, 'unknown option "cores"');
});

Deno.test("memory counts what tensors hold", () => {
  const before = memory().wasm.live;
  const x = tensor(new Float32Array(1 << 16));
  const { live, pool, peak } = memory().wasm;
  assert(live >= before + 4 * (1 << 16));
  assert(peak >= live && pool >= 0);
  x.dispose();
  assert(memory().wasm.live <= live - 4 * (1 << 16));
});

Deno.test("a scope disposes what was made inside, except its result", () => {
  let inner: Tensor | undefined;
  const x = tensor([3, 4]);
  const { length, parts } = scope(() => {
    inner = x.mul(x);
    return { length: inner.sum().sqrt(), parts: [x, x.add(1)] };
  });
  assertEquals([length.itemSync(), parts[1].arraySync(), x.arraySync()], [5, [4, 5], [3, 4]]);
  assert(inner!.disposed);
  assertThrows(() => inner!.dataSync(), DisposedError);
});

Deno.test("scopes nest, keep, and end with their block", () => {
  const made: Tensor[] = [];
  let kept: Tensor;
  {
    using outer = scope();
    made.push(tensor([1]));
    const result = scope(() => {
      made.push(tensor([2]));
      return made[1].add(1);
    });
    made.push(result);
    assertEquals(result.disposed, false);
    kept = outer.keep(made[0].add(10));
  }
  assertEquals(made.map((t) => t.disposed), [true, true, true]);
  assertEquals(kept.arraySync(), [11]);
});

Deno.test("a scope leaves the values of shared variables and what compiled functions captured alone", () => {
  const w = shared([1, 2]);
  const f = jit((x: Tensor) => x.add(tensor([10, 20])));
  const result = scope(() => {
    w.value = w.value.add(1);
    return f(tensor([1, 2]));
  });
  assertEquals([w.value.arraySync(), result.arraySync()], [[2, 3], [11, 22]]);
  assertEquals(f(tensor([0, 0])).arraySync(), [10, 20]);
});

Deno.test("a scope whose function throws disposes too, and an asynchronous one is refused", () => {
  let made: Tensor | undefined;
  assertThrows(
    () =>
      scope(() => {
        made = tensor([1]);
        throw new Error("stop");
      }),
    Error,
    "stop",
  );
  assert(made!.disposed);
  assertThrows(() => scope(() => Promise.resolve(1)), DamoError, "asynchronous");
  assertEquals(tensor([1]).add(1).arraySync(), [2]);
});

Deno.test("using on a tensor disposes it at the end of its block", () => {
  let outside: Tensor;
  {
    using x = tensor([1, 2]);
    outside = x;
    assertEquals(x.arraySync(), [1, 2]);
  }
  assert(outside.disposed);
});
