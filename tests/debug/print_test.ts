import { assert, assertEquals, assertThrows } from "@std/assert";
import { cond, grad, jit, loop, print, scan, type Tensor, tensor, viz, zeros } from "@damo/damo";
import { deviceTest } from "../support/devices.ts";

function printed(body: () => void): string[] {
  const lines: string[] = [];
  const log = console.log;
  console.log = (text: string) => lines.push(text);
  try {
    body();
  } finally {
    console.log = log;
  }
  return lines;
}

Deno.test("print with a function of the user's own, which gets the value", () => {
  const rounded = (x: Tensor) => (x.arraySync() as number[]).map((value) => value.toFixed(1)).join(" ");
  const f = jit((x: Tensor) => print(x.mul(2), "y", { format: rounded }).sum());
  assertEquals(printed(() => assertEquals(f(tensor([1, 2])).itemSync(), 6)), ["y: 2.0 4.0"]);
  assertThrows(() => print(tensor(1), "x", { formt: rounded } as never), Error, "formt");
});

Deno.test("any subset, the dtype too", () => {
  const x = tensor([[1, NaN], [3, 5]]);
  assertEquals(
    printed(() => {
      print(x, "x", { show: ["dtype", "shape", "nan"] });
      print(x.at(1), "row", { show: ["value", "max"] });
    }),
    ["x: float32, shape float32[2, 2], 1 NaN", "row: [3, 5] float32[2], max 5"],
  );
});

Deno.test("in loops prints come step by step, and between them those of the body in order", () => {
  const f = jit((xs: Tensor) =>
    scan(
      (h: Tensor, x: Tensor) => {
        const next = print(h.add(print(x, "x")), "h");
        return [next, next];
      },
      zeros([]),
      xs,
    )[0]
  );
  assertEquals(printed(() => f(tensor([1, 2]))), [
    "x: 1 float32[]",
    "h: 1 float32[]",
    "x: 2 float32[]",
    "h: 3 float32[]",
  ]);
});

deviceTest(
  "prints before, in and after loops and branches come in the order in which they are written",
  () => {
    const f = jit((x: Tensor) => {
      print(x, "first");
      for (const i of loop.range(2)) {
        print(i, "outer");
        for (const j of loop.range(2)) print(j, "inner");
        print(i, "outer again");
      }
      print(x, "between");
      cond(x.gt(0), () => {
        print(x, "branch");
      }, () => {});
      print(x.add(1), "last");
      return x;
    });
    const step = (i: number) => [`outer: ${i}`, "inner: 0", "inner: 1", `outer again: ${i}`];
    assertEquals(
      printed(() => f(tensor(1))).map((line) => line.replace(/ \w+\[\]$/, "")),
      ["first: 1", ...step(0), ...step(1), "between: 1", "branch: 1", "last: 2"],
    );
  },
);

deviceTest("prints of two loops over the same sequence come one loop after the other", () => {
  const f = jit((xs: Tensor) => {
    const [sum] = scan((c, x) => [c.add(print(x, "a")), null], 0, xs);
    const [product] = scan((c, x) => [c.mul(print(x, "b")), null], 1, xs);
    return [sum, product];
  });
  assertEquals(printed(() => f(tensor([1, 2]))).map((line) => line.slice(0, 4)), [
    "a: 1",
    "a: 2",
    "b: 1",
    "b: 2",
  ]);
});

Deno.test("prints change no numbers elsewhere and leave nothing behind when absent", () => {
  const plain = jit((x: Tensor) => x.sin().mul(x).sum());
  const telling = jit((x: Tensor) => print(x.sin(), "s").mul(x).sum());
  const x = tensor([0.1, 0.2, 0.3]);
  printed(() => {
    assertEquals(telling(x).itemSync(), plain(x).itemSync());
    assertEquals(jit(grad(telling))(x).arraySync(), jit(grad(plain))(x).arraySync());
  });
  assert(plain.lower(x).kernels.every(({ kind }) => kind !== "host"));
});

Deno.test("large values are elided in the middle", () => {
  const [line] = printed(() => print(tensor(new Float32Array(5000)), "x"));
  assertEquals(line, "x: [0, 0, 0, ..., 0, 0, 0] float32[5000]");
});

type Displayed = { [symbol: symbol]: () => Record<string, string> };
const display = (value: unknown) => (value as Displayed)[Symbol.for("Jupyter.display")]();

Deno.test("notebooks show tensors as tables, graphs as pages, plots as pictures", () => {
  const shown = display(tensor([[1, 2.5], [3, 4]]));
  assertEquals(shown["text/plain"], String(tensor([[1, 2.5], [3, 4]])));
  assert(shown["text/html"].includes("<caption>float32[2, 2]</caption>"));
  assertEquals(shown["text/html"].match(/<td/g)!.length, 4);
  assertEquals(display(zeros([50, 50]))["text/html"].match(/<td/g)!.length, 100);
  assertEquals(Object.keys(display(tensor(3))), ["text/plain"]);
  const f = jit((x: Tensor) => x.sin(), { profile: true });
  f(tensor([1]));
  const graph = display(f.graph(tensor([1])));
  assert(
    graph["text/html"].startsWith("<iframe") &&
      !graph["text/html"].includes('srcdoc="<!doctype html>\n<html lang="'),
  );
  assert(display(f.profile)["text/html"].startsWith("<pre>"));
  assert(display(viz.display(viz.plot([1, 2, 3])))["image/svg+xml"].startsWith("<svg"));
  assertEquals(display(viz.display(new Uint8Array([1, 2, 3])))["image/png"], "AQID");
});

Deno.test("console.log of tensors: aligned, elided, with dtype and shape", () => {
  assertEquals(
    Deno.inspect(tensor([[1, -2.5], [30, 4]])),
    "tensor([[   1, -2.5],\n        [  30,    4]], float32[2, 2])",
  );
  assertEquals(Deno.inspect(tensor([true, false])), "tensor([ true, false], bool[2])");
  assert(Deno.inspect(zeros([40, 40])).includes("..."));
});
