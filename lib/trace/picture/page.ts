/** A graph as one page of HTML that needs nothing else: no network, no server. */
import type { Graph } from "../graph.ts";
import { layOutGraph } from "./layout.ts";
import { pictureOf, type PictureOptions } from "./model.ts";
import { graphStatistics } from "./statistics.ts";
import { STYLE } from "./style.ts";
import { VIEWER } from "./viewer.ts";

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Data inside a script element: nothing in it may end the element. */
function scriptData(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c").replaceAll("\u2028", "\\u2028").replaceAll(
    "\u2029",
    "\\u2029",
  );
}

/**
 * The page: pan by dragging, zoom with the wheel, search by name, type or line, click a loop or call to fold it, point
 * at a box to see its types, the user's line and what was measured.
 */
export function graphPage(graph: Graph, options: PictureOptions = {}): string {
  const statistics = options.statistics ?? (options.inputs && graphStatistics(graph, options.inputs));
  const level = pictureOf(graph, { ...options, statistics });
  const title = escapeHtml(level.title);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<div id="bar"><b>${title}</b><input id="search" type="search" placeholder="name, type, file:line" aria-label="Search">
<span id="count"></span><button id="fit">Fit</button><button id="unfold">Unfold all</button>
<button id="fold">Fold all</button>
<select id="color" aria-label="Colour by"><option value="kind">colour: kind</option><option value="time">colour: time</option></select>
<button id="dark">Light / dark</button></div>
<svg id="svg"><g id="root"></g></svg>
<div id="legend"></div>
<div id="tip"></div>
<script>
"use strict";
const GRAPH = ${scriptData(level)};
const layOutGraph = ${layOutGraph.toString()};
${VIEWER}
</script>
</body>
</html>
`;
}
