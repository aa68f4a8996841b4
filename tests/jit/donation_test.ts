import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { DonatedError, jit, shared, type Tensor, tensor } from "@damo/damo";
import { deviceTest } from "../support/devices.ts";

deviceTest("a donated tensor is gone: the error names function, argument and both lines", () => {
  const step = jit((x: Tensor, y: Tensor) => x.add(y), { name: "step", donate: [0] });
  const x = tensor([1, 2]), y = tensor([3, 4]);
  assertEquals(step(x, y).arraySync(), [4, 6]);
  const error = assertThrows(() => x.add(1), DonatedError);
  const lines = error.message.split("\n");
  assertMatch(
    lines[0],
    /^A tensor float32\[2\] was used after it had been donated to step as argument x, called at .*donation_test\.ts:8:\d+\)?\.$/,
  );
  assertMatch(lines[1], /donation_test\.ts:9:/);
  assertMatch(lines[2], /leave the argument out of \{ donate \}/);
  assertEquals(y.arraySync(), [3, 4]);
});

deviceTest("reading, passing and printing a donated tensor", () => {
  const f = jit((x: Tensor) => x.mul(2), { donate: true, name: "f" });
  const x = tensor([1]);
  f(x);
  assertThrows(() => x.dataSync(), DonatedError);
  assertThrows(() => x.arraySync(), DonatedError);
  assertThrows(() => f(x), DonatedError);
  assertThrows(() => jit((x: Tensor) => x)(x), DonatedError);
  assertThrows(() => shared(x), DonatedError);
  assert(String(x).includes("donated"));
  assertEquals(x.shape, [1]);
});

deviceTest("trees of donated leaves; numbers and other arguments are left alone", () => {
  const f = jit(
    (params: { w: Tensor; bs: Tensor[] }, rate: number, x: Tensor) => ({
      w: params.w.sub(x.mul(rate)),
      bs: params.bs.map((b) => b.add(1)),
    }),
    { donate: [0], name: "train" },
  );
  let params = { w: tensor([1, 2]), bs: [tensor([3]), tensor([4])] };
  const first = params, x = tensor([1, 1]);
  for (let i = 0; i < 3; i++) params = f(params, 0.5, x);
  assertEquals(params.w.arraySync(), [-0.5, 0.5]);
  assertEquals(params.bs.map((b) => b.arraySync()), [[6], [7]]);
  assertEquals(x.arraySync(), [1, 1]);
  assertThrows(() => first.bs[1].add(1), DonatedError, "donated to train as argument params.bs[1]");
  assertEquals(f.cacheSize, 1);
});

deviceTest("a tensor cannot be donated twice in one call", () => {
  const f = jit((x: Tensor, y: Tensor) => x.add(y), { donate: true, name: "f" });
  const x = tensor([1]);
  const error = assertThrows(() => f(x, x), DonatedError);
  assertEquals(
    error.message.split("\n")[0],
    "f: argument x and argument y are the same tensor, and one of them is donated.",
  );
  assertEquals(x.arraySync(), [1], "a refused call leaves the tensor usable");
});

deviceTest(
  "a donated tensor cannot come in another way too: as an argument, captured, or as a shared value",
  () => {
    const x = tensor([1, 2]);
    const both = jit((a: Tensor, b: Tensor) => a.add(b), { donate: [1], name: "both" });
    assertThrows(() => both(x, x), DonatedError, "both: argument a and argument b are the same tensor");

    const captures = jit((a: Tensor) => a.add(x), { donate: [0], name: "captures" });
    assertThrows(
      () => captures(x),
      DonatedError,
      "captures: argument a and the captured tensor float32[2] are the same tensor",
    );
    assertEquals(captures(tensor([1, 1])).arraySync(), [2, 3]);

    const w = shared([1, 2], { name: "w" });
    const reads = jit((a: Tensor) => a.add(w.value), { donate: [0], name: "reads" });
    assertThrows(() => reads(w.value), DonatedError, "reads: argument a is the value of a shared variable");
    assertEquals(w.value.arraySync(), [1, 2]);
  },
);

deviceTest("a donated argument may be returned as it is", () => {
  const f = jit((x: Tensor) => [x, x.add(1)], { donate: [0] });
  const x = tensor([1, 2]);
  const [same, next] = f(x);
  assertEquals([same.arraySync(), next.arraySync()], [[1, 2], [2, 3]]);
  assertThrows(() => x.dataSync(), DonatedError);
});

deviceTest("a call that fails while it is traced donates nothing", () => {
  const f = jit((x: Tensor) => {
    if (x.shape[0] > 1) throw new Error("too long");
    return x.add(1);
  }, { donate: [0] });
  const x = tensor([1, 2]);
  assertThrows(() => f(x), Error, "too long");
  assertEquals(x.arraySync(), [1, 2]);
});

deviceTest("inside another trace donation has no effect", () => {
  const inner = jit((x: Tensor) => x.add(1), { donate: [0] });
  const f = jit((x: Tensor) => inner(x).add(x));
  const x = tensor([1]);
  assertEquals(f(x).arraySync(), [3]);
  assertEquals(x.arraySync(), [1]);
});
