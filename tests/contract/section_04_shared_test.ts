/** API.md, section 4: shared state and reactive values. */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  batch,
  check,
  CheckError,
  computed,
  DamoError,
  DonatedError,
  DTypeError,
  effect,
  jit,
  NonFiniteError,
  ShapeError,
  Shared,
  shared,
  Tensor,
  tensor,
  update,
  zeros,
} from "@damo/damo";
import { int, list, message } from "./support.ts";

Deno.test("copy: other shared state, or no updates", () => {
  const a = shared(0, { name: "a" }), b = shared(100, { name: "b" });
  const count = jit((by: Tensor) => {
    const old = a.value;
    a.value = old.add(by);
    return old;
  });
  assertEquals([list(count(tensor(1))), list(count(tensor(1))), list(a.value)], [0, 1, 2]);
  const other = count.copy({ swap: [[a, b]] });
  assertEquals([list(other(tensor(5))), list(b.value), list(a.value)], [100, 105, 2]);
  const peek = count.copy({ updates: false });
  assertEquals([list(peek(tensor(5))), list(a.value)], [2, 2]);
  const both = count.copy({ swap: [[a, b]], updates: false });
  assertEquals([list(both(tensor(5))), list(b.value)], [105, 105]);
  assertEquals([list(count(tensor(1))), list(a.value)], [2, 3]);
});

Deno.test("when the trace throws, or a check or guard fails, shared state keeps its old value", () => {
  const w = shared(tensor([1, 2]), { name: "w" }), n = shared(0);
  const failing = jit((x: Tensor) => {
    w.value = w.value.add(x);
    n.value = n.value.add(1);
    if (x.ndim > 0) throw new Error("mine");
    return x;
  });
  const error = assertThrows(() => failing(tensor([1, 1])), Error, "mine");
  assertStrictEquals(error.constructor, Error);
  assertEquals([list(w.value), list(n.value)], [[1, 2], 0]);
  failing(tensor(1));
  assertEquals([list(w.value), list(n.value)], [[2, 3], 1]);
  const checked = jit((x: Tensor) => {
    w.value = w.value.mul(x);
    n.value = n.value.add(1);
    return check(x.gt(0), "x is positive", x);
  });
  message(() => checked(tensor(-1)), CheckError, "x is positive", "section_04");
  assertEquals([list(w.value), list(n.value)], [[2, 3], 1]);
  checked(tensor(2));
  assertEquals(list(w.value), [4, 6]);
  const guarded = jit((x: Tensor) => {
    w.value = w.value.div(x);
    return w.value.sum();
  }, { guard: { nan: true, inf: true } });
  message(() => guarded(tensor(0)), NonFiniteError, "div");
  assertEquals(list(w.value), [4, 6]);
  // Donated arguments stay donated.
  const donating = jit((a: Tensor) => check(a.sum().gt(0), "positive", a.mul(2)), { donate: [0] });
  const a = tensor([-1, -1]);
  message(() => donating(a), CheckError);
  assertThrows(() => a.sum(), DonatedError);
});

Deno.test("shared: value, peek, name, shape, dtype; update is simultaneous", () => {
  const w = shared([1, 2], { name: "w", dtype: "float64", device: "wasm" });
  assertEquals([w.name, w.shape, w.dtype], ["w", [2], "float64"]);
  w.value = [3, 4];
  assertEquals([list(w.value), list(w.peek())], [[3, 4], [3, 4]]);
  assert(w instanceof Shared && w.value instanceof Tensor);
  const counts = shared(int([1, 2]));
  counts.value = [3, 4];
  assertEquals([counts.dtype, list(counts.value)], ["int32", [3, 4]]);
  message(() => counts.value = [0.5, 1], DTypeError, "int32[2]");
  assertEquals(list(int([1, 2]).with([[0, 1]], [8, 9])), [8, 9]);
  message(() => w.value = [1, 2, 3], ShapeError, "w", "float64[2]", "[3]");
  message(() => w.value = tensor([1, 2], { dtype: "float32" }), DTypeError, "w", "float64", "float32");
  const a = shared(1), b = shared(2);
  update([[a, b.value], [b, a.value]]);
  assertEquals([list(a.value), list(b.value)], [2, 1]);
  const swap = jit(() => update([[a, b.value], [b, a.value]]));
  swap();
  assertEquals([list(a.value), list(b.value)], [1, 2]);
  message(() => update([[a, 1], [a, 2]]), DamoError, "shared", "two new values");
  message(() => jit(() => update([[a, 1], [a, 2]]))(), DamoError);
  assertEquals(list(a.value), 1);
  // A later read in the same trace sees the new value; outside both act at once.
  const f = jit(() => {
    a.value = a.value.add(10);
    const seen = a.value;
    a.value = seen.mul(2);
    return [seen, a.value];
  });
  assertEquals([f().map(list), list(a.value)], [[11, 22], 22]);
  assertEquals(list(shared(tensor([1, 2], { dtype: "int32" })).value), [1, 2]);
  assertEquals([shared(true).dtype, shared(new Int8Array(2)).dtype, shared(zeros([0])).shape], [
    "bool",
    "int8",
    [0],
  ]);
});

Deno.test("a whole data set can be shared and indexed by a traced number", () => {
  const X = shared(tensor(Float32Array.from({ length: 12 }, (_, i) => i), { shape: [6, 2] }));
  const f = jit((i: Tensor) => X.value.narrow(0, i.mul(2), 2).sum());
  assertEquals([0, 1, 2].map((i) => list(f(int(i)))), [6, 22, 38]);
  assertEquals(f.traces.length, 1);
  const g = jit((i: number) => X.value.narrow(0, (i as unknown as Tensor).mul(2), 2).sum());
  assertEquals([0, 1, 2].map((i) => list(g(i))), [6, 22, 38]);
  assertEquals(g.traces.length, 1);
});

Deno.test("computed: lazy, cached, recomputed only when what it read changed", () => {
  const a = shared(1), b = shared(10), flag = shared(true);
  let runs = 0;
  const c = computed(() => {
    runs++;
    return a.value.add(b.value);
  });
  assertEquals(runs, 0);
  assertEquals(list(c.value as Tensor), 11);
  assertEquals(list(c.value as Tensor), 11);
  const traced = runs;
  a.value = 2;
  assertEquals([list(c.value as Tensor), list(c.peek() as Tensor)], [12, 12]);
  assertEquals([traced, runs], [1, 1]);
  flag.value = false;
  const d = computed(() => (c.value as Tensor).mul(2));
  assertEquals(list(d.value as Tensor), 24);
  b.value = 20;
  assertEquals(list(d.value as Tensor), 44);
  d.dispose();
  c.dispose();
  message(() => c.value, DamoError);
});

Deno.test("effects run at once, and again after what they read changed: once, without glitches", () => {
  const a = shared(1), b = shared(2), unrelated = shared(0);
  const sum = computed(() => a.value.add(b.value));
  const product = computed(() => (sum.value as Tensor).mul(a.value));
  const seen: unknown[] = [];
  const dispose = effect(() => {
    seen.push([list(sum.value as Tensor), list(product.value as Tensor)]);
  });
  assertEquals(seen, [[3, 3]]);
  a.value = 10;
  assertEquals(seen, [[3, 3], [12, 120]]);
  unrelated.value = 5;
  assertEquals(seen.length, 2);
  batch(() => {
    a.value = 1;
    b.value = 1;
    assertEquals(seen.length, 2);
    batch(() => {
      a.value = 2;
    });
    assertEquals(seen.length, 2);
  });
  assertEquals(seen.slice(2), [[3, 6]]);
  const step = jit(() => update([[a, a.value.add(1)], [b, b.value.add(1)]]));
  step();
  assertEquals(seen.slice(3), [[5, 15]]);
  dispose();
  a.value = 0;
  assertEquals(seen.length, 4);
});

Deno.test("effects that assign, throw or make effects; computed that throw", () => {
  const a = shared(1), b = shared(0);
  const stop = effect(() => {
    b.value = a.value.mul(2);
  });
  assertEquals(list(b.value), 2);
  a.value = 5;
  assertEquals(list(b.value), 10);
  stop();
  const bad = computed(() => a.value.reshape([3]));
  message(() => bad.value, ShapeError);
  a.value = 6;
  message(() => bad.value, ShapeError);
  assertEquals(batch(() => 7), 7);
  assertThrows(
    () =>
      batch(() => {
        a.value = 8;
        throw new Error("inside");
      }),
    Error,
    "inside",
  );
  assertEquals(list(a.value), 8);
});
