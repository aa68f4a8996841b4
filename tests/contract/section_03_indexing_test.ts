/** API.md, section 3: shape and indexing. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  arange,
  broadcastTo,
  compress,
  concat,
  DamoError,
  dimshuffle,
  DTypeError,
  expandDims,
  flatten,
  flip,
  gather,
  grad,
  IndexError,
  jit,
  nonzero,
  pad,
  ravel,
  repeat,
  reshape,
  roll,
  scatterAdd,
  ShapeError,
  shared,
  slice,
  split,
  squeeze,
  stack,
  swapAxes,
  take,
  type Tensor,
  tensor,
  tile,
  TracedValueError,
  transpose,
  unravelIndex,
  vmap,
  zeros,
} from "@damo/damo";
import { list, message } from "./support.ts";

const int = (data: number | number[] | number[][]): Tensor => tensor(data, { dtype: "int32" });
const x = arange(12).reshape([3, 4]);

Deno.test("reshape, transpose, swapAxes, dimshuffle, flatten, ravel", () => {
  assertEquals([reshape(x, [2, 6]).shape, x.reshape([-1, 2]).shape, x.reshape([2, -1, 3]).shape], [[2, 6], [
    6,
    2,
  ], [2, 2, 3]]);
  assertEquals([tensor(3).reshape([1, 1]).shape, tensor([[3]]).reshape([]).shape], [[1, 1], []]);
  assertEquals([zeros([0, 4]).reshape([-1, 2]).shape, zeros([0, 4]).reshape([4, 0]).shape], [[0, 2], [4, 0]]);
  message(() => x.reshape([5, -1]), ShapeError, "reshape", "float32[3, 4]", "[5, -1]");
  message(() => x.reshape([-1, -1]), ShapeError, "reshape");
  message(() => x.reshape([13]), ShapeError, "reshape", "12");
  const y = zeros([2, 3, 4]);
  assertEquals([transpose(y).shape, y.transpose([1, 0, 2]).shape, y.transpose([-1, 0, 1]).shape], [
    [4, 3, 2],
    [3, 2, 4],
    [4, 2, 3],
  ]);
  assertEquals(list(tensor([[1, 2], [3, 4]]).transpose()), [[1, 3], [2, 4]]);
  assertEquals([swapAxes(y, 0, 2).shape, y.swapAxes(0, -2).shape], [[4, 3, 2], [3, 2, 4]]);
  assertEquals(
    [dimshuffle(x, 0, "x", 1).shape, x.dimshuffle(1, 0).shape, x.dimshuffle("x", 0, 1, "x").shape],
    [[3, 1, 4], [4, 3], [1, 3, 4, 1]],
  );
  assertEquals(zeros([1, 5]).dimshuffle(1).shape, [5]);
  message(() => x.dimshuffle(1), ShapeError, "dimshuffle");
  message(() => x.dimshuffle(0, 0, 1), ShapeError, "dimshuffle");
  assertEquals([flatten(y).shape, y.flatten(2).shape, y.flatten(3).shape], [[24], [2, 12], [2, 3, 4]]);
  assertEquals([ravel(y).shape, tensor(1).flatten().shape], [[24], [1]]);
  message(() => y.flatten(4), ShapeError, "flatten", "4");
});

Deno.test("expandDims, squeeze, broadcastTo", () => {
  assertEquals([expandDims(x, 0).shape, x.expandDims(-1).shape, x.expandDims(1).shape], [
    [1, 3, 4],
    [3, 4, 1],
    [3, 1, 4],
  ]);
  assertEquals([
    squeeze(zeros([1, 2, 1])).shape,
    zeros([1, 2, 1]).squeeze(0).shape,
    zeros([1, 2, 1]).squeeze([0, -1]).shape,
  ], [[2], [2, 1], [2]]);
  message(() => squeeze(zeros([1, 2]), 1), ShapeError, "squeeze", "1", "2");
  assertEquals(list(broadcastTo([1, 2], [2, 2])), [[1, 2], [1, 2]]);
  assertEquals(tensor(1).broadcastTo([0, 2]).shape, [0, 2]);
  message(() => broadcastTo([1, 2], [3]), ShapeError, "broadcastTo", "float32[2]", "[3]");
});

Deno.test("concat, stack, split, repeat, tile, flip, roll, pad", () => {
  assertEquals(list(concat([[1, 2], [3]])), [1, 2, 3]);
  assertEquals(concat([x, zeros([3, 0])], 1).shape, [3, 4]);
  assertEquals([concat([x, x]).shape, concat([x, x], -1).shape], [[6, 4], [3, 8]]);
  assertEquals(concat([int([1]), tensor([2])]).dtype, "float32");
  assertEquals([stack([x, x]).shape, stack([x, x], 1).shape, stack([x, x], -1).shape], [
    [2, 3, 4],
    [3, 2, 4],
    [3, 4, 2],
  ]);
  assertEquals(list(stack([1, 2])), [1, 2]);
  message(() => stack([x, zeros([2])]), ShapeError, "stack", "float32[2]");
  message(() => concat([x, zeros([3, 3])]), ShapeError, "concat", "float32[3, 3]");
  assertEquals(split(x, 2, 1).map((t) => t.shape), [[3, 2], [3, 2]]);
  assertEquals(split(x, [1, 2]).map((t) => t.shape), [[1, 4], [2, 4]]);
  assertEquals(x.split(3).map((t) => list(t.sum())), [6, 22, 38]);
  message(() => split(x, 2), ShapeError, "split", "3", "2");
  message(() => split(x, [1, 1]), ShapeError, "split");
  assertEquals([list(repeat([1, 2], 2)), list(tensor([[1], [2]]).repeat(2, 1))], [[1, 1, 2, 2], [[1, 1], [
    2,
    2,
  ]]]);
  assertEquals([list(tile([1, 2], 2)), tile(x, [2, 1, 1]).shape, list(tile([1, 2], [2, 1]))], [[1, 2, 1, 2], [
    2,
    3,
    4,
  ], [[1, 2], [1, 2]]]);
  assertEquals([list(flip([1, 2, 3])), list(flip([[1, 2], [3, 4]], 0))], [[3, 2, 1], [[3, 4], [1, 2]]]);
  assertEquals([list(roll([1, 2, 3], 1)), list(roll([1, 2, 3], -1)), list(roll([[1, 2], [3, 4]], 1, 0))], [
    [3, 1, 2],
    [2, 3, 1],
    [[3, 4], [1, 2]],
  ]);
  assertEquals(list(pad([1, 2], 1)), [0, 1, 2, 0]);
  assertEquals(list(pad([1, 2], [[1, 2]], { value: 9 })), [9, 1, 2, 9, 9]);
  assertEquals(pad(x, [[1, 0], [0, 2]]).shape, [4, 6]);
  const modes = {
    edge: [1, 1, 1, 2, 3, 3],
    reflect: [3, 2, 1, 2, 3, 2],
    symmetric: [2, 1, 1, 2, 3, 3],
    wrap: [2, 3, 1, 2, 3, 1],
  } as const;
  for (const [mode, wanted] of Object.entries(modes)) {
    assertEquals(list(pad([1, 2, 3], [[2, 1]], { mode: mode as "edge" })), [...wanted], mode);
  }
  message(() => pad([1], 1, { mode: "mirror" as never }), DamoError, "pad", "mirror");
});

Deno.test("take, gather, scatterAdd, compress", () => {
  assertEquals(list(take(x, [0, 2], 0)), [[0, 1, 2, 3], [8, 9, 10, 11]]);
  assertEquals(list(x.take([1, -1], 1)), [[1, 3], [5, 7], [9, 11]]);
  assertEquals(list(take(x, [0, 11])), [0, 11]);
  assertEquals(take(x, int([[0, 1], [2, 0]]), 0).shape, [2, 2, 4]);
  message(() => take(x, [3], 0), IndexError, "take", "3");
  assertEquals(list(take(x, int([5, -1, -9]), 0)), list(x.at([2, 2, 0])));
  assertEquals(list(gather(x, [[0], [1], [2]], 1)), [[0], [5], [10]]);
  assertEquals(list(scatterAdd(zeros([3]), [0, 0, 2], [1, 2, 3])), [3, 0, 3]);
  assertEquals(list(scatterAdd(zeros([3]), int([0, 5, -1]), [1, 2, 3])), [1, 0, 3]);
  assertEquals(list(compress([1, 2, 3], [true, false, true])), [1, 3]);
  assertEquals(list(x.compress([true, false, true], { axis: 0 })), [[0, 1, 2, 3], [8, 9, 10, 11]]);
  const fixed = jit((t: Tensor) => compress(t, t.gt(1), { size: 3 }));
  assertEquals(fixed(tensor([1, 2, 3])).shape, [3]);
  assertEquals((list(fixed(tensor([1, 2, 3]))) as number[]).slice(0, 2), [2, 3]);
  message(
    () => jit((t: Tensor) => compress(t, t.gt(1)))(tensor([1, 2])),
    TracedValueError,
    "compress",
    "size",
  );
});

Deno.test("x.at: integers, slices, ellipsis, null, index tensors", () => {
  for (const run of [(f: (t: Tensor) => Tensor) => f, (f: (t: Tensor) => Tensor) => jit(f)]) {
    const at = (...items: Parameters<Tensor["at"]>) => list(run((t: Tensor) => t.at(...items))(x));
    assertEquals(at(1), [4, 5, 6, 7]);
    assertEquals(at(-1, -1), 11);
    assertEquals(at(slice(1)), [[4, 5, 6, 7], [8, 9, 10, 11]]);
    assertEquals(at(slice(), 0), [0, 4, 8]);
    assertEquals(at(slice(undefined, 2), slice(1, 3)), [[1, 2], [5, 6]]);
    assertEquals(at(slice(-2), -1), [7, 11]);
    assertEquals(at(0, slice(undefined, undefined, -1)), [3, 2, 1, 0]);
    assertEquals(at(0, slice(3, 0, -2)), [3, 1]);
    assertEquals(at(0, slice(undefined, undefined, 2)), [0, 2]);
    assertEquals(at(0, slice(0, -1)), [0, 1, 2]);
    assertEquals(at(0, slice(2, 1)), []);
    assertEquals(at(0, slice(-100, 100)), [0, 1, 2, 3]);
    assertEquals(at("...", 0), [0, 4, 8]);
    assertEquals(at(0, "..."), [0, 1, 2, 3]);
    assertEquals(at(null, 0, 0), [0]);
    assertEquals(at([0, 2]), [[0, 1, 2, 3], [8, 9, 10, 11]]);
    assertEquals(at([0, 2], [1, -1]), [1, 11]);
    assertEquals(at(slice(), [0, -1]), [[0, 3], [4, 7], [8, 11]]);
    assertEquals(at(int([0, -1]), 0), [0, 8]);
    assertEquals(at(int([[0, 1]]), int([[2], [3]])), [[2, 6], [3, 7]]);
    assertEquals(at(), list(x));
  }
  assertEquals(x.at(slice(), null, slice()).shape, [3, 1, 4]);
  assertEquals(zeros([2, 3, 4]).at(int([0, 1]), slice(), int([0, 1])).shape, [2, 3]);
  assertEquals(zeros([5, 2, 3, 4]).at(slice(), [0, 1], [0, 1]).shape, [5, 2, 4]);
});

Deno.test("a static index out of range is an IndexError; a tensor wraps, clamps, drops", () => {
  message(() => x.at(3), IndexError, "at", "3", "float32[3, 4]");
  message(() => x.at(0, -5), IndexError, "-5");
  message(() => x.at([0, 7]), IndexError, "7");
  message(() => x.at(0.5), IndexError, "0.5");
  message(() => x.at(0, 0, 0), IndexError, "at");
  message(() => x.at("...", "..."), IndexError, "at");
  message(() => x.at(tensor([0.5])), DTypeError, "at", "float32[1]");
  message(() => x.with([5], 0), IndexError, "with", "5");
  message(() => x.withAdded([[5]], 0), IndexError, "withAdded", "5");
  const v = tensor([10, 20, 30]);
  const places = int([-1, -3, -4, 3, 99, -99, 1]);
  const read = (t: Tensor, i: Tensor) => t.at(i);
  const written = (t: Tensor, i: Tensor) => t.with([i], 7);
  const added = (t: Tensor, i: Tensor) => t.withAdded([i], 1);
  for (const run of [<F>(f: F) => f, jit as <F>(f: F) => F]) {
    assertEquals(list(run(read)(v, places)), [30, 10, 10, 30, 30, 10, 20]);
    assertEquals(list(run(written)(v, int([-1, 3, -4]))), [10, 20, 7]);
    assertEquals(list(run(added)(v, places)), [11, 21, 31]);
    assertEquals(list(run(read)(v, int(99))), 30);
    assertEquals(list(run(read)(v, int(-99))), 10);
    assertEquals(list(run(written)(v, int(99))), [10, 20, 30]);
    assertEquals(list(run(written)(v, int(-2))), [10, 7, 30]);
    assertEquals(list(run(added)(v, int(-4))), [10, 20, 30]);
  }
  assertEquals(list(grad((t: Tensor) => t.at(int([0, 0, 9])).sum())(v)), [2, 0, 1]);
  for (const f of [read, written, added]) {
    message(() => jit(f, { mode: "debug" })(v, int([0, 3])), IndexError, "3");
    assertEquals(jit(f, { mode: "debug" })(v, int([0, -1])).ndim, 1);
  }
});

Deno.test("masks: at, with, withAdded outside jit; compress inside", () => {
  const v = tensor([1, -2, 3]);
  assertEquals(list(v.at(v.gt(0))), [1, 3]);
  assertEquals(list(x.at(slice(), tensor([true, false, false, true]))), [[0, 3], [4, 7], [8, 11]]);
  assertEquals(list(x.at(x.gt(9))), [10, 11]);
  assertEquals(list(v.with([v.lt(0)], 0)), [1, 0, 3]);
  assertEquals(list(v.withAdded([v.lt(0)], 5)), [1, 3, 3]);
  assertEquals(list(v.withAdded([v.gt(0)], [10, 20])), [11, -2, 23]);
  message(() => jit((t: Tensor) => t.at(t.gt(0)))(v), TracedValueError, "compress", "size");
  assertEquals(list(jit((t: Tensor) => t.with([t.lt(0)], 0))(v)), [1, 0, 3]);
  assertEquals(list(jit((t: Tensor) => t.withAdded([t.lt(0)], 5))(v)), [1, 3, 3]);
  message(() => v.at(tensor([true, false])), DamoError, "at");
  assertEquals(v.at(tensor([false, false, false])).shape, [0]);
});

Deno.test("with and withAdded", () => {
  const z = zeros([3, 4]);
  assertEquals(list(z.with([1], 5)), [[0, 0, 0, 0], [5, 5, 5, 5], [0, 0, 0, 0]]);
  assertEquals(list(z.with([0, slice(1)], [1, 2, 3]).at(0)), [0, 1, 2, 3]);
  assertEquals(list(z.with([slice(), -1], 1).sum()), 3);
  assertEquals(list(z.with(["...", 0], tensor([7, 8, 9])).at(slice(), 0)), [7, 8, 9]);
  assertEquals(list(tensor([0, 0, 0, 0]).with([slice(undefined, undefined, -2)], [1, 2])), [0, 2, 0, 1]);
  assertEquals(list(z.withAdded([[0, 0, 2]], 1).sum({ axis: 1 })), [8, 0, 4]);
  assertEquals(list(tensor([0, 0]).withAdded([int([0, 0, 1])], [1, 2, 3])), [3, 3]);
  assertEquals(list(z), list(zeros([3, 4])));
  message(() => z.with([0], [1, 2]), ShapeError, "with", "float32[2]");
  assertEquals(list(grad((t: Tensor) => t.with([0], 5).sum())(tensor([1, 2]))), [0, 1]);
  assertEquals(
    list(grad((t: Tensor) => zeros([3]).withAdded([int([0, 0])], t).square().sum())(tensor([1, 2]))),
    [6, 6],
  );
  assertEquals(zeros([0, 2]).with([slice(), 0], 1).shape, [0, 2]);
});

Deno.test("narrow: a traced start is clamped, negative ones too; the length is a number", () => {
  const v = arange(5);
  assertEquals(list(v.narrow(0, 1, 2)), [1, 2]);
  const f = jit((t: Tensor, i: Tensor) => t.narrow(0, i, 2));
  assertEquals([0, 3, 4, 99].map((i) => list(f(v, int(i)))), [[0, 1], [3, 4], [3, 4], [3, 4]]);
  assertEquals([0, 3, 4, 99].map((i) => list(v.narrow(0, int(i), 2))), [[0, 1], [3, 4], [3, 4], [3, 4]]);
  assertEquals(list(f(v, -7 as never)), [0, 1]);
  message(() => v.narrow(0, 0, 6), ShapeError, "narrow", "6");
  message(() => v.narrow(1, 0, 1), ShapeError, "narrow", "1");
  assertEquals(list(vmap((i: Tensor) => v.narrow(0, i, 2))(int([0, 2]))), [[0, 1], [2, 3]]);
});

Deno.test("nonzero, unravelIndex", () => {
  assertEquals(nonzero([[0, 1], [2, 0]]).map(list), [[0, 1], [1, 0]]);
  assertEquals(jit((t: Tensor) => nonzero(t, { size: 3 }))(tensor([0, 5, 6])).map((t) => t.shape), [[3]]);
  message(() => jit((t: Tensor) => nonzero(t))(tensor([1])), TracedValueError, "nonzero", "size");
  assertEquals(unravelIndex([5, 0], [2, 3]).map(list), [[1, 0], [2, 0]]);
  assertEquals(int([5]).unravelIndex([2, 3]).map(list), [[1], [2]]);
});

Deno.test("iterating a tensor gives its rows; inside a trace it unrolls", () => {
  assertEquals([...tensor([[1, 2], [3, 4]])].map(list), [[1, 2], [3, 4]]);
  assertEquals(
    jit((t: Tensor) => {
      let sum = tensor(0);
      for (const row of t) sum = sum.add(row.at(0));
      return sum;
    })(tensor([[1, 2], [3, 4]])).itemSync(),
    4,
  );
  const [a, b] = tensor([1, 2]);
  assertEquals([list(a), list(b)], [1, 2]);
  assertThrows(() => [...tensor(1)], ShapeError);
  assertEquals([...zeros([0, 2])].length, 0);
  assertEquals([...shared([1, 2])].map(list), [1, 2]);
});
