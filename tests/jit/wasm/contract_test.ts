import { assertEquals } from "@std/assert";
import { ModuleBuilder } from "../../../lib/jit/wasm/assembler/mod.ts";
import {
  type ContractSpec,
  emitBatch,
  emitContract,
  planContract,
} from "../../../lib/jit/wasm/contract/mod.ts";
import {
  bytes,
  checkGuards,
  compile,
  type Layouts,
  makeSpec,
  memory,
  place,
  result,
  run,
  splitContract,
  verify,
} from "./contract_runner.ts";
const layouts: Layouts[] = [
  {},
  { transposeA: true },
  { transposeB: true },
  { transposeA: true, transposeB: true },
];

const sizes = [1, 3, 5, 6, 7, 8, 17, 33, 129, 255];

for (const dtype of ["float32", "float64"] as const) {
  Deno.test(`${dtype} products of every transpose and odd size are right and write nothing else`, () => {
    for (const layout of layouts) {
      for (let i = 0; i < sizes.length; i++) {
        for (let j = 0; j < sizes.length; j++) {
          // Every pair of sizes of C, with depths that go round.
          const depth = sizes[(3 * i + j + (layout.transposeA ? 1 : 0)) % sizes.length];
          if (sizes[i] * sizes[j] * depth > 5e5) continue;
          verify(makeSpec(dtype, sizes[i], sizes[j], depth, layout));
        }
      }
      for (
        const [rows, columns, depth] of [[255, 129, 33], [7, 255, 129], [129, 5, 255], [300, 70, 270], [
          13,
          9,
          700,
        ]]
      ) {
        verify(makeSpec(dtype, rows, columns, depth, layout));
      }
    }
  });

  Deno.test(`${dtype} products of one row or one column are right in every layout`, () => {
    for (const layout of layouts) {
      for (const [rows, columns] of [[1, 1], [1, 2], [1, 67], [1, 2050], [66, 1], [2050, 1], [3, 1]]) {
        for (const depth of [1, 2, 3, 8, 31, 130]) {
          verify(makeSpec(dtype, rows, columns, depth, layout));
          verify(makeSpec(dtype, rows, columns, depth, layout, { accumulate: true }));
        }
      }
    }
  });

  Deno.test(`${dtype} products of any strides, with a gap between the rows of C, are right`, () => {
    for (const [rows, columns, depth] of [[5, 7, 9], [33, 17, 20], [1, 9, 5], [9, 1, 5], [260, 70, 30]]) {
      const spread = { outer: 3 * depth + 1, depth: 3 };
      const repeated = { outer: 0, depth: 2 };
      verify(makeSpec(dtype, rows, columns, depth, {}, { a: spread, rowStride: columns + 3 }));
      verify(makeSpec(dtype, rows, columns, depth, {}, { b: spread, rowStride: columns + 1 }));
      verify(makeSpec(dtype, rows, columns, depth, {}, { a: repeated, b: spread }));
      verify(makeSpec(dtype, rows, columns, depth, {}, { b: repeated }));
    }
  });
}

Deno.test("a product can be added to C, over several blocks of depth too", () => {
  for (const layout of layouts) {
    verify(makeSpec("float32", 17, 33, 700, layout, { accumulate: true }));
    verify(makeSpec("float64", 7, 5, 3, layout, { accumulate: true }));
  }
});

Deno.test("integer products wrap", () => {
  for (const layout of layouts) {
    verify(makeSpec("int32", 17, 9, 33, layout));
    verify(makeSpec("int32", 1, 9, 33, layout));
    verify(makeSpec("int32", 9, 1, 33, layout, { accumulate: true }));
  }
});

Deno.test("depth 0 gives zeros or leaves C alone; no rows or no columns write nothing", () => {
  for (const [rows, columns] of [[5, 9], [1, 9], [9, 1], [300, 40]]) {
    for (const layout of layouts) {
      verify(makeSpec("float32", rows, columns, 0, layout));
      verify(makeSpec("float64", rows, columns, 0, layout, { accumulate: true }));
    }
  }
  for (const [rows, columns] of [[0, 5], [5, 0], [0, 0], [0, 1], [1, 0]]) {
    for (const layout of layouts) {
      for (const depth of [0, 3]) verify(makeSpec("float32", rows, columns, depth, layout));
    }
  }
});

Deno.test("NaN and infinity reach exactly the elements that they touch", () => {
  for (const [rows, columns, depth] of [[13, 21, 30], [1, 21, 30], [21, 1, 30], [3, 3, 3]]) {
    for (const layout of layouts) {
      const spec = makeSpec("float32", rows, columns, depth, layout);
      const operands = place(spec, () => 1);
      const row = rows >> 1;
      const column = columns - 1;
      operands.a[row * spec.a.outer + 2 * spec.a.depth] = NaN;
      operands.b[column * spec.b.outer + 1 * spec.b.depth] = Infinity;
      const got = run(spec, compile(spec), operands.place);
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          assertEquals(got[i * columns + j], i === row ? NaN : j === column ? Infinity : depth);
        }
      }
    }
  }
});

Deno.test("the bits do not depend on how C is split", () => {
  for (
    const [rows, columns, depth] of [[67, 45, 300], [300, 130, 70], [1, 1500, 50], [1500, 1, 50], [
      7,
      500,
      40,
    ]]
  ) {
    for (const layout of layouts) {
      const spec = makeSpec("float32", rows, columns, depth, layout);
      const { place: at } = place(spec);
      const product = compile(spec);
      const whole = run(spec, product, at);
      for (const parts of [2, 3, 7]) {
        bytes.fill(0, at.c, at.c + rows * columns * 4);
        for (const range of splitContract(spec, planContract(spec), parts)) {
          product(
            at.a,
            at.b,
            at.c,
            at.scratch,
            range.rowStart,
            range.rowEnd,
            range.columnStart,
            range.columnEnd,
          );
        }
        assertEquals(result(spec, at), whole);
      }
    }
  }
});

Deno.test("an epilogue sees every element once, with its row, its column and the extra arguments", () => {
  for (const [rows, columns, depth] of [[13, 21, 30], [1, 21, 30], [21, 1, 30], [3, 6, 700], [300, 70, 20]]) {
    for (const layout of layouts) {
      const spec: ContractSpec = makeSpec("float32", rows, columns, depth, layout, {
        extra: ["i32", "f32"],
        // max(value + bias[column] + row, 0) * factor
        epilogue: (f, { value, row, column, extra }) => {
          f.localGet(value).localGet(extra[0]).localGet(column).i32Const(4).i32Mul().i32Add().v128Load(0)
            .f32x4Add();
          f.localGet(row).f32ConvertI32U().f32x4Splat().f32x4Add();
          f.f32Const(0).f32x4Splat().f32x4Max().localGet(extra[1]).f32x4Splat().f32x4Mul();
        },
      });
      const operands = place(spec);
      const biasAt = 16 << 20;
      const bias = new Float32Array(memory.buffer, biasAt, columns);
      bias.forEach((_, j) => bias[j] = 10 * j);
      const got = run(spec, compile(spec), operands.place, [biasAt, 0.5]);
      checkGuards(spec, operands.place);
      const plain = makeSpec("float32", rows, columns, depth, layout);
      const sums = run(plain, compile(plain), operands.place);
      const { fround, max } = Math;
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          const sum = fround(fround(sums[i * columns + j] + 10 * j) + i);
          assertEquals([i, j, rows, got[i * columns + j]], [i, j, rows, fround(max(sum, 0) * 0.5)]);
        }
      }
    }
  }
});

Deno.test("a batch of products broadcasts its operands along any axis and may be cut anywhere", () => {
  const [rows, columns, depth] = [5, 9, 4];
  const spec = makeSpec("float32", rows, columns, depth, { transposeB: true }, {
    extra: ["f32", "i32"],
    // value * factor + number of the product
    epilogue: (f, { value, extra }) => {
      f.localGet(value).localGet(extra[0]).f32x4Splat().f32x4Mul();
      f.localGet(extra[1]).f32ConvertI32U().f32x4Splat().f32x4Add();
    },
  });
  const module = new ModuleBuilder();
  module.importMemory({ module: "env", name: "memory" }, { minimum: 512, maximum: 512, shared: true });
  const axes = [
    { size: 3, a: rows * depth, b: 0, c: 4 * rows * columns },
    { size: 4, a: 0, b: columns * depth, c: rows * columns },
  ];
  const batch = emitBatch(module, emitContract(module, spec), spec, axes, { passNumber: true });
  assertEquals(batch.count, 12);
  module.exportFunction(batch.index, "batch");
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.build()), { env: { memory } });
  const call = instance.exports.batch as (...numbers: number[]) => void;
  const [a, b, c, scratch] = [4096, 8192, 16384, 32768];
  const left = new Float32Array(memory.buffer, a, 3 * rows * depth);
  const right = new Float32Array(memory.buffer, b, 4 * columns * depth);
  left.forEach((_, i) => left[i] = i % 7 - 3);
  right.forEach((_, i) => right[i] = i % 5 - 2);
  for (const [start, end] of [[0, 5], [5, 5], [5, 12]]) call(a, b, c, scratch, start, end, 0.5);
  const out = new Float32Array(memory.buffer, c, 12 * rows * columns);
  for (let product = 0; product < 12; product++) {
    const [x, y] = [Math.floor(product / 4), product % 4];
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = 0;
        for (let k = 0; k < depth; k++) {
          sum += left[x * rows * depth + i * depth + k] * right[y * columns * depth + j * depth + k];
        }
        assertEquals(out[(product * rows + i) * columns + j], sum * 0.5 + product);
      }
    }
  }
});
