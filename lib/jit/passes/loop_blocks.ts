/**
 * Long loops whose products would fill the memory on their way out go in blocks (strip mining; Allen and Kennedy,
 * Optimizing Compilers for Modern Architectures, 2001): an outer loop over blocks of steps, in which the products of
 * one block leave the inner loop.
 *
 *     for t in T: h = f(x_t W, h)     ->     for b in T / k: { p = X_b W;  for t in k: h = f(p_t, h) }
 *
 * What is stacked for them stays in the caches and no longer grows with the length.
 */
import { closedBody, inputsLike, inputsOf } from "../../loop/body_trace.ts";
import { joinBodyInputs, splitBodyInputs, splitInputs, splitOutputs } from "../../loop/loop_layout.ts";
import type { LoopParams } from "../../loop/loop_params.ts";
import { loopPrimitive } from "../../loop/loop_primitive.ts";
import type { Graph } from "../../trace/graph.ts";
import { elementwise } from "../../trace/primitives/elementwise.ts";
import { reshapeTo } from "../../trace/primitives/move.ts";
import { type Pass, rewriteGraph } from "../../trace/rewrite.ts";
import { Tensor } from "../../trace/tensor.ts";
import { bind, bindOne, evaluateGraph } from "../../trace/trace.ts";
import { isLoop, LoopDraft } from "./loop_draft.ts";
import { loopPrune } from "./loop_prune.ts";
import { loopBehind, loopFront, stackedForBehind, stackedInFront } from "./loop_split.ts";
import { loopSums, stackedForSums } from "./loop_sums.ts";

const INSIDE: readonly Pass[] = [loopFront, loopSums, loopBehind, loopPrune];

export const loopBlocks: Pass = {
  name: "loop blocks",
  run(graph: Graph): Graph {
    if (!graph.nodes.some(isLoop)) return graph;
    return rewriteGraph(graph, (node, inputs) => {
      if (!isLoop(node)) return null;
      const params = node.params as LoopParams;
      const steps = stepsOfBlock(new LoopDraft(inputs, params));
      return steps === 0 ? null : inBlocks(inputs, params, steps);
    });
  },
};

/** How many steps make a block; 0 for a loop that stays whole. */
function stepsOfBlock(draft: LoopDraft): number {
  if (!draft.isFixed) return 0;
  const steps = [stackedInFront, stackedForSums, stackedForBehind].map((find) =>
    draft.stepsOfBlock(find(draft))
  ).filter((count) => count > 0);
  return steps.length === 0 ? 0 : Math.min(...steps);
}

function inBlocks(inputs: readonly Tensor[], params: LoopParams, steps: number): readonly Tensor[] {
  const { length } = params;
  const { constants, carries, sequences } = splitInputs(inputs, params);
  const outer: LoopParams = {
    ...params,
    body: blockBody(params, steps),
    length: length / steps,
    taken: false,
  };
  const blocks = sequences.map((x) => reshapeTo(x, [length / steps, steps, ...x.shape.slice(1)]));
  const outputs = splitOutputs(bind(loopPrimitive, [...constants, ...carries, ...blocks], outer), outer);
  return [
    ...outputs.carries,
    ...outputs.results.map((x) => reshapeTo(x, [length, ...x.shape.slice(2)])),
    ...(params.taken ? [Tensor.literal(length, "int32")] : []),
  ];
}

/** One block: what leaves the inner loop leaves it here. */
function blockBody(params: LoopParams, steps: number): Graph {
  const inside = splitBodyInputs(params.body.inputs, params);
  const inner: LoopParams = {
    ...params,
    body: steppedBody(params),
    constants: params.constants + (params.step ? 1 : 0),
    length: steps,
    taken: false,
  };
  const graph = closedBody(params.body.name, (trace) => {
    const constants = inputsLike(trace, inside.constants), carries = inputsLike(trace, inside.carries);
    const number = inputsLike(trace, inside.step ? [inside.step] : []);
    const slices = inputsOf(
      trace,
      inside.slices.map(({ aval: { shape, dtype } }) => ({ shape: [steps, ...shape], dtype })),
    );
    const start = number.map((n) => bindOne(elementwise.mul, [n, Tensor.literal(steps, "int32")], {}));
    return {
      inputs: [...constants, ...carries, ...number, ...slices],
      outputs: bind(loopPrimitive, [...constants, ...start, ...carries, ...slices], inner),
    };
  });
  return INSIDE.reduce((current, pass) => pass.run(current), graph);
}

/** The body with the number of the first step as its last constant, where it asks for numbers. */
function steppedBody(params: LoopParams): Graph {
  const { body } = params;
  if (!params.step) return body;
  const inside = splitBodyInputs(body.inputs, params);
  return closedBody(body.name, (trace) => {
    const constants = inputsLike(trace, inside.constants), carries = inputsLike(trace, inside.carries);
    const [start, number] = inputsLike(trace, [inside.step!, inside.step!]);
    const slices = inputsLike(trace, inside.slices);
    const step = bindOne(elementwise.add, [start, number], {});
    return {
      inputs: [...constants, start, ...carries, number, ...slices],
      outputs: evaluateGraph(body, joinBodyInputs({ constants, carries, step, slices })),
    };
  });
}
