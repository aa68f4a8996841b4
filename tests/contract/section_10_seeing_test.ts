/** API.md, section 10: printing, checking, graphs, pictures, profiles, errors. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as damo from "@damo/damo";
import {
  check,
  CheckError,
  DamoError,
  grad,
  jit,
  loop,
  NonFiniteError,
  print,
  Profile,
  scan,
  ShapeError,
  type Tensor,
  tensor,
  viz,
  vmap,
  zeros,
} from "@damo/damo";
import { list, message } from "./support.ts";

const f64 = (data: number | number[] | number[][]): Tensor => tensor(data, { dtype: "float64" });

/** What `body` prints. */
function printed(body: () => unknown): string[] {
  const lines: string[] = [], log = console.log;
  console.log = (...parts: unknown[]) => lines.push(parts.join(" "));
  try {
    body();
  } finally {
    console.log = log;
  }
  return lines;
}

Deno.test("print: identity, when the value is computed, in the order of the program, also in loops and gradients", () => {
  const f = jit((x: Tensor) => print(x.mul(2), "doubled").add(1));
  const out: unknown[] = [];
  const lines = printed(() => out.push(list(f(tensor([1, 2]))), list(f(tensor([5, 6])))));
  assertEquals(out, [[3, 5], [11, 13]]);
  assertEquals(lines.length, 2);
  assert(
    lines[0].includes("doubled") && lines[0].includes("[2, 4]") && lines[1].includes("[10, 12]"),
    lines.join("\n"),
  );
  const shown = printed(() =>
    print(tensor([1, NaN, 3]), "x", { show: ["value", "shape", "dtype", "mean", "min", "max", "nan"] })
  );
  assert(
    /float32/.test(shown[0]) && /1 NaN/.test(shown[0]) && /mean/.test(shown[0]) && /min/.test(shown[0]) &&
      /max/.test(shown[0]),
    shown[0],
  );
  const ordered = jit((xs: Tensor) => {
    const s = loop.state(print(f64(0), "start"));
    for (const x of loop.over(xs)) {
      print(x, "x");
      s.value = print(s.value.add(x), "sum");
    }
    print(s.value, "end");
    return s.value;
  });
  const order = printed(() => ordered(f64([1, 2]))).map((line) => line.split(/[: ]/)[0]);
  assertEquals(order, ["start", "x", "sum", "x", "sum", "end"]);
  const g = jit(grad((x: Tensor) => print(x.square(), "square").sum()));
  assertEquals(printed(() => assertEquals(list(g(f64([1, 2]))), [2, 4])).length, 1);
  assertEquals(
    printed(() =>
      scan((c: Tensor, x: Tensor): [Tensor, Tensor] => [print(c.add(x), "c"), c], f64(0), f64([1, 2, 3]))
    ).length,
    3,
  );
  assertEquals(printed(() => vmap((x: Tensor) => print(x, "row"))(f64([1, 2]))).length >= 1, true);
  assert(printed(() => print(zeros([1001]), "big"))[0].length < 100);
  message(() => print(tensor(1), "x", { show: ["median" as never] }), DamoError, "median");
});

Deno.test("check: identity, and a CheckError when false, everywhere", () => {
  assertEquals(list(check(tensor(true), "fine", f64([1, 2]))), [1, 2]);
  message(
    () => check(tensor([true, false]), "all must hold", f64(1)),
    CheckError,
    "all must hold",
    "section_10_seeing_test.ts:",
  );
  const f = jit((xs: Tensor) => {
    const s = loop.state(f64(0));
    for (const x of loop.over(xs)) s.value = s.value.add(check(x.ge(0), "not negative", x).sqrt());
    return s.value;
  });
  assertEquals(list(f(f64([1, 4]))), 3);
  message(() => f(f64([1, -4])), CheckError, "not negative", "section_10_seeing_test.ts:");
  message(
    () => jit(grad((x: Tensor) => check(x.sum().gt(0), "positive", x).square().sum()))(f64([-1])),
    CheckError,
    "positive",
  );
});

Deno.test("graphs: toString, toDot, toHtml", () => {
  const graph = jit((x: Tensor, w: Tensor) => x.matmul(w).tanh().sum(), { name: "net" }).graph(
    zeros([2, 3]),
    zeros([3, 4]),
  );
  const text = graph.toString();
  for (const part of ["tanh", "float32[2, 3]", "sum"]) assert(text.includes(part), text);
  const dot = graph.toDot();
  assert(dot.startsWith("digraph") && dot.includes("->"), dot);
  const page = graph.toHtml();
  assert(/<html|<!doctype html>/i.test(page) && !/(src|href)=["']https?:/.test(page));
});

Deno.test("viz.plot gives SVG, viz.image a picture", () => {
  const svg = viz.plot({ loss: [3, 2, 1], accuracy: [0.1, 0.5, 0.9] } as never, {
    title: "Training",
    yScale: "log",
  });
  assert(
    String(svg).startsWith("<svg") && String(svg).includes("Training") && String(svg).includes("accuracy"),
  );
  assert(String(viz.plot([1, 2, 3] as never)).includes("<svg"));
  assert(String(viz.plot(tensor([1, 2, 3]) as never)).includes("<svg"));
  const image = viz.image(zeros([3, 8, 8]));
  assert(image !== undefined);
});

Deno.test("profiles: Theano's tables, own and shared", () => {
  const f = jit((x: Tensor) => x.matmul(x).tanh().sum(), { profile: true, name: "f" });
  for (let i = 0; i < 3; i++) f(zeros([16, 16]));
  const text = f.profile.toString();
  for (
    const part of [
      "%",
      "calls",
      "contract",
      "section_10_seeing_test.ts",
      "memory",
      "compile",
      "class",
    ]
  ) {
    assert(text.toLowerCase().includes(part), `${part}\n${text}`);
  }
  const shared = new Profile();
  const a = jit((x: Tensor) => x.exp(), { profile: shared, name: "first" }),
    b = jit((x: Tensor) => x.sin(), { profile: shared, name: "second" });
  a(zeros([4]));
  b(zeros([4]));
  assert(/first/.test(shared.toString()) && /second/.test(shared.toString()), shared.toString());
  assert(jit((x: Tensor) => x)(tensor(1)).itemSync() === 1);
});

Deno.test("error classes exist, are DamoErrors, and every message has place and remedy", () => {
  const names = [
    "ShapeError",
    "DTypeError",
    "IndexError",
    "TracedValueError",
    "DonatedError",
    "DisposedError",
    "GradientError",
  ];
  names.push(
    "LoopError",
    "NonFiniteError",
    "RetraceError",
    "DeviceError",
    "OutOfMemoryError",
    "CheckError",
    "FormatError",
  );
  for (const name of names) {
    const type = (damo as unknown as Record<string, new (what: string) => Error>)[name];
    const error = new type("what.");
    assert(error instanceof DamoError && error instanceof Error && error.name === name, name);
  }
  const error = assertThrows(() => zeros([2, 3]).matmul(zeros([2, 3])), ShapeError) as DamoError;
  const lines = error.message.split("\n");
  assert(lines[0].includes("matmul") && lines[0].includes("float32[2, 3]"), error.message);
  assert(lines[1].includes("section_10_seeing_test.ts:"), error.message);
  assertEquals(lines.at(-1), error.detail.remedy);
});

Deno.test("places survive rewriting, loops and gradients", () => {
  const inLoop = jit(
    (xs: Tensor) => scan((c: Tensor, x: Tensor): [Tensor, Tensor] => [c.add(x.log()), c], f64(0), xs)[0],
    { guard: { nan: true } },
  );
  assertEquals(list(inLoop(f64([1, 1]))), 0);
  message(() => inLoop(f64([1, -1])), NonFiniteError, "log", "section_10_seeing_test.ts:", "loop");
  const backward = jit(grad((x: Tensor) => x.sqrt().sum()), { guard: { nan: true, inf: true } });
  message(() => backward(f64([0, 1])), NonFiniteError, "section_10_seeing_test.ts:", "backward");
  const big = jit((x: Tensor) => x.exp().mul(2), { guard: { big: 1e3 } });
  message(() => big(f64([1, 9])), NonFiniteError, "exp", "section_10_seeing_test.ts:");
  assertEquals(big(f64([1])).shape, [1]);
  // What came in is said to have come in.
  const plain = jit((x: Tensor) => x.mul(2), { guard: { nan: true } });
  message(() => plain(f64([NaN])), NonFiniteError, "x");
});
