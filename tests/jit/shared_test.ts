import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  check,
  CheckError,
  computed,
  DamoError,
  DTypeError,
  jit,
  ShapeError,
  shared,
  type Tensor,
  tensor,
  update,
} from "@damo/damo";
import { deviceTest } from "../support/devices.ts";

deviceTest("reading and assigning inside a compiled function", () => {
  const w = shared([1, 2], { name: "w" });
  const step = jit((x: Tensor) => {
    const before = w.value;
    w.value = before.add(x);
    return { before, after: w.value };
  });
  const { before, after } = step(tensor([10, 10]));
  assertEquals([before.arraySync(), after.arraySync(), w.value.arraySync()], [[1, 2], [11, 12], [11, 12]]);
  for (let i = 0; i < 3; i++) step(tensor([1, 1]));
  assertEquals(w.value.arraySync(), [14, 15]);
  assertEquals(
    [before.arraySync(), after.arraySync()],
    [[1, 2], [11, 12]],
    "results never change afterwards",
  );
  assertEquals(step.cacheSize, 1);
});

deviceTest("a value read outside is never overwritten by later calls", () => {
  const w = shared([1, 2]);
  const step = jit(() => {
    w.value = w.value.mul(2);
  });
  const seen: Tensor[] = [];
  for (let i = 0; i < 4; i++) {
    if (i % 2 === 0) seen.push(w.value);
    step();
    step();
  }
  assertEquals(seen.map((t) => t.arraySync()), [[1, 2], [16, 32]]);
  assertEquals(w.value.arraySync(), [256, 512]);
});

deviceTest("assignments outside act at once and are seen by the next call", () => {
  const w = shared(2);
  const f = jit((x: Tensor) => x.mul(w.value));
  assertEquals(f(tensor(3)).itemSync(), 6);
  w.value = 10;
  assertEquals(f(tensor(3)).itemSync(), 30);
  w.value = tensor(0.5);
  assertEquals(f(tensor(3)).itemSync(), 1.5);
  assertEquals(f.cacheSize, 1);
});

deviceTest("swapping two variables, inside and outside", () => {
  const a = shared([1, 1]), b = shared([2, 2]);
  const swap = jit(() => update([[a, b.value], [b, a.value]]));
  swap();
  assertEquals([a.value.arraySync(), b.value.arraySync()], [[2, 2], [1, 1]]);
  swap();
  swap();
  assertEquals([a.value.arraySync(), b.value.arraySync()], [[2, 2], [1, 1]]);
  update([[a, b], [b, a]]);
  assertEquals([a.value.arraySync(), b.value.arraySync()], [[1, 1], [2, 2]]);
});

deviceTest("two variables given one value do not follow each other", () => {
  const a = shared([1, 1]), b = shared([2, 2]);
  const join = jit((x: Tensor) => {
    a.value = x.add(1);
    b.value = a.value;
  });
  const grow = jit(() => {
    a.value = a.value.add(1);
  });
  const x = tensor([5, 5]);
  join(x);
  for (let i = 0; i < 3; i++) grow();
  assertEquals([a.value.arraySync(), b.value.arraySync(), x.arraySync()], [[9, 9], [6, 6], [5, 5]]);
});

deviceTest("a variable given an argument does not follow it, nor the argument the variable", () => {
  const w = shared([0, 0]);
  const set = jit((x: Tensor) => {
    w.value = x;
  });
  const grow = jit(() => {
    w.value = w.value.add(1);
  });
  const x = tensor([1, 2]);
  set(x);
  grow();
  grow();
  assertEquals([x.arraySync(), w.value.arraySync()], [[1, 2], [3, 4]]);
});

deviceTest("update refuses a variable named twice, and changes nothing when a value does not fit", () => {
  const a = shared([1, 1], { name: "a" }), b = shared([2, 2], { name: "b" });
  const twice = assertThrows(() => update([[a, [0, 0]], [a, [1, 1]]]), DamoError);
  assertEquals(twice.message.split("\n")[0], "update: the shared variable a is given two new values.");
  assertThrows(() => update([[a, [0, 0]], [b, [1, 2, 3]]]), ShapeError, 'Shared variable "b"');
  assertEquals(a.value.arraySync(), [1, 1]);
  const traced = jit(() => {
    try {
      update([[a, [0, 0]], [b, [1, 2, 3]]]);
    } catch {
      // The trace goes on without the update.
    }
  });
  traced();
  assertEquals(a.value.arraySync(), [1, 1]);
});

Deno.test("a value of another shape or dtype is refused where it is assigned", () => {
  const w = shared([1, 2], { name: "w" });
  assertThrows(() => w.value = [1, 2, 3] as never, ShapeError, 'Shared variable "w" is float32[2]');
  assertThrows(
    () => jit((x: Tensor) => w.value = x)(tensor([1, 2], { dtype: "float64" })),
    DTypeError,
    'Shared variable "w" is float32[2] and was assigned float64[2]',
  );
  assertEquals(w.value.arraySync(), [1, 2]);
});

deviceTest("when a check fails at run time all shared state keeps its old value", () => {
  const w = shared([1, 2]), count = shared(0);
  const step = jit((x: Tensor) => {
    count.value = count.value.add(1);
    w.value = check(x.gt(0), "x must be positive", w.value.add(x));
  });
  step(tensor([1, 1]));
  step(tensor([1, 1]));
  assertThrows(() => step(tensor([1, -1])), CheckError, "x must be positive (false in 1 of 2 places)");
  assertEquals([w.value.arraySync(), count.value.itemSync()], [[3, 4], 2]);
  step(tensor([1, 1]));
  assertEquals([w.value.arraySync(), count.value.itemSync()], [[4, 5], 3]);
});

deviceTest("copy with swap runs on other state, copy without updates leaves state alone", () => {
  const w = shared([1, 1], { name: "w" }), v = shared([5, 5], { name: "v" });
  const step = jit((x: Tensor) => {
    w.value = w.value.add(x);
    return w.value.sum();
  });
  const onV = step.copy({ swap: [[w, v]] });
  const still = step.copy({ updates: false });
  assertEquals(onV(tensor([1, 1])).itemSync(), 12);
  assertEquals([w.value.arraySync(), v.value.arraySync()], [[1, 1], [6, 6]]);
  assertEquals(still(tensor([1, 1])).itemSync(), 4);
  assertEquals(w.value.arraySync(), [1, 1]);
  assertEquals(step(tensor([1, 1])).itemSync(), 4);
  assertEquals(w.value.arraySync(), [2, 2]);
  assertEquals(onV.copy({ updates: false })(tensor([1, 1])).itemSync(), 14);
  assertEquals(v.value.arraySync(), [6, 6]);
  const other = shared([1, 2, 3], { name: "other" });
  assertThrows(
    () => step.copy({ swap: [[w, other]] }),
    DamoError,
    "shared variable w is float32[2] and cannot be swapped for other, which is float32[3]",
  );
});

deviceTest("copies keep their meaning inside another trace", () => {
  const w = shared([1], { name: "w" }), v = shared([5], { name: "v" });
  const step = jit(() => {
    w.value = w.value.add(1);
    return w.value;
  });
  const onV = step.copy({ swap: [[w, v]] }), still = step.copy({ updates: false });
  const all = jit(() => [still(), onV(), step()]);
  assertEquals(all().map((t) => t.arraySync()), [[2], [6], [2]]);
  assertEquals([w.value.arraySync(), v.value.arraySync()], [[2], [6]]);
});

deviceTest(
  "a shared variable as an argument is the variable itself, part of the signature by identity",
  () => {
    const a = shared([1, 2], { name: "a" }), b = shared([3, 4], { name: "b" });
    const double = jit((w: typeof a) => {
      w.value = w.value.mul(2);
    });
    double(a);
    double(b);
    double(a);
    assertEquals([a.value.arraySync(), b.value.arraySync()], [[4, 8], [6, 8]]);
    assertEquals(double.traces[1].cause, "argument w changed from shared a to shared b");
  },
);

deviceTest("a computed value is an input by reference of compiled functions", () => {
  const w = shared(2);
  let traced = 0;
  const squared = computed(() => (traced++, w.value.square()));
  const f = jit((x: Tensor) => x.add(squared.value));
  assertEquals(f(tensor(1)).itemSync(), 5);
  w.value = 3;
  assertEquals(f(tensor(1)).itemSync(), 10);
  assertEquals([f.cacheSize, traced], [1, 1]);
});

deviceTest("the graph names shared inputs", () => {
  const w = shared([1, 2], { name: "weights" });
  const text = jit((x: Tensor) => x.mul(w.value), { name: "f" }).graph(tensor([1, 2])).toString();
  assert(text.startsWith("f(x: float32[2], weights: float32[2]) {"), text);
});

deviceTest("operations work on a shared variable as on its value", () => {
  const w = shared([1, 2, 3]);
  assertEquals(w.mul(2).add(w).sum().itemSync(), 18);
  const f = jit((x: typeof w) => x.mul(2));
  assertEquals(f(w).arraySync(), [2, 4, 6]);
  w.value = [5, 5, 5];
  assertEquals(f(w).arraySync(), [10, 10, 10]);
});

deviceTest("a variable that took another's value keeps it when that one is updated in place", () => {
  const a = shared([0, 0]), b = shared([1, 1]);
  const increment = jit(() => {
    b.value = b.value.add(1);
  });
  const copy = jit(() => {
    a.value = b.value;
  });
  increment();
  increment();
  copy();
  increment();
  assertEquals([a.value.arraySync(), b.value.arraySync()], [[3, 3], [4, 4]]);
});
