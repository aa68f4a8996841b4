import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { matmul } from "@damo/damo";
import { ModuleBuilder } from "../../../lib/jit/wasm/assembler/mod.ts";
import {
  bytesOfPanels,
  type ContractSpec,
  emitAllPanels,
  emitContract,
  importStructTiles,
  INIT_EXPORT,
  type PanelOperand,
  panelSizes,
  planContract,
  STRUCT_SCRATCH_EXPORT,
  STRUCT_TILES_IMPORT,
  STRUCT_WARM_UP_EXPORT,
  structTilesModule,
} from "../../../lib/jit/wasm/contract/mod.ts";
import { IDLE_BYTES } from "../../../lib/jit/wasm/warm_up.ts";
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
  random as uniform,
  run,
  splitContract,
} from "./contract_runner.ts";
import { type Argument, sameOnThreads } from "./thread_runner.ts";

const limits = { minimum: 512, maximum: 512, shared: true };
const from = { module: "env", name: "memory" };

function instantiateTiles(): WebAssembly.Exports {
  const module = new WebAssembly.Module(structTilesModule(limits, from));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  (exports[INIT_EXPORT] as () => void)();
  return exports;
}

const tiles = instantiateTiles();

interface Compiled {
  /** With operands in the memory. */
  readonly plain: Product;
  readonly structs: Product;
  /** The same with panels that were made before. */
  readonly kept: Product;
  readonly fill: (source: number, target: number) => void;
}

function compile(spec: ContractSpec, panels?: PanelOperand): Compiled {
  const module = new ModuleBuilder();
  module.importMemory(from, limits);
  const structTiles = importStructTiles(module);
  module.exportFunction(emitContract(module, spec).index, "plain");
  module.exportFunction(emitContract(module, { ...spec, structTiles }).index, "structs");
  if (panels !== undefined) {
    module.exportFunction(emitContract(module, { ...spec, structTiles, panels }).index, "kept");
    module.exportFunction(emitAllPanels(module, spec, panels), "fill");
  }
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.build()), {
    env: { memory },
    [STRUCT_TILES_IMPORT]: tiles,
  });
  return instance.exports as unknown as Compiled;
}

const bits = (values: readonly number[]): Uint32Array => new Uint32Array(Float32Array.from(values).buffer);

/** Gives the bits of the product whose operands lie in the memory, whole and in parts, and writes nothing else. */
function verify(spec: ContractSpec, { fill = uniform, exact = false, extra = [] as number[] } = {}): void {
  assert(panelSizes(spec).structs, JSON.stringify(spec));
  const { plain, structs } = compile(spec);
  const operands = place(spec, fill);
  const at = operands.place;
  const c = new (arrayType(spec.dtype))(memory.buffer, at.c, spec.rows * spec.rowStride);
  const start = c.slice();
  const expected = run(spec, plain, at, extra);
  if (!exact && extra.length === 0) checkValues(spec, operands, expected);
  c.set(start);
  assertEquals(bits(run(spec, structs, at, extra)), bits(expected));
  checkGuards(spec, at);
  c.set(start);
  for (const part of splitContract(spec, planContract(spec), 3)) {
    const { rowStart, rowEnd, columnStart, columnEnd } = part;
    structs(at.a, at.b, at.c, at.scratch, rowStart, rowEnd, columnStart, columnEnd, ...extra);
  }
  assertEquals(bits(run({ ...spec, rows: 0 }, structs, at, extra)), bits([]));
  const parts: number[] = [];
  for (let i = 0; i < spec.rows; i++) {
    for (let j = 0; j < spec.columns; j++) parts.push(c[i * spec.rowStride + j]);
  }
  assertEquals(bits(parts), bits(expected));
  checkGuards(spec, at);
}

const SIZES = [[97, 256, 128], [103, 261, 129], [132, 272, 135], [101, 370, 137], [127, 257, 320]];
const layouts: readonly Layouts[] = [
  {},
  { transposeA: true },
  { transposeB: true },
  { transposeA: true, transposeB: true },
];

Deno.test("products that read A from structs have the bits of those in the memory, at every size and layout", () => {
  for (const layout of layouts) {
    for (
      const [rows, columns, depth] of SIZES
    ) {
      verify(makeSpec("float32", rows, columns, depth, layout));
    }
  }
});

Deno.test("products over several blocks of rows, columns and depths have the same bits in structs", () => {
  verify(makeSpec("float32", 301, 533, 641, {}));
  verify(makeSpec("float32", 150, 2100, 131, { transposeA: true, transposeB: true }));
  verify(makeSpec("float32", 512, 256, 650, { transposeB: true }));
  verify(makeSpec("float32", 110, 1100, 330, { transposeA: true }, { rowStride: 1103 }));
});

Deno.test("products in structs add to what is there when they are to", () => {
  for (const layout of layouts) verify(makeSpec("float32", 107, 270, 350, layout, { accumulate: true }));
});

Deno.test("products in structs treat NaN, infinities, zeros with a sign and tiny numbers as others do", () => {
  const special = [NaN, Infinity, -Infinity, -0, 0, 1e-42, -1e-40, 3e38];
  let count = 0;
  const fill = (): number => count++ % 29 === 0 ? special[(count / 29 | 0) % special.length] : uniform();
  for (const layout of layouts) verify(makeSpec("float32", 98, 259, 145, layout), { fill, exact: true });
  // All zeros with a sign: nothing that is added in between may change it.
  verify(makeSpec("float32", 98, 258, 133, {}), { fill: () => -0, exact: true });
});

Deno.test("epilogues of products in structs see every row and column once", () => {
  const spec = makeSpec("float32", 103, 268, 400, {}, {
    epilogue: (f, { value, row, column, extra }) => {
      f.localGet(row).i32Const(1000).i32Mul().localGet(column).i32Add().f32ConvertI32S().f32x4Splat();
      f.localGet(value).f32x4Add().localGet(extra[0]).f32ConvertI32S().f32x4Splat().f32x4Mul();
    },
    extra: ["i32"],
  });
  verify(spec, { extra: [3] });
});

Deno.test("panels made before give the same bits through structs", () => {
  for (const operand of ["a", "b"] as const) {
    for (const layout of layouts) {
      const spec = makeSpec("float32", 130, 290, 345, layout);
      if (operand === "a" && !panelSizes(spec).packA) continue;
      const { plain, kept, fill } = compile(spec, operand);
      const { place: at } = place(spec);
      const expected = run(spec, plain, at);
      const panels = 20 << 20, size = bytesOfPanels(spec, operand);
      bytes.fill(guard, panels, panels + size + 64);
      fill(at[operand], panels);
      assertEquals(bits(run(spec, kept, { ...at, [operand]: panels })), bits(expected));
      checkGuards(spec, at);
    }
  }
});

Deno.test("making the tile warm writes nothing but its scratch memory", () => {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(structTilesModule(limits, from)), {
    env: { memory },
  });
  (exports[INIT_EXPORT] as () => void)();
  (exports[STRUCT_SCRATCH_EXPORT] as WebAssembly.Global).value = 4096;
  bytes.fill(guard, 0, 1 << 20);
  (exports[STRUCT_WARM_UP_EXPORT] as () => void)();
  for (let i = 0; i < 1 << 20; i++) {
    if (bytes[i] !== guard) assert(i >= 4096 && i < 4096 + IDLE_BYTES, `byte ${i} was written`);
  }
});

Deno.test("programs have the same bits on any number of threads where left operands lie in structs", () => {
  const [rows, depth, columns] = [203, 301, 517];
  assert(panelSizes(makeSpec("float32", rows, columns, depth, {})).structs);
  const noise = (shape: readonly [number, number]): Argument => {
    return { shape, values: Float32Array.from({ length: shape[0] * shape[1] }, uniform) };
  };
  const a = noise([rows, depth]), b = noise([depth, columns]);
  const [found] = sameOnThreads((a, b) => [matmul(a, b).mul(2)], [a, b]);
  for (const [row, column] of [[0, 0], [101, 258], [rows - 1, columns - 1]]) {
    let sum = 0;
    for (let k = 0; k < depth; k++) sum += a.values[row * depth + k] * b.values[k * columns + column];
    assertAlmostEquals(Number(found[row * columns + column]), 2 * sum, 1e-4);
  }
});
