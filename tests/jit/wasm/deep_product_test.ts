/** Products of few results and long sums, which are cut along the summed index. */
import { assert, assertEquals } from "@std/assert";
import { type DType, jit, matmul, type Tensor, tensor } from "@damo/damo";
import { isDeep } from "../../../lib/jit/wasm/deep_product.ts";
import type { Contraction } from "../../../lib/jit/kernel/kernel.ts";

/** Multiples of a quarter, whose sums of products are exact. */
function quarters(shape: readonly number[], dtype: DType, seed: number): Tensor {
  let state = seed;
  const data = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const value = (state >>> 28) - 8;
    return dtype === "int32" ? value : value / 4;
  });
  return tensor(data, { shape: [...shape], dtype });
}

interface Case {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly fn: (a: Tensor, b: Tensor, bias: Tensor) => Tensor;
  readonly bias?: readonly number[];
}

const CASES: { readonly [name: string]: Case } = {
  "inner product": { a: [1_000_003], b: [1_000_003], fn: (a, b) => a.dot(b) },
  "inner product with more": {
    a: [300_001],
    b: [300_001],
    fn: (a, b, bias) => a.dot(b).mul(2).add(bias),
    bias: [],
  },
  "few rows and columns": { a: [3, 140_001], b: [140_001, 5], fn: (a, b) => matmul(a, b) },
  "transposed, with what follows": {
    a: [150_000, 4],
    b: [150_000, 7],
    fn: (a, b, bias) => matmul(a.transpose(), b).add(bias).abs(),
    bias: [7],
  },
  "one row": { a: [1, 400_064], b: [400_064, 6], fn: (a, b) => matmul(a, b) },
  "one column": { a: [9, 250_000], b: [250_000], fn: (a, b) => matmul(a, b) },
  "a matrix with itself": { a: [16, 40_000], b: [1], fn: (a) => matmul(a, a.transpose()) },
};

for (const [name, { a, b, fn, bias }] of Object.entries(CASES)) {
  Deno.test(`deep products are exactly what the reference computes: ${name}`, () => {
    for (const dtype of ["float32", "float64", "int32"] as const) {
      const inputs = [quarters(a, dtype, 1), quarters(b, dtype, 2), quarters(bias ?? [1], dtype, 3)] as const;
      const found = jit(fn)(...inputs), wanted = jit(fn, { mode: "reference" })(...inputs);
      assertEquals(found.shape, wanted.shape);
      assertEquals([...found.dataSync()], [...wanted.dataSync()], dtype);
    }
  });
}

Deno.test("only products of few results and long sums are cut", () => {
  const sized = (m: number, n: number, k: number, batch: readonly number[] = []): Contraction => {
    const side = { offset: 0, batchStrides: batch.map(() => 0), dynamic: [], prologue: [] };
    return {
      kind: "contraction",
      dtype: "float32",
      batch,
      m,
      n,
      k,
      operands: [],
      a: { ...side, operand: 0, freeStride: k, sumStride: 1 },
      b: { ...side, operand: 1, freeStride: 1, sumStride: n },
      epilogue: { statements: [], stores: [] },
    };
  };
  assert(isDeep(sized(1, 1, 100)));
  assert(isDeep(sized(8, 8, 65_536)));
  for (
    const kernel of [sized(8, 8, 4095), sized(128, 128, 4096), sized(8, 8, 65_536, [2]), sized(2, 2, 65_536)]
  ) {
    assert(!isDeep(kernel), `${kernel.m}x${kernel.n}x${kernel.k}`);
  }
});
