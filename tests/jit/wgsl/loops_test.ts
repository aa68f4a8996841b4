/** Loops that the device runs by itself: their length, their end, and what they are made of. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { forLoop, grad, jit, scan, type Tensor, tensor, whileLoop } from "@damo/damo";
import { onDevice } from "./default_device.ts";

onDevice("a loop over a small state is one shader, and one over a large state is not", () => {
  const run = jit((x: Tensor) => forLoop(10, (_, c) => c.mul(0.5).add(1), x));
  assert(run.lower(tensor([1, 2, 3])).wgsl().includes("a loop of 10 in one shader"));
  const large = tensor(new Float32Array(100_000));
  assert(!run.lower(large).wgsl().includes("in one shader"));
  assertAlmostEquals(run(large).at(99_999).itemSync(), 2 - 2 ** -9, 1e-6);
});

onDevice("more steps than a software adapter lets an invocation take", () => {
  const n = 200_003;
  const [last, rows] = jit((xs: Tensor) =>
    scan((c: Tensor, x: Tensor) => [c.add(x), c.add(x)], tensor(0), xs)
  )(
    tensor(Float32Array.from({ length: n }, (_, i) => i % 2)),
  ) as [Tensor, Tensor];
  assertEquals(last.itemSync(), 100_001);
  const counts = rows.dataSync();
  assert(counts.every((value, i) => value === Math.floor((i + 1) / 2)));
});

onDevice("a while loop of unknown length ends at its step, however long it is", () => {
  const count = jit((limit: Tensor) => whileLoop((c) => c.lt(limit), (c) => c.add(1), tensor(0)));
  for (const steps of [0, 1, 31, 32, 33, 160, 161, 100_001]) {
    assertEquals(count(tensor(steps)).itemSync(), steps);
  }
});

onDevice("the tape of a long while loop grows between blocks of steps", () => {
  const shrink = (x: Tensor) => whileLoop((c) => c.gt(1), (c) => c.mul(0.99), x);
  const steps = Math.ceil(Math.log(50) / -Math.log(0.99));
  assertAlmostEquals(grad(shrink)(tensor(50)).itemSync(), 0.99 ** steps, 1e-6);
});

onDevice("loops inside loops, stopping early, with packed types and integers in their state", () => {
  const run = jit((xs: Tensor) =>
    scan(
      ([sum, seen]: [Tensor, Tensor], x: Tensor) => {
        const inner = forLoop(3, (i, c) => c.add(x.mul(i.cast("float32"))), sum);
        return [[inner, seen.or(x.gt(2))] as [Tensor, Tensor], seen];
      },
      [tensor(0), tensor(false)] as [Tensor, Tensor],
      xs,
      { until: ([sum]) => sum.gt(20) },
    )
  );
  const [[sum, seen], flags, count] = run(tensor([1, 2, 3, 4, 5])) as unknown as [
    [Tensor, Tensor],
    Tensor,
    Tensor,
  ];
  assertEquals([sum.itemSync(), seen.itemSync(), count.itemSync()], [30, true, 4]);
  assertEquals(flags.arraySync(), [false, false, false, true, false]);
});
