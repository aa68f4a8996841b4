/** Random words, and numbers in the unit interval made of them by exact steps only. */
import type { DType } from "../trace/dtype.ts";
import { iota } from "../trace/ops/creation.ts";
import type { TensorLike } from "../trace/ops/convert.ts";
import { bitcastPrimitive } from "../trace/primitives/bitcast.ts";
import { castPrimitive } from "../trace/primitives/cast.ts";
import { apply } from "../trace/primitives/elementwise_rules.ts";
import { reshapeTo } from "../trace/primitives/move.ts";
import { checkShape, type Shape, sizeOf } from "../trace/shape.ts";
import { Tensor } from "../trace/tensor.ts";
import { bindOne } from "../trace/trace.ts";
import { keyWords, threefry } from "./key.ts";

/** Two independent uint32 for every element. */
export type Words = readonly [Tensor, Tensor];

/**
 * Two words for every element of a shape: threefry of the key and the element's row-major position. `round` counts the
 * further pairs of words that a draw takes for each element; in a loop it is a tensor (int32).
 */
export function randomWords(
  operation: string,
  key: TensorLike,
  shape: Shape,
  round: number | Tensor = 0,
): Words {
  const words = keyWords(operation, key);
  const size = sizeOf(checkShape(operation, shape));
  // High counter words from 1 on keep draws apart from split (0) and foldIn (all ones).
  const high = typeof round === "number"
    ? Tensor.literal(1 + round, "uint32")
    : apply("add", bindOne(castPrimitive, [round], { dtype: "uint32" }), Tensor.literal(1, "uint32"));
  const [first, second] = threefry(words, iota([size], 0, "uint32"), high);
  return [reshapeTo(first, shape), reshapeTo(second, shape)];
}

/** Uniform in [0, 1): 23 random bits for float32 and float16, 52 for float64, so that no rounding reaches 1. */
export function unitUniform(operation: string, key: TensorLike, shape: Shape, dtype: DType): Tensor {
  return unitFromWords(randomWords(operation, key, shape), dtype);
}

export function unitFromWords([first, second]: Words, dtype: DType): Tensor {
  if (dtype === "float64") {
    // (26 high bits of one word and 26 of the other) 2^-52
    const high = bindOne(castPrimitive, [shiftRight(first, 6)], { dtype });
    const low = bindOne(castPrimitive, [shiftRight(second, 6)], { dtype });
    const joined = apply("add", apply("mul", high, Tensor.literal(2 ** 26, dtype)), low);
    return apply("mul", joined, Tensor.literal(2 ** -52, dtype));
  }
  const unit = unitFromWord(first);
  if (dtype === "float32") return unit;
  // float16 keeps 11 bits: the low ones are cut off first, so that it cannot round up to 1.
  const cut = apply(
    "mul",
    apply("floor", apply("mul", unit, Tensor.literal(2048, "float32"))),
    Tensor.literal(1 / 2048, "float32"),
  );
  return bindOne(castPrimitive, [cut], { dtype });
}

/** float32 in [0, 1): the 23 high bits as the fraction of a number in [1, 2), less 1. */
function unitFromWord(word: Tensor): Tensor {
  const bits = apply("or", shiftRight(word, 9), Tensor.literal(0x3f800000, "uint32"));
  return apply(
    "sub",
    bindOne(bitcastPrimitive, [bits], { dtype: "float32" }),
    Tensor.literal(1, "float32"),
  );
}

/**
 * Uniform in (0, 1] of float32 or float64, as fine near 0 as the dtype: 64 random bits and a half, times 2^-64. What
 * takes the logarithm of it has a tail down to probability 2^-65.
 */
export function fineUnit(words: Words, dtype: DType): Tensor {
  const [high, low] = words.map((word) => bindOne(castPrimitive, [word], { dtype }));
  const scaled = apply("mul", high, Tensor.literal(2 ** -32, dtype));
  const rest = apply(
    "mul",
    apply("add", low, Tensor.literal(0.5, dtype)),
    Tensor.literal(2 ** -64, dtype),
  );
  return apply("add", scaled, rest);
}

export function shiftRight(word: Tensor, bits: number): Tensor {
  return apply("shiftRight", word, Tensor.literal(bits, "uint32"));
}
