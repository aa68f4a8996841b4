/** Matrices large enough for kept panels, how many are kept, and products that never read any. */
import { assertEquals } from "@std/assert";
import { init, jit, matmul, type Shared, Tensor, tensor } from "@damo/damo";
import type { BlockCacheStats } from "../../../lib/jit/memory/block_cache.ts";
import type { WasmStorage } from "../../../lib/jit/wasm/storage.ts";
import { TestRandom } from "../../support/random.ts";

await init({ device: "wasm" });

export const SIZE = 260;
const random = new TestRandom(20261123);

export function numbers(count: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count }, () => random.next() - 0.5);
}

export function matrix(data: Float32Array = numbers(SIZE * SIZE)): Tensor {
  return tensor(data, { shape: [SIZE, SIZE] });
}

export function storageOf(value: Tensor | Shared): WasmStorage {
  return (value instanceof Tensor ? value : value.current()).rawStorage() as WasmStorage;
}

/** How many forms of a value are kept. */
export function formsOf(value: Tensor | Shared): number {
  return storageOf(value).block!.forms?.filter((form) => form.filled).length ?? 0;
}

/** Of all forms there are: never more than expected, and fewer once what earlier tests left is collected. */
export const stats = (): BlockCacheStats => storageOf(probe).heap.cache.stats();
export const probe: Tensor = matrix();

const fresh = jit((x: Tensor, w: Tensor) => matmul(x, w)),
  freshTurned = jit((x: Tensor, w: Tensor) => matmul(x, w.T));

/** The product with a copy of the right operand that was never used before. */
export function truth(x: Tensor, data: Float32Array, turned = false): Float32Array {
  const copy = matrix(data);
  const result = (turned ? freshTurned : fresh)(x, copy);
  assertEquals(formsOf(copy), 0);
  copy.dispose();
  return result.dataSync() as Float32Array;
}

export function checkBits(actual: Tensor, expected: Float32Array, label?: string): void {
  assertEquals(new Uint32Array(actual.dataSync().buffer), new Uint32Array(expected.buffer), label);
}

export const rows = (count: number): Tensor => tensor(numbers(count * SIZE), { shape: [count, SIZE] });
