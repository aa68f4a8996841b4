/** wasmKernel: operations computed by WebAssembly functions of the user's own. */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  checkGrads,
  DamoError,
  DTypeError,
  FormatError,
  grad,
  GradientError,
  jit,
  jvp,
  OutOfMemoryError,
  scan,
  ShapeError,
  shared,
  type Tensor,
  tensor,
  vmap,
  wasmKernel,
  zeros,
} from "@damo/damo";
import { type FunctionBuilder, ModuleBuilder } from "../../lib/jit/wasm/assembler/mod.ts";

/** A module whose function `name` takes `count` addresses or numbers and works in the memory it imports. */
function moduleOf(
  name: string,
  count: number,
  body: (f: FunctionBuilder) => void,
  maximum?: number,
): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  module.importMemory({ module: "env", name: "memory" }, { minimum: 1, maximum });
  const f = module.addFunction(
    { params: Array.from({ length: count }, () => "i32" as const), results: [] },
    name,
  );
  body(f);
  return module.build();
}

const memory = (maximum?: number) => new WebAssembly.Memory({ initial: 1, maximum });

/** y[i] = x[i]^3 in float64: parameters x, y, n. */
const cubeModule = moduleOf("cube", 3, (f) => {
  const i = f.local("i32");
  f.forLoop(i, 2, 1, () => {
    const address = (base: number) => f.localGet(base).localGet(i).i32Const(8).i32Mul().i32Add();
    address(1);
    for (let k = 0; k < 3; k++) address(0).f64Load(0);
    f.f64Mul().f64Mul().f64Store(0);
  });
});

const cube = wasmKernel({
  name: "cube",
  module: cubeModule,
  imports: { env: { memory: memory() } },
  inputs: [{ name: "x", dtype: "float64" }],
  outputs: (x) => x,
  vjp: ([x], _results, [c]) => [c.mul(x.square()).mul(3)],
});

const f64 = (data: number | number[] | number[][]): Tensor => tensor(data, { dtype: "float64" });
const list = (t: unknown): unknown => (t as Tensor).arraySync();

Deno.test("wasmKernel: at once, compiled, in loops, batched and differentiated to second order", () => {
  assertEquals(list(cube(f64([1, 2, 3]))), [1, 8, 27]);
  assertEquals(cube.name, "cube");
  const summed = (x: Tensor) => cube(x).sum();
  assertEquals(jit(summed)(f64([1, 2, 3])).itemSync(), 36);
  assertEquals(list(grad(summed)(f64([1, 2]))), [3, 12]);
  assertEquals(list(jit(grad(summed))(f64([1, 2]))), [3, 12]);
  assertEquals(jvp(summed, [f64([1, 2])], [f64([1, 1])])[1].itemSync(), 15);
  checkGrads(summed, [f64([0.5, -2])], { order: 2 });
  assertEquals(list(vmap(cube)(f64([[1, 2], [3, 4]]))), [[1, 8], [27, 64]]);
  assertEquals(list(jit(vmap(vmap(grad(cube))))(f64([[1, 2], [3, 4]]))), [[3, 12], [27, 48]]);
  const [carry, ys] = jit((xs: Tensor) =>
    scan((c: Tensor, x: Tensor): [Tensor, Tensor] => [cube(x).add(c), cube(c)], f64(1), xs)
  )(f64([1, 2]));
  assertEquals([carry.itemSync(), list(ys)], [10, [1, 8]]);
  assertEquals(
    list(
      grad((xs: Tensor) =>
        scan((c: Tensor, x: Tensor): [Tensor, Tensor] => [cube(x).add(c), c], f64(0), xs)[0]
      )(f64([1, 2])),
    ),
    [3, 12],
  );
  assertEquals(list(cube(shared(f64([2])))), [8]);
  assertEquals(list(cube(zeros([0, 3], { dtype: "float64" }))), []);
  assertEquals(list(vmap(cube)(zeros([0, 3], { dtype: "float64" }))), []);
});

Deno.test("wasmKernel: several inputs of several dtypes, several results, numbers of its own", () => {
  // count[0] = number of x > limit (int32), flags[i] = x[i] > limit (bool), for uint8 x: parameters x, limit, count, flags, n.
  const module = moduleOf("above", 5, (f) => {
    const i = f.local("i32"), found = f.local("i32"), here = f.local("i32");
    f.forLoop(i, 4, 1, () => {
      f.localGet(0).localGet(i).i32Add().i32Load8U(0).localGet(1).i32Load8U(0).i32GtU().localSet(here);
      f.localGet(found).localGet(here).i32Add().localSet(found);
      // Any byte that is not 0 is true.
      f.localGet(3).localGet(i).i32Add().localGet(here).i32Const(7).i32Mul().i32Store8(0);
    });
    f.localGet(2).localGet(found).i32Store(0);
  });
  const above = wasmKernel({
    name: "countAbove",
    export: "above",
    module: new WebAssembly.Module(module),
    imports: { env: { memory: memory() } },
    outputs: (x) => [{ shape: [], dtype: "int32" }, { shape: x.shape, dtype: "bool" }],
    parameters: ([x]) => [x.shape.reduce((a, b) => a * b, 1)],
  });
  const x = tensor(Uint8Array.of(1, 200, 30, 4, 255)), limit = tensor(30, { dtype: "uint8" });
  for (const f of [above, jit((a: Tensor, b: Tensor) => above(a, b))]) {
    const [count, flags] = f(x, limit);
    assertEquals([count.dtype, count.itemSync()], ["int32", 2]);
    assertEquals([flags.dtype, list(flags)], ["bool", [false, true, false, false, true]]);
    assertEquals([...flags.dataSync()], [0, 1, 0, 0, 1]);
  }
});

Deno.test("wasmKernel: memory grows with the inputs, also when the module grows it itself", () => {
  const own = memory();
  // y[0] = bytes of memory / 65536 after growing it by one page: parameters x, y, n.
  const module = moduleOf("grow", 3, (f) => {
    f.i32Const(1).memoryGrow().drop();
    f.localGet(1).memorySize().i32Store(0);
  });
  const grow = wasmKernel({
    name: "grow",
    module,
    imports: { env: { memory: own } },
    outputs: () => ({ shape: [], dtype: "int32" }),
  });
  assertEquals(list(grow(f64([1]))), 3);
  assertEquals(list(grow(zeros([20000], { dtype: "float64" }))), 7);
  assertEquals(own.buffer.byteLength, 7 * 65536);
  const small = wasmKernel({
    name: "cube",
    module: moduleOf("cube", 3, () => {}, 2),
    imports: { env: { memory: memory(2) } },
    outputs: (x) => x,
  });
  assertEquals(list(small(f64([1]))), [0]);
  const error = assertThrows(() => small(zeros([20000])), OutOfMemoryError);
  assertEquals(
    error.message.split("\n")[0],
    "cube: the memory of the WebAssembly module cannot grow by 2 pages of 64 KiB, which 160000 bytes of inputs " +
      "and outputs need.",
  );
});

/** The first and the last line of the message, and its place in this file. */
function messageOf(body: () => unknown, kind: typeof DamoError): [string, string] {
  const lines = assertThrows(body, kind).message.split("\n");
  assert(lines[1].includes("wasm_kernel_test.ts:"), lines[1]);
  return [lines[0], lines.at(-1)!];
}

Deno.test("wasmKernel: wrong inputs are refused by name", () => {
  const scale = wasmKernel({
    name: "scale",
    module: moduleOf("scale", 4, () => {}),
    imports: { env: { memory: memory() } },
    inputs: [{ name: "x", dtype: "float32", shape: ["n", 3] }, { dtype: "float32", shape: ["n"] }],
    outputs: (x) => x,
  });
  assertEquals(scale(zeros([2, 3]), zeros([2])).shape, [2, 3]);
  assertEquals(messageOf(() => scale(zeros([2, 3])), ShapeError), [
    "scale: the kernel takes 2 inputs (x, input 1), got 1.",
    "Call it with 2 inputs.",
  ]);
  assertEquals(messageOf(() => scale(zeros([2, 3], { dtype: "float64" }), zeros([2])), DTypeError), [
    "scale: x is float64[2, 3], and the kernel reads float32.",
    'Pass x as float32: cast("float32").',
  ]);
  assertEquals(messageOf(() => jit((x) => scale(x, zeros([3])))(zeros([2, 3])), ShapeError), [
    "scale: input 1 is float32[3], and the kernel takes the shape [n], where n = 2 (from x).",
    "Reshape it, or use vmap for a batch of inputs.",
  ]);
  assertEquals(
    messageOf(() => scale(zeros([2]), zeros([2])), ShapeError)[0],
    "scale: x is float32[2], and the kernel takes the shape [n, 3].",
  );
  assertThrows(() => grad((x: Tensor) => scale(x, zeros([2])).sum())(zeros([2, 3])), GradientError);
});

Deno.test("wasmKernel: modules that cannot be used are refused with the reason", () => {
  const imports = { env: { memory: memory() } };
  const outputs = (x: { shape: readonly number[]; dtype: "float32" }) => x;
  const make = (options: object) => () =>
    wasmKernel({ name: "f", module: cubeModule, imports, outputs, ...options } as never);
  const [what, remedy] = messageOf(make({ module: Uint8Array.of(1, 2, 3, 4) }), FormatError);
  assert(what.startsWith("wasmKernel: f: the module cannot be compiled: "), what);
  assertEquals(remedy, "Pass the bytes of a WebAssembly module, or a WebAssembly.Module.");
  const [link, pass] = messageOf(make({ imports: { env: {} } }), FormatError);
  assert(link.startsWith("wasmKernel: f: the module cannot be linked: "), link);
  assertEquals(pass, "Pass what the module imports as { imports: { module: { name: value } } }.");
  assert(messageOf(make({ imports: undefined }), FormatError)[1] === pass);
  assertEquals(messageOf(make({}), FormatError), [
    'wasmKernel: f: the module exports no function "f".',
    "Name one of its functions in { export }: cube.",
  ]);
  const noMemory = new ModuleBuilder();
  noMemory.addFunction({ params: [], results: [] }, "f");
  assertEquals(messageOf(make({ module: noMemory.build(), imports: undefined }), FormatError), [
    "wasmKernel: f: the module exports no memory, and none was passed.",
    "Export the module's memory, or import one and pass it: { imports: { env: { memory } } }.",
  ]);
  const rules = { export: "cube", jvp: () => zeros([]), vjp: () => [] };
  assertThrows(make(rules), GradientError);
});

Deno.test("wasmKernel: a wrong number of parameters and a trap say so at the call", () => {
  const imports = { env: { memory: memory() } };
  const f = wasmKernel({ name: "f", export: "cube", module: cubeModule, imports, outputs: (x) => x });
  assertEquals(messageOf(() => f(f64([1]), f64([1])), ShapeError), [
    'f: the function "cube" of the module has 3 parameters, and would be called with 4: 2 addresses of inputs, ' +
    "1 of results, 1 others.",
    "Call the kernel with as many inputs as it reads, or say in { parameters } what follows the addresses.",
  ]);
  const module = moduleOf("stop", 3, (g) => g.unreachable());
  const stop = wasmKernel({ name: "stop", module, imports, outputs: (x) => x });
  const thrown = assertThrows(() => jit((x: Tensor) => stop(x))(f64([1, 2])), DamoError);
  assertEquals(
    thrown.message.split("\n")[0],
    'stop: the kernel stopped with "unreachable" on float64[2].',
  );
  assert(thrown.detail.cause instanceof WebAssembly.RuntimeError);
  assertStrictEquals(thrown.constructor, DamoError);
});
