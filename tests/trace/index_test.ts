/** Indexing against NumPy: reads and writes with every mix of items, inside and outside traced functions. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  at,
  compress,
  DTypeError,
  gather,
  IndexError,
  type IndexItem,
  jit,
  nonzero,
  scatterAdd,
  ShapeError,
  slice,
  take,
  type Tensor,
  tensor,
  TracedValueError,
  unravelIndex,
  withAdded,
  withValue,
  zeros,
} from "@damo/damo";
import golden from "../golden/arrays.json" with { type: "json" };
import {
  assertGolden,
  type GoldenArray,
  goldenOperand,
  numbers,
  testEverywhere,
} from "../support/operands.ts";

type GoldenItem =
  | number
  | "..."
  | null
  | { slice: [number | null, number | null, number | null] }
  | { tensor: number | number[] }
  | { array: number[] }
  | { mask: boolean[] };

interface Read {
  readonly shape: readonly number[];
  readonly index: readonly GoldenItem[];
  readonly expected: GoldenArray;
}

interface Write {
  readonly shape: readonly number[];
  readonly index: readonly GoldenItem[];
  readonly value: readonly number[];
  readonly set: readonly number[];
  readonly add: readonly number[];
}

const reads = golden.reads as unknown as Read[];
const writes = golden.writes as unknown as Write[];

function itemOf(item: GoldenItem): IndexItem {
  if (typeof item !== "object" || item === null) return item;
  if ("slice" in item) {
    return slice(...item.slice.map((part) => part ?? undefined) as [number, number, number]);
  }
  if ("tensor" in item) return tensor(item.tensor, { dtype: "int32" });
  return "array" in item ? item.array : item.mask;
}

function hasMask(index: readonly GoldenItem[]): boolean {
  return index.some((item) => typeof item === "object" && item !== null && "mask" in item);
}

testEverywhere("at reads what NumPy reads", () => {
  for (const { shape, index, expected } of reads) {
    const what = `[${shape}] at ${JSON.stringify(index)}`;
    assertGolden(goldenOperand(shape).at(...index.map(itemOf)), expected, what);
  }
});

testEverywhere("with and withAdded write what NumPy writes", () => {
  for (const { shape, index, value, set, add } of writes) {
    const what = `[${shape}] at ${JSON.stringify(index)} value [${value}]`;
    const x = goldenOperand(shape), v = goldenOperand(value, 1);
    assertGolden(x.with(index.map(itemOf), v), { shape, data: set }, `with ${what}`);
    assertGolden(x.withAdded(index.map(itemOf), v), { shape, data: add }, `withAdded ${what}`);
  }
});

testEverywhere("indexing gives the same inside a compiled function", () => {
  const some = <T>(list: readonly T[]): T[] => list.filter((_, i) => i % 10 === 0);
  for (const { shape, index, expected } of some(reads.filter((read) => !hasMask(read.index)))) {
    const items = index.map(itemOf);
    assertGolden(jit((x: Tensor) => x.at(...items))(goldenOperand(shape)), expected, JSON.stringify(index));
  }
  for (const { shape, index, value, set } of some(writes.filter((write) => !hasMask(write.index)))) {
    const items = index.map(itemOf);
    const write = jit((x: Tensor, v: Tensor) => x.with(items, v));
    assertGolden(
      write(goldenOperand(shape), goldenOperand(value, 1)),
      { shape, data: set },
      JSON.stringify(index),
    );
  }
});

testEverywhere("a single item needs no brackets, and functions do what methods do", () => {
  const x = tensor([1, 2, 3]);
  assertEquals(numbers(x.with(0, 9)), [9, 2, 3]);
  assertEquals(numbers(x.with(slice(1), 0)), [1, 0, 0]);
  assertEquals(numbers(x.with(tensor([2, 0], { dtype: "int32" }), tensor([7, 8]))), [8, 2, 7]);
  assertEquals(numbers(withValue(x, x.gt(1), -1)), [1, -1, -1]);
  assertEquals(numbers(withAdded(x, x.gt(1), 10)), [1, 12, 13]);
  assertEquals(numbers(at(x, -1)), [3]);
});

testEverywhere("indices in tensors wrap when negative, reads clamp, writes outside are dropped", () => {
  const x = tensor([10, 20, 30]);
  const i = tensor([-1, -4, 5, 1], { dtype: "int32" });
  assertEquals(numbers(x.at(i)), [30, 10, 30, 20]);
  assertEquals(numbers(x.with([i], tensor([1, 2, 3, 4]))), [10, 4, 1]);
  assertEquals(numbers(x.withAdded([i], 1)), [10, 21, 31]);
  const far = tensor(7, { dtype: "int32" });
  assertEquals(x.at(far).itemSync(), 30);
  assertEquals(numbers(x.with([far], 0)), [10, 20, 30]);
  assertEquals(x.at(tensor(-3, { dtype: "int8" })).itemSync(), 10);
  assertEquals(numbers(x.take(tensor([4294967295], { dtype: "uint32" }))), [30]);
  assertEquals(numbers(take(x, i)), [30, 10, 30, 20]);
});

testEverywhere("repeated places: the last write stays, additions accumulate", () => {
  const x = zeros([3]);
  const i = tensor([1, 1, 1], { dtype: "int32" });
  assertEquals(numbers(x.with([i], tensor([1, 2, 3]))), [0, 3, 0]);
  assertEquals(numbers(x.withAdded([i], tensor([1, 2, 3]))), [0, 6, 0]);
  assertEquals(numbers(scatterAdd(zeros([2, 2]), [[0, 0], [1, 0]], tensor([[1, 2], [3, 4]]))), [3, 0, 4, 3]);
  assertEquals(numbers(scatterAdd(zeros([2, 2]), [[1, 1], [1, 0]], 1, 0)), [0, 1, 2, 1]);
});

testEverywhere("a value takes the dtype of the tensor it goes into", () => {
  const x = tensor([1, 2], { dtype: "int32" });
  assertEquals(x.with(0, 5).dtype, "int32");
  assertEquals(x.with(0, tensor(new Uint8Array([7])).at(0)).dtype, "int32");
  assertThrows(() => x.with(0, 0.5), DTypeError, "does not go into int32[2]");
  assertThrows(() => x.with(0, tensor(1.0)), DTypeError, `value.cast("int32")`);
  assertEquals(numbers(tensor([true, true]).with(0, false)), [0, 1]);
});

testEverywhere("narrow clamps its start, also a traced one", () => {
  const x = goldenOperand([5, 2]);
  const all = numbers(x);
  for (const [start, from] of [[0, 0], [2, 2], [9, 3], [-4, 0]]) {
    const expected = all.slice(from * 2, from * 2 + 4);
    assertEquals(numbers(x.narrow(0, start, 2)), expected);
    assertEquals(numbers(x.narrow(0, tensor(start, { dtype: "int32" }), 2)), expected);
    assertEquals(
      numbers(jit((y: Tensor, i: Tensor) => y.narrow(0, i, 2))(x, start as unknown as Tensor)),
      expected,
    );
  }
  assertEquals([...x.narrow(1, 0, 0).shape], [5, 0]);
  assertThrows(() => x.narrow(0, 0, 6), ShapeError, "narrow: 6 elements");
});

testEverywhere("a traced number is an index when it is integral", () => {
  const pick = jit((x: Tensor, i: number) => x.at(i));
  const x = tensor([5, 6, 7]);
  assertEquals(pick(x, 2).itemSync(), 7);
  assertEquals(pick(x, 0).itemSync(), 5);
  assertEquals(pick.cacheSize, 1);
  assertThrows(() => pick(x, 0.5), IndexError, "fractional");
});

testEverywhere("nonzero and compress have a fixed size where one is asked for", () => {
  const x = goldenOperand([3, 4]).gt(0);
  const [rows, columns] = nonzero(x, { size: 8, fill: -1 });
  const [someRows, someColumns] = nonzero(x);
  const count = someRows.size;
  assertEquals(numbers(rows), [...numbers(someRows), ...new Array(8 - count).fill(-1)]);
  assertEquals(numbers(columns), [...numbers(someColumns), ...new Array(8 - count).fill(-1)]);
  assertEquals(numbers(nonzero(x, { size: 2 })[1]), numbers(someColumns).slice(0, 2));
  const y = goldenOperand([3, 4]);
  const packed = jit((a: Tensor, m: Tensor) => compress(a, m, { size: 7 }))(y, x);
  assertEquals(numbers(packed), [...numbers(y.at(x)), ...new Array(7 - count).fill(0)]);
  const half = compress(y, tensor([false, true, true, false]), { axis: 1, size: 3 });
  assertEquals([...half.shape], [3, 3]);
  assertEquals(numbers(half.at(0)), [...numbers(y.at(0, slice(1, 3))), 0]);
  assertEquals([...compress(y, tensor([true, false, true])).shape], [2, 4]);
  assertEquals(numbers(compress(zeros([0]), zeros([0], { dtype: "bool" }), { size: 2 })), [0, 0]);
});

testEverywhere("masks in writes work inside compiled functions when the value is the same everywhere", () => {
  const relu = jit((x: Tensor) => x.with(x.lt(0), 0));
  assertEquals(numbers(relu(tensor([-1, 2, -3]))), [0, 2, 0]);
  const columns = jit((x: Tensor, m: Tensor) => x.withAdded([slice(), m], 5));
  assertEquals(numbers(columns(zeros([2, 3]), tensor([true, false, true]))), [5, 0, 5, 5, 0, 5]);
});

Deno.test("what has no known size is refused while tracing, with the way out", () => {
  const x = tensor([1, 2, 3]);
  assertThrows(() => jit((y: Tensor) => y.at(y.gt(1)))(x), TracedValueError, "compress(x, mask, { size })");
  assertThrows(() => jit((y: Tensor) => nonzero(y))(x), TracedValueError, "{ size }");
  assertThrows(() => jit((y: Tensor) => compress(y, y.gt(1)))(x), TracedValueError, "{ size }");
});

Deno.test("index errors name the axis, the index, the size and the remedy", () => {
  const x = zeros([2, 3]);
  const cases: [() => unknown, string, string][] = [
    [() => x.at(2), "at: index 2 is out of range for axis 0 of float32[2, 3], which has size 2", "-2 to 1"],
    [() => x.at(0, -4), "at: index -4 is out of range for axis 1", "-3 to 2"],
    [() => x.at(slice(), [0, 3]), "at: index 3 is out of range for axis 1", "-3 to 2"],
    [() => x.at(0.5), "at: 0.5 is no index of axis 0", "integer"],
    [() => x.at(0, 0, 0), "at: 3 axes are indexed and float32[2, 3] has 2", "at most one item"],
    [() => x.at("...", "..."), "only", "Leave one"],
    [() => x.with([5], 0), "with: index 5 is out of range for axis 0", "-2 to 1"],
    [() => zeros([0]).at(0), "index 0", "empty"],
    [() => take(x, [3], 1), "take: index 3 is out of range for axis 1", "-3 to 2"],
    [() => unravelIndex(6, [2, 3]), "unravelIndex: index 6", "-6 to 5"],
    [() => slice(0.5), "slice(0.5", "narrow"],
  ];
  for (const [body, what, remedy] of cases) {
    const error = assertThrows(body, IndexError, what);
    assert(error.message.includes(remedy), `${error.message} should say ${remedy}`);
    assert(error.message.includes("index_test.ts"), error.message);
  }
  assertThrows(() => x.at(tensor([0.5])), DTypeError, `index.cast("int32")`);
  assertThrows(() => x.at([0, 1, 1], [0, 1]), ShapeError, "do not broadcast: int32[3], int32[2]");
  assertThrows(() => x.at(tensor([true, false, true])), ShapeError, "mask bool[3] does not fit");
  assertThrows(() => x.with([0], zeros([2])), ShapeError, "float32[2] does not broadcast to the part [3]");
  assertThrows(() => gather(x, [0, 1]), ShapeError, "gather: indices int32[2] do not fit float32[2, 3]");
});
