/** Options of jit for looking and for choosing: passes left out, a function called for every operation, calls kept whole. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  cond,
  DamoError,
  grad,
  jit,
  type NodeEvent,
  scan,
  type Shared,
  shared,
  type Tensor,
  tensor,
  vmap,
} from "@damo/damo";
import { OPTIONAL_PASSES } from "../../lib/jit/passes/pipeline.ts";

/** Something for every pass: loops, a branch, equal subexpressions, constants, a convolution's worth of shapes. */
function program(x: Tensor): Tensor {
  const [last, rows] = scan(
    (carry: Tensor, row: Tensor) => {
      const next = carry.mul(0.5).add(row.exp().mul(2).div(2));
      return [next, next.sum()];
    },
    x.sum({ axis: 0 }).mul(0),
    x,
  ) as [Tensor, Tensor];
  const branch = cond(
    last.sum().gt(0),
    (y: Tensor) => y.add(1).sub(1),
    (y: Tensor) => y.neg(),
    last,
  ) as Tensor;
  return branch.add(branch).mul(1).sum().add(rows.mean()).add(x.sigmoid().log().sum());
}

Deno.test("a program without any one pass, or without all, gives the same", () => {
  const x = tensor([[0.5, -1, 2], [1.5, 0.25, -0.5]]);
  const expected = grad(program)(x) as Tensor;
  for (const exclude of [...OPTIONAL_PASSES.map((name) => [name]), OPTIONAL_PASSES]) {
    const found = jit(grad(program), { passes: { exclude } })(x) as Tensor;
    const [a, b] = [found.dataSync(), expected.dataSync()];
    a.forEach((value, i) => assert(Math.abs(value - b[i]) < 1e-5, `${exclude}: ${value} and ${b[i]}`));
  }
});

Deno.test("a pass that is left out does not rewrite", () => {
  const twice = (x: Tensor) => x.sin().add(x.sin());
  const kernels = (exclude: string[]) => {
    const { kernels } = jit(twice, { passes: { exclude } }).lower(tensor([1]));
    return kernels.flatMap(({ operations }) => operations).filter((name) => name.startsWith("sin")).length;
  };
  assertEquals([kernels([]), kernels(["merge"])], [1, 2]);
});

Deno.test("passes that do not exist, or that no program can do without, are refused", () => {
  for (const name of ["nonsense", "inline"]) {
    assertThrows(() => jit(program, { passes: { exclude: [name] } }), DamoError, `no pass "${name}"`);
  }
  assertThrows(() => jit(program, { passes: { exclude: "merge" } as never }), DamoError, "must list names");
});

Deno.test("onNode sees every operation with its values and the user's line, inside loops too", () => {
  const events: NodeEvent[] = [];
  const f = jit((x: Tensor) => {
    const [total] = scan((carry: Tensor, row: Tensor) => [carry.add(row.square()), null], tensor(0), x);
    return (total as Tensor).sqrt();
  }, { mode: "reference", onNode: (event) => events.push(event) });
  assertEquals((f(tensor([3, 4])) as Tensor).itemSync(), 5);
  const squares = events.filter(({ operation }) => operation === "square" || operation === "mul");
  assertEquals(squares.map(({ outputs }) => [...outputs[0].data]), [[9], [16]]);
  const root = events.find(({ operation }) => operation === "sqrt")!;
  assertEquals([root.inputs[0].dtype, [...root.inputs[0].data], [...root.outputs[0].data]], [
    "float32",
    [25],
    [5],
  ]);
  assert(root.location.startsWith("options_test.ts:"), root.location);
});

Deno.test("onNode in another mode is refused", () => {
  assertThrows(() => jit(program, { onNode: () => {} }), DamoError, 'mode "reference" only');
});

Deno.test("with noinline a jitted function is one named node, with the same values and derivatives", () => {
  const block = (x: Tensor, w: Tensor) => x.mul(w).tanh().add(x);
  const kept = jit(block, { name: "block", noinline: true });
  const twice = (f: typeof block) => (x: Tensor, w: Tensor) => f(f(x, w), w).sum();
  const x = tensor([0.5, -1, 2]), w = tensor([1, 2, 3]);
  const graph = jit(twice(kept as typeof block)).graph(x, w);
  assertEquals(graph.nodes.filter(({ primitive }) => primitive.name === "customCall").length, 2);
  assert(graph.toString().includes("block"));
  assertEquals(graph.nodes.some(({ primitive }) => primitive.name === "tanh"), false);
  for (
    const transform of [
      (f: (x: Tensor, w: Tensor) => Tensor) => jit(f),
      (f: (x: Tensor, w: Tensor) => Tensor) => jit(grad(f, { argnums: 1 })),
      (f: (x: Tensor, w: Tensor) => Tensor) =>
        jit(grad((x: Tensor, w: Tensor) => (grad(f)(x, w) as Tensor).square().sum())),
      (f: (x: Tensor, w: Tensor) => Tensor) => jit(vmap(grad(f), { inAxes: [0, null] })),
    ]
  ) {
    const shape = transform.toString().includes("vmap") ? [3, 1] : [3];
    const run = (
      f: typeof block,
    ) => [...(transform(twice(f)) as (x: Tensor, w: Tensor) => Tensor)(x.reshape(shape), w).dataSync()];
    const [a, b] = [run(kept as typeof block), run(block)];
    a.forEach((value, i) => assert(Math.abs(value - b[i]) < 1e-5, `${value} and ${b[i]}`));
  }
});

Deno.test("a kept function reads and assigns shared variables, also other ones by swap", () => {
  const count: Shared = shared(0), other: Shared = shared(10);
  const step = jit((x: Tensor) => {
    count.value = count.value.add(1);
    return x.mul(count.value);
  }, { noinline: true, name: "step" });
  const f = jit((x: Tensor) => step(step(x)));
  assertEquals((f(tensor(3)) as Tensor).itemSync(), 6);
  assertEquals(count.value.itemSync(), 2);
  const swapped = jit((x: Tensor) => step.copy({ swap: [[count, other]] })(x));
  assertEquals((swapped(tensor(1)) as Tensor).itemSync(), 11);
  assertEquals([count.value.itemSync(), other.value.itemSync()], [2, 11]);
});

Deno.test("values that an option cannot have are refused when the function is made", () => {
  const make = (options: object): unknown => jit((x: Tensor) => x, options);
  const refused: readonly (readonly [object, string])[] = [
    [{ maxTraces: -1 }, "maxTraces must be a positive integer, got -1"],
    [{ maxTraces: 1.5 }, "maxTraces must be"],
    [{ maxTraces: "3" }, 'got "3"'],
    [{ name: 5 }, "name must be a string, got 5"],
    [{ profile: "yes" }, "profile must be a boolean or a Profile"],
    [{ device: "cuda" }, '"cuda" is not a device'],
    [{ guard: true }, "options must be an object"],
    [{ guard: { NaN: true } }, 'unknown option "NaN"'],
    [{ guard: { nan: "x" } }, 'guard.nan must be a boolean, got "x"'],
    [{ guard: { big: "x" } }, "guard.big must be a number"],
    [{ guard: { big: NaN } }, "guard.big must be a number"],
  ];
  for (const [options, message] of refused) assertThrows(() => make(options), DamoError, message);
  const f = jit((x: Tensor) => x);
  assertThrows(() => f.copy({ swaps: [] } as object), DamoError, 'unknown option "swaps"');
  assertThrows(() => f.copy({ swap: [[1, 2]] } as object), DamoError, "pairs of shared variables");
});

Deno.test("a copy can let two shared variables change places", () => {
  const a = shared(1, { name: "a" }), b = shared(10, { name: "b" });
  const f = jit((x: Tensor) => {
    a.value = a.value.add(x);
    return a.value.mul(100).add(b.value);
  });
  const exchanged = f.copy({ swap: [[a, b], [b, a]] });
  assertEquals(exchanged(tensor(1)).itemSync(), 1101);
  assertEquals([a.value.itemSync(), b.value.itemSync()], [1, 11]);
  assertEquals(exchanged.copy({ swap: [[b, a], [a, b]] })(tensor(1)).itemSync(), 211);
  assertThrows(() => f.copy({ swap: [[a, b], [a, a]] }), DamoError, "a is swapped twice");
});

Deno.test("a shape stays what it was when the user's array changes", () => {
  const made: readonly ((shape: number[]) => Tensor)[] = [
    (shape) => tensor(new Float32Array(6), { shape }),
    (shape) => tensor([1, 2, 3, 4, 5, 6]).reshape(shape),
    (shape) => tensor(1).broadcastTo(shape),
  ];
  for (const make of made) {
    const shape = [2, 3];
    const x = make(shape);
    shape[0] = 5;
    assertEquals(x.shape, [2, 3]);
    assertEquals(x.add(1).shape, [2, 3]);
  }
});

Deno.test("a kept function with loops and branches inside has the derivatives of its operations", () => {
  const xs = tensor([[0.1, 0.2], [0.3, 0.4]], { dtype: "float64" });
  const rows = (x: Tensor): Tensor =>
    scan(
      (carry: Tensor, row: Tensor) => {
        const next = carry.mul(row).sin();
        return [next, cond(next.sum().gt(0.1), (y: Tensor) => y.exp(), (y: Tensor) => y, next)];
      },
      x.at(0),
      x,
    )[1] as Tensor;
  const kept = jit(rows, { noinline: true }), twice = jit((x: Tensor) => kept(x).mul(2), { noinline: true });
  const close = (a: unknown, b: unknown): void => {
    const expected = (b as Tensor).dataSync();
    (a as Tensor).dataSync().forEach((value, i) => assert(Math.abs(value - expected[i]) < 1e-12));
  };
  const expected = grad((x: Tensor) => rows(x).sum())(xs);
  close(grad((x: Tensor) => kept(x).sum())(xs), expected);
  close(jit(grad((x: Tensor) => kept(x).sum()))(xs), expected);
  close(grad((x: Tensor) => twice(x).sum())(xs), expected.mul(2));
  close(jit(vmap(grad((x: Tensor) => kept(x).sum())))(xs.expandDims(0)), expected);
  const second = (f: (x: Tensor) => Tensor): Tensor =>
    grad((x: Tensor) => grad((y: Tensor) => f(y).sum())(x).square().sum())(xs);
  close(second(kept), second(rows));
});
