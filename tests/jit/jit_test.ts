import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  DamoError,
  DisposedError,
  DTypeError,
  grad,
  jit,
  RetraceError,
  shared,
  type Tensor,
  tensor,
  TracedValueError,
  where,
} from "@damo/damo";
import { deviceTest } from "../support/devices.ts";

deviceTest("a jitted function gives what the plain function gives", () => {
  const fn = (x: Tensor, y: Tensor) => x.mul(2).add(y).sum({ axis: 1 });
  const x = tensor([[1, 2, 3], [4, 5, 6]]), y = tensor([10, 20, 30]);
  assertEquals(jit(fn)(x, y).arraySync(), fn(x, y).arraySync());
  assertEquals(jit(fn)(x, y).arraySync(), [72, 90]);
});

deviceTest("one trace per signature, and the user's function runs once per trace", () => {
  let runs = 0;
  const f = jit((x: Tensor) => {
    runs++;
    return x.add(1);
  });
  f(tensor([1, 2]));
  f(tensor([3, 4]));
  f(tensor([1, 2, 3]));
  f(tensor([5, 6]));
  f(tensor([1, 2], { dtype: "int32" }));
  assertEquals(runs, 3);
  assertEquals(f.cacheSize, 3);
});

deviceTest("results of every shape of tree come back", () => {
  const f = jit((p: { w: Tensor; layers: Tensor[] }, k: number) => ({
    sum: p.w.add(p.layers[1]),
    list: [p.layers[0].mul(k), "text", 3, undefined, null, true],
    nested: { same: p.w },
  }));
  const w = tensor([1, 2]), a = tensor([3, 4]), b = tensor([5, 6]);
  for (const k of [2, 2.5]) {
    const r = f({ w, layers: [a, b] }, k);
    assertEquals(r.sum.arraySync(), [6, 8]);
    assertEquals((r.list[0] as Tensor).arraySync(), [3 * k, 4 * k]);
    assertEquals(r.list.slice(1), ["text", 3, undefined, null, true]);
    assertEquals(r.nested.same.arraySync(), [1, 2]);
  }
  assertEquals(f.cacheSize, 1);
});

deviceTest("a changing number argument never retraces", () => {
  const f = jit((x: Tensor, rate: number) => x.mul(rate));
  const x = tensor([1, 2]);
  for (const rate of [0.5, 1, 2, -3.25, 1e-3, 0, Infinity]) {
    assertEquals(f(x, rate).arraySync(), [Math.fround(rate), Math.fround(2 * rate)]);
  }
  assertEquals(f.cacheSize, 1);
});

deviceTest("a number that meets integers retraces only between integral and fractional", () => {
  const f = jit((x: Tensor, k: number) => x.add(k));
  const x = tensor([1, 2], { dtype: "int32" });
  assertEquals(f(x, 1).dtype, "int32");
  assertEquals(f(x, 5).arraySync(), [6, 7]);
  assertEquals(f(x, 1.5).arraySync(), [2.5, 3.5]);
  assertEquals(f(x, 7).arraySync(), [8, 9]);
  assertEquals(f(x, 0.25).dtype, "float32");
  assertEquals(f.cacheSize, 2);
  assertEquals(f.traces.map((t) => t.cause), [
    "first call",
    "argument k changed from integral number to fractional number",
  ]);
});

deviceTest("a number that its integers cannot hold is refused inside jit as outside, at every call", () => {
  const bytes = tensor(new Uint8Array([1, 2]));
  const added = jit((x: Tensor, k: number) => x.add(k)), put = jit((x: Tensor, k: number) => x.with([0], k));
  assertEquals(added(bytes, 3).arraySync(), [4, 5]);
  assertEquals(put(bytes, 3).arraySync(), [3, 2]);
  for (const k of [256, -1, 2 ** 40]) {
    for (
      const f of [added, put, (x: Tensor, k: number) => x.add(k), (x: Tensor, k: number) => x.with([0], k)]
    ) {
      assertThrows(() => f(bytes, k), DTypeError, `the number ${k} does not fit uint8`);
    }
  }
  assertEquals(added(bytes, 253).arraySync(), [254, 255]);
  assertEquals(added(bytes, 0.5).arraySync(), [1.5, 2.5]);
  assertEquals([added.cacheSize, put.cacheSize], [2, 1]);
});

deviceTest("a number result is the default float", () => {
  const f = jit((k: number) => [k, 2] as unknown as [Tensor, number]);
  const [k, two] = f(1.5);
  assertEquals(k.dtype, "float32");
  assertEquals(k.itemSync(), 1.5);
  assertEquals(two, 2);
});

deviceTest("strings, booleans, functions, undefined and static arguments are part of the key", () => {
  const square = (x: Tensor) => x.mul(x), twice = (x: Tensor) => x.add(x);
  const f = jit((x: Tensor, how: string | boolean | undefined | ((x: Tensor) => Tensor)) => {
    if (typeof how === "function") return how(x);
    return how ? x.add(100) : x;
  });
  const x = tensor([3]);
  assertEquals(f(x, square).arraySync(), [9]);
  assertEquals(f(x, twice).arraySync(), [6]);
  assertEquals(f(x, true).arraySync(), [103]);
  assertEquals(f(x, false).arraySync(), [3]);
  assertEquals(f(x, undefined).arraySync(), [3]);
  assertEquals(f(x, "yes").arraySync(), [103]);
  assertEquals(f(x, square).arraySync(), [9]);
  assertEquals(f.cacheSize, 6);
  const g = jit((x: Tensor, shape: number[]) => x.reshape(shape), { static: [1] });
  const y = tensor([1, 2, 3, 4]);
  assertEquals(g(y, [2, 2]).shape, [2, 2]);
  assertEquals(g(y, [4, 1]).shape, [4, 1]);
  assertEquals(g(y, [2, 2]).shape, [2, 2]);
  assertEquals(g.cacheSize, 2);
});

deviceTest("traces say why they happened", () => {
  const f = jit((params: { w: Tensor }, mode: string) => mode === "a" ? params.w : params.w.neg());
  f({ w: tensor([1]) }, "a");
  f({ w: tensor([[1]]) }, "a");
  f({ w: tensor([[1]], { dtype: "int32" }) }, "a");
  f({ w: tensor([[1]], { dtype: "int32" }) }, "b");
  assertEquals(f.traces.map(({ signature, cause }) => [signature, cause]), [
    ['params.w: float32[1], mode: "a"', "first call"],
    ['params.w: float32[1, 1], mode: "a"', "argument params.w changed from float32[1] to float32[1, 1]"],
    ['params.w: int32[1, 1], mode: "a"', "argument params.w changed from float32[1, 1] to int32[1, 1]"],
    ['params.w: int32[1, 1], mode: "b"', 'argument mode changed from "a" to "b"'],
  ]);
  assert(f.traces.every(({ milliseconds }) => milliseconds >= 0));
});

deviceTest("a retrace beyond maxTraces names the argument and both shapes, and changes nothing", () => {
  const f = jit((x: Tensor) => x.add(1), { name: "grow", maxTraces: 1 });
  f(tensor([1, 2]));
  const error = assertThrows(() => f(tensor([1, 2, 3])), RetraceError);
  assertEquals(
    error.message.split("\n")[0],
    "grow would be traced more than 1 time: argument x changed from float32[2] to float32[3].",
  );
  assert(error.message.includes("jit_test.ts"));
  assertEquals(f(tensor([5, 6])).arraySync(), [6, 7]);
  assertEquals(f.cacheSize, 1);
});

deviceTest("ten traces warn once", () => {
  const warnings: string[] = [];
  const warn = console.warn;
  console.warn = (text: string) => warnings.push(text);
  try {
    const f = jit((x: Tensor) => x.add(1), { name: "shapes" });
    for (let n = 1; n <= 15; n++) f(tensor(Array.from({ length: n }, () => 1)));
  } finally {
    console.warn = warn;
  }
  assertEquals(warnings.length, 1);
  assert(
    warnings[0].startsWith(
      "shapes has been traced 10 times, the last time because argument x changed from float32[9] to float32[10].",
    ),
    warnings[0],
  );
});

deviceTest("clear forgets all programs", () => {
  let runs = 0;
  const f = jit((x: Tensor) => (runs++, x.add(1)));
  f(tensor(1));
  f.clear();
  assertEquals([f.cacheSize, f.traces.length], [0, 0]);
  f(tensor(1));
  assertEquals(runs, 2);
});

deviceTest("the cache of signatures is bounded", () => {
  const warn = console.warn;
  console.warn = () => {};
  try {
    const f = jit((x: Tensor) => x.add(1));
    for (let n = 1; n <= 600; n++) f(tensor(new Float32Array(n)));
    assert(f.cacheSize >= 32 && f.cacheSize <= 256, `${f.cacheSize} signatures`);
    assertEquals(f(tensor([1, 2])).arraySync(), [2, 3], "what was dropped is traced again");
  } finally {
    console.warn = warn;
  }
});

deviceTest("jit inside jit inlines", () => {
  const inner = jit((x: Tensor, k: number) => x.mul(k), { donate: [0] });
  const f = jit((x: Tensor) => inner(x, 3).add(x));
  assertEquals(f(tensor([1, 2])).arraySync(), [4, 8]);
  assertEquals(inner.cacheSize, 0);
});

deviceTest("jit composes with grad both ways", () => {
  const f = (x: Tensor) => x.mul(x).sum();
  assertEquals(jit(grad(f))(tensor([1, 2])).arraySync(), [2, 4]);
  assertEquals(grad(jit(f))(tensor([1, 2])).arraySync(), [2, 4]);
});

deviceTest("captured tensors are inputs by reference, never baked in", () => {
  const table = tensor([10, 20]);
  const f = jit((x: Tensor) => x.add(table));
  assertEquals(f(tensor([1, 2])).arraySync(), [11, 22]);
  assertEquals(f.graph(tensor([1, 2])).inputs.length, 2);
});

deviceTest("a captured tensor that was disposed is named with its place of use", () => {
  const table = tensor([10, 20]);
  const f = jit((x: Tensor) => x.add(table), { name: "lookup" });
  f(tensor([1, 2]));
  table.dispose();
  const error = assertThrows(() => f(tensor([1, 2])), DisposedError);
  assert(
    /^lookup: the captured tensor float32\[2\] \(used at .*jit_test\.ts:\d+:\d+\)\)? has been disposed\./
      .test(
        error.message,
      ),
    error.message,
  );
});

deviceTest("reading a traced value names the user's line and what to use instead", () => {
  const f = jit((x: Tensor) => Number(x) > 0 ? x : x.neg());
  const error = assertThrows(() => f(tensor(1)), TracedValueError);
  assert(error.message.includes("jit_test.ts"), error.message);
  assert(error.message.includes("where"), error.message);
  for (
    const read of [
      (x: Tensor) => x.dataSync(),
      (x: Tensor) => x.arraySync(),
      (x: Tensor) => x.itemSync(),
      (x: Tensor) => (x as unknown as number) < 1,
    ]
  ) {
    assertThrows(() => jit((x: Tensor) => (read(x), x))(tensor(1)), TracedValueError);
  }
  assertEquals(jit((x: Tensor) => where(x.gt(0), x, x.neg()))(tensor(-2)).itemSync(), 2);
});

deviceTest("a trace that throws changes nothing", () => {
  const w = shared([1, 2], { name: "w" });
  let fail = true;
  const f = jit((x: Tensor) => {
    w.value = w.value.add(x);
    if (fail) throw new Error("not yet");
    return x;
  });
  assertThrows(() => f(tensor([1, 1])), Error, "not yet");
  assertEquals(w.value.arraySync(), [1, 2]);
  assertEquals([f.cacheSize, f.traces.length], [0, 0]);
  fail = false;
  f(tensor([1, 1]));
  assertEquals(w.value.arraySync(), [2, 3]);
});

deviceTest("a traced tensor kept beyond its trace is refused with a remedy", () => {
  let kept: Tensor | undefined;
  const f = jit((x: Tensor) => {
    kept = x.add(1);
    return x;
  });
  f(tensor(1));
  assertThrows(() => kept!.add(1), TracedValueError, "after the trace of");
  assertThrows(() => jit((x: Tensor) => x)(kept!), DamoError, "whose trace has ended");
});

deviceTest("an asynchronous function is refused in words", () => {
  // deno-lint-ignore require-await -- the point of the test
  const f = jit(async (x: Tensor) => x.add(1));
  assertThrows(() => f(tensor(1)), DamoError, "asynchronous");
});

deviceTest("unknown options and modes are refused", () => {
  const fn = (x: Tensor) => x;
  assertThrows(() => jit(fn, { donated: [0] } as never), DamoError, '"donated"');
  assertThrows(() => jit(fn, { mode: "slow" as never }), DamoError, "there is no mode");
  assertThrows(() => jit(fn, { donate: [-1] }), DamoError, "positions");
  assertThrows(() => jit(3 as never), DamoError, "jit takes a function");
});

Deno.test("typed arrays and booleans among the arguments", () => {
  const f = jit((x: Tensor, negate: boolean) => negate ? x.neg() : x.add(0));
  const data = Float64Array.of(1, 2);
  const r = f(data as unknown as Tensor, true);
  assertEquals([r.dtype, r.arraySync()], ["float64", [-1, -2]]);
  data[0] = 5;
  assertEquals(f(data as unknown as Tensor, true).arraySync(), [-5, -2]);
});

deviceTest("scalars, zero-sized tensors and no arguments at all", () => {
  assertEquals(jit((x: Tensor) => x.add(1))(tensor(2)).itemSync(), 3);
  assertEquals(jit((x: Tensor) => x.add(1))(tensor([])).shape, [0]);
  assertEquals(jit(() => tensor([1, 2]).add(1))().arraySync(), [2, 3]);
  assertEquals(jit(() => 7)(), 7);
  assertEquals(jit(() => {})(), undefined);
});

deviceTest("mode reference gives the same as fast; mode debug verifies", () => {
  const fn = (x: Tensor, k: number) => x.mul(k).sin().sum({ axis: 0 });
  const x = tensor([[1, 2], [3, 4], [5, 6]]);
  const expected = [0, 1].map((c) => [1, 3, 5].reduce((s, r) => s + Math.sin((r + c) * 1.5), 0));
  for (const mode of ["fast", "reference", "debug"] as const) {
    const got = jit(fn, { mode })(x, 1.5).arraySync() as number[];
    got.forEach((value, i) => assertAlmostEquals(value, expected[i], 1e-6));
  }
});

deviceTest("the same tensor returned twice and an argument returned as it is", () => {
  const f = jit((x: Tensor) => {
    const y = x.add(1);
    return [y, y, x];
  });
  const [a, b, c] = f(tensor([1, 2]));
  assertEquals([a, b, c].map((t) => t.arraySync()), [[2, 3], [2, 3], [1, 2]]);
});

deviceTest("re-entrant tracing: a function may call itself with another shape while it is traced", () => {
  const f: (x: Tensor, depth: string) => Tensor = jit((x: Tensor, depth: string): Tensor =>
    depth === "" ? x : f(x, depth.slice(1)).add(1)
  );
  assertEquals(f(tensor(0), "aaa").itemSync(), 3);
});

deviceTest("a tree that holds itself is refused in words, as argument and as result", () => {
  const tree: { x: Tensor; self?: unknown } = { x: tensor([1]) };
  tree.self = [tree];
  assertThrows(() => jit((t: typeof tree) => t.x)(tree), DamoError, "holds itself");
  assertThrows(() => jit((x: Tensor) => x.mul(1) && tree)(tensor([1])), DamoError, "holds itself");
});
