/** Passes inside loops and conditions. */
import type { LoopParams, SwitchParams } from "../../loop/loop_params.ts";
import { loopPrimitive } from "../../loop/loop_primitive.ts";
import { switchPrimitive } from "../../loop/switch_primitive.ts";
import type { Graph, Node } from "../../trace/graph.ts";
import { rewriteGraph } from "../../trace/rewrite.ts";
import { bind } from "../../trace/trace.ts";
import { isLoop } from "./loop_draft.ts";

function isSwitch(node: Node): boolean {
  return (node.primitive as unknown) === switchPrimitive;
}

/** The graph with `fn` of every body, condition and branch in the place of these. */
export function mapSubgraphs(graph: Graph, fn: (inner: Graph) => Graph): Graph {
  if (!graph.nodes.some((node) => isLoop(node) || isSwitch(node))) return graph;
  return rewriteGraph(graph, (node, inputs) => {
    if (isLoop(node)) {
      const params = node.params as LoopParams;
      const body = fn(params.body), condition = params.condition && fn(params.condition);
      if (body === params.body && condition === params.condition) return null;
      return bind(loopPrimitive, inputs, { ...params, body, condition });
    }
    if (isSwitch(node)) {
      const params = node.params as SwitchParams;
      const branches = params.branches.map(fn);
      if (branches.every((branch, i) => branch === params.branches[i])) return null;
      return bind(switchPrimitive, inputs, { branches });
    }
    return null;
  });
}
