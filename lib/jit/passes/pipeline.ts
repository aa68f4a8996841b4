/** The passes in the order a program goes through them. */
import { inlineCalls, inlineEarlyCalls } from "../../autodiff/inline_calls.ts";
import type { Graph, Node } from "../../trace/graph.ts";
import { prune as dropDeadNodes } from "../../trace/prune.ts";
import type { Pass } from "../../trace/rewrite.ts";
import { stabilise } from "../../trace/stabilise.ts";
import { mapGraphs } from "../../trace/sub_graphs.ts";
import { verifyGraph } from "../../trace/verify.ts";
import { convolution, convolutionPass } from "./convolution.ts";
import { exchange } from "./exchange.ts";
import { fold } from "./fold.ts";
import { loopBlocks } from "./loop_blocks.ts";
import { loopHoist } from "./loop_hoist.ts";
import { loopLast } from "./loop_last.ts";
import { loopMerge } from "./loop_merge.ts";
import { loopOperands } from "./loop_operands.ts";
import { loopPrune } from "./loop_prune.ts";
import { loopShift } from "./loop_shift.ts";
import { loopBehind, loopFront } from "./loop_split.ts";
import { mapSubgraphs } from "./loop_subgraphs.ts";
import { loopSums } from "./loop_sums.ts";
import { merge } from "./merge.ts";
import { padSums } from "./pad_sums.ts";
import { simplify } from "./simplify.ts";
import { windows } from "./windows.ts";

export const inline: Pass = { name: "inline", run: inlineCalls };
const inlineEarly: Pass = { name: "inline", run: inlineEarlyCalls };
export const prune: Pass = { name: "prune", run: dropDeadNodes };

/** A pass that runs others, which may be left out by name. */
interface OuterPass extends Pass {
  run(graph: Graph, exclude?: readonly string[]): Graph;
}

/** All of the general passes, inside loops and branches. */
const bodies: OuterPass = {
  name: "bodies",
  run: (graph, exclude) => mapSubgraphs(graph, (inner) => optimiseGenerally(inner, { exclude })),
};

const TIDYING: readonly Pass[] = [simplify, fold, merge, prune];

/** What the rewriting of loops leaves behind in their bodies. */
const tidyBodies: OuterPass = {
  name: "tidy bodies",
  run: (graph, exclude) => {
    const passes = TIDYING.filter(({ name }) => !exclude?.includes(name));
    return mapSubgraphs(graph, (inner) => passes.reduce((current, pass) => pass.run(current), inner));
  },
};

/** The passes that move work out of loops, in order. */
export const LOOP_PASSES: readonly Pass[] = [
  loopPrune,
  loopMerge,
  loopShift,
  loopPrune,
  loopLast,
  loopHoist,
  loopOperands,
  loopBlocks,
  loopFront,
  loopSums,
  loopBehind,
  loopPrune,
];

/** The passes that know nothing of devices, in order. */
const GENERAL: readonly OuterPass[] = [
  inlineEarly,
  windows,
  inline,
  prune,
  stabilise,
  fold,
  simplify,
  padSums,
  merge,
  bodies,
  ...LOOP_PASSES,
  tidyBodies,
  ...TIDYING,
];

/** What follows for a device. */
const FOR_DEVICE: readonly OuterPass[] = [exchange, convolution, inline, tidyBodies, ...TIDYING];

/** Every pass, in order. */
export const PASSES: readonly OuterPass[] = [...GENERAL, ...FOR_DEVICE];

/** Calls have no code of their own, and not every device has kernels for convolutions. */
const NEEDED: readonly string[] = [inline.name, convolution.name];

/** Names of the passes that a program can do without. */
export const OPTIONAL_PASSES: readonly string[] = [...new Set(PASSES.map(({ name }) => name))]
  .filter((name) => !NEEDED.includes(name));

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

function runPasses(graph: Graph, passes: readonly OuterPass[], options: PipelineOptions): Graph {
  let current = graph;
  for (const pass of passes) {
    if (options.exclude?.includes(pass.name)) continue;
    const start = options.onPass ? performance.now() : 0;
    current = pass.run(current, options.exclude);
    options.onPass?.(pass.name, performance.now() - start);
    if (options.verify) verifyGraph(current);
  }
  return current;
}

/** Runs the passes that know nothing of devices. */
export function optimiseGenerally(graph: Graph, options: PipelineOptions = {}): Graph {
  return runPasses(graph, GENERAL, options);
}

/** Brings a graph after the general passes into what a device has kernels for. */
function optimiseForDevice(graph: Graph, options: PipelineOptions = {}): Graph {
  const { isDirect } = options;
  if (!hasConvolution(graph)) return graph;
  const passes = isDirect === undefined
    ? FOR_DEVICE
    : FOR_DEVICE.map((pass) => pass === convolution ? convolutionPass(isDirect) : pass);
  return runPasses(graph, passes, options);
}

function hasConvolution(graph: Graph): boolean {
  return graph.nodes.some((node) => {
    if (node.primitive.name === "convolve") return true;
    if (!node.primitive.graphs) return false;
    let found = false;
    mapGraphs(node.params, (inner) => {
      found ||= hasConvolution(inner);
      return inner;
    });
    return found;
  });
}

/** Runs all passes over a graph, or those that are left when the general ones have run. */
export function optimise(
  graph: Graph,
  options: PipelineOptions & { readonly optimised?: boolean } = {},
): Graph {
  return optimiseForDevice(options.optimised ? graph : optimiseGenerally(graph, options), options);
}
