import { assertEquals } from "@std/assert";
import { arange, concat, grad, jit, pad, slice, type Tensor, tensor, where } from "@damo/damo";
import type { Nest } from "../../../lib/jit/kernel/kernel.ts";
import { edgePieces } from "../../../lib/jit/wasm/nest/edges.ts";

const sine = (size: number) => Float64Array.from({ length: size }, (_, i) => Math.sin(1 + 3 * i));

/** Shifts by some places, with zeros coming in. */
function shifts(x: Tensor): Tensor {
  const right = pad(x.at("...", slice(0, -1)), [
    ...x.shape.map((_, i): [number, number] => [i === x.ndim - 1 ? 1 : 0, 0]),
  ]);
  const left = pad(x.at("...", slice(3)), [
    ...x.shape.map((_, i): [number, number] => [0, i === x.ndim - 1 ? 3 : 0]),
  ]);
  return right.mul(2).add(left).sub(x.mul(right));
}

function masked(x: Tensor): Tensor {
  const i = arange(x.shape.at(-1)!, { dtype: "int32" });
  const inside = i.ge(5).and(i.lt(x.shape.at(-1)! - 7));
  const moved = pad(
    x.at("...", slice(2)),
    x.shape.map((_, axis): [number, number] => axis === x.ndim - 1 ? [2, 0] : [0, 0]),
  );
  return where(inside, moved, i.cast("float64")).add(where(i.eq(9), 100, 0));
}

const gradient = grad((x: Tensor) => {
  const shifted = concat(
    [x.at("...", slice(0, 1)), x.at("...", slice(1)).mul(x.at("...", slice(0, -1)))],
    -1,
  );
  return shifted.mul(shifted.add(1)).sum();
}) as (x: Tensor) => Tensor;

for (const [name, fn] of Object.entries({ shifts, masked, gradient })) {
  Deno.test(`${name}: pieces between edges give what the whole gives`, () => {
    const fast = jit(fn), slow = jit(fn, { mode: "reference" });
    for (const shape of [[63], [64], [65], [130], [1023], [5000], [3, 64], [5, 97], [2, 3, 131]]) {
      const x = tensor(sine(shape.reduce((a, b) => a * b)), { shape });
      assertEquals(fast(x).dataSync(), slow(x).dataSync(), `shape ${shape}`);
    }
  });
}

Deno.test("float32 and integers with edges", () => {
  for (const dtype of ["float32", "int32"] as const) {
    const x = tensor(Array.from({ length: 301 }, (_, i) => i % 17 - 8), { dtype });
    assertEquals(jit(shifts)(x).dataSync(), jit(shifts, { mode: "reference" })(x).dataSync());
  }
});

/** y[i] = x[i + offset] where low <= i < high, else 0. */
function window(size: number, low: number, high: number, offset: number): Nest {
  return {
    kind: "nest",
    domain: [size],
    rowRank: 1,
    operands: [{ dtype: "float64", access: "read" }, { dtype: "float64", access: "write" }],
    statements: [
      { kind: "coordinate", dtype: "int32", axis: 0 },
      { kind: "constant", dtype: "int32", value: low },
      { kind: "op", op: "ge", dtype: "bool", from: "int32", args: [0, 1] },
      { kind: "constant", dtype: "int32", value: high },
      { kind: "op", op: "gt", dtype: "bool", from: "int32", args: [3, 0] },
      { kind: "op", op: "and", dtype: "bool", args: [2, 4] },
      {
        kind: "load",
        dtype: "float64",
        operand: 0,
        index: { offset, strides: [1], dynamic: [] },
        mask: 5,
        fill: 0,
      },
    ],
    reductions: [],
    stores: [{
      operand: 1,
      index: { offset: 0, strides: [1], dynamic: [] },
      value: 6,
      mode: "set",
      perRow: false,
      pass: 0,
    }],
    passes: 1,
  };
}

Deno.test("a window has three pieces, and the middle one loads without a mask", () => {
  const pieces = edgePieces(window(200, 4, 190, -4), 0)!;
  assertEquals(pieces.map(({ begin, end }) => [begin, end]), [[0, 4], [4, 190], [190, 200]]);
  assertEquals(pieces.map(({ nest }) => nest.statements.map((s) => s.kind)), [["constant"], ["load"], [
    "constant",
  ]]);
  assertEquals(pieces[1].nest.statements[0], {
    kind: "load",
    dtype: "float64",
    operand: 0,
    index: { offset: 0, strides: [1], dynamic: [] },
  });
  assertEquals(pieces.map(({ nest }) => nest.stores[0].index.offset), [0, 4, 190]);
});

Deno.test("short axes, masks that are always true and windows without a long piece stay whole", () => {
  assertEquals(edgePieces(window(11, 2, 9, 0), 0), null);
  assertEquals(edgePieces(window(200, 0, 200, 0), 0), null);
  assertEquals(edgePieces(window(200, 70, 140, 0), 0), null);
});
