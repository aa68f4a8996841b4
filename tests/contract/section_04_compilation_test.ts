/** API.md, section 4: jit and donation. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  add,
  cond,
  DamoError,
  devices,
  DisposedError,
  DonatedError,
  evalShape,
  Graph,
  jit,
  ones,
  RetraceError,
  ShapeError,
  type Shared,
  shared,
  slice,
  type Tensor,
  tensor,
  TracedValueError,
  where,
  zeros,
} from "@damo/damo";
import { int, list, message } from "./support.ts";

Deno.test("arguments and results are trees; plain values in a result come back as they are", () => {
  const f = jit((p: { w: Tensor[]; b: Tensor }, x: Tensor) => ({
    y: p.w.map((w) => w.mul(x).add(p.b)),
    name: "layer",
    rate: 0.5,
    none: undefined,
    flag: true,
    nothing: null,
    nested: [x, ["text", { deep: x.neg() }]] as const,
  }));
  const out = f({ w: [tensor(2), tensor([3, 4])], b: tensor(1) }, tensor(10));
  assertEquals(out.y.map(list), [21, [31, 41]]);
  assertEquals([out.name, out.rate, out.none, out.flag, out.nothing], ["layer", 0.5, undefined, true, null]);
  assert("none" in out);
  assertEquals(list(out.nested[1][1].deep), -10);
  assertEquals(jit(() => "text")(), "text");
  assertEquals(jit((_x: Tensor) => undefined)(tensor(1)), undefined);
  assertEquals(jit((_x: Tensor) => 3)(tensor(1)), 3);
  assertEquals(jit((_x: Tensor) => [])(tensor(1)), []);
  assertEquals(jit(() => ({}))(), {});
  assertEquals(jit(() => ones([2]))().shape, [2]);
});

Deno.test("a Shared is accepted wherever a tensor is, also in trees of arguments", () => {
  const w = shared([1, 2], { name: "w" });
  const f = jit((p: { layer: { w: Tensor | Shared } }, x: Tensor) => add(p.layer.w, x));
  assertEquals(list(f({ layer: { w } }, tensor([10, 20]))), [11, 22]);
  w.value = [5, 5];
  assertEquals(list(f({ layer: { w } }, tensor([10, 20]))), [15, 25]);
  assertEquals(f.traces.length, 1);
  assertEquals(list(jit((x: Tensor | Shared) => add(x, 1))(w)), [6, 6]);
  // Assigned where it came in as an argument.
  const bump = jit((s: Shared) => {
    s.value = s.value.add(1);
  });
  bump(w as never);
  assertEquals(list(w.value), [6, 6]);
  const other = shared([0, 0]);
  bump(other as never);
  assertEquals([list(other.value), list(w.value)], [[1, 1], [6, 6]]);
  // Returned: its value.
  assertEquals(list(jit(() => ({ w }))().w as unknown as Tensor), [6, 6]);
});

Deno.test("number arguments are traced weak scalars: no retrace, unless they meet integers", () => {
  const f = jit((x: Tensor, rate: number) => x.mul(rate));
  for (const rate of [0.1, 0.25, 3, -7, Infinity]) {
    assertEquals(list(f(tensor([2]), rate)), [Math.fround(2 * Math.fround(rate))]);
  }
  assertEquals([f.cacheSize, f.traces.length], [1, 1]);
  assertEquals(f(tensor([1], { dtype: "float64" }), 0.1).dtype, "float64");
  assertEquals(f.traces.length, 2);
  const g = jit((x: Tensor, k: number) => x.mul(k));
  assertEquals([g(int([2]), 3).dtype, g(int([2]), 4).dtype, g.traces.length], ["int32", "int32", 1]);
  assertEquals([g(int([2]), 0.5).dtype, g.traces.length], ["float32", 2]);
  assertEquals([g(int([2]), 5).dtype, g(int([2]), 0.25).dtype, g.traces.length], ["int32", "float32", 2]);
  const h = jit((x: Tensor, i: number) => x.at(i));
  assertEquals([list(h(tensor([5, 6]), 1)), list(h(tensor([5, 6]), 0)), h.traces.length], [6, 5, 1]);
  assertEquals(list(h(tensor([5, 6]), -1)), 6);
  message(() => h(tensor([5, 6]), 0.5), DamoError, "fractional");
  const trees = jit((o: { lr: number; x: Tensor }) => o.x.mul(o.lr));
  assertEquals([
    list(trees({ lr: 2, x: tensor(3) })),
    list(trees({ lr: 5, x: tensor(3) })),
    trees.traces.length,
  ], [6, 15, 1]);
  assertEquals(jit((a: number, b: number) => add(a, b))(1, 2).itemSync(), 3);
});

Deno.test("strings, booleans, functions, undefined and static arguments are part of the key", () => {
  const f = jit((x: Tensor, mode: string, flag?: boolean) => mode === "double" ? x.mul(flag ? 20 : 2) : x);
  assertEquals([list(f(tensor(1), "double")), list(f(tensor(1), "none")), f.traces.length], [2, 1, 2]);
  assertEquals([list(f(tensor(1), "double", true)), list(f(tensor(1), "double", false)), f.traces.length], [
    20,
    2,
    4,
  ]);
  f(tensor(5), "double");
  assertEquals(f.traces.length, 4);
  const g = jit((x: Tensor, fn: (t: Tensor) => Tensor) => fn(x));
  const neg = (t: Tensor) => t.neg(), twice = (t: Tensor) => t.mul(2);
  assertEquals(
    [list(g(tensor(1), neg)), list(g(tensor(1), twice)), list(g(tensor(2), neg)), g.traces.length],
    [-1, 2, -2, 2],
  );
  const power = jit((x: Tensor, n: number) => {
    let y = x;
    for (let i = 1; i < n; i++) y = y.mul(x);
    return y;
  }, { static: [1] });
  assertEquals([
    list(power(tensor(2), 3)),
    list(power(tensor(2), 5)),
    list(power(tensor(3), 3)),
    power.traces.length,
  ], [8, 32, 27, 2]);
  const shaped = jit((x: Tensor, shape: number[]) => x.reshape(shape), { static: [1] });
  assertEquals([
    shaped(zeros([6]), [2, 3]).shape,
    shaped(zeros([6]), [3, 2]).shape,
    shaped(zeros([6]), [2, 3]).shape,
  ], [[2, 3], [3, 2], [2, 3]]);
  assertEquals(shaped.traces.length, 2);
  const options = jit((x: Tensor, o: { axis: number }) => x.sum({ axis: o.axis }), { static: [1] });
  assertEquals([options(zeros([2, 3]), { axis: 0 }).shape, options(zeros([2, 3]), { axis: 1 }).shape], [[3], [
    2,
  ]]);
});

Deno.test("one trace and one program per signature: cacheSize, traces, clear", () => {
  let calls = 0;
  const f = jit((x: Tensor) => {
    calls++;
    return x.add(1);
  }, { name: "addOne" });
  f(zeros([2]));
  f(ones([2]));
  assertEquals([calls, f.cacheSize], [1, 1]);
  f(zeros([3]));
  f(zeros([2], { dtype: "float64" }));
  assertEquals([calls, f.cacheSize, f.traces.length], [3, 3, 3]);
  for (const { signature, cause, milliseconds } of f.traces) {
    assert(signature.length > 0 && cause.length > 0 && milliseconds >= 0, `${signature} ${cause}`);
  }
  assert(f.traces[0].signature.includes("float32[2]"), f.traces[0].signature);
  assert(
    f.traces[1].cause.includes("float32[2]") && f.traces[1].cause.includes("float32[3]"),
    f.traces[1].cause,
  );
  f.clear();
  assertEquals(f.cacheSize, 0);
  f(zeros([2]));
  assertEquals([calls, f.cacheSize], [4, 1]);
});

Deno.test("a retrace beyond maxTraces names the argument and both shapes", () => {
  const f = jit((params: { w: Tensor }, x: Tensor) => params.w.mul(x).sum(), { name: "loss", maxTraces: 2 });
  const w = tensor(1);
  f({ w }, zeros([2]));
  f({ w }, zeros([3]));
  f({ w }, zeros([2]));
  message(() => f({ w }, zeros([4])), RetraceError, "loss", "x", "float32[3]", "float32[4]", "maxTraces");
  message(() => f({ w: zeros([2]) }, zeros([2])), RetraceError, "params.w", "float32[]", "float32[2]");
  assertEquals(list(f({ w }, ones([3]))), 3);
});

Deno.test("donation: the buffer is reused, and a later use names function, argument and both lines", () => {
  const step = jit((w: Tensor, g: Tensor) => w.sub(g), { name: "step", donate: [0] });
  const w = tensor([1, 2, 3]), g = ones([3]);
  assertEquals(list(step(w, g)), [0, 1, 2]); // the donating call
  for (const use of [() => w.add(1), () => w.dataSync(), () => step(w, g), () => list(w)]) {
    const text = message(use, DonatedError, "step", "w", "float32[3]");
    assertEquals(text.match(/contract\/\w+\.ts:\d+/g)!.length, 2, text);
  }
  assertEquals(list(g), [1, 1, 1]);
  const all = jit((p: { a: Tensor; b: Tensor }, x: Tensor) => ({ a: p.a.add(x), b: p.b.mul(x) }), {
    donate: true,
  });
  const p = { a: ones([2]), b: ones([2]) }, x = tensor([2, 2]);
  const q = all(p, x);
  assertEquals([list(q.a), list(q.b)], [[3, 3], [2, 2]]);
  for (const t of [p.a, p.b, x]) assertThrows(() => t.sum(), DonatedError);
  message(() => p.a.sum(), DonatedError, "p.a");
  // The same tensor twice, also as another argument.
  const both = jit((a: Tensor, b: Tensor) => a.add(b), { donate: [0] });
  const s = ones([2]);
  let result: unknown;
  try {
    result = list(both(s, s));
  } catch (error) {
    result = error;
  }
  assert(result instanceof DamoError || JSON.stringify(result) === "[2,2]", String(result));
  // A donated argument that is returned as it is.
  const same = jit((a: Tensor) => a, { donate: [0] });
  assertEquals(list(same(ones([2]))), [1, 1]);
  assert(step.lower(ones([3]), ones([3])).memory.donated >= 12);
});

Deno.test("lower gives graph, text, wgsl, wat, kernels and memory without running; graph and evalShape", () => {
  let runs = 0;
  const f = jit((x: Tensor, y: Tensor) => {
    runs++;
    return x.matmul(y).add(1).tanh();
  }, { name: "net" });
  const lowered = f.lower(zeros([4, 8]), zeros([8, 2]));
  assert(lowered.graph instanceof Graph);
  assert(String(lowered).length > 0 && lowered.toString().includes("["));
  assert(lowered.wgsl().includes("@compute"), "wgsl");
  assert(lowered.wat().includes("(module"), "wat");
  assert(lowered.kernels.length >= 1);
  assert(
    lowered.memory.peak >= 4 * 8 && lowered.memory.donated === 0,
    JSON.stringify(lowered.memory),
  );
  assert(f.graph(zeros([4, 8]), zeros([8, 2])) instanceof Graph);
  assert(f.graph(zeros([4, 8]), zeros([8, 2])).toString().includes("tanh"));
  assertEquals(runs, 1, "traced once for both");
  const before = runs;
  const shapes = evalShape((x: Tensor) => ({ y: x.matmul(x), n: [x.sum(), 3, "s"] as const }), zeros([3, 3]));
  assertEquals([shapes.y.shape, shapes.y.dtype], [[3, 3], "float32"]);
  assertEquals([shapes.n[0].shape, shapes.n[1], shapes.n[2] as unknown], [[], 3, "s"]);
  assertEquals(runs, before);
  message(() => evalShape((x: Tensor) => x.reshape([5]), zeros([3])), ShapeError, "reshape");
  assertEquals(jit((x: Tensor) => x.mul(2)).lower(zeros([3])).wgsl().length > 0, true);
});

Deno.test("jit inside jit inlines; captured tensors and Shared are inputs by reference", () => {
  const inner = jit((x: Tensor) => x.mul(3));
  const outer = jit((x: Tensor) => inner(inner(x)).add(1));
  assertEquals(list(outer(tensor(2))), 19);
  const big = ones([1000]);
  const f = jit((x: Tensor) => x.add(big));
  assertEquals(f(tensor(1)).at(999).itemSync(), 2);
  assert(!f.lower(tensor(1)).wat().includes("1000000"));
  const w = shared(2);
  const g = jit((x: Tensor) => x.mul(w.value));
  assertEquals(list(g(tensor(3))), 6);
  w.value = 5;
  assertEquals([list(g(tensor(3))), g.traces.length], [15, 1]);
  big.dispose();
  message(() => f(tensor(1)), DisposedError);
  const step = jit(() => {
    w.value = w.value.add(1);
  });
  const twice = jit(() => {
    step();
    step();
    return w.value;
  });
  assertEquals([list(twice()), list(w.value)], [7, 7]);
});

Deno.test("reading a traced value throws TracedValueError with the line and the remedies", () => {
  const reads: ((x: Tensor) => unknown)[] = [
    (x) => Number(x),
    (x) => +x,
    (x) => (x as unknown as number) < (x as unknown as number),
    (x) => (x as unknown as number) > 3,
    (x) => x.dataSync(),
    (x) => x.data(),
    (x) => x.arraySync(),
    (x) => x.array(),
    (x) => x.itemSync(),
    (x) => x.item(),
    (x) => Math.max(x as unknown as number, 1),
    (x) => `${x as unknown as number * 1}`,
  ];
  for (const read of reads) {
    const f = jit((x: Tensor) => {
      read(x);
      return x;
    });
    message(
      () => f(tensor(1)),
      TracedValueError,
      "section_04_compilation_test.ts:",
      "where",
      "cond",
      "print",
      "static",
      "float32[]",
    );
  }
  let kept: Tensor | undefined;
  jit((x: Tensor) => {
    kept = x.mul(2);
    return x;
  })(tensor(1));
  message(() => kept!.add(1), TracedValueError, "ended");
  message(() => jit((x: Tensor) => x.add(kept!))(tensor(1)), TracedValueError);
});

Deno.test("options of jit: mode reference and debug, name, unknown options, cond inside", () => {
  const f = (x: Tensor) => cond(x.sum().gt(0), () => x.mul(2), () => where(x.gt(-5), x, 0));
  for (const mode of ["fast", "reference", "debug"] as const) {
    const g = jit(f, { mode, name: "f" });
    assertEquals([list(g(tensor([1, 2]))), list(g(tensor([-1, -7])))], [[2, 4], [-1, 0]]);
  }
  assertEquals(jit(f, { device: "wasm" })(tensor([1])).device, "wasm");
  message(() => jit(f, { donated: [0] } as never), DamoError, "donated");
  message(() => jit(f, { mode: "slow" as never }), DamoError, "slow");
  message(() => jit(3 as never), DamoError, "jit");
  message(() => jit(f, { donate: [1.5] }), DamoError, "donate");
  assert(devices().includes("wasm"));
  assertEquals(jit((x: Tensor) => x.at(slice(1)))(zeros([1])).shape, [0]);
  assertEquals(jit((x: Tensor) => x.sum({ axis: 0 }))(zeros([0, 3])).shape, [3]);
});
