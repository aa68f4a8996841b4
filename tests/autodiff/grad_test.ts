import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  grad,
  GradientError,
  jit,
  setDefaultFloat,
  shared,
  stopGradient,
  type Tensor,
  tensor,
  valueAndGrad,
} from "@damo/damo";

const f64 = (data: number | number[] | number[][]): Tensor => tensor(data, { dtype: "float64" });

Deno.test("grad of a sum of squares", () => {
  const g = grad((x: Tensor) => x.mul(x).sum())(tensor([1, 2, 3]));
  assertEquals(g.arraySync(), [2, 4, 6]);
  assertEquals(g.dtype, "float32");
});

Deno.test("grad keeps the dtype of the argument", () => {
  for (const dtype of ["float16", "float32", "float64"] as const) {
    const g = grad((x: Tensor) => x.mul(x).sum())(tensor([1, 2], { dtype }));
    assertEquals(g.dtype, dtype);
    assertEquals(g.arraySync(), [2, 4]);
  }
});

Deno.test("plain numbers are accepted as arguments", () => {
  const g = grad((x: Tensor) => x.mul(x).mul(x))(2);
  assertEquals(g.itemSync(), 12);
  assertEquals(g.dtype, "float32");
  assertEquals(grad((x: Tensor) => x.mul(x))(3).itemSync(), 6);
});

Deno.test("numbers take the default float", () => {
  setDefaultFloat("float64");
  try {
    const g = grad((x: Tensor) => x.mul(x))(0.1);
    assertEquals(g.dtype, "float64");
    assertEquals(g.itemSync(), 0.2);
  } finally {
    setDefaultFloat("float32");
  }
});

Deno.test("the gradient mirrors the tree of the argument", () => {
  interface Params {
    layers: { weight: Tensor; bias: Tensor }[];
    scale: Tensor | number;
    label: string;
  }
  const loss = (params: Params, x: Tensor) => {
    let h = x;
    for (const { weight, bias } of params.layers) h = h.mul(weight).add(bias);
    return h.mul(params.scale).sum();
  };
  const params: Params = {
    layers: [{ weight: f64([2, 3]), bias: f64([0, 1]) }, { weight: f64([4, 5]), bias: f64([1, 1]) }],
    scale: 10,
    label: "kept",
  };
  const g = grad(loss)({ ...params, scale: f64(10) }, f64([1, 2]));
  assertEquals(g.label, "kept");
  assertEquals(g.layers[0].weight.arraySync(), [40, 100]);
  assertEquals(g.layers[0].bias.arraySync(), [40, 50]);
  assertEquals(g.layers[1].weight.arraySync(), [20, 70]);
  assertEquals(g.layers[1].bias.arraySync(), [10, 10]);
  assertEquals((g.scale as Tensor).itemSync(), 2 * 4 + 1 + 7 * 5 + 1);
});

Deno.test("argnums chooses an argument, or several", () => {
  const f = (x: Tensor, y: Tensor) => x.mul(x).mul(y);
  assertEquals(grad(f, { argnums: 1 })(f64(3), f64(5)).itemSync(), 9);
  const [dx, dy] = grad(f, { argnums: [0, 1] })(f64(3), f64(5));
  assertEquals([dx.itemSync(), dy.itemSync()], [30, 9]);
  const [only] = grad(f, { argnums: [1] })(f64(3), f64(5));
  assertEquals(only.itemSync(), 9);
  assertEquals((grad(f, { argnums: -1 })(f64(3), f64(5)) as Tensor).itemSync(), 9);
});

Deno.test("arguments that are not differentiated may be anything", () => {
  const f = (x: Tensor, mode: string, times: number, labels: Tensor, pick: (t: Tensor) => Tensor) => {
    assertEquals(labels.dtype, "int32");
    let y = x;
    for (let i = 0; i < times; i++) y = y.mul(x);
    return mode === "sum" ? pick(y).sum() : y.mean();
  };
  const g = grad(f)(f64([1, 2]), "sum", 2, tensor([1, 0], { dtype: "int32" }), (t) => t.mul(2));
  assertEquals(g.arraySync(), [6, 24]);
});

Deno.test("hasAux hands further results back", () => {
  const f = (x: Tensor) => {
    const square = x.mul(x);
    return [square.sum(), { square, note: "text", count: 3 }] as const;
  };
  const [g, aux] = grad(f, { hasAux: true })(f64([1, 2]));
  assertEquals(g.arraySync(), [2, 4]);
  assertEquals(aux.square.arraySync(), [1, 4]);
  assertEquals([aux.note, aux.count], ["text", 3]);
  const [[value, again], gradient] = valueAndGrad(f, { hasAux: true })(f64([1, 2]));
  assertEquals(value.itemSync(), 5);
  assertEquals(again.square.arraySync(), [1, 4]);
  assertEquals(gradient.arraySync(), [2, 4]);
});

Deno.test("valueAndGrad gives both, and traces the function once", () => {
  let runs = 0;
  const f = (x: Tensor) => {
    runs++;
    return x.sin().sum();
  };
  const [value, g] = valueAndGrad(f)(f64([0.5, 1.5]));
  assertEquals(runs, 1);
  assertAlmostEquals(value.itemSync() as number, Math.sin(0.5) + Math.sin(1.5), 1e-12);
  assertAlmostEquals((g.arraySync() as number[])[0], Math.cos(0.5), 1e-12);
});

Deno.test("functions may be impure: nothing is remembered between calls", () => {
  let k = 1;
  const g = grad((x: Tensor) => x.mul(k++));
  assertEquals([g(1), g(1), g(1)].map((t) => t.itemSync()), [1, 2, 3]);
});

Deno.test("a typed array is a tensor", () => {
  const g = grad((x: Tensor) => x.mul(x).sum())(new Float64Array([1, 2]));
  assertEquals(g.dtype, "float64");
  assertEquals(g.arraySync(), [2, 4]);
});

Deno.test("captured tensors are constants, by reference", () => {
  const a = f64([2, 3]);
  assertEquals(grad((x: Tensor) => x.mul(a).sum())(f64([1, 1])).arraySync(), [2, 3]);
  const outer = grad((x: Tensor) => grad((y: Tensor) => x.mul(x).mul(y))(f64(5)))(f64(3));
  assertEquals(outer.itemSync(), 6);
});

Deno.test("perturbations of nested derivatives are not confused", () => {
  // d/dx [ x * d/dy (x + y) ] = 1, not 2 (Siskind and Pearlmutter 2005).
  const f = (x: Tensor) => x.mul(grad((y: Tensor) => x.add(y))(f64(1)));
  assertEquals(grad(f)(f64(1)).itemSync(), 1);
});

Deno.test("shared variables are differentiated when they are the argument, however they are read", () => {
  const w = shared(f64([1, 2]), { name: "w" });
  const gradients: Tensor[] = [
    grad((v: Tensor) => v.mul(v).sum())(w),
    grad((v) => v.value.mul(v.value).sum())(w),
    grad((p: { w: Tensor }) => p.w.mul(w).sum())({ w }).w,
  ];
  for (const g of gradients) assertEquals(g.arraySync(), [2, 4]);
});

Deno.test("shared variables that are captured are constants", () => {
  const w = shared(f64([1, 2]), { name: "w" });
  assertEquals(grad((x: Tensor) => x.mul(w).sum())(f64([5, 6])).arraySync(), [1, 2]);
});

Deno.test("an assignment inside a differentiated function commits once", () => {
  const count = shared(f64(0), { name: "count" });
  const g = grad((x: Tensor) => {
    count.value = count.value.add(1);
    return x.mul(count.value);
  });
  assertEquals(g(f64(7)).itemSync(), 1);
  assertEquals(count.value.itemSync(), 1);
  const compiled = jit((x: Tensor) => g(x));
  assertEquals(compiled(f64(7)).itemSync(), 2);
  assertEquals(compiled(f64(7)).itemSync(), 3);
  assertEquals(count.value.itemSync(), 3);
});

Deno.test("an assignment is dropped when the function throws", () => {
  const count = shared(f64(0), { name: "count" });
  assertThrows(() =>
    grad((x: Tensor) => {
      count.value = count.value.add(1);
      if (count) throw new Error("mine");
      return x;
    })(f64(1))
  );
  assertEquals(count.value.itemSync(), 0);
});

Deno.test("disconnected leaves: an error, zeros, or zeros and a warning", () => {
  const f = (p: { used: Tensor; unused: Tensor }) => p.used.sum();
  const p = { used: f64([1, 2]), unused: f64([3]) };
  assertThrows(() => grad(f)(p), GradientError);
  assertEquals(grad(f, { disconnected: "zero" })(p).unused.arraySync(), [0]);
  const warnings: string[] = [];
  const original = console.warn;
  console.warn = (text: string) => warnings.push(text);
  try {
    assertEquals(grad(f, { disconnected: "warn" })(p).unused.arraySync(), [0]);
  } finally {
    console.warn = original;
  }
  assertEquals(warnings, [
    "grad of f: the cost does not depend on p.unused (float64[1]). Its gradient is zero.",
  ]);
});

Deno.test("stopGradient disconnects", () => {
  assertEquals(grad((x: Tensor) => x.mul(stopGradient(x)))(f64(3)).itemSync(), 3);
  assertThrows(
    () => grad((x: Tensor) => stopGradient(x.mul(x)))(f64(3)),
    GradientError,
    "does not depend on x",
  );
  const tree = stopGradient({ a: f64(1), b: [f64(2)], c: "text" });
  assertEquals([tree.a.itemSync(), tree.b[0].itemSync(), tree.c], [1, 2, "text"]);
});

Deno.test("a cost that depends on its argument through a step has the gradient zero", () => {
  assertEquals(grad((x: Tensor) => x.floor().sum())(f64([1.5, 2.5])).arraySync(), [0, 0]);
  assertEquals(grad((x: Tensor) => x.gt(0).cast("float64").sum())(f64([1.5])).arraySync(), [0]);
});

Deno.test("grad inside jit, with the number argument of jit", () => {
  const f = jit((x: Tensor, k: number) => grad((y: Tensor) => y.mul(y).mul(k).sum())(x));
  assertEquals(f(f64([1, 2]), 3).arraySync(), [6, 12]);
  assertEquals(f(f64([1, 2]), 0.5).arraySync(), [1, 2]);
  const byNumber = jit((k: number) => grad((y: Tensor) => y.mul(y))(k));
  assertEquals(byNumber(3).itemSync(), 6);
  assertEquals(byNumber(4).itemSync(), 8);
  assertEquals(byNumber.cacheSize, 1);
});

Deno.test("gradients are named after what they are in graphs", () => {
  const loss = (w: Tensor) => w.mul(w).sum();
  const text = jit((w: Tensor) => grad(loss)(w)).graph(f64([1, 2])).toString();
  assert(text.includes("dloss/dw"), text);
});

Deno.test("zero-size arguments", () => {
  const g = grad((x: Tensor) => x.mul(x).sum())(tensor([], { dtype: "float64" }));
  assertEquals(g.shape, [0]);
});
