import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  allClose,
  concat,
  cond,
  DamoError,
  DonatedError,
  grad,
  IndexError,
  jit,
  NonFiniteError,
  print,
  scan,
  shared,
  slice,
  type Tensor,
  tensor,
  where,
  whileLoop,
  zeros,
} from "@damo/damo";
import { backendFor } from "../../lib/jit/devices.ts";
import { compareWithDevice } from "../../lib/jit/guard/compare.ts";
import { attentionStep, logisticStep, pendulum, rnnStep } from "../support/example_programs.ts";

Deno.test("a guard names the operation that made the first NaN, and its line", () => {
  const f = jit((x: Tensor) => {
    const y = x.log();
    return y.add(1).sum();
  }, { guard: { nan: true } });
  assertEquals(Number.isFinite(f(tensor([1, 2])).itemSync()), true);
  const error = assertThrows(() => f(tensor([1, -1])), NonFiniteError);
  assertMatch(
    error.message,
    /^log: element 1 of its result float32\[2\] is NaN\.\n {4}at .*guard_test\.ts:28:/,
  );
});

Deno.test("guards for infinities and for magnitude are separate", () => {
  const inverse = (x: Tensor) => x.reciprocal();
  const zero = tensor([0]), small = tensor([1e-3]);
  assertEquals(jit(inverse, { guard: { nan: true } })(zero).arraySync(), [Infinity]);
  assertThrows(() => jit(inverse, { guard: { inf: true } })(zero), NonFiniteError, "is Infinity");
  assertThrows(() => jit(inverse, { guard: { big: 100 } })(small), NonFiniteError, "above 100");
  assertEquals(jit(inverse, { guard: { big: 1e4 } })(tensor([0.5])).arraySync(), [2]);
});

Deno.test("mode debug refuses a traced index outside its axis, which otherwise is clamped", () => {
  const row = (x: Tensor, i: Tensor) => x.at(i);
  const x = tensor([10, 20, 30]), i = tensor(7, { dtype: "int32" });
  assertEquals(jit(row)(x, i).itemSync(), 30);
  assertThrows(() => jit(row, { mode: "debug" })(x, i), IndexError, "outside axis 0");
  assertEquals(jit(row, { mode: "debug" })(x, tensor(-1, { dtype: "int32" })).itemSync(), 30);
});

Deno.test("a guarded function runs compiled, and its results are those of the unguarded one", () => {
  for (const make of [rnnStep, logisticStep, attentionStep, pendulum]) {
    const plain = make(), guarded = make({ guard: { nan: true, inf: true, big: 1e30 } });
    const expected = flat(plain.run(...plain.args)), found = flat(guarded.run(...guarded.args));
    found.forEach((tensor, i) => assertEquals(tensor.arraySync(), expected[i].arraySync(), make.name));
    assert(guarded.run.lower(...guarded.args).kernels.every(({ kind }) => kind !== "host"));
  }
});

function flat(result: unknown): Tensor[] {
  return (Array.isArray(result) ? result : [result]) as Tensor[];
}

Deno.test("the message has the operands' values there and says whether an input brought the value", () => {
  const f = jit((x: Tensor, scale: Tensor) => {
    const moved = x.sub(1);
    return moved.log().mul(scale).sum();
  }, { guard: { nan: true } });
  const made = assertThrows(() => f(tensor([3, 0.5, 2]), tensor(2)), NonFiniteError);
  assertMatch(made.message, /^log: element 1 of its result float32\[3\] is NaN\./);
  assert(made.message.includes("operand 0, sub of guard_test.ts"), made.message);
  assert(made.message.includes("= -0.5 there"), made.message);
  assert(made.message.includes("this operation made it"), made.message);
  assertEquals(made.detail.brought, false);
  const brought = assertThrows(() => f(tensor([3, 2, NaN]), tensor(2)), NonFiniteError);
  assertMatch(brought.message, /^sub: element 2 .* is NaN\./);
  assert(brought.message.includes("argument x had such a value already, at element 2"), brought.message);
  assertEquals(brought.detail.brought, true);
});

Deno.test("a value that overflows only in float32 is found", () => {
  const f = jit((x: Tensor) => x.exp().mul(1e-30), { guard: { inf: true } });
  assertEquals(f(tensor([0])).arraySync(), [Math.fround(1e-30)]);
  assertThrows(() => f(tensor([100])), NonFiniteError, "exp: element 0 of its result float32[1] is Infinity");
});

Deno.test("in the backward pass, inside a loop: the guard names the line of the forward operation", () => {
  const f = (w: Tensor) => {
    const [last, moves] = scan(
      (h: Tensor, x: Tensor) => {
        const next = h.mul(w).add(x);
        return [next, next.sub(h).square().sum().sqrt()];
      },
      zeros([2]),
      tensor([[0, 0], [1, 2], [3, 4]]),
    );
    return last.sum().add(moves.sum());
  };
  assert(Number.isFinite(jit(f, { guard: { nan: true } })(tensor([0.5, 0.5])).itemSync()));
  const error = assertThrows(
    () => jit(grad(f), { guard: { nan: true } })(tensor([0.5, 0.5])),
    NonFiniteError,
  );
  assertMatch(error.message, /guard_test\.ts:\d+:\d+\n {4}in the backward pass/);
  assert(error.message.includes("inside the body of a loop (guard_test.ts:"), error.message);
  const line = Number(/guard_test\.ts:(\d+):/.exec(error.message)![1]);
  const source = Deno.readTextFileSync(new URL(import.meta.url)).split("\n");
  assert(source[line - 1].includes(".square().sum().sqrt()"), source[line - 1]);
});

Deno.test("after a failure shared state has its old value, and works on; donated arguments stay donated", () => {
  const w = shared([1, 2], { name: "w" });
  const f = jit((x: Tensor) => {
    w.value = w.value.add(x.log());
    return w.value.sum();
  }, { guard: { nan: true }, donate: [0] });
  const bad = tensor([1, -1]);
  assertThrows(() => f(bad), NonFiniteError);
  assertEquals(w.value.arraySync(), [1, 2]);
  assertThrows(() => bad.dataSync(), DonatedError);
  assertEquals(f(tensor([1, 1])).itemSync(), 3);
  assertEquals(w.value.arraySync(), [1, 2]);
});

Deno.test("only the branch that runs and only the steps that are taken are looked at", () => {
  const f = jit((x: Tensor) => cond(x.gt(0), (x: Tensor) => x.log(), (x: Tensor) => x.neg(), x), {
    guard: { nan: true },
  });
  assertEquals(f(tensor(-2)).itemSync(), 2);
  const g = jit((x: Tensor) => cond(x.lt(0), (x: Tensor) => x.log(), (x: Tensor) => x.neg(), x), {
    guard: { nan: true },
  });
  const error = assertThrows(() => g(tensor(-2)), NonFiniteError);
  assert(error.message.includes("inside the branch"), error.message);
  const h = jit((x: Tensor) => whileLoop((v: Tensor) => v.gt(0.1), (v: Tensor) => v.sub(1).log(), x), {
    guard: { nan: true },
  });
  assertEquals(h(tensor(0)).itemSync(), 0);
  assertThrows(() => h(tensor(0.5)), NonFiniteError, "log: ");
});

Deno.test("masks of -Infinity and padding are no offence; prints of a failing call come once", () => {
  const f = jit((x: Tensor) => {
    print(x, "x");
    return where(x.gt(1), x, -Infinity).max().add(x.reciprocal());
  }, { guard: { nan: true, inf: true } });
  const lines: string[] = [];
  const log = console.log;
  console.log = (text: string) => lines.push(text);
  try {
    f(tensor([2, 4]));
    assertThrows(() => f(tensor([2, 0])), NonFiniteError, "reciprocal");
  } finally {
    console.log = log;
  }
  assertEquals(lines, ["x: [2, 4] float32[2]", "x: [2, 0] float32[2]"]);
});

Deno.test("what an input brings through movements and choices alone is found in the result", () => {
  const carry: [string, (x: Tensor) => Tensor][] = [
    ["select", (x) => where(x.lt(5), 0, x)],
    ["reshape", (x) => x.reshape([2, 1])],
    ["concat", (x) => concat([x, x])],
    ["slice", (x) => x.at(slice(1))],
    ["gather", (x) => x.at(tensor([1, 1], { dtype: "int32" }))],
    ["sort", (x) => x.sort()],
  ];
  for (const [name, f] of carry) {
    for (const mode of ["fast", "debug"] as const) {
      const guarded = jit(f, { guard: { nan: true }, mode });
      guarded(tensor([1, 2]));
      const error = assertThrows(() => guarded(tensor([1, NaN])), NonFiniteError);
      assert(error.message.startsWith(`${name}: element `), error.message);
      assert(error.message.includes("an input brought it"), error.message);
      assert(error.message.includes("guard_test.ts:"), error.message);
      assertEquals(error.detail.brought, true);
    }
  }
  // A later origin is named first: it is what the user computes with.
  const both = jit((x: Tensor) => [x.reshape([2, 1]), x.sqrt()], { guard: { nan: true } });
  assertThrows(() => both(tensor([1, NaN])), NonFiniteError, "sqrt");
});

Deno.test("mode debug compares every operation of the device with the interpreter", () => {
  for (const make of [rnnStep, logisticStep, attentionStep]) {
    const { run, args } = make({ mode: "debug" });
    const plain = make();
    const found = flat(run(...args)), expected = flat(plain.run(...plain.args));
    found.forEach((tensor, i) =>
      assert(allClose(tensor, expected[i], { rtol: 1e-4, atol: 1e-5 }), make.name)
    );
  }
});

Deno.test("mode debug runs the compiled program on poisoned memory: what nobody wrote is not read", () => {
  for (const make of [rnnStep, attentionStep, pendulum]) {
    const { run, args } = make();
    const graph = run.graph(...args);
    const backend = backendFor("wasm");
    const options = { name: make.name, scalars: [], donated: [], inPlace: [] };
    if (graph.inputs.some(({ aval }) => aval.weak)) continue;
    const values = graph.inputs.map(({ aval }) => {
      const size = aval.shape.reduce((a, b) => a * b, 1);
      return backend.upload(
        aval.dtype === "int32"
          ? new Int32Array(size)
          : Float32Array.from({ length: size }, (_, i) => Math.sin(i)),
        aval.dtype,
      );
    });
    const clean = backend.compile(graph, options).run(values, null).map((storage) =>
      Array.from(storage.read())
    );
    const poisoned = backend.compile(graph, { ...options, poison: true });
    for (let i = 0; i < 2; i++) {
      assertEquals(poisoned.run(values, null).map((storage) => Array.from(storage.read())), clean, make.name);
    }
  }
});

Deno.test("mode debug refuses a traced index outside its axis on writing and slicing, negative ones too", () => {
  const index = (i: number) => tensor(i, { dtype: "int32" });
  const x = tensor([10, 20, 30]);
  const write = jit((x: Tensor, i: Tensor) => x.with([i], 0), { mode: "debug" });
  assertEquals(write(x, index(-1)).arraySync(), [10, 20, 0]);
  assertThrows(() => write(x, index(3)), IndexError, "outside axis 0");
  assertThrows(() => write(x, index(-4)), IndexError, "outside axis 0");
  const window = jit((x: Tensor, i: Tensor) => x.narrow(0, i, 2), { mode: "debug" });
  assertEquals(window(x, index(1)).arraySync(), [20, 30]);
  assertThrows(() => window(x, index(2)), IndexError, "outside axis 0");
});

Deno.test("the comparison finds a device that is wrong", () => {
  const f = jit((x: Tensor) => x.sin());
  const [node] = f.graph(tensor([1, 2])).nodes;
  const values = (data: number[]) => ({
    shape: [2],
    dtype: "float32" as const,
    data: Float64Array.from(data),
  });
  const backend = backendFor("wasm");
  compareWithDevice(node, [values([1, 2])], [values([Math.sin(1), Math.sin(2)])], backend);
  assertThrows(
    () => compareWithDevice(node, [values([1, 2])], [values([Math.sin(1), Math.sin(2) + 1e-3])], backend),
    DamoError,
    "sin: element 1",
  );
});

Deno.test("an example: the planted NaN of examples/debugging.ts is found in one run", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      ...importMap(),
      new URL("../../examples/debugging.ts", import.meta.url).pathname,
    ],
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  assert(
    /The guard says:\nmul: element 0 of its result float32\[4\] is NaN\.\n.*debugging\.ts:\d+/.test(text),
    text,
  );
  assert(text.includes("in the backward pass") && text.includes("inside the body of a loop"), text);
  assert(!/Mended, the gradient is[^]*?NaN[^]*?Functions/.test(text), text);
});

/** The stand-ins of @std where this run uses them; they also say where @damo/damo is. */
function importMap(): string[] {
  return [`--import-map=${new URL("../std/import_map.json", import.meta.url).pathname}`];
}
