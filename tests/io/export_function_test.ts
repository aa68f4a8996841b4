/** Functions that go through a file: what is kept, and what no file can hold. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  check,
  CheckError,
  checkpoint,
  computed,
  cond,
  customJvp,
  DamoError,
  type DType,
  DTypeError,
  exportFunction,
  FormatError,
  grad,
  GradientError,
  hostCallback,
  importFunction,
  jit,
  loop,
  nn,
  ones,
  optim,
  RandomStream,
  scan,
  ShapeError,
  type Shared,
  shared,
  type Tensor,
  tensor,
  vmap,
  whileLoop,
  zeros,
} from "@damo/damo";
import { inlineCalls } from "../../lib/autodiff/inline_calls.ts";
import { readGraphs, writeGraphs } from "../../lib/io/function_graph.ts";
import { bind, traceFunction } from "../../lib/trace/trace.ts";
import { verifyGraph } from "../../lib/trace/verify.ts";
import { PRIMITIVE_TABLE } from "../trace/primitive_table.ts";
import { allPrimitives } from "../../lib/trace/primitives/all.ts";
import { loopPrimitives } from "../../lib/loop/primitives.ts";
import { specialPrimitives } from "../../lib/special/primitives.ts";
import { primitiveForm } from "../../lib/io/function_primitives.ts";

function trainer() {
  const net = new nn.Sequential([
    new nn.Linear(4, 8, { seed: 1 }),
    nn.tanh,
    new nn.Linear(8, 3, { seed: 2 }),
  ]);
  const optimizer = optim.adam(net.parameters(), { lr: 0.05 });
  const inputs = tensor(Array.from({ length: 6 }, (_, i) => [i / 6, Math.sin(i), Math.cos(2 * i), 1]));
  const step = jit((labels: Tensor, scale: number) => {
    const loss = nn.crossEntropy(net.forward(inputs.mul(scale)), labels);
    optimizer.step(grad(loss, net.parameters()));
    return { loss, name: "step" };
  }, { name: "trainStep" });
  return { step, labels: tensor([0, 1, 2, 0, 1, 2], { dtype: "int32" }) };
}

Deno.test("a training step with state runs on from a file as it would have run on here", () => {
  const { step, labels } = trainer();
  for (let i = 0; i < 3; i++) step(labels, 0.5);
  const bytes = exportFunction(step, labels, 0.5);
  const copy = importFunction<typeof step>(bytes);
  assertEquals(copy.name, "trainStep");
  assertEquals(copy.signature, "labels: int32[6], scale: number");
  for (let i = 0; i < 5; i++) {
    const mine = step(labels, 0.7), theirs = copy(labels, 0.7);
    assertEquals(theirs.loss.itemSync(), mine.loss.itemSync());
    assertEquals(theirs.name, "step");
  }
  const again = importFunction<typeof step>(bytes);
  assert(
    again(labels, 0.7).loss.itemSync() > step(labels, 0.7).loss.itemSync(),
    "state is a copy of its own",
  );
});

Deno.test("a fresh process runs the function without its source", async () => {
  const { step, labels } = trainer();
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeFile(`${folder}/step.damo`, exportFunction(step, labels, 1));
    const source = `import { importFunction, tensor } from "${new URL("../../lib/mod.ts", import.meta.url)}";
      const step = importFunction(Deno.readFileSync("${folder}/step.damo"));
      const labels = tensor([0, 1, 2, 0, 1, 2], { dtype: "int32" });
      let loss;
      for (let i = 0; i < 20; i++) loss = step(labels, 1).loss.itemSync();
      console.log(loss);`;
    await Deno.writeTextFile(`${folder}/run.ts`, source);
    const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-check",
        `--config=${new URL("../../deno.json", import.meta.url).pathname}`,
        `--allow-read=${folder}`,
        `${folder}/run.ts`,
      ],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    let loss = 0;
    for (let i = 0; i < 20; i++) loss = step(labels, 1).loss.itemSync() as number;
    assertEquals(Number(new TextDecoder().decode(stdout)), loss);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("loops, conditions and their gradients", () => {
  const w = tensor([[0.5, -0.2], [0.1, 0.3]]);
  const run = (xs: Tensor) => {
    const [last, all] = scan(
      (h: Tensor, x: Tensor) => {
        const next = h.dot(w).add(x).tanh();
        return [next, next.sum()];
      },
      zeros([2]),
      xs,
    );
    const [root] = whileLoop(
      ([y]: Tensor[]) => y.square().sub(2).abs().gt(1e-5),
      ([y]: Tensor[]) => [y.sub(y.square().sub(2).div(y.mul(2)))],
      [tensor(1)],
    );
    const chosen = cond(all.sum().gt(0), (x: Tensor) => x.mul(2), (x: Tensor) => x.neg(), last);
    return chosen.sum().mul(root);
  };
  const xs = tensor([[1, 2], [-0.5, 0.25], [0.1, 0.2]]);
  const f = jit(grad(run));
  assertEquals(importFunction(exportFunction(f, xs))(xs).arraySync(), f(xs).arraySync());

  const power = jit((x: Tensor, n: number) => {
    const product = loop.state(tensor(1));
    for (const _ of loop.range(n)) product.value = product.value.mul(x);
    return product.value;
  });
  const imported = importFunction(exportFunction(power, tensor(2), 3));
  assertEquals(imported(tensor(2), 10).itemSync(), 1024);
  const slope = jit(grad((x: Tensor, n: number) => power(x, n)));
  assertEquals(importFunction(exportFunction(slope, tensor(2), 3))(tensor(3), 4).itemSync(), 108);
});

Deno.test("the gradient of a loop of unknown length keeps its tape", () => {
  const root = (a: Tensor) =>
    whileLoop(
      (y: Tensor) => y.square().sub(a).abs().gt(1e-6),
      (y: Tensor) => y.add(a.div(y)).div(2),
      tensor(1),
    );
  const either = (a: Tensor) => cond(a.gt(1), (a: Tensor) => root(a).square(), (a: Tensor) => root(a), a);
  for (const f of [jit(grad(root)), jit(grad(either))]) {
    const copy = importFunction(exportFunction(f, tensor(2)));
    for (const a of [2, 50, 0.3]) assertEquals(copy(tensor(a)).itemSync(), f(tensor(a)).itemSync());
  }
});

Deno.test("every dtype goes in and out, captured and as argument", () => {
  const dtypes: DType[] = ["float32", "float64", "float16", "int32", "uint32", "int8", "uint8", "bool"];
  for (const dtype of dtypes) {
    const captured = tensor([1, 0, 1], { dtype });
    const f = jit((x: Tensor) => ({ both: [x.eq(captured), captured], x, nan: x.cast("float64").mul(NaN) }));
    const x = tensor([1, 1, 0], { dtype });
    const result = importFunction(exportFunction(f, x))(x);
    assertEquals(result.both[0].arraySync(), [true, false, false]);
    assertEquals(result.both[1].dtype, dtype);
    assertEquals(result.both[1].arraySync(), captured.arraySync());
    assertEquals(result.x.arraySync(), x.arraySync());
    assertEquals(result.nan.arraySync(), [NaN, NaN, NaN]);
  }
});

Deno.test("random streams go on with the same numbers", () => {
  const stream = new RandomStream(7);
  const draw = jit(() => stream.normal([3]));
  draw();
  const copy = importFunction(exportFunction(draw));
  assertEquals(copy().arraySync(), draw().arraySync());
  assertEquals(copy().arraySync(), draw().arraySync());
  assertEquals(copy.state.length, 1);
});

Deno.test("arguments keep their structure, texts and numbers", () => {
  const f = jit((options: { xs: Tensor[]; mode: string; none?: undefined }, k: number) =>
    options.mode === "sum" ? options.xs[0].add(options.xs[1]).mul(k) : options.xs[0]
  );
  const g = importFunction<typeof f>(exportFunction(f, { xs: [ones([2]), ones([2])], mode: "sum" }, 1));
  assertEquals(g({ xs: [tensor([1, 2]), tensor([3, 4])], mode: "sum" }, 0.5).arraySync(), [2, 3]);
  // Literals and typed arrays take the slow way.
  const h = importFunction(exportFunction((x: Tensor) => x.mul(2), zeros([2])));
  assertEquals(h(new Float32Array([1, 2])).arraySync(), [2, 4]);
  const error = assertThrows(
    () => g({ xs: [tensor([1, 2]), tensor([3, 4])], mode: "first" }, 1),
    DamoError,
  );
  assert(error.message.includes('options.mode is "first" instead of "sum"'), error.message);
  const shape = assertThrows(() => h(zeros([3])), DamoError);
  assert(shape.message.includes("x is float32[3] instead of float32[2]"), shape.message);
  assertThrows(() => h(), DamoError);
  assertThrows(() => h(zeros([2]), 1), DamoError);
});

Deno.test("arguments of another shape are a ShapeError, of another dtype a DTypeError, also inside a trace", () => {
  const f = importFunction<(x: Tensor, k: number) => Tensor>(
    exportFunction((x: Tensor, k: number) => x.mul(k), ones([1, 2]), 0.5),
  );
  const wrong = [[ones([1, 3]), ShapeError], [ones([1, 2], { dtype: "int32" }), DTypeError]] as const;
  for (const [x, Kind] of wrong) {
    assertThrows(() => f(x, 0.5), Kind, "instead of float32[1, 2]");
    assertThrows(() => jit((x: Tensor) => f(x, 0.5))(x), Kind, "instead of float32[1, 2]");
  }
  assertThrows(() => (f as (...args: unknown[]) => unknown)(ones([1, 2])), DamoError, "was exported for");
});

Deno.test("donated arguments stay donated", () => {
  const f = jit((x: Tensor) => x.add(1), { donate: [0] });
  const g = importFunction(exportFunction(f, zeros([100])));
  const x = zeros([100]);
  assertEquals(g(x).at(0).itemSync(), 1);
  assertThrows(() => x.arraySync(), DamoError, "donated");
});

Deno.test("checks fail with their message and the line of the source", () => {
  const total = shared(1, { name: "total" });
  const f = jit((x: Tensor) => {
    total.value = total.value.add(1);
    return check(x.ge(0), "must not be negative", x).sqrt();
  });
  const g = importFunction(exportFunction(f, tensor(4)));
  assertEquals(g(tensor(4)).itemSync(), 2);
  const error = assertThrows(() => g(tensor(-1)), CheckError, "must not be negative");
  assert(error.message.includes("export_function_test.ts:"), error.message);
  assertEquals(g.state[0].value.itemSync(), 2);
  assertEquals(total.value.itemSync(), 1);
});

Deno.test("an imported function is inlined in a trace and differentiated", () => {
  const a = tensor([2, 3]);
  const f = importFunction<(x: Tensor, k: number) => Tensor>(
    exportFunction((x: Tensor, k: number) => x.mul(a).mul(k).sum(), zeros([2]), 1),
  );
  assertEquals(grad(f)(tensor([1, 1]), 2).arraySync(), [4, 6]);
  assertEquals(jit((x: Tensor, k: number) => f(x.add(1), k))(zeros([2]), 0.5).itemSync(), 2.5);
  assertEquals(vmap((x: Tensor) => f(x, 1))(tensor([[1, 0], [0, 1]])).arraySync(), [2, 3]);
  assertThrows(
    () => jit((x: Tensor) => f(x, 1))(zeros([3])),
    DamoError,
    "x is float32[3] instead of float32[2]",
  );

  const counter = shared(0, { name: "counter" });
  const count = importFunction(exportFunction(() => {
    counter.value = counter.value.add(1);
    return counter.value;
  }));
  assertEquals(jit(() => [count(), count()])().map((x: Tensor) => x.itemSync()), [1, 2]);
  assertEquals(count.state[0].value.itemSync(), 2);
});

Deno.test("derivative rules of the user's own do not get lost in silence", () => {
  const f = customJvp((x: Tensor) => x.mul(1), ([x], [t]) => [x.mul(1), (t as Tensor).mul(5)]);
  const g = importFunction<(x: Tensor) => Tensor>(exportFunction((x: Tensor) => f(x), tensor(1)));
  assertEquals(g(tensor(2)).itemSync(), 2);
  assertEquals(jit(g)(tensor(2)).itemSync(), 2);
  assertThrows(() => grad(g)(tensor(2)), GradientError, "no derivative");
  const slope = importFunction(exportFunction(jit(grad((x: Tensor) => f(x))), tensor(1)));
  assertEquals(slope(tensor(2)).itemSync(), 5);
  const smooth = checkpoint((x: Tensor) => x.sin());
  const sine = importFunction<(x: Tensor) => Tensor>(exportFunction((x: Tensor) => smooth(x), tensor(1)));
  assertAlmostEquals(grad(sine)(tensor(0.5)).itemSync() as number, Math.cos(0.5), 1e-6);
});

Deno.test("what no file can hold is refused with the reason", () => {
  const back = (x: Tensor) => hostCallback((y) => y, { shape: [], dtype: "float32" }, x);
  const error = assertThrows(() => exportFunction(back, tensor(1)), FormatError, "hostCallback");
  assert(error.message.includes("export_function_test.ts:"), error.message);
  const price = shared(1);
  const total = computed(() => price.value.mul(2));
  assertThrows(() => exportFunction((x: Tensor) => x.mul(total.value), tensor(1)), FormatError, "computed");
  const apply = (x: Tensor, fn: (x: Tensor) => Tensor) => fn(x);
  assertThrows(() => exportFunction(apply, tensor(1), (x: Tensor) => x.sin()), FormatError, "the function");
  assertThrows(() => exportFunction((x: Shared) => x.value.mul(2), price), FormatError, "a Shared");
  assertThrows(() => exportFunction(3 as never), DamoError, "takes a function");
});

Deno.test("files know every primitive of lib/trace and lib/loop", () => {
  for (const primitive of [...allPrimitives, ...loopPrimitives, ...specialPrimitives]) {
    assert(primitiveForm(primitive.name)?.primitive === primitive, primitive.name);
  }
});

Deno.test("every row of the primitive table goes through a file unchanged", () => {
  let rows = 0;
  for (const row of PRIMITIVE_TABLE) {
    for (const dtype of row.dtypes) {
      const { inputs, params } = row.make(1, dtype);
      const avals = inputs.map(({ shape, dtype }) => ({ shape, dtype }));
      const { graph } = traceFunction((tensors) => bind(row.primitive, tensors, params), avals);
      const inlined = inlineCalls(graph);
      const written = JSON.parse(JSON.stringify(writeGraphs(inlined, row.name)));
      const read = readGraphs(written.graphs, written.locations);
      verifyGraph(read);
      assertEquals(read.key, inlined.key, `${row.primitive.name} ${row.name} ${dtype}`);
      rows++;
    }
  }
  assert(rows > 300, String(rows));
});
