/** The script of the page: draws the boxes, folds, searches, pans and zooms. Plain browser JavaScript as text. */

/** Expects `layOutGraph` and `GRAPH` (a PictureLevel) in scope. */
export const VIEWER: string = String.raw`
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);
const root = byId("root"), svg = byId("svg"), tip = byId("tip"), search = byId("search");
const make = (name, attributes, parent) => {
  const made = document.createElementNS(SVG, name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (parent) parent.appendChild(made);
  return made;
};
const cut = (text, limit) => text.length > limit ? text.slice(0, limit - 1) + "\u2026" : text;

// Every box of every level, in order, with where it belongs.
const all = [];
(function number(level, parent) {
  const work = [[level, parent]];
  while (work.length > 0) {
    const [current, holder] = work.pop();
    for (const box of current.boxes) {
      box.id = all.length;
      box.holder = holder;
      box.text = [box.name, box.params, box.types.join(" "), box.place || box.line, box.kind].join(" ").toLowerCase();
      all.push(box);
      for (const inner of box.inside || []) work.push([inner, box]);
    }
  }
})(GRAPH, null);
const slowest = all.reduce((most, box) => Math.max(most, box.milliseconds || 0), 0);
const totalTime = GRAPH.boxes.reduce((sum, box) => sum + (box.milliseconds || 0), 0);
const open = new Set();
if (all.length < 400) for (const box of all) if (box.inside && box.inside.length > 0) open.add(box);

const time = (ms) => ms >= 1 ? ms.toFixed(2) + " ms" : (1000 * ms).toFixed(1) + " \u00b5s";
let touched = false, byTime = false, drawn = new Map(), hits = [], hitAt = -1;
const view = { x: 0, y: 0, k: 1 };

// A level's size and its boxes' places; open boxes hold their own levels side by side.
function arrange(level) {
  const widths = [], heights = [], inner = [];
  for (const box of level.boxes) {
    const label = cut(box.name + (box.params ? " " + box.params : ""), 34);
    const line = cut(box.line, 40) + (box.milliseconds ? "  " + time(box.milliseconds) : "");
    const small = Math.max(cut(box.types.join(", "), 40).length, line.length);
    let width = Math.max(70, 18 + 7.3 * Math.max(label.length, small * 0.84));
    let height = 24 + 13 * ((box.types.length > 0 ? 1 : 0) + (box.line ? 1 : 0));
    let levels = null;
    if (open.has(box)) {
      levels = box.inside.map((one) => arrange(one));
      const across = levels.reduce((sum, one) => sum + one.width + 36, 12);
      width = Math.max(width, across);
      height += 26 + levels.reduce((most, one) => Math.max(most, one.height), 0) + 22;
    }
    box.label = label;
    widths.push(width);
    heights.push(height);
    inner.push(levels);
  }
  const placed = layOutGraph(widths, heights, level.edges);
  return { level, widths, heights, inner, placed, width: placed.width, height: placed.height };
}

function colorOf(box) {
  if (!byTime) return "var(--" + box.kind + ")";
  const share = slowest > 0 ? (box.milliseconds || 0) / slowest : 0;
  return "color-mix(in oklab, #e03131 " + Math.round(100 * Math.sqrt(share)) + "%, var(--panel))";
}

function draw(arranged, parent) {
  const { level, widths, heights, inner, placed } = arranged;
  const lines = make("g", {}, parent), boxes = make("g", {}, parent);
  level.edges.forEach(([from, to, type]) => {
    const x0 = placed.x[from] + widths[from] / 2, y0 = placed.y[from] + heights[from];
    const x1 = placed.x[to] + widths[to] / 2, y1 = placed.y[to];
    const bend = Math.max(14, (y1 - y0) / 2);
    const path = make("path", {
      class: "edge",
      d: "M" + x0.toFixed(1) + " " + y0.toFixed(1) + "C" + x0.toFixed(1) + " " + (y0 + bend).toFixed(1) + " " +
        x1.toFixed(1) + " " + (y1 - bend).toFixed(1) + " " + x1.toFixed(1) + " " + y1.toFixed(1),
    }, lines);
    path.ends = [level.boxes[from], level.boxes[to]];
  });
  level.boxes.forEach((box, i) => {
    const folds = box.inside && box.inside.length > 0;
    const g = make("g", {
      class: "box" + (folds ? " folds" : ""),
      transform: "translate(" + placed.x[i].toFixed(1) + " " + placed.y[i].toFixed(1) + ")",
      "data-id": box.id,
    }, boxes);
    const round = box.kind === "input" || box.kind === "output";
    make("rect", { width: widths[i], height: heights[i], rx: round ? 14 : 5, fill: colorOf(box) }, g);
    const write = (text, y, faint) => {
      const line = make("text", { x: 9, y, class: faint ? "faint" : "" }, g);
      line.textContent = text;
    };
    write((folds ? (open.has(box) ? "\u25be " : "\u25b8 ") : "") + box.label, 16, false);
    let y = 29;
    if (box.types.length > 0) {
      write(cut(box.types.join(", "), 40), y, true);
      y += 13;
    }
    if (box.line) write(cut(box.line, 40) + (box.milliseconds ? "  " + time(box.milliseconds) : ""), y, true);
    drawn.set(box, { g, x: placed.x[i], y: placed.y[i], width: widths[i], height: heights[i], parent });
    if (inner[i]) {
      let left = 18;
      inner[i].forEach((one) => {
        const top = y + 26;
        const nested = make("g", { transform: "translate(" + left + " " + top + ")" }, g);
        make("rect", { class: "level", x: -8, y: -18, width: one.width + 16, height: one.height + 28, rx: 6 }, nested);
        const title = make("text", { x: 0, y: -6, class: "faint" }, nested);
        title.textContent = one.level.title;
        draw(one, nested);
        left += one.width + 36;
      });
    }
  });
}

let size = { width: 0, height: 0 };
function redraw() {
  root.textContent = "";
  drawn = new Map();
  const arranged = arrange(GRAPH);
  size = arranged;
  draw(arranged, root);
  mark();
}

function place() {
  root.setAttribute("transform", "translate(" + view.x + " " + view.y + ") scale(" + view.k + ")");
}
function fit() {
  const { clientWidth, clientHeight } = svg;
  const k = Math.min(1.6, (clientWidth - 40) / Math.max(1, size.width), (clientHeight - 110) / Math.max(1, size.height));
  view.k = k;
  view.x = (clientWidth - k * size.width) / 2;
  view.y = 60 + Math.max(0, (clientHeight - 110 - k * size.height) / 2);
  place();
}
function centre(box) {
  touched = true;
  const shown = drawn.get(box);
  if (!shown) return;
  const at = shown.g.getBoundingClientRect();
  view.k = Math.max(view.k, 0.7);
  place();
  const now = shown.g.getBoundingClientRect();
  view.x += svg.clientWidth / 2 - (now.left + now.width / 2);
  view.y += svg.clientHeight / 2 - (now.top + Math.min(now.height, 200) / 2);
  place();
}

const escape = (text) => text.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);
function tell(box) {
  const lines = ["<b>" + escape(box.name) + "</b>" + (box.params ? " {" + escape(box.params) + "}" : "")];
  box.types.forEach((type, i) => {
    const statistics = box.statistics && box.statistics[i];
    lines.push("<span>gives</span> " + escape(type) + (statistics ? "  " + escape(statistics) : ""));
  });
  for (const read of box.reads) lines.push("<span>reads</span> " + escape(read));
  if (box.place) lines.push("<span>at</span> " + escape(box.place));
  if (box.milliseconds !== undefined) {
    const share = totalTime > 0 ? " (" + (100 * box.milliseconds / totalTime).toFixed(1) + " %)" : "";
    lines.push("<span>time</span> " + time(box.milliseconds) + share);
  }
  if (box.inside && box.inside.length > 0) {
    lines.push("<span>" + box.inside.map((one) => escape(one.title) + ": " + one.boxes.length + " boxes").join(", ") +
      ". Click to " + (open.has(box) ? "fold" : "unfold") + ".</span>");
  }
  return lines.join("\n");
}
const boxOf = (target) => {
  const g = target.closest && target.closest("g.box");
  return g ? all[Number(g.dataset.id)] : null;
};

svg.addEventListener("pointermove", (event) => {
  if (dragging) return;
  const box = boxOf(event.target);
  if (!box) return void (tip.style.display = "none");
  tip.innerHTML = tell(box);
  tip.style.display = "block";
  const { offsetWidth, offsetHeight } = tip;
  tip.style.left = Math.max(6, Math.min(event.clientX + 16, innerWidth - offsetWidth - 10)) + "px";
  tip.style.top = Math.max(6, Math.min(event.clientY + 16, innerHeight - offsetHeight - 10)) + "px";
});
svg.addEventListener("pointerleave", () => tip.style.display = "none");

let dragging = null, moved = false;
svg.addEventListener("pointerdown", (event) => {
  dragging = { x: event.clientX, y: event.clientY, target: event.target };
  moved = false;
});
addEventListener("pointermove", (event) => {
  if (!dragging) return;
  const dx = event.clientX - dragging.x, dy = event.clientY - dragging.y;
  if (!moved && Math.abs(dx) + Math.abs(dy) < 4) return;
  moved = touched = true;
  svg.classList.add("dragging");
  tip.style.display = "none";
  view.x += dx;
  view.y += dy;
  dragging.x = event.clientX;
  dragging.y = event.clientY;
  place();
});
addEventListener("pointerup", () => {
  const start = dragging;
  dragging = null;
  svg.classList.remove("dragging");
  if (!start || moved) return;
  const box = boxOf(start.target);
  choose(box);
  if (box && box.inside && box.inside.length > 0) {
    // The clicked box stays under the pointer.
    const before = drawn.get(box).g.getBoundingClientRect();
    open.has(box) ? open.delete(box) : open.add(box);
    redraw();
    const after = drawn.get(box).g.getBoundingClientRect();
    view.x += before.left - after.left;
    view.y += before.top - after.top;
    touched = true;
    place();
  }
});
svg.addEventListener("wheel", (event) => {
  event.preventDefault();
  touched = true;
  const factor = Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015));
  const k = Math.min(4, Math.max(0.01, view.k * factor));
  view.x = event.clientX - (event.clientX - view.x) * k / view.k;
  view.y = event.clientY - (event.clientY - view.y) * k / view.k;
  view.k = k;
  place();
}, { passive: false });

let chosen = null;
function choose(box) {
  chosen = chosen === box ? null : box;
  mark();
}
function mark() {
  for (const g of root.querySelectorAll(".chosen, .hit, .lit")) g.classList.remove("chosen", "hit", "lit");
  for (const box of hits) drawn.get(box)?.g.classList.add("hit");
  if (!chosen) return;
  drawn.get(chosen)?.g.classList.add("chosen");
  for (const path of root.querySelectorAll(".edge")) if (path.ends.includes(chosen)) path.classList.add("lit");
}
function find() {
  const wanted = search.value.trim().toLowerCase();
  hits = wanted === "" ? [] : all.filter((box) => box.text.includes(wanted));
  hitAt = -1;
  byId("count").textContent = wanted === "" ? "" : hits.length + " found";
  mark();
}
search.addEventListener("input", find);
search.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || hits.length === 0) return;
  hitAt = (hitAt + (event.shiftKey ? hits.length - 1 : 1)) % hits.length;
  const box = hits[hitAt];
  let unfolded = false;
  for (let holder = box.holder; holder; holder = holder.holder) {
    if (!open.has(holder)) unfolded = true;
    open.add(holder);
  }
  if (unfolded) redraw();
  byId("count").textContent = hitAt + 1 + " of " + hits.length;
  centre(box);
});
byId("fit").onclick = fit;
byId("unfold").onclick = () => {
  for (const box of all) if (box.inside && box.inside.length > 0) open.add(box);
  redraw();
  fit();
};
byId("fold").onclick = () => {
  open.clear();
  redraw();
  fit();
};
byId("dark").onclick = () => document.documentElement.classList.toggle("dark");
if (matchMedia("(prefers-color-scheme: dark)").matches) document.documentElement.classList.add("dark");
const color = byId("color");
if (slowest === 0) color.remove();
else {
  color.onchange = () => {
    byTime = color.value === "time";
    for (const [box, { g }] of drawn) g.querySelector("rect").setAttribute("fill", colorOf(box));
  };
  color.value = "time";
  byTime = true;
}
if (all.every((box) => !(box.inside && box.inside.length > 0))) {
  byId("fold").remove();
  byId("unfold").remove();
}
byId("legend").innerHTML = [...new Set(all.map((box) => box.kind))]
  .map((kind) => "<span><i style='background: var(--" + kind + ")'></i>" + kind + "</span>").join("");
redraw();
fit();
// Windows take their size after the page is there; later the view is the user's.
addEventListener("resize", () => touched ? place() : fit());
`;
