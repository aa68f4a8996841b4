import { assertEquals, assertThrows } from "@std/assert";
import type { Contraction, Index, Nest } from "../../../lib/jit/kernel/kernel.ts";
import { printKernel } from "../../../lib/jit/kernel/print.ts";
import { verifyKernel } from "../../../lib/jit/kernel/verify.ts";

function at(strides: number[], offset = 0): Index {
  return { offset, strides, dynamic: [] };
}

const softmax: Nest = {
  kind: "nest",
  domain: [3, 5],
  rowRank: 1,
  operands: [{ dtype: "float32", access: "read" }, { dtype: "float32", access: "readwrite" }],
  statements: [
    { kind: "load", dtype: "float32", operand: 0, index: at([5, -1], 4) },
    { kind: "reduced", dtype: "float32", reduction: 0 },
    { kind: "op", op: "sub", dtype: "float32", args: [0, 1] },
    { kind: "op", op: "exp", dtype: "float32", args: [2] },
    { kind: "load", dtype: "float32", operand: 1, index: at([5, 1]) },
    { kind: "reduced", dtype: "float32", reduction: 1 },
    { kind: "op", op: "div", dtype: "float32", args: [4, 5] },
  ],
  reductions: [
    { combiner: "max", value: 0, dtype: "float32", pass: 0 },
    { combiner: "sum", value: 3, dtype: "float32", pass: 1 },
  ],
  stores: [
    { operand: 1, index: at([5, 1]), value: 3, mode: "set", perRow: false, pass: 1 },
    { operand: 1, index: at([5, 1]), value: 6, mode: "set", perRow: false, pass: 2 },
  ],
  passes: 3,
};

Deno.test("a nest prints its operands, statements and passes", () => {
  verifyKernel(softmax);
  assertEquals(
    printKernel(softmax),
    `nest [3 | 5] {
  a0: read float32
  a1: readwrite float32
  v0: float32 = a0[4 + 5 i0 - i1]
  v1: float32 = r0
  v2: float32 = sub v0, v1
  v3: float32 = exp v2
  v4: float32 = a1[5 i0 + i1]
  v5: float32 = r1
  v6: float32 = div v4, v5
  pass 0: r0: float32 = max of v0
  pass 1: r1: float32 = sum of v3
  pass 1: a1[5 i0 + i1] = v3
  pass 2: a1[5 i0 + i1] = v6
}`,
  );
});

const scatter: Nest = {
  kind: "nest",
  domain: [4],
  rowRank: 1,
  operands: [
    { dtype: "int32", access: "read" },
    { dtype: "float32", access: "read" },
    { dtype: "float32", access: "write" },
  ],
  statements: [
    { kind: "load", dtype: "int32", operand: 0, index: at([1]) },
    { kind: "constant", dtype: "int32", value: 0 },
    { kind: "op", op: "ge", dtype: "bool", from: "int32", args: [0, 1] },
    { kind: "load", dtype: "float32", operand: 1, index: at([1]), mask: 2, fill: -0 },
  ],
  reductions: [],
  stores: [{
    operand: 2,
    index: { offset: 0, strides: [0], dynamic: [{ statement: 0, stride: 2 }] },
    value: 3,
    mask: 2,
    mode: "add",
    perRow: false,
    pass: 0,
  }],
  passes: 1,
};

Deno.test("masks, gathers and accumulating stores print", () => {
  verifyKernel(scatter);
  assertEquals(printKernel(scatter).split("\n").slice(4, -1), [
    "  v0: int32 = a0[i0]",
    "  v1: int32 = 0",
    "  v2: bool = ge v0, v1",
    "  v3: float32 = a1[i0] if v2 else -0",
    "  pass 0: a2[2 v0] += v3 if v2",
  ]);
});

const contraction: Contraction = {
  kind: "contraction",
  dtype: "float32",
  batch: [2],
  m: 3,
  n: 4,
  k: 5,
  operands: [
    { dtype: "float32", access: "read" },
    { dtype: "float32", access: "read" },
    { dtype: "float32", access: "write" },
  ],
  a: { operand: 0, offset: 0, batchStrides: [15], freeStride: 5, sumStride: 1, dynamic: [], prologue: [] },
  b: { operand: 1, offset: 0, batchStrides: [0], freeStride: 1, sumStride: 4, dynamic: [], prologue: [] },
  epilogue: {
    statements: [{ kind: "reduced", dtype: "float32", reduction: 0 }],
    stores: [{ operand: 2, index: at([12, 4, 1]), value: 0, mode: "set", perRow: false, pass: 0 }],
  },
};

Deno.test("a contraction prints how it reads its operands and what becomes of the sums", () => {
  verifyKernel(contraction);
  assertEquals(
    printKernel(contraction),
    `contraction float32 batch [2] m 3 n 4 k 5 {
  a0: read float32
  a1: read float32
  a2: write float32
  a = a0[0 + 15 i0 + 5 m + 1 k]
  b = a1[0 + 0 i0 + 1 n + 4 k]
  v0: float32 = r0
  a2[12 i0 + 4 i1 + i2] = v0
}`,
  );
});

Deno.test("the verifier names what is wrong", () => {
  const wrong: readonly [string, Nest][] = [
    ["v2 reads v6, which does not come before it", {
      ...softmax,
      statements: softmax.statements.map((s, i) =>
        i === 2 ? { kind: "op", op: "sub", dtype: "float32", args: [0, 6] } : s
      ),
    }],
    ["v0 is int32 and loads a0: float32", {
      ...softmax,
      statements: softmax.statements.map((s, i) =>
        i === 0 && s.kind === "load" ? { ...s, dtype: "int32" } : s
      ),
    }],
    ["r1 reads what is finished only after its pass", {
      ...softmax,
      reductions: softmax.reductions.map((r) => ({ ...r, pass: 0 })),
    }],
    ["store 0 writes a0, which may only be read", {
      ...softmax,
      stores: softmax.stores.map((store) => ({ ...store, operand: 0 })),
    }],
    ["store 0 has 1 strides for 2 axes", {
      ...softmax,
      stores: [{ ...softmax.stores[0], index: at([1]) }],
    }],
    ["v3 wants bool and reads v0, which is int32", {
      ...scatter,
      statements: scatter.statements.map((s, i) => i === 3 && s.kind === "load" ? { ...s, mask: 0 } : s),
    }],
    ["store 0 is per row and moves with the columns", {
      ...softmax,
      stores: [{ ...softmax.stores[1], perRow: true }],
    }],
  ];
  for (const [message, nest] of wrong) assertThrows(() => verifyKernel(nest), Error, message);
});
