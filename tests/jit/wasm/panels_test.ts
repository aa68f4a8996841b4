import { assert, assertEquals } from "@std/assert";
import { ModuleBuilder } from "../../../lib/jit/wasm/assembler/mod.ts";
import {
  bytesOfPanels,
  type ContractSpec,
  emitAllPanels,
  emitContract,
  formOfPanels,
  type PanelOperand,
  panelSizes,
  planContract,
} from "../../../lib/jit/wasm/contract/mod.ts";
import {
  arrayType,
  bytes,
  checkGuards,
  checkValues,
  guard,
  type Layouts,
  makeSpec,
  memory,
  place,
  type Product,
  result,
  run,
  splitContract,
} from "./contract_runner.ts";

interface Compiled {
  readonly direct: Product;
  readonly kept: Product;
  readonly fill: (source: number, target: number) => void;
}

/** The product as it is, the one with panels made before, and what makes them, in one module as programs have them. */
function compile(spec: ContractSpec, panels: PanelOperand): Compiled {
  const module = new ModuleBuilder();
  module.importMemory({ module: "env", name: "memory" }, { minimum: 512, maximum: 512, shared: true });
  module.exportFunction(emitContract(module, spec).index, "direct");
  module.exportFunction(emitContract(module, { ...spec, panels }).index, "kept");
  module.exportFunction(emitAllPanels(module, spec, panels), "fill");
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.build()), { env: { memory } });
  return instance.exports as unknown as Compiled;
}

/** Where panels lie: behind everything that `place` lays out. */
const panels = 20 << 20;

/** Gives the same bits with panels made before, in one part and in several, and writes nothing else. */
function verifyOperand(spec: ContractSpec, operand: PanelOperand, extra: number[]): void {
  const { direct, kept, fill } = compile(spec, operand);
  const operands = place(spec);
  const at = operands.place, start = operands.before;
  const expected = run(spec, direct, at, extra);
  if (extra.length === 0) checkValues(spec, operands, expected);
  const size = bytesOfPanels(spec, operand);
  bytes.fill(guard, panels - 64, panels + size + 64);
  fill(at[operand], panels);
  for (const side of [panels - 64, panels + size]) {
    assert(
      bytes.subarray(side, side + 64).every((byte) => byte === guard),
      "memory beside the panels was written",
    );
  }
  // What the operand holds now must not matter any more.
  bytes.fill(255, at[operand], at[operand] + 64);
  const again: ContractSpec = { ...spec, panels: operand };
  const pointers = operand === "a" ? [panels, at.b] as const : [at.a, panels] as const;
  const plan = planContract(again);
  for (const parts of [1, 3]) {
    const c = new (arrayType(spec.dtype))(memory.buffer, at.c, spec.rows * spec.rowStride);
    start.forEach((value, i) => c[Math.floor(i / spec.columns) * spec.rowStride + i % spec.columns] = value);
    for (const { rowStart, rowEnd, columnStart, columnEnd } of splitContract(spec, plan, parts)) {
      kept(...pointers, at.c, at.scratch, rowStart, rowEnd, columnStart, columnEnd, ...extra);
    }
    assertEquals(result(spec, at), expected, `${parts} parts of ${JSON.stringify(spec)}`);
  }
  checkGuards(spec, at);
}

/** Where A is read as it lies, there are no panels of it. */
function verify(spec: ContractSpec, extra: number[] = []): void {
  verifyOperand(spec, "b", extra);
  if (panelSizes(spec).packA) verifyOperand(spec, "a", extra);
}

const layouts: Layouts[] = [{}, { transposeA: true }, { transposeB: true }, {
  transposeA: true,
  transposeB: true,
}];

for (const dtype of ["float32", "float64", "int32"] as const) {
  Deno.test(`${dtype} products with panels made before have the bits of those without`, () => {
    const sizes = [2, 3, 5, 8, 17, 33, 100];
    for (const layout of layouts) {
      sizes.forEach((rows, i) => {
        for (
          const [columns, depth] of [[sizes[(i + 2) % 7], sizes[(i + 4) % 7]], [70, 333], [9, 700], [130, 40]]
        ) {
          verify(makeSpec(dtype, rows, columns, depth, layout));
        }
      });
    }
    for (const layout of layouts) {
      verify(makeSpec(dtype, 13, 37, 650, layout, { accumulate: true, rowStride: 40 }));
    }
  });
}

Deno.test("panels of more columns, and of more rows, than a block has", () => {
  for (const layout of layouts) {
    verify(makeSpec("float32", 7, 2100, 330, layout));
    for (const [rows, columns] of [[400, 70], [301, 17], [300, 14]]) {
      const spec = makeSpec("float32", rows, columns, 330, layout);
      assert(panelSizes(spec).packA || !layout.transposeA, `${rows}x${columns} packs nothing of A`);
      verify(spec);
      verify({ ...spec, accumulate: true, rowStride: columns + 3 });
    }
  }
  verify(makeSpec("float64", 200, 40, 400, { transposeA: true }));
});

Deno.test("an epilogue sees rows and columns with panels made before too", () => {
  const spec = makeSpec("float32", 190, 27, 650, { transposeA: true }, {
    extra: ["f32"],
    epilogue: (f, { value, row, column, extra }) => {
      f.localGet(value).localGet(row).i32Const(100).i32Mul().localGet(column).i32Add().f32ConvertI32S()
        .f32x4Splat();
      f.f32x4Add().localGet(extra[0]).f32x4Splat().f32x4Mul();
    },
  });
  verify(spec, [0.5]);
});

Deno.test("panels are shared by products whose tiles read the same columns, and by no others", () => {
  const form = (rows: number, layout: Layouts = {}, columns = 512, depth = 512): string =>
    formOfPanels(makeSpec("float32", rows, columns, depth, layout), "b");
  assertEquals(form(8), form(32));
  assertEquals(form(8), form(100));
  for (const other of [form(8, { transposeB: true }), form(2), form(8, {}, 256), form(8, {}, 512, 256)]) {
    assert(other !== form(8), other);
  }
  const formOfA = (columns: number, layout: Layouts = {}, rows = 512): string =>
    formOfPanels(makeSpec("float32", rows, columns, 512, layout), "a");
  assertEquals(formOfA(64), formOfA(200));
  for (const other of [formOfA(64, { transposeA: true }), formOfA(64, {}, 500), form(8)]) {
    assert(other !== formOfA(64), other);
  }
});
