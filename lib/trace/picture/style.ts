/** How the page of a graph looks, in the light and in the dark. */

/** The style sheet. */
export const STYLE: string = `
:root { color-scheme: light; --page: #fbfbfa; --ink: #1d2328; --faint: #6b747c; --line: #9aa3ab; --panel: #ffffff;
  --edge: #c9cfd4; --input: #d7ebff; --output: #ffe2b8; --map: #dff3df; --reduce: #f9e0ee; --move: #eceae4;
  --contract: #ffd6cf; --index: #e7e0fa; --control: #f5f1d7; --host: #cfeef0; --other: #e6e6e6; --hit: #d9480f; }
:root.dark { color-scheme: dark; --page: #14181b; --ink: #e6e9eb; --faint: #98a2aa; --line: #56606a; --panel: #1f252a;
  --edge: #343d45; --input: #16364f; --output: #553b10; --map: #1d4024; --reduce: #4f2340; --move: #33322d;
  --contract: #5b2620; --index: #362c57; --control: #2b2a1e; --host: #17444a; --other: #383838; --hit: #ffa94d; }
* { box-sizing: border-box; }
html, body { margin: 0; height: 100%; background: var(--page); color: var(--ink); overflow: hidden;
  font: 13px/1.4 system-ui, sans-serif; }
#bar { position: fixed; z-index: 2; top: 10px; left: 10px; display: flex; gap: 6px; align-items: center; padding: 6px 8px;
  background: var(--panel); border: 1px solid var(--edge); border-radius: 8px; flex-wrap: wrap; max-width: calc(100% - 20px); }
#bar b { margin: 0 6px 0 2px; font-weight: 600; }
#bar input, #bar button, #bar select { font: inherit; color: inherit; background: var(--page);
  border: 1px solid var(--edge); border-radius: 5px; padding: 3px 8px; }
#bar input { width: 17em; }
#bar button:hover { border-color: var(--line); cursor: pointer; }
#count { color: var(--faint); min-width: 5em; }
#legend { position: fixed; z-index: 2; left: 10px; bottom: 10px; display: flex; gap: 10px; padding: 5px 9px; flex-wrap: wrap;
  background: var(--panel); border: 1px solid var(--edge); border-radius: 8px; font-size: 12px; color: var(--faint); }
#legend i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 4px; vertical-align: -1px;
  border: 1px solid var(--line); }
#tip { position: fixed; z-index: 3; display: none; max-width: 560px; padding: 8px 11px; pointer-events: none;
  background: var(--panel); border: 1px solid var(--line); border-radius: 8px; box-shadow: 0 4px 18px #0003;
  white-space: pre-wrap; overflow-wrap: anywhere; font: 12px/1.5 ui-monospace, monospace; }
#tip b { font-size: 13px; }
#tip span { color: var(--faint); }
svg { width: 100%; height: 100%; display: block; cursor: grab; touch-action: none; }
svg.dragging { cursor: grabbing; }
.box > rect { stroke: var(--line); stroke-width: 1; }
.box text { fill: var(--ink); font: 12px ui-monospace, monospace; pointer-events: none; }
.box text.faint { fill: var(--faint); font-size: 10px; }
.box.folds { cursor: pointer; }
.box.hit > rect { stroke: var(--hit); stroke-width: 3; }
.box.chosen > rect { stroke: var(--ink); stroke-width: 2.5; }
.edge { fill: none; stroke: var(--line); stroke-width: 1.1; opacity: 0.55; }
.edge.lit { stroke: var(--hit); stroke-width: 2.2; opacity: 1; }
.level { fill: none; stroke: var(--edge); stroke-dasharray: 4 3; }
`;
