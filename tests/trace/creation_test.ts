/** Tensors from data, fills, ranges and matrices, outside traces and inside. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  arange,
  cast,
  type CreationOptions,
  DamoError,
  DeviceError,
  diag,
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
  setDefaultFloat,
  ShapeError,
  shared,
  type Tensor,
  tensor,
  TracedValueError,
  tri,
  tril,
  triu,
  zeros,
  zerosLike,
} from "@damo/damo";
import { runTraced } from "../support/traced.ts";
import { deviceTest } from "../support/devices.ts";

function values(x: Tensor): number[] {
  return [...x.dataSync()];
}

/** Checks that the same elements are made outside a trace, inside one, and inside jit. */
function assertMakes(
  make: () => Tensor,
  expected: readonly number[],
  shape: readonly number[],
  dtype: DType,
) {
  const eager = make();
  assertEquals([values(eager), [...eager.shape], eager.dtype], [[...expected], [...shape], dtype]);
  const [traced] = runTraced(() => [make()], []);
  assertEquals([[...traced.data], [...traced.shape], traced.dtype], [[...expected], [...shape], dtype]);
  assertEquals(values(jit(make)()), [...expected]);
}

Deno.test("numbers are the default float, booleans bool, and typed arrays keep their type", () => {
  assertEquals(tensor(3).dtype, "float32");
  assertEquals(tensor(true).dtype, "bool");
  assertEquals(tensor([[1, 2]]).dtype, "float32");
  assertEquals(tensor([true, false]).dtype, "bool");
  assertEquals(tensor([true, 2]).dtype, "float32");
  assertEquals(tensor([]).shape, [0]);
  assertEquals(tensor([[], []]).shape, [2, 0]);
  const kinds: [ArrayBufferView & { length: number }, DType][] = [
    [new Float32Array(2), "float32"],
    [new Float64Array(2), "float64"],
    [new Float16Array(2), "float16"],
    [new Int32Array(2), "int32"],
    [new Uint32Array(2), "uint32"],
    [new Int8Array(2), "int8"],
    [new Uint8Array(2), "uint8"],
    [new Uint8ClampedArray(2), "uint8"],
    [new Int16Array([-3, 4]), "int32"],
    [new Uint16Array([3, 65535]), "int32"],
  ];
  for (const [data, dtype] of kinds) assertEquals(tensor(data as Float32Array).dtype, dtype);
  assertEquals(values(tensor(new Uint16Array([3, 65535]))), [3, 65535]);
  assertEquals(tensor([new Float64Array([1, 2]), new Float64Array([3, 4])]).dtype, "float64");
  setDefaultFloat("float64");
  try {
    assertEquals(tensor([0.1]).itemSync(), 0.1);
  } finally {
    setDefaultFloat("float32");
  }
});

deviceTest("data is copied, laid out in a shape, and converted as cast does", () => {
  const data = new Float32Array([1, 2, 3, 4]);
  const x = tensor(data, { shape: [2, 2] });
  data[0] = 9;
  assertEquals(x.arraySync(), [[1, 2], [3, 4]]);
  assertEquals(values(tensor([1.9, -1.9, NaN, 1e10], { dtype: "int32" })), [1, -1, 0, 2147483647]);
  assertEquals(values(tensor([0, 0.5, NaN], { dtype: "bool" })), [0, 1, 1]);
  assertEquals(values(tensor(new Int32Array([257, -1]), { dtype: "uint8" })), [1, 255]);
  assertEquals(values(tensor(x, { dtype: "int8" })), [1, 2, 3, 4]);
  assertEquals(tensor(x).arraySync(), [[1, 2], [3, 4]]);
});

deviceTest("arrays of tensors are stacked, traced ones too", () => {
  const x = tensor([1, 2]), y = tensor(new Int32Array([3, 4]));
  assertEquals(tensor([x, y]).arraySync(), [[1, 2], [3, 4]]);
  assertEquals(tensor([x.sum(), 5, [7][0]]).arraySync(), [3, 5, 7]);
  assertEquals(jit((a: Tensor) => tensor([[a, a.mul(2)], [1, 0]]))(tensor(3)).arraySync(), [[3, 6], [1, 0]]);
  assertEquals(x.add([y, [10, 20]]).arraySync(), [[4, 6], [11, 22]]);
  assertThrows(() => tensor([x, tensor([1, 2, 3])]), ShapeError, "position [1] is float32[3], position [0]");
});

deviceTest("ragged arrays and foreign elements are refused with their place", () => {
  const bad = (data: unknown): Tensor => tensor(data as number[]);
  assertThrows(() => bad([[1, 2], [3]]), ShapeError, "position [1] is an array of 1, expected an array of 2");
  assertThrows(() => bad([[1], 2]), ShapeError, "position [1] is the number 2");
  assertThrows(() => bad([1, [2]]), ShapeError, "position [1] is an array of 1, expected one element");
  assertThrows(() => bad([[1, "2"]]), DTypeError, 'position [0][1] is the string "2"');
  assertThrows(() => bad([1, undefined]), DTypeError, "position [1] is undefined");
  assertThrows(() => bad([1, null]), DTypeError, "position [1] is null");
  assertThrows(() => bad(5n), DTypeError, "BigInt 5n");
  assertThrows(() => bad(new BigInt64Array(2)), DTypeError, "BigInt64Array");
  assertThrows(() => bad(new DataView(new ArrayBuffer(4))), DTypeError, "DataView");
  assertThrows(() => bad({ a: 1 }), DTypeError, "an object");
  assertThrows(() => bad(undefined), DTypeError, "the data is undefined");
  const error = assertThrows(() => zeros([2]).add("x" as unknown as number), DTypeError, 'the string "x"');
  assertEquals(error.detail.operation, "add");
  assert(error.message.includes("creation_test.ts"), error.message);
});

deviceTest("bad shapes, options, dtypes and devices are refused", () => {
  assertThrows(() => zeros([NaN]), ShapeError, "shape [NaN] has NaN at position 0");
  assertThrows(() => ones([2, -1]), ShapeError, "-1 at position 1");
  assertThrows(() => zeros(3 as unknown as number[]), ShapeError, "shape must be an array");
  assertThrows(() => full([1.5], 0), ShapeError, "1.5");
  assertThrows(() => zeros([1], { dtyp: "int32" } as CreationOptions), DamoError, 'unknown option "dtyp"');
  assertThrows(() => zeros([1], { dtype: "int64" as DType }), DTypeError, '"int64" is not a dtype');
  assertThrows(() => zeros([1], { device: "cuda" as "wasm" }), DeviceError, '"cuda" is not a device');
  assertThrows(
    () => tensor([1, 2, 3], { shape: [2, 2] }),
    ShapeError,
    "3 elements do not fill the shape [2, 2]",
  );
  assertThrows(() => cast(zeros([1]), "double" as DType), DTypeError, '"double" is not a dtype');
  assertThrows(() => arange(0, 5, 0), ShapeError, "step is 0");
  assertThrows(() => arange(NaN), ShapeError, "stop is NaN");
  assertThrows(() => linspace(0, 1, 2.5), ShapeError, "count");
  assertThrows(() => eye(2, 3, 0.5), ShapeError, "diagonal k is 0.5");
  assertThrows(() => diag(zeros([1, 1, 1])), ShapeError, "float32[1, 1, 1] is not a vector or a matrix");
  assertThrows(() => tril(zeros([])), ShapeError, "matrix");
  assertThrows(() => oneHot([true], 2), DTypeError, "labels are bool[1]");
});

deviceTest("fills are the same outside traces, inside, and compiled", () => {
  assertMakes(() => zeros([2, 3]), [0, 0, 0, 0, 0, 0], [2, 3], "float32");
  assertMakes(() => ones([2], { dtype: "uint8" }), [1, 1], [2], "uint8");
  assertMakes(() => full([2], 2.5), [2.5, 2.5], [2], "float32");
  assertMakes(() => full([2], true), [1, 1], [2], "bool");
  assertMakes(() => full([2], 7, { dtype: "int32" }), [7, 7], [2], "int32");
  assertMakes(() => full([], 7), [7], [], "float32");
  assertMakes(() => zeros([0, 3]), [], [0, 3], "float32");
});

Deno.test("likenesses take shape and dtype, and options win", () => {
  const x = tensor([[1, 2]], { dtype: "int32" });
  assertEquals([zerosLike(x).dtype, values(zerosLike(x))], ["int32", [0, 0]]);
  assertEquals([onesLike(x, { dtype: "float64" }).dtype, values(onesLike(x))], ["float64", [1, 1]]);
  assertEquals(fullLike(x, 5).arraySync(), [[5, 5]]);
  assertEquals(jit((t: Tensor) => zerosLike(t).add(onesLike(t)))(x).arraySync(), [[1, 1]]);
});

Deno.test("ranges are the same outside traces, inside, and compiled", () => {
  assertMakes(() => arange(4), [0, 1, 2, 3], [4], "float32");
  assertMakes(() => arange(2, 11, 3), [2, 5, 8], [3], "float32");
  assertMakes(() => arange(5, 0, -2, { dtype: "int32" }), [5, 3, 1], [3], "int32");
  assertMakes(() => arange(3, { dtype: "int8" }), [0, 1, 2], [3], "int8");
  assertMakes(() => arange(1, 4, { dtype: "float16" }), [1, 2, 3], [3], "float16");
  assertMakes(() => arange(0), [], [0], "float32");
  assertMakes(() => arange(3, 1), [], [0], "float32");
  assertEquals(values(arange(0, 1, 0.25)), [0, 0.25, 0.5, 0.75]);
  assertEquals(values(arange(0.5, 3)), [0.5, 1.5, 2.5]);
  assertEquals(values(linspace(-1, 1, 5)), [-1, -0.5, 0, 0.5, 1]);
  assertEquals(values(linspace(2, 9, 1)), [2]);
  assertEquals(values(linspace(2, 9, 0)), []);
  assertEquals(values(jit(() => linspace(0, 1, 3).mul(2))()), [0, 1, 2]);
  const fine = linspace(-1, 1, 1001, { dtype: "float64" }).dataSync();
  assertEquals([fine[0], fine[500], fine[1000]], [-1, 0, 1]);
});

deviceTest("matrices of zeros and ones, triangles and diagonals follow NumPy", () => {
  assertMakes(() => eye(2), [1, 0, 0, 1], [2, 2], "float32");
  assertMakes(() => eye(2, 3, 1), [0, 1, 0, 0, 0, 1], [2, 3], "float32");
  assertMakes(() => eye(3, 2, -1, { dtype: "int32" }), [0, 0, 1, 0, 0, 1], [3, 2], "int32");
  assertMakes(() => eye(2, { dtype: "bool" }), [1, 0, 0, 1], [2, 2], "bool");
  assertMakes(() => eye(2, undefined, -1), [0, 0, 1, 0], [2, 2], "float32");
  assertMakes(() => eye(2, undefined, 1, { dtype: "bool" }), [0, 1, 0, 0], [2, 2], "bool");
  assertMakes(() => tri(2, undefined, -1), [0, 0, 1, 0], [2, 2], "float32");
  assertMakes(() => tri(2, 3), [1, 0, 0, 1, 1, 0], [2, 3], "float32");
  assertMakes(() => tri(2, 2, -1), [0, 0, 1, 0], [2, 2], "float32");
  const x = tensor([[1, 2, 3], [4, 5, 6]]);
  assertEquals(values(tril(x)), [1, 0, 0, 4, 5, 0]);
  assertEquals(values(triu(x, 1)), [0, 2, 3, 0, 0, 6]);
  assertEquals(values(tril(tensor([1, 2]))), [1, 0, 1, 2]);
  assertEquals(values(triu(x, -1)), [1, 2, 3, 4, 5, 6]);
  assertEquals(tril(tensor([[[1, 2], [3, 4]], [[NaN, NaN], [7, 8]]])).arraySync(), [
    [[1, 0], [3, 4]],
    [[NaN, 0], [7, 8]],
  ]);
  assertEquals(values(diag(x)), [1, 5]);
  assertEquals(values(diag(x, 2)), [3]);
  assertEquals(values(diag(x, -1)), [4]);
  assertEquals(values(diag(x, 5)), []);
  assertEquals(diag(tensor([1, 2]), 1).arraySync(), [[0, 1, 0], [0, 0, 2], [0, 0, 0]]);
  assertEquals(diag(tensor([1, 2]), -1).arraySync(), [[0, 0, 0], [1, 0, 0], [0, 2, 0]]);
});

deviceTest("oneHot takes labels of any number dtype, and labels outside have no 1", () => {
  assertEquals(oneHot([0, 2], 3).arraySync(), [[1, 0, 0], [0, 0, 1]]);
  assertEquals(oneHot(tensor(new Uint8Array([1])), 2, { dtype: "int32" }).arraySync(), [[0, 1]]);
  assertEquals(oneHot(tensor(new Int32Array([-1, 5])), 2).arraySync(), [[0, 0], [0, 0]]);
  assertEquals(values(oneHot(tensor(new Uint8Array([44])), 301).sum()), [1]);
  assertEquals(oneHot(1, 3).arraySync(), [0, 1, 0]);
});

deviceTest("shared takes every kind of value, and no traced one", () => {
  assertEquals(shared([1, 2], { dtype: "int32" }).dtype, "int32");
  assertEquals(shared(tensor([1]), { name: "w" }).name, "w");
  assertEquals(shared(shared(4)).value.itemSync(), 4);
  assertThrows(
    () => jit((x: Tensor) => shared(x, { name: "state" }).value)(tensor([1])),
    TracedValueError,
    '"state" is traced',
  );
  const made = jit((x: Tensor) => x.add(shared(5).value))(tensor(1));
  assertEquals(made.itemSync(), 6);
});

Deno.test("a tensor on its device stays itself", () => {
  const x = tensor([1]);
  assert(x.to("wasm") === x);
  assertThrows(() => x.to("tpu" as "wasm"), DeviceError, '"tpu"');
});
