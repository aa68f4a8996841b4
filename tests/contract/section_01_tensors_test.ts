/** API.md, section 1: tensors. */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  add,
  arange,
  cumsum,
  DamoError,
  diag,
  DisposedError,
  type DType,
  DTypeError,
  eye,
  full,
  fullLike,
  jit,
  linspace,
  LoopError,
  mean,
  oneHot,
  ones,
  onesLike,
  scan,
  scatterAdd,
  setDefaultFloat,
  ShapeError,
  shared,
  sum,
  type Tensor,
  tensor,
  tri,
  tril,
  triu,
  zeros,
  zerosLike,
} from "@damo/damo";
import { DTYPES, list, message } from "./support.ts";

const of = (value: number | number[], dtype: DType): Tensor => tensor(value, { dtype });

Deno.test("tensor: data, options and defaults", () => {
  assertEquals([tensor(1).dtype, tensor(1).shape], ["float32", []]);
  assertEquals([tensor([[1, 2], [3, 4]]).shape, list(tensor([[1, 2], [3, 4]]))], [[2, 2], [[1, 2], [3, 4]]]);
  assertEquals([tensor(true).dtype, tensor([true, false]).dtype], ["bool", "bool"]);
  assertEquals(list(tensor([true, false])), [true, false]);
  assertEquals(tensor([1, 2, 3, 4], { shape: [2, 2] }).shape, [2, 2]);
  assertEquals(list(tensor([1, 2, 3, 4, 5, 6], { shape: [3, 2], dtype: "int32" })), [[1, 2], [3, 4], [5, 6]]);
  assertEquals(tensor(new Float32Array(6), { shape: [2, 3] }).shape, [2, 3]);
  assertEquals(tensor([1, 2], { dtype: "int8" }).dtype, "int8");
  assertEquals(tensor([1, 2], { device: "wasm" }).device, "wasm");
  assertEquals(tensor(tensor([1, 2])).shape, [2]);
  assertEquals(tensor(tensor([1.5, 2]), { dtype: "int32" }).dtype, "int32");
  assertEquals(list(tensor([tensor([1, 2]), tensor([3, 4])] as never)), [[1, 2], [3, 4]]);
  assertEquals(tensor([]).shape, [0]);
  assertEquals(tensor([[], []]).shape, [2, 0]);
  assertEquals(list(tensor([[], []])), [[], []]);
  assertEquals(tensor([1, true] as never).dtype, "float32");
  assertEquals(list(tensor([new Float32Array([1, 2]), new Float32Array([3, 4])] as never)), [[1, 2], [3, 4]]);
  message(() => tensor([[1, 2], [3]]), ShapeError, "tensor");
  message(() => tensor([1, 2, 3], { shape: [2, 2] }), ShapeError, "[2, 2]", "3");
  message(() => tensor([1], { dtype: "float23" as never }), DTypeError, "float23");
  message(() => tensor("text" as never), DamoError, "tensor");
  message(() => tensor(null as never), DamoError, "tensor");
  message(() => tensor([1, "2"] as never), DamoError, "tensor");
  message(() => tensor([1, undefined] as never), DamoError, "tensor");
});

Deno.test("a typed array keeps its own type; Int16 and Uint16 give int32, BigInt arrays are refused", () => {
  const kinds: [ArrayBufferView, DType][] = [
    [new Float64Array(2), "float64"],
    [new Float32Array(2), "float32"],
    [new Float16Array(2), "float16"],
    [new Int32Array(2), "int32"],
    [new Uint32Array(2), "uint32"],
    [new Int8Array(2), "int8"],
    [new Uint8Array(2), "uint8"],
    [new Uint8ClampedArray(2), "uint8"],
    [new Int16Array([-5, 7]), "int32"],
    [new Uint16Array([65535, 7]), "int32"],
  ];
  for (const [array, dtype] of kinds) assertEquals(tensor(array as never).dtype, dtype);
  assertEquals(list(tensor(new Int16Array([-5, 7]) as never)), [-5, 7]);
  assertEquals(list(tensor(new Uint16Array([65535]) as never)), [65535]);
  message(() => tensor(new BigInt64Array(1) as never), DTypeError, "BigInt64Array");
  message(() => tensor(new BigUint64Array(1) as never), DTypeError, "BigUint64Array");
  const source = new Float32Array([1, 2]);
  const t = tensor(source);
  source[0] = 9;
  assertEquals(list(t), [1, 2]);
});

Deno.test("creation functions with { dtype, device }", () => {
  assertEquals(list(zeros([2, 1])), [[0], [0]]);
  assertEquals(list(ones([2])), [1, 1]);
  assertEquals(list(full([2], 7)), [7, 7]);
  assertEquals([full([2], true).dtype, full([2], 7).dtype], ["bool", "float32"]);
  assertEquals(list(eye(2)), [[1, 0], [0, 1]]);
  assertEquals(list(eye(2, 3)), [[1, 0, 0], [0, 1, 0]]);
  assertEquals(list(eye(2, 3, 1)), [[0, 1, 0], [0, 0, 1]]);
  assertEquals(list(eye(3, 3, -1)), [[0, 0, 0], [1, 0, 0], [0, 1, 0]]);
  assertEquals(list(arange(3)), [0, 1, 2]);
  assertEquals(list(arange(1, 4)), [1, 2, 3]);
  assertEquals(list(arange(5, 0, -2)), [5, 3, 1]);
  assertEquals(list(arange(0, 1, 0.25)), [0, 0.25, 0.5, 0.75]);
  assertEquals(arange(3, 1).shape, [0]);
  assertEquals(list(linspace(0, 1, 5)), [0, 0.25, 0.5, 0.75, 1]);
  assertEquals([list(linspace(3, 4, 1)), linspace(0, 1, 0).shape], [[3], [0]]);
  assertEquals(linspace(0, 1, 3).dtype, "float32");
  assertEquals(list(tri(2, 3)), [[1, 0, 0], [1, 1, 0]]);
  assertEquals(list(tril(ones([2, 2]))), [[1, 0], [1, 1]]);
  assertEquals(list(triu(ones([2, 2]))), [[1, 1], [0, 1]]);
  assertEquals(list(triu(ones([3, 3]), 1)), [[0, 1, 1], [0, 0, 1], [0, 0, 0]]);
  assertEquals(list(diag([1, 2])), [[1, 0], [0, 2]]);
  assertEquals(list(diag(tensor([[1, 2], [3, 4]]))), [1, 4]);
  assertEquals(list(oneHot([2, 0], 3)), [[0, 0, 1], [1, 0, 0]]);
  assertEquals(list(oneHot(tensor([1, -1, 3], { dtype: "int32" }), 3)), [[0, 1, 0], [0, 0, 0], [0, 0, 0]]);
  const like = tensor([[1, 2]], { dtype: "int32" });
  for (const [made, value] of [[zerosLike(like), 0], [onesLike(like), 1], [fullLike(like, 5), 5]] as const) {
    assertEquals([made.dtype, list(made)], ["int32", [[value, value]]]);
  }
  assertEquals(zerosLike(like, { dtype: "float64" }).dtype, "float64");
  for (const dtype of DTYPES) {
    const options = { dtype, device: "wasm" } as const;
    const made = [zeros([2], options), ones([2], options), full([2], 1, options), eye(2, 2, 0, options)];
    made.push(
      arange(0, 2, 1, options),
      tri(2, 2, 0, options),
      oneHot([0], 2, options),
      fullLike(like, 1, options),
    );
    for (const t of made) assertEquals([t.dtype, t.device], [dtype, "wasm"]);
  }
  assertEquals(arange(3, { dtype: "int32" } as never).dtype, "int32");
  assertEquals(list(ones([2, 0])), [[], []]);
  message(() => zeros([-1]), ShapeError, "-1");
  message(() => zeros([1.5]), ShapeError, "1.5");
});

Deno.test("setDefaultFloat", () => {
  try {
    setDefaultFloat("float64");
    assertEquals([tensor(1).dtype, tensor([1]).dtype, zeros([1]).dtype], ["float64", "float64", "float64"]);
    assertEquals(of([1, 2], "int32").mean().dtype, "float64");
    assertEquals(of([1, 2], "int32").exp().dtype, "float64");
    assertEquals(of([1, 2], "int32").div(2).dtype, "float64");
    assertEquals(of([1, 2], "int32").add(0.5).dtype, "float64");
    assertEquals(of([1, 2], "float32").add(0.5).dtype, "float32");
  } finally {
    setDefaultFloat("float32");
  }
  assertEquals(tensor(1).dtype, "float32");
  message(() => setDefaultFloat("int32" as never), DTypeError, "int32");
});

Deno.test("shape, dtype, ndim, size, device", () => {
  const t = zeros([2, 3, 4]);
  assertEquals([t.shape, t.dtype, t.ndim, t.size, t.device], [[2, 3, 4], "float32", 3, 24, "wasm"]);
  assertEquals([tensor(1).ndim, tensor(1).size], [0, 1]);
});

Deno.test("values are read flat as a copy, nested, or as one element", async () => {
  const t = tensor([[1, 2], [3, 4]]);
  assertEquals(t.dataSync(), new Float32Array([1, 2, 3, 4]));
  assertEquals(await t.data(), new Float32Array([1, 2, 3, 4]));
  t.dataSync()[0] = 9;
  (await t.data())[1] = 9;
  assertEquals(await t.array(), [[1, 2], [3, 4]]);
  assertEquals(t.transpose().dataSync(), new Float32Array([1, 3, 2, 4]));
  assertStrictEquals(tensor(5).arraySync(), 5);
  assertStrictEquals(await tensor(5).array(), 5);
  assertStrictEquals(tensor([[5]]).itemSync(), 5);
  assertStrictEquals(await tensor([[5]]).item(), 5);
  const error = message(() => t.itemSync(), ShapeError, "item", "4");
  assert(error.includes("float32[2, 2]"), error);
  let thrown: unknown;
  await t.item().catch((e) => thrown = e);
  assert(thrown instanceof ShapeError);
  assertThrows(() => zeros([0]).itemSync(), ShapeError);
  const flags = tensor([true, false]);
  assertEquals(flags.dataSync(), new Uint8Array([1, 0]));
  assertEquals(await flags.data(), new Uint8Array([1, 0]));
  assertEquals(flags.arraySync() as unknown, [true, false]);
  assertStrictEquals(tensor(true).itemSync() as unknown, true);
  assertStrictEquals((await tensor(false).item()) as unknown, false);
  assertStrictEquals(tensor(true).arraySync() as unknown, true);
  const arrays: Record<DType, unknown> = {
    bool: Uint8Array,
    uint8: Uint8Array,
    int8: Int8Array,
    int32: Int32Array,
    uint32: Uint32Array,
    float16: Float16Array,
    float32: Float32Array,
    float64: Float64Array,
  };
  for (const dtype of DTYPES) assertStrictEquals(ones([2], { dtype }).dataSync().constructor, arrays[dtype]);
  assertEquals(zeros([0, 2]).dataSync().length, 0);
  assertEquals(list(zeros([0, 2])), []);
});

Deno.test("dispose, using, disposed", () => {
  const t = tensor([1, 2]);
  assertEquals(t.disposed, false);
  t.dispose();
  t.dispose();
  assertEquals(t.disposed, true);
  for (
    const use of [() => t.dataSync(), () => t.add(1), () => jit((x: Tensor) => x)(t), () => t.arraySync()]
  ) {
    message(use, DisposedError, "float32[2]");
  }
  let kept: Tensor;
  {
    using u = tensor([3]);
    kept = u;
    assertEquals(list(u), [3]);
  }
  assertEquals(kept.disposed, true);
});

Deno.test("to, cast, String, console.log, Jupyter", () => {
  const t = tensor([[1.5, 2], [3, 4]]);
  assertEquals([t.to("wasm").device, list(t.to("wasm"))], ["wasm", list(t)]);
  assertEquals([t.cast("int32").dtype, list(t.cast("int32"))], ["int32", [[1, 2], [3, 4]]]);
  for (const text of [String(t), `${t}`, Deno.inspect(t)]) {
    assert(text.includes("1.5") && text.includes("float32") && /2, ?2|2x2/.test(text), text);
  }
  assert(Deno.inspect(zeros([1000, 1000])).length < 2000);
  const display = (t as unknown as Record<symbol, () => Record<string, string>>)
    [Symbol.for("Jupyter.display")]();
  assert("text/plain" in display || "text/html" in display);
  message(() => t.cast("complex64" as never), DTypeError, "complex64");
  assertEquals(Number(tensor(3)), 3);
  assert(+tensor(4) === 4 && (tensor(1) as unknown as number) < (tensor(2) as unknown as number));
});

Deno.test("operands broadcast as in NumPy", () => {
  const a = tensor([[1], [2]]), b = tensor([10, 20, 30]);
  assertEquals(list(a.add(b)), [[11, 21, 31], [12, 22, 32]]);
  assertEquals(list(add(a, b)), list(b.add(a)));
  assertEquals(list(add([1, 2], 1)), [2, 3]);
  assertEquals(list(add(1, 2)), 3);
  assertEquals(list(add(new Float64Array([1]), [[1], [2]])), [[2], [3]]);
  assertEquals(zeros([0, 3]).add(zeros([3])).shape, [0, 3]);
  assertEquals(zeros([2, 0]).add(zeros([1, 1])).shape, [2, 0]);
  message(() => zeros([2]).add(zeros([3])), ShapeError, "add", "float32[2]", "float32[3]");
  message(() => zeros([2]).add(zeros([0])), ShapeError, "add");
});

/** bool < uint8, int8 < int32, uint32 < float16 < float32 < float64. */
function promoted(a: DType, b: DType): DType {
  if (a === b) return a;
  const rank: Record<DType, number> = {
    bool: 0,
    uint8: 1,
    int8: 1,
    int32: 2,
    uint32: 2,
    float16: 3,
    float32: 4,
    float64: 5,
  };
  const signed = (d: DType) => d === "int8" || d === "int32", unsigned = (d: DType) => d.startsWith("uint");
  if (signed(a) && unsigned(b) || signed(b) && unsigned(a)) return "int32";
  return rank[a] > rank[b] ? a : b;
}

Deno.test("promotion: every pair of dtypes, outside and inside jit, scalars and vectors alike", () => {
  for (const a of DTYPES) {
    for (const b of DTYPES) {
      // uint8 is a narrower type of int32, and uint8 with int32 is signed with unsigned: int32 both ways.
      const wanted = promoted(a, b);
      for (const [x, y] of [[of([1], a), of([1], b)], [of(1, a), of([1], b)], [of([1], a), of(1, b)]]) {
        const got = x.mul(y).dtype;
        assertEquals(got, wanted, `${a} with ${b}`);
        assertEquals(x.maximum(y).dtype, wanted);
      }
      assertEquals(jit((x: Tensor, y: Tensor) => x.mul(y))(of([1], a), of([1], b)).dtype, wanted);
      assertEquals(of([1], a).eq(of([1], b)).dtype, "bool");
    }
  }
});

Deno.test("a JS number is weak: it takes the dtype of the tensor it meets", () => {
  for (const dtype of DTYPES) {
    const x = of([1], dtype);
    const integer = dtype === "bool" ? "int32" : dtype;
    const fractional = dtype.startsWith("float") ? dtype : "float32";
    for (
      const f of [
        (y: number) => x.add(y),
        (y: number) => add(y, x),
        (y: number) => jit((z: Tensor) => z.add(y))(x),
      ]
    ) {
      assertEquals(f(2).dtype, integer, `${dtype} + 2`);
      assertEquals(f(0.5).dtype, fractional, `${dtype} + 0.5`);
      assertEquals(f(Infinity).dtype, fractional, `${dtype} + Infinity`);
      assertEquals(f(NaN).dtype, fractional, `${dtype} + NaN`);
    }
    const traced = jit((z: Tensor, k: number) => z.mul(k));
    assertEquals(traced(x, 2).dtype, integer, `${dtype} * traced 2`);
    assertEquals(traced(x, 0.5).dtype, fractional, `${dtype} * traced 0.5`);
  }
  assertEquals(list(of([1, 2], "int32").add(0.5)), [1.5, 2.5]);
});

Deno.test("integers wrap; integer division and remainder by 0 give 0", () => {
  assertEquals(list(of([127], "int8").add(of([1], "int8"))), [-128]);
  assertEquals(list(of([255], "uint8").add(1)), [0]);
  assertEquals(list(of([0], "uint8").sub(1)), [255]);
  assertEquals(list(of([2147483647], "int32").add(1)), [-2147483648]);
  assertEquals(list(of([4294967295], "uint32").add(1)), [0]);
  assertEquals(list(of([65536], "int32").mul(65536)), [0]);
  assertEquals(list(of([123456789], "int32").mul(987654321)), [Math.imul(123456789, 987654321)]);
  assertEquals(list(of([-128], "int8").neg()), [-128]);
  assertEquals(list(of([-128], "int8").abs()), [-128]);
  assertEquals(list(of([3], "int32").pow(40)), [Number(BigInt.asIntN(32, 3n ** 40n))]);
  for (const dtype of ["uint8", "int8", "int32", "uint32"] as const) {
    for (const run of [(f: (a: Tensor, b: Tensor) => Tensor) => f, jit] as const) {
      const a = of([7, 0], dtype), b = of([0, 0], dtype);
      assertEquals(list(run((x: Tensor, y: Tensor) => x.floorDiv(y))(a, b)), [0, 0], dtype);
      assertEquals(list(run((x: Tensor, y: Tensor) => x.mod(y))(a, b)), [0, 0], dtype);
    }
    assertEquals(list(of([7], dtype).floorDiv(0)), [0]);
    assertEquals(list(of([7], dtype).mod(0)), [0]);
  }
  assertEquals(list(of([-7, 7, -7], "int32").floorDiv(of([2, -2, -2], "int32"))), [-4, -4, 3]);
  assertEquals(list(of([-7, 7, -7], "int32").mod(of([2, -2, -2], "int32"))), [1, -1, -1]);
  assertEquals(list(of([-2147483648], "int32").floorDiv(-1)), [-2147483648]);
  assertEquals(list(of([-2147483648], "int32").mod(-1)), [0]);
});

Deno.test("a float cast to an integer saturates, NaN to 0", () => {
  const values = [NaN, Infinity, -Infinity, 1e20, -1e20, 3.9, -3.9, 300, -300];
  const wanted: Partial<Record<DType, number[]>> = {
    int32: [0, 2147483647, -2147483648, 2147483647, -2147483648, 3, -3, 300, -300],
    uint32: [0, 4294967295, 0, 4294967295, 0, 3, 0, 300, 0],
    int8: [0, 127, -128, 127, -128, 3, -3, 127, -128],
    uint8: [0, 255, 0, 255, 0, 3, 0, 255, 0],
  };
  for (const source of ["float32", "float64", "float16"] as const) {
    for (const [dtype, expected] of Object.entries(wanted)) {
      const x = tensor(values, { dtype: source });
      assertEquals(list(x.cast(dtype as DType)), expected, `${source} to ${dtype}`);
      assertEquals(list(jit((t: Tensor) => t.cast(dtype as DType))(x)), expected);
    }
    assertEquals(list(tensor([NaN, 0, -0, 0.1], { dtype: source }).cast("bool")), [true, false, false, true]);
  }
  assertEquals(list(of([300, -1], "int32").cast("uint8")), [44, 255]);
  assertEquals(list(of([300, -1], "int32").cast("int8")), [44, -1]);
  assertEquals(list(of([-1], "int32").cast("uint32")), [4294967295]);
});

Deno.test("true division, means, transcendental functions and sums of integers", () => {
  for (const dtype of ["bool", "uint8", "int8", "int32", "uint32"] as const) {
    const x = of([1, 1], dtype);
    assertEquals(x.div(x).dtype, "float32", dtype);
    assertEquals(x.div(2).dtype, "float32");
    for (
      const f of [
        "exp",
        "log",
        "sin",
        "sqrt",
        "tanh",
        "sigmoid",
        "erf",
        "lgamma",
        "rsqrt",
        "reciprocal",
      ] as const
    ) {
      assertEquals(x[f]().dtype, "float32", `${f} ${dtype}`);
    }
    for (const f of ["mean", "variance", "std", "logsumexp", "norm"] as const) {
      assertEquals(x[f]().dtype, "float32", `${f} ${dtype}`);
    }
    const summed = dtype === "int32" || dtype === "uint32" ? dtype : "int32";
    assertEquals([sum(x).dtype, x.prod().dtype, cumsum(x).dtype], [summed, summed, summed], dtype);
    assertEquals(mean(x).itemSync(), 1);
  }
  assertEquals(ones([300], { dtype: "uint8" }).mul(2).sum().itemSync(), 600);
  assertEquals(ones([300], { dtype: "bool" }).sum().itemSync(), 300);
  assertEquals(of([1, 2], "int32").div(of(0, "int32")).arraySync(), [Infinity, Infinity]);
  assertEquals(of([1], "float16").exp().dtype, "float16");
});

Deno.test("float64 data never becomes float32 silently", () => {
  const d = new Float64Array([0.1, 0.2]);
  assertEquals(tensor(d).dtype, "float64");
  assertEquals(add(tensor([1, 2]), d).dtype, "float64");
  assertEquals(tensor(d, { dtype: "float32" }).dtype, "float32");
  const w = shared(tensor([1, 2]));
  const error = message(
    () => w.value = tensor(d),
    DTypeError,
    "float32",
    "float64",
    "cast",
    "setDefaultFloat",
  );
  assert(error.split("\n").length >= 2);
  assertEquals(w.dtype, "float32");
  assertEquals(tensor([d] as never).dtype, "float64");
  const remedies = ["cast", "setDefaultFloat"];
  const wide = tensor(0.1, { dtype: "float64" });
  message(() => zeros([2]).with([0], wide), DTypeError, "with", ...remedies);
  message(() => zeros([2]).withAdded([0], wide), DTypeError, "withAdded", ...remedies);
  message(() => scatterAdd(zeros([2]), [0], tensor(d).at([0])), DTypeError, "scatterAdd", ...remedies);
  message(() => tensor([1]).pad(1, { value: wide }), DTypeError, "pad", ...remedies);
  message(
    () => scan((c: Tensor) => [c.add(wide) as never, c], zeros([]), undefined, { length: 2 }),
    LoopError,
    ...remedies,
  );
  assertEquals(list(tensor([1]).pad(1, { value: tensor(2) })), [2, 1, 2]);
});
