import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { jit, type Node, ShapeError, type Tensor, tensor } from "@damo/damo";
import { layOutGraph } from "../../lib/trace/picture/layout.ts";
import { pictureOf } from "../../lib/trace/picture/model.ts";
import { CHROMIUM, inPage, screenshot } from "../support/chromium.ts";
import { mnistStep, rnnStep } from "../support/example_programs.ts";

const ignore = CHROMIUM === undefined;

Deno.test("the page is one file without addresses of other files", () => {
  const { run, args } = mnistStep({}, 8, 16);
  const html = run.graph(...args).toHtml();
  assert(
    !/<(?:link|img|iframe)|src=|href=|import\(|fetch\(|https?:\/\/(?!www\.w3\.org\/2000\/svg)/.test(
      html.replace(/const GRAPH = .*/, ""),
    ),
  );
  assert(html.includes("default-src 'none'"));
});

Deno.test("names that look like markup stay text", () => {
  const f = jit((x: Tensor) => x.add(1), { name: "</script><script>alert(1)</script>" });
  const html = f.graph(tensor([1])).toHtml();
  assertEquals(html.match(/<script>/g)!.length, 1);
  assertEquals(html.match(/<\/script>/g)!.length, 1);
});

Deno.test("with values for the inputs every box has numbers about its values", () => {
  const f = jit((x: Tensor, y: Tensor) => x.log().add(y));
  const x = tensor([1, -1, 0]), y = tensor([1, 2, 3]);
  const graph = f.graph(x, y);
  const html = graph.toHtml({ inputs: [x, y] });
  assert(html.includes("min -1, max 1"), "input");
  assert(html.includes("min -Infinity, max 0, 1 NaN, 1 infinite"), "log");
  assertThrows(() => graph.toHtml({ inputs: [x] }), ShapeError, "got float32[3]");
});

Deno.test("a loop has the time of its body", () => {
  const { run, args } = rnnStep();
  const profile = { timeOf: (node: Node) => node.primitive.name === "tanh" ? 0.125 : undefined };
  const level = pictureOf(run.graph(...args), { profile });
  const times = level.boxes.filter(({ name }) => name === "loop").map(({ milliseconds }) => milliseconds);
  assertEquals(times, [0.125, undefined]);
});

Deno.test("layout: readers stand below what they read, boxes of a row do not overlap, for 20,000 boxes", () => {
  const count = 20_000;
  const edges: [number, number][] = [];
  let state = 7;
  const below = (n: number) => (state = (state * 1103515245 + 12345) % 2147483648) % n;
  for (let i = 1; i < count; i++) {
    edges.push([Math.max(0, i - 1 - below(40)), i]);
    if (i % 3 === 0) edges.push([below(i), i]);
  }
  const widths = Float64Array.from({ length: count }, () => 60 + below(100));
  const heights = new Float64Array(count).fill(40);
  const { x, y } = layOutGraph(widths, heights, edges);
  for (const [from, to] of edges) assertLess(y[from], y[to]);
  const rows = Map.groupBy(Array.from(x.keys()), (i) => y[i]);
  for (const row of rows.values()) {
    row.sort((a, b) => x[a] - x[b]);
    for (let i = 1; i < row.length; i++) assertLess(x[row[i - 1]] + widths[row[i - 1]], x[row[i]]);
  }
});

Deno.test({
  name: "in a browser: search, point, click to fold, zoom and pan",
  ignore,
  async fn() {
    const { run, args } = rnnStep();
    const html = run.graph(...args).toHtml();
    const seen = await inPage<Record<string, unknown>>(
      html,
      `
      const boxes = () => document.querySelectorAll("g.box").length;
      const transform = () => document.getElementById("root").getAttribute("transform");
      const fire = (target, type, at, more = {}) =>
        target.dispatchEvent(new (type === "wheel" ? WheelEvent : PointerEvent)(type,
          { bubbles: true, cancelable: true, clientX: at.x, clientY: at.y, ...more }));
      const middle = (g) => { const r = g.getBoundingClientRect(); return { x: r.left + 5, y: r.top + 5 }; };
      const click = (g) => { const at = middle(g), rect = g.querySelector("rect");
        fire(rect, "pointerdown", at); fire(rect, "pointerup", at); };
      const out = { first: boxes(), edges: document.querySelectorAll("path.edge").length };
      document.getElementById("fold").click();
      out.folded = boxes();
      out.loops = document.querySelectorAll("g.folds").length;
      const loop = document.querySelector("g.folds");
      click(loop);
      out.oneOpen = boxes();
      click(document.querySelector("g.folds"));
      out.foldedAgain = boxes();
      const search = document.getElementById("search");
      search.value = "tanh";
      search.dispatchEvent(new Event("input"));
      out.count = document.getElementById("count").textContent;
      search.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
      const hit = document.querySelector("g.box.hit");
      out.unfoldedForHit = boxes();
      const at = middle(hit);
      out.hitInView = at.x > 0 && at.x < innerWidth && at.y > 0 && at.y < innerHeight;
      fire(hit.querySelector("rect"), "pointermove", at);
      out.tip = document.getElementById("tip").textContent;
      const before = transform();
      fire(document.getElementById("svg"), "wheel", { x: 300, y: 300 }, { deltaY: -200 });
      out.zoomed = transform() !== before;
      const zoomed = transform();
      fire(document.getElementById("svg"), "pointerdown", { x: 100, y: 300 });
      fire(window, "pointermove", { x: 180, y: 340 });
      fire(window, "pointerup", { x: 180, y: 340 });
      const shift = (t) => /translate\\(([^ ]+) ([^)]+)\\)/.exec(t).slice(1).map(Number);
      out.panned = shift(transform()).map((v, i) => Math.round(v - shift(zoomed)[i]));
      document.getElementById("dark").click();
      out.dark = document.documentElement.classList.contains("dark");
      return out;
    `,
    );
    assertEquals(seen.loops, 2);
    assert(
      (seen.folded as number) < (seen.oneOpen as number) && (seen.oneOpen as number) < (seen.first as number),
    );
    assertEquals(seen.foldedAgain, seen.folded);
    assertEquals(seen.count, "1 found");
    assert((seen.unfoldedForHit as number) > (seen.folded as number));
    assertEquals([seen.hitInView, seen.zoomed, seen.dark], [true, true, true]);
    assert(String(seen.tip).includes("tanh") && String(seen.tip).includes("float32[4, 8]"), String(seen.tip));
    assert(String(seen.tip).includes("example_programs.ts:"), String(seen.tip));
    assertEquals(seen.panned, [80, 40]);
  },
});

Deno.test({
  name: "in a browser: a graph of 2,000 operations is drawn and searched",
  ignore,
  async fn() {
    const f = jit((x: Tensor) => {
      let y = x;
      for (let i = 0; i < 1000; i++) y = (i % 50 === 49 ? y.add(x) : y.sin()).mul(1.01 + i);
      return y;
    }, { name: "deep" });
    const html = f.graph(tensor([1, 2, 3])).toHtml();
    const seen = await inPage<{ boxes: number; count: string }>(
      html,
      `
      redraw();
      fit();
      const search = document.getElementById("search");
      search.value = "sin";
      search.dispatchEvent(new Event("input"));
      return { boxes: document.querySelectorAll("g.box").length,
        count: document.getElementById("count").textContent };
    `,
    );
    assertEquals(seen.boxes, 2002);
    assertEquals(seen.count, "980 found");
  },
});

Deno.test({
  name: "the page of the MNIST training step has a picture: boxes in the colours of their kinds",
  ignore,
  async fn() {
    const { run, args } = mnistStep({}, 32, 64);
    const profile = { timeOf: (node: Node) => node.primitive.name === "contract" ? 2 : 0.01 };
    const html = run.graph(...args).toHtml({ profile });
    const png = await screenshot(html, 1500, 950);
    // The header of a PNG has its size; an empty page of this size packs to far fewer bytes.
    const header = new DataView(png.buffer, png.byteOffset);
    assertEquals([header.getUint32(16), header.getUint32(20)], [1500, 950]);
    assert(png.length > 60_000, `${png.length} bytes`);
    const shown = await inPage<{ colors: number; contract: string; hot: string; names: string[] }>(
      html,
      `
      const fills = [...document.querySelectorAll("g.box > rect")].map((r) => getComputedStyle(r).fill);
      const fillOf = (name) => { const box = all.find((b) => b.name === name && drawn.has(b));
        return getComputedStyle(drawn.get(box).g.querySelector("rect")).fill; };
      const color = document.getElementById("color");
      const hot = fillOf("contract");
      color.value = "kind";
      color.dispatchEvent(new Event("change"));
      return { colors: new Set(fills).size, hot, contract: fillOf("contract"),
        names: [...new Set(all.map((b) => b.kind))] };
    `,
    );
    assert(shown.colors >= 2 && shown.hot !== shown.contract, JSON.stringify(shown));
    for (const kind of ["input", "output", "map", "reduce", "contract", "move"]) {
      assert(shown.names.includes(kind), kind);
    }
  },
});
