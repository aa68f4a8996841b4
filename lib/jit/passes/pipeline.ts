/** The passes in the order a program goes through them. */
import { inlineCalls } from "../../autodiff/inline_calls.ts";
import type { Graph, Node } from "../../trace/graph.ts";
import { prune as dropDeadNodes } from "../../trace/prune.ts";
import type { Pass } from "../../trace/rewrite.ts";
import { stabilise } from "../../trace/stabilise.ts";
import { verifyGraph } from "../../trace/verify.ts";
import { convolution, convolutionPass } from "./convolution.ts";
import { fold } from "./fold.ts";
import { loopBlocks } from "./loop_blocks.ts";
import { loopHoist } from "./loop_hoist.ts";
import { loopLast } from "./loop_last.ts";
import { loopMerge } from "./loop_merge.ts";
import { loopPrune } from "./loop_prune.ts";
import { loopBehind, loopFront } from "./loop_split.ts";
import { mapSubgraphs } from "./loop_subgraphs.ts";
import { loopSums } from "./loop_sums.ts";
import { merge } from "./merge.ts";
import { simplify } from "./simplify.ts";

export const inline: Pass = { name: "inline", run: inlineCalls };
export const prune: Pass = { name: "prune", run: dropDeadNodes };

/** All of this, inside loops and branches. */
function bodiesPass(options: PipelineOptions): Pass {
  return { name: "bodies", run: (graph) => mapSubgraphs(graph, (inner) => optimise(inner, options)) };
}

const bodies: Pass = bodiesPass({});

const TIDYING: readonly Pass[] = [simplify, fold, merge, prune];

/** What the rewriting of loops leaves behind in their bodies. */
const tidyBodies: Pass = {
  name: "tidy bodies",
  run: (graph) => mapSubgraphs(graph, (inner) => TIDYING.reduce((current, pass) => pass.run(current), inner)),
};

/** Every pass, in order. */
export const PASSES: readonly Pass[] = [
  inline,
  prune,
  stabilise,
  fold,
  simplify,
  merge,
  bodies,
  loopPrune,
  loopMerge,
  loopPrune,
  loopLast,
  loopHoist,
  loopBlocks,
  loopFront,
  loopSums,
  loopBehind,
  loopPrune,
  tidyBodies,
  convolution,
  simplify,
  fold,
  merge,
  prune,
];

export interface PipelineOptions {
  /** Checks the graph after each pass; tests and mode "debug" do. */
  readonly verify?: boolean;
  /** Names of passes to leave out. */
  readonly exclude?: readonly string[];
  /** The convolutions that the device has a kernel for. */
  readonly isDirect?: (node: Node) => boolean;
  /** Called with the milliseconds each pass took. */
  onPass?(name: string, milliseconds: number): void;
}

/** Runs all passes over a graph. */
export function optimise(graph: Graph, options: PipelineOptions = {}): Graph {
  let current = graph;
  const { isDirect } = options;
  for (const general of PASSES) {
    if (options.exclude?.includes(general.name)) continue;
    const pass = isDirect === undefined
      ? general
      : general === bodies
      ? bodiesPass({ isDirect })
      : general === convolution
      ? convolutionPass(isDirect)
      : general;
    const start = options.onPass ? performance.now() : 0;
    current = pass.run(current);
    options.onPass?.(pass.name, performance.now() - start);
    if (options.verify) verifyGraph(current);
  }
  return current;
}
