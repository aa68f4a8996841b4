/** API.md, section 9: files. */
import { assert, assertEquals } from "@std/assert";
import {
  exportFunction,
  FormatError,
  grad,
  importFunction,
  io,
  jit,
  loop,
  nn,
  RandomStream,
  scan,
  shared,
  type Tensor,
  tensor,
  zeros,
} from "@damo/damo";
import { load, save } from "@damo/damo/io";
import { DTYPES, list, message } from "./support.ts";

const every = Object.fromEntries(
  DTYPES.map((dtype) => [dtype, tensor([[1, 0, 3], [2, 1, 0]], { dtype })]),
);

Deno.test("save and load in safetensors and npz, by extension; trees keep their shape", async () => {
  const folder = await Deno.makeTempDir();
  const tree = {
    layers: [{ w: tensor([[1, 2]]), b: zeros([0]) }],
    scale: tensor(3, { dtype: "float64" }),
    every,
  };
  for (const extension of ["safetensors", "npz"]) {
    const path = `${folder}/tree.${extension}`;
    await save(path, tree);
    const back = await load(path) as unknown as typeof tree;
    assert(Array.isArray(back.layers));
    assertEquals([list(back.layers[0].w), back.layers[0].b.shape, list(back.scale), back.scale.dtype], [
      [[1, 2]],
      [0],
      3,
      "float64",
    ]);
    for (const dtype of DTYPES) {
      assertEquals(
        [back.every[dtype].dtype, list(back.every[dtype])],
        [dtype, list(every[dtype])],
        `${extension} ${dtype}`,
      );
    }
  }
  await io.save(`${folder}/one.safetensors`, { w: shared([1, 2], { name: "w" }) });
  assertEquals(list((await io.load(`${folder}/one.safetensors`) as { w: Tensor }).w), [1, 2]);
  let error: unknown;
  await io.save(`${folder}/x.txt`, tree).catch((e) => error = e);
  assert(error instanceof FormatError, String(error));
});

Deno.test("encode and decode without file access; the format is recognised", async () => {
  for (const format of ["safetensors", "npz"] as const) {
    const bytes = await io.encode({ a: tensor([1, 2]), b: [tensor(true)] }, format);
    assert(bytes instanceof Uint8Array);
    const back = await io.decode(bytes) as unknown as { a: Tensor; b: Tensor[] };
    assertEquals([list(back.a), list(back.b[0])], [[1, 2], true]);
  }
  for (const bytes of [new Uint8Array(0), new Uint8Array(20), Uint8Array.of(80, 75, 3, 4)]) {
    let error: unknown;
    try {
      await io.decode(bytes);
    } catch (e) {
      error = e;
    }
    assert(error instanceof FormatError, String(error));
  }
  const text = new TextDecoder().decode((await io.encode({ x: tensor([1]) }, "safetensors")).slice(8));
  assert(text.includes('"F32"') && text.includes('"data_offsets"'), text);
});

Deno.test("exportFunction and importFunction: constants, own state, trees, several shapes", async () => {
  const w = shared(tensor([[1, 2], [3, 4]]), { name: "w" }), count = shared(0, { name: "count" });
  const constant = tensor([10, 20]);
  const f = jit((x: Tensor, o: { k: Tensor }) => {
    count.value = count.value.add(1);
    return { y: x.matmul(w.value).add(constant).mul(o.k), n: count.value };
  }, { name: "f" });
  const x = tensor([[1, 1]]), o = { k: tensor(2) };
  const bytes = await exportFunction(f, x, o);
  assert(bytes instanceof Uint8Array);
  const g = await importFunction(bytes) as unknown as typeof f;
  const a = g(x, o), b = g(x, o);
  assertEquals([list(a.y), list(a.n), list(b.n), list(count.value)], [[[28, 52]], 1, 2, 0]);
  w.value = zeros([2, 2]);
  assertEquals(list(g(x, o).y), [[28, 52]]);
  message(() => g(tensor([[1, 1, 1]]), o), Error as never, "float32[1, 3]");
  // Gradients, loops, random streams, layers.
  const stream = new RandomStream(1);
  const net = new nn.Linear(2, 1, { seed: 3 });
  const train = jit((v: Tensor) => {
    const cost = net.forward(v).square().mean();
    const [g1] = grad(cost, [net.parameters()[0]] as never) as unknown as Tensor[];
    const s = loop.state(zeros([]));
    for (const row of loop.over(v)) s.value = s.value.add(row.sum());
    return [
      g1,
      s.value,
      stream.uniform([2]),
      scan((c: Tensor, r: Tensor) => [c.add(r), c] as [Tensor, Tensor], zeros([2]), v)[0],
    ];
  });
  const v = tensor([[1, 2], [3, 4]]);
  const copy = await importFunction(await exportFunction(train, v)) as unknown as typeof train;
  const mine = train(v).map(list), theirs = copy(v).map(list);
  assertEquals(theirs, mine);
  let error: unknown;
  try {
    await importFunction(bytes.slice(0, 100));
  } catch (e) {
    error = e;
  }
  assert(error instanceof FormatError, String(error));
});
