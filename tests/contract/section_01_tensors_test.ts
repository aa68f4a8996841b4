/** API.md, section 1: tensors, how they are made and read, and broadcasting. */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  add,
  arange,
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
  oneHot,
  ones,
  onesLike,
  ShapeError,
  type Tensor,
  tensor,
  tri,
  tril,
  triu,
  zeros,
  zerosLike,
} from "@damo/damo";
import { DTYPES, list, message } from "./support.ts";

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
