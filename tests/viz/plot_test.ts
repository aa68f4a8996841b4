import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import "../../lib/jit/install.ts";
import { DamoError, DTypeError, ShapeError } from "../../lib/trace/errors.ts";
import { upload } from "../../lib/trace/ops/convert.ts";
import { Shared } from "../../lib/trace/shared.ts";
import { plot } from "../../lib/viz/plot.ts";

/** Fails unless every tag closes in turn and every attribute is quoted. */
function assertWellFormed(svg: string): void {
  const open: string[] = [];
  const tags = /<(\/?)([a-zA-Z]+)((?:\s[\w:-]+="[^"<>]*")*)(\/?)>|([<>])/g;
  for (const [, closing, name, , alone, stray] of svg.matchAll(tags)) {
    assert(stray === undefined, "a stray < or >");
    if (closing) assertEquals(open.pop(), name);
    else if (!alone) open.push(name);
  }
  assertEquals(open, []);
}

/** The curves are the paths inside the inner svg element. */
function curvePaths(svg: string): string[] {
  const inner = svg.slice(svg.lastIndexOf("<svg"));
  return [...inner.matchAll(/<path d="([^"]*)"/g)].map(([, path]) => path);
}

Deno.test("A plot is one well-formed SVG element with its texts escaped", () => {
  const svg = plot({ 'a "<b>" & c': [1, 2, 3] }, {
    title: "<script>alert(1)</script>",
    xLabel: "x & y",
    yLabel: "it's",
  });
  assertWellFormed(svg);
  assert(!svg.includes("<script"));
  assertStringIncludes(svg, "&#60;script&#62;");
});

Deno.test("Numbers, typed arrays, tensors and series are drawn alike", () => {
  const path = curvePaths(plot([1, 4, 9]))[0];
  assertEquals(curvePaths(plot(Float32Array.of(1, 4, 9))), [path]);
  assertEquals(curvePaths(plot({ dataSync: () => Int32Array.of(1, 4, 9) })), [path]);
  const variable = new Shared(upload(Float32Array.of(1, 4, 9), "float32", [3]), "loss");
  assertEquals(curvePaths(plot(variable)), [path]);
  assertEquals(curvePaths(plot({ loss: variable.peek() }, { legend: false })), [path]);
  assertEquals(curvePaths(plot({ y: [1, 4, 9], x: [0, 1, 2] })), [path]);
  assertEquals(curvePaths(plot([[1, 4, 9], { y: [1, 4, 9] }])), [path, path]);
});

Deno.test("Points stand where the scales put them", () => {
  const [path] = curvePaths(plot({ x: [0, 1, 2], y: [0, 10, 5] }, { yRange: [0, 10] }));
  const points = [...path.matchAll(/[ML]([\d.-]+) ([\d.-]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);
  const [start, middle, end] = points;
  assertEquals(start[0], 0);
  assertEquals(middle[1], 0);
  assert(Math.abs(middle[0] * 2 - end[0]) < 0.02 && Math.abs(end[1] * 2 - start[1]) < 0.02);
});

Deno.test("A logarithmic axis turns a constant factor into a constant step", () => {
  const [path] = curvePaths(plot([1, 10, 100, 1000], { yScale: "log" }));
  const ys = [...path.matchAll(/[ML][\d.-]+ ([\d.-]+)/g)].map(([, y]) => Number(y));
  const steps = ys.slice(1).map((y, i) => ys[i] - y);
  assert(steps.every((step) => step > 10 && Math.abs(step - steps[0]) < 0.02), String(steps));
});

Deno.test("NaN, infinities, and on a logarithmic axis what is not positive leave gaps", () => {
  assertEquals(curvePaths(plot([1, 2, NaN, 3, 4]))[0].match(/M/g)?.length, 2);
  assertEquals(curvePaths(plot([1, 2, Infinity, 3, 4]))[0].match(/M/g)?.length, 2);
  assertEquals(curvePaths(plot([1, 2, -1, 3, 4], { yScale: "log" }))[0].match(/M/g)?.length, 2);
  // A point between gaps is drawn as a dot.
  assertStringIncludes(curvePaths(plot([1, NaN, 2, NaN, 3]))[0], "h0M");
  assert(!plot([1, NaN, Infinity, 2]).includes("NaN"));
});

Deno.test("A million values make a small file that keeps the extremes", () => {
  const values = Float32Array.from({ length: 1_000_000 }, (_, i) => Math.sin(i / 7));
  values[500_001] = 40;
  const svg = plot(values);
  assert(svg.length < 150_000, `${svg.length} characters`);
  const top = Math.min(
    ...[...curvePaths(svg)[0].matchAll(/[ML][\d.-]+ ([\d.-]+)/g)].map(([, y]) => Number(y)),
  );
  const single = plot([0, 40, 0], { yRange: [-1 - 41 * 0.05, 40 + 41 * 0.05] });
  const expected = Math.min(
    ...[...curvePaths(single)[0].matchAll(/[ML][\d.-]+ ([\d.-]+)/g)].map(([, y]) => Number(y)),
  );
  assert(Math.abs(top - expected) < 0.1, `${top} and ${expected}`);
});

Deno.test("Smoothing draws the raw curve faintly and its mean over it, unbiased at the start", () => {
  const svg = plot({ loss: { y: [2, 2, 2, 2], smooth: 0.9 } }, { yRange: [0, 4] });
  const [raw, smooth] = curvePaths(svg);
  assertEquals(raw, smooth);
  assertStringIncludes(svg, `opacity="0.3"`);
});

Deno.test("Nothing, one value and constants are drawn too", () => {
  for (const input of [[], [3], [0, 0], [[], [NaN]], { a: [] }]) {
    for (const yScale of ["linear", "log"] as const) {
      const svg = plot(input, { yScale, width: 200, height: 120 });
      assertWellFormed(svg);
      assert(!/NaN|Infinity|undefined/.test(svg), svg);
    }
  }
});

Deno.test("A legend names the curves that have labels", () => {
  assertStringIncludes(plot({ train: [1, 2], test: [2, 1] }), ">train</text>");
  assert(!plot({ train: [1, 2] }, { legend: false }).includes(">train<"));
  assertStringIncludes(plot([{ y: [1, 2], label: "own", color: "tomato" }]), `stroke="tomato"`);
});

Deno.test("What cannot be drawn is refused with the remedy", () => {
  assertThrows(
    () => plot({ a: { x: [1, 2], y: [1] } }),
    ShapeError,
    `Series "a" has 2 places x and 1 values y`,
  );
  assertThrows(() => plot([1], { log: true } as never), DamoError, `unknown option "log"`);
  assertThrows(
    () => plot([1], { xScale: "log", xRange: [0, 1] }),
    DTypeError,
    "xRange [0, 1] is not positive",
  );
  assertThrows(() => plot([1], { yRange: [2, 1] }), DTypeError, "yRange [2, 1] is empty");
  assertThrows(() => plot({ y: [1], smooth: 1 }), DTypeError, "smooth = 1");
  assertThrows(() => plot({ a: "text" } as never), DTypeError, `Series "a" has no numbers`);
  assertThrows(() => plot(3 as never), DTypeError, "cannot draw 3");
});

Deno.test("The picture of a small plot stays as it is", async (t) => {
  const svg = plot({
    train: { y: [2, 1, 0.5, 0.3], x: [0, 10, 20, 30] },
    test: { y: [2.1, NaN, 0.7], x: [0, 10, 20], style: "points" },
  }, {
    title: "Loss",
    xLabel: "step",
    yLabel: "cross-entropy",
    yScale: "log",
    width: 300,
    height: 200,
  });
  await t.assertSnapshot(svg);
});
