import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { Buffer } from "node:buffer";
import "../../lib/jit/install.ts";
import type { DType, TypedArray } from "../../lib/trace/dtype.ts";
import { DamoError, FormatError } from "../../lib/trace/errors.ts";
import { upload } from "../../lib/trace/ops/convert.ts";
import { Shared } from "../../lib/trace/shared.ts";
import { Tensor } from "../../lib/trace/tensor.ts";
import { decodeNpz } from "../../lib/io/npz.ts";
import { decodeSafetensors } from "../../lib/io/safetensors.ts";
import { exportFunction } from "../../lib/io/export_function.ts";
import * as io from "../../lib/io/mod.ts";
import { golden, patched } from "./golden.ts";

function make(dtype: DType, shape: number[], data: TypedArray): Tensor {
  return upload(data, dtype, shape);
}

/** A tree with dtype, shape and values in the place of tensors. */
function plain(tree: unknown): unknown {
  if (tree instanceof Tensor) return [tree.dtype, [...tree.shape], [...tree.dataSync()]];
  if (Array.isArray(tree)) return tree.map(plain);
  return Object.fromEntries(Object.entries(tree as object).map(([key, value]) => [key, plain(value)]));
}

function model(): Record<string, Tensor | Tensor[] | Record<string, Tensor>> {
  return {
    "0.weight": make("float32", [2, 2], Float32Array.of(1, NaN, -0, Infinity)),
    list: [make("float16", [3], Float16Array.of(1, 2, 3)), make("float64", [], Float64Array.of(0.1))],
    nested: { int8: make("int8", [1], Int8Array.of(-5)), flags: make("bool", [2], Uint8Array.of(1, 0)) },
    empty: make("uint32", [0, 7], new Uint32Array(0)),
  };
}

for (const format of ["safetensors", "npz"] as const) {
  Deno.test(`A tree comes back from ${format} as it was: structure, order, dtypes, shapes, values`, async () => {
    const tree = model();
    const again = await io.decode(await io.encode(tree, format));
    assertEquals(plain(again), plain(tree));
    assertEquals(Object.keys(again), Object.keys(tree));
  });

  Deno.test(`One tensor, a Shared, numbers and typed arrays can be saved as ${format}`, async () => {
    const one = await io.decode<Tensor>(await io.encode(make("int32", [2], Int32Array.of(1, 2)), format));
    assertEquals(plain(one), ["int32", [2], [1, 2]]);
    const shared = new Shared(make("float32", [1], Float32Array.of(3)), "w");
    const bytes = await io.encode({ shared, step: 7, done: true, typed: Uint8Array.of(9) }, format);
    assertEquals(plain(await io.decode(bytes)), {
      shared: ["float32", [1], [3]],
      step: ["float32", [], [7]],
      done: ["bool", [], [1]],
      typed: ["uint8", [1], [9]],
    });
  });

  Deno.test(`A ${format} file is saved and loaded`, async () => {
    const folder = await Deno.makeTempDir();
    const path = join(folder, `model.${format}`);
    await io.save(path, model());
    assertEquals(plain(await io.load(path)), plain(model()));
    assertEquals([...Deno.readDirSync(folder)].length, 1);
    await Deno.remove(folder, { recursive: true });
  });
}

Deno.test("Other programs find the arrays by their paths", async () => {
  const tree = { layers: [{ w: make("float32", [1], Float32Array.of(1)) }], step: 3 };
  const safetensors = decodeSafetensors(await io.encode(tree, "safetensors"));
  assertEquals([...safetensors.arrays.keys()], ["layers.0.w", "step"]);
  assertEquals(safetensors.metadata, {});
  const npz = await decodeNpz(await io.encode(tree, "npz"));
  assertEquals([...npz.arrays.keys()], ["layers.0.w", "step"]);
  assertEquals(npz.comment, "");
});

Deno.test("Python's files are trees by their names", async () => {
  const { layers, step } = await io.decode(golden("numpy.npz"));
  assertEquals(layers.length, 2);
  assertEquals([layers[1].w.dtype, [...layers[1].w.shape]], ["float16", [3, 4]]);
  assertEquals(step.dtype, "int32");
  assertEquals((await io.decode(golden("vector.npy"))).shape, [17]);
});

Deno.test("The values are those at the time of the call", async () => {
  const shared = new Shared(make("float32", [2], Float32Array.of(1, 2)), "w");
  const writing = io.encode({ shared }, "safetensors");
  shared.value = make("float32", [2], Float32Array.of(8, 9));
  assertEquals(plain(await io.decode(await writing)), { shared: ["float32", [2], [1, 2]] });
});

Deno.test("Bytes of no known format, and file names of none, are refused with the remedy", async () => {
  const of = (...bytes: number[]): Promise<unknown> => io.decode(Uint8Array.from(bytes));
  await assertRejects(() => of(), FormatError, "These 0 bytes are neither");
  await assertRejects(() => of(1, 2, 3), FormatError, "they begin 01 02 03");
  await assertRejects(() => of(0x1f, 0x8b, 8), FormatError, "compressed with gzip");
  await assertRejects(() => io.save("model.pkl", {}), FormatError, "End its name in .safetensors or .npz");
  await assertRejects(() => io.save("safetensors", {}), FormatError, "cannot tell the format");
  await assertRejects(() => io.encode({}, "onnx" as never), FormatError, `cannot write the format "onnx"`);
  await assertRejects(() => io.encode({ a: "x" } as never, "npz"), FormatError, `"a" in the tree is x`);
  await assertRejects(() => io.encode({}, "npz", { zip: true } as never), DamoError, `unknown option "zip"`);
});

Deno.test("What is no bytes, a hole in an array, a ring and an exported function are refused with the remedy", async () => {
  const one = make("float32", [1], Float32Array.of(1));
  const holes: Tensor[] = [];
  holes[1] = one;
  await assertRejects(
    () => io.encode({ list: holes }, "npz"),
    FormatError,
    '"list.0" in the tree is undefined',
  );
  const ring: Record<string, unknown> = {};
  ring.ring = ring;
  await assertRejects(() => io.encode(ring as never, "npz"), FormatError, "Leave out what refers back");
  await assertRejects(() => io.decode("text" as never), FormatError, "got a value of type string");
  await assertRejects(() => io.decode(null as never), FormatError, "got a value of type null");
  const exported = exportFunction((x: Tensor) => x.add(1), one);
  await assertRejects(() => io.decode(exported), FormatError, "importFunction");
});

Deno.test("A Buffer of Node, which shares memory, reads as any bytes do", async () => {
  const bytes = await io.encode(model(), "safetensors");
  const pool = Buffer.concat([Buffer.alloc(3), bytes, Buffer.alloc(3)]);
  const again = await io.decode(pool.subarray(3, 3 + bytes.length));
  pool.fill(0xff);
  assertEquals(plain(again), plain(model()));
});

Deno.test("A structure in the file that does not fit is refused", async () => {
  const told = await io.encode({ "a.b": 1 }, "safetensors");
  const at = new TextDecoder().decode(told).indexOf(`"damo.tree":"{\\"a.b`);
  assert(at > 0);
  const broken = patched(told, at + 13, [0x78]);
  await assertRejects(() => io.decode(broken), FormatError, "The structure in the file is not JSON");
});

Deno.test("A file with any byte changed is read or refused, never anything else", async () => {
  const small = {
    "a.b": make("float32", [2], Float32Array.of(1, 2)),
    c: [make("bool", [1], Uint8Array.of(1))],
  };
  for (const format of ["safetensors", "npz"] as const) {
    const good = await io.encode(small, format);
    for (let at = 0; at < good.length; at++) {
      for (const flip of [1, 0x20, 0x80]) {
        try {
          await io.decode(patched(good, at, [good[at] ^ flip]));
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
        }
      }
    }
  }
});
