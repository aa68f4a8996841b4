/** Keys: two uint32 words that name an independent stream of random numbers. */
import { isFloat } from "../trace/dtype.ts";
import { DTypeError, ShapeError } from "../trace/errors.ts";
import { concat } from "../trace/ops/shape_join.ts";
import { castTo, isIntegral, type TensorLike, toTensor } from "../trace/ops/convert.ts";
import { tensor } from "../trace/ops/creation.ts";
import { iota } from "../trace/ops/creation.ts";
import { bitcastPrimitive } from "../trace/primitives/bitcast.ts";
import { reshapeTo } from "../trace/primitives/move.ts";
import { slicePrimitive } from "../trace/primitives/move_slice.ts";
import { threefryPrimitive } from "../trace/primitives/threefry.ts";
import { describe } from "../trace/shape.ts";
import { Tensor } from "../trace/tensor.ts";
import { bind, bindOne } from "../trace/trace.ts";
import { whole } from "../trace/whole.ts";

/** Threefry-2x32 of a key and two counters, elementwise. */
export function threefry(words: readonly [Tensor, Tensor], low: Tensor, high: Tensor): readonly Tensor[] {
  return bind(threefryPrimitive, [words[0], words[1], low, high], {});
}

/** The two words of a key, as scalars. */
export function keyWords(operation: string, key: TensorLike): readonly [Tensor, Tensor] {
  const value = toTensor(key, { operation });
  if (value.aval.dtype !== "uint32") {
    throw new DTypeError(`${operation}: a key is uint32[2], got ${describe(value.aval)}.`, {
      operation,
      arguments: [{ name: "key", shape: value.shape, dtype: value.dtype }],
      remedy: "Make one with random.key(seed).",
    });
  }
  if (value.shape.length !== 1 || value.shape[0] !== 2) {
    throw new ShapeError(`${operation}: a key is uint32[2], got ${describe(value.aval)}.`, {
      operation,
      arguments: [{ name: "key", shape: value.shape, dtype: value.dtype }],
      remedy: "Pass one key at a time; vmap draws for many.",
    });
  }
  const word = (i: number) =>
    reshapeTo(bindOne(slicePrimitive, [value], { start: [i], stop: [i + 1], step: [1] }), []);
  return [word(0), word(1)];
}

function joinWords(first: Tensor, second: Tensor): Tensor {
  return concat([reshapeTo(first, [1]), reshapeTo(second, [1])]);
}

/**
 * A key from a seed: an integer of up to 53 bits, or an int32 or uint32 scalar tensor. The same seed gives the same
 * numbers on every device, inside and outside jit.
 *
 * @throws {DTypeError} for a seed that is no integer.
 * @example
 * ```ts
 * import { random } from "@damo/damo";
 * const key = random.key(42);
 * console.assert(key.dtype === "uint32" && key.shape.join() === "2");
 * ```
 */
export function key(seed: TensorLike): Tensor {
  if (typeof seed === "number") {
    if (!Number.isSafeInteger(seed)) {
      throw new DTypeError(`random.key: the seed ${seed} is not an integer.`, {
        operation: "random.key",
        arguments: [{ name: "seed", value: seed }],
        remedy: "Pass an integer of at most 53 bits.",
      });
    }
    const high = Math.floor(seed / 2 ** 32) >>> 0;
    return tensor(Uint32Array.of(high, seed >>> 0));
  }
  const value = toTensor(seed, { operation: "random.key" });
  const low = value.aval.dtype === "int32"
    ? bindOne(bitcastPrimitive, [value], { dtype: "uint32" })
    : castTo(value, "uint32");
  return joinWords(Tensor.literal(0, "uint32"), low);
}

/**
 * `n` new keys from one, independent of it and of each other. Use each key for one draw only.
 *
 * @throws {ShapeError} when `n` is no count, or `key` no key.
 * @example
 * ```ts
 * import { random } from "@damo/damo";
 * const [a, b] = random.split(random.key(0));
 * console.assert(a.dataSync().join() !== b.dataSync().join());
 * ```
 */
export function split(key: TensorLike, n: number = 2): Tensor[] {
  if (!Number.isInteger(n) || n < 0) {
    throw new ShapeError(`random.split: the number of keys is ${n}.`, {
      operation: "random.split",
      arguments: [{ name: "n", value: n }],
      remedy: "Pass a non-negative integer.",
    });
  }
  return whole("random.split", splitOf, toTensor(key, { operation: "random.split" }), n);
}

function splitOf(key: Tensor, n: number): Tensor[] {
  const words = keyWords("random.split", key);
  const [first, second] = threefry(words, iota([n], 0, "uint32"), Tensor.literal(0, "uint32"));
  return Array.from({ length: n }, (_, i) => {
    const at = { start: [i], stop: [i + 1], step: [1] };
    return concat([bindOne(slicePrimitive, [first], at), bindOne(slicePrimitive, [second], at)]);
  });
}

/**
 * A key made of a key and an integer (a step, an index), so that a stream can be addressed instead of threaded through.
 *
 * @throws {DTypeError} when `data` is no integer.
 * @example
 * ```ts
 * import { random } from "@damo/damo";
 * const key = random.key(0);
 * console.assert(random.foldIn(key, 1).dataSync().join() !== random.foldIn(key, 2).dataSync().join());
 * ```
 */
export function foldIn(key: TensorLike, data: TensorLike): Tensor {
  const operation = "random.foldIn";
  const given = toTensor(data, { operation });
  checkIntegers(operation, given);
  const value = given.literal === null ? given : castTo(given, "uint32");
  return whole(operation, foldInOf, toTensor(key, { operation }), value);
}

/** Refuses fractions, of which different ones would name one key. */
function checkIntegers(operation: string, data: Tensor): void {
  if (data.aval.weak ? isIntegral(data) : !isFloat(data.dtype)) return;
  throw new DTypeError(`${operation}: data is ${describe(data.aval)}, and keys are told apart by integers.`, {
    operation,
    arguments: [{ name: "data", value: data.literal ?? undefined, shape: data.shape, dtype: data.dtype }],
    remedy: 'Pass integers: write data.cast("int32") for whole numbers in a float.',
  });
}

function foldInOf(key: Tensor, data: Tensor): Tensor {
  const words = keyWords("random.foldIn", key);
  const value = castTo(data, "uint32");
  // A counter that split never uses: its high word is all ones.
  const [first, second] = threefry(words, value, Tensor.literal(0xffffffff, "uint32"));
  return joinWords(first, second);
}
