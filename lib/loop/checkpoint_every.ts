/**
 * Memory for time in reverse mode: a loop of n steps becomes a loop over blocks of k steps, each of them checkpointed.
 * Only the carries between blocks are stored, and the steps of one block at a time while it is walked back: n / k + k
 * records instead of n, for one more forward computation; least at k = sqrt(n) (Chen, Xu, Zhang and Guestrin, Training
 * deep nets with sublinear memory cost, 2016; the two-level case of Griewank and Walther, Algorithm 799, 2000).
 */
import { checkpointPrimitive } from "../autodiff/checkpoint.ts";
import { LoopError } from "../trace/errors.ts";
import type { Graph } from "../trace/graph.ts";
import { castPrimitive } from "../trace/primitives/cast.ts";
import { elementwise } from "../trace/primitives/elementwise.ts";
import { reshapeTo } from "../trace/primitives/move.ts";
import { concatPrimitive } from "../trace/primitives/move_concat.ts";
import { Tensor } from "../trace/tensor.ts";
import { bind, bindOne, evaluateGraph } from "../trace/trace.ts";
import { closedBody, inputsLike, inputsOf } from "./body_trace.ts";
import { bindLoop, type ClosedLoop, type LoopResult } from "./close_loop.ts";
import { joinBodyInputs, splitBodyInputs, splitBodyOutputs } from "./loop_layout.ts";
import type { LoopParams } from "./loop_params.ts";
import { loopPrimitive } from "./loop_primitive.ts";
import { rowsBetween } from "./truncate_gradient.ts";

const INT = { shape: [], dtype: "int32" } as const;
const BOOL = { shape: [], dtype: "bool" } as const;
const add = (a: Tensor, b: Tensor) => bindOne(elementwise.add, [a, b], {});
const integer = (value: number) => Tensor.literal(value, "int32");

/** The loop in checkpointed blocks of `every` steps. Its length must be static, and there must be no condition. */
export function checkpointed(closed: ClosedLoop, every: number): LoopResult {
  if (!Number.isInteger(every) || every < 1) {
    throw new LoopError(`${closed.operation}: checkpointEvery is ${String(every)}.`, {
      operation: closed.operation,
      arguments: [{ name: "checkpointEvery", value: every }],
      remedy: "Pass the number of steps between checkpoints: a positive integer.",
    });
  }
  const { params, sequences } = closed;
  const { length, reverse } = params;
  if (every >= length || closed.count) return bindLoop(closed);
  const blocks = Math.floor(length / every), rest = length - blocks * every;
  const edge = reverse ? rest : blocks * every;
  const [whole, partial] = reverse
    ? [sequences.map((x) => rowsBetween(x, edge, length)), sequences.map((x) => rowsBetween(x, 0, edge))]
    : [sequences.map((x) => rowsBetween(x, 0, edge)), sequences.map((x) => rowsBetween(x, edge, length))];
  const first = runBlocks(closed, whole, blocks, every);
  if (rest === 0) return first;
  const block = blockGraph(params, rest);
  const go = first.stopped
    ? bindOne(castPrimitive, [bindOne(elementwise.not, [first.stopped], {})], { dtype: "int32" })
    : integer(1);
  const count = bindOne(elementwise.mul, [go, integer(rest)], {});
  const last = splitBlock(
    bind(checkpointPrimitive, [
      ...closed.constants,
      ...first.carries,
      count,
      integer(blocks * every),
      ...partial,
    ], { graph: block }),
    params,
  );
  const results = first.results.map((rows, i) =>
    bindOne(concatPrimitive, reverse ? [last.rows[i], rows] : [rows, last.rows[i]], { axis: 0 })
  );
  return { carries: last.carries, results, taken: first.taken && add(first.taken, last.taken) };
}

function splitBlock(outputs: readonly Tensor[], { carries, results }: LoopParams) {
  return {
    carries: outputs.slice(0, carries),
    rows: outputs.slice(carries, carries + results),
    stopped: outputs[carries + results],
    taken: outputs[carries + results + 1],
  };
}

/**
 * The steps of one block. Inputs: constants, carries, how many steps to take, the number of the first, sequences.
 * Outputs: carries, rows, whether the loop has stopped, how many steps were taken.
 */
function blockGraph(params: LoopParams, length: number): Graph {
  const { body } = params;
  const inside = splitBodyInputs(body.inputs, params);
  return closedBody(body.name, (trace) => {
    const constants = inputsLike(trace, inside.constants), carries = inputsLike(trace, inside.carries);
    const [count, base] = inputsOf(trace, [INT, INT]);
    const sequences = inputsOf(
      trace,
      inside.slices.map(({ aval: { shape, dtype } }) => ({ shape: [length, ...shape], dtype })),
    );
    const inner: LoopParams = {
      ...params,
      body: steppedBody(params),
      constants: params.constants + 1,
      carries: params.carries + 1,
      length,
      counted: params.stops,
      taken: params.stops,
    };
    const outputs = bind(loopPrimitive, [
      ...(params.stops ? [count] : []),
      ...constants,
      base,
      ...carries,
      Tensor.literal(0, "bool"),
      ...sequences,
    ], inner);
    const { carries: n, results } = params;
    const rows = outputs.slice(n + 1, n + 1 + results);
    const taken = params.stops ? outputs[n + 1 + results] : count;
    return {
      inputs: [...constants, ...carries, count, base, ...sequences],
      outputs: [...outputs.slice(0, n), ...rows, outputs[n], taken],
    };
  });
}

/** The body with the number of the first step as a constant, and a carry that says whether it has stopped. */
function steppedBody(params: LoopParams): Graph {
  const { body } = params;
  const inside = splitBodyInputs(body.inputs, params);
  return closedBody(body.name, (trace) => {
    const constants = inputsLike(trace, inside.constants), [base] = inputsOf(trace, [INT]);
    const carries = inputsLike(trace, inside.carries), [stopped] = inputsOf(trace, [BOOL]);
    const step = params.step ? inputsOf(trace, [INT]) : [];
    const slices = inputsLike(trace, inside.slices);
    const number = params.step ? add(base, step[0]) : null;
    const all = evaluateGraph(body, joinBodyInputs({ constants, carries, step: number, slices }));
    const { carries: next, rows, stop } = splitBodyOutputs(all, params);
    return {
      inputs: [...constants, base, ...carries, stopped, ...step, ...slices],
      outputs: [...next, stop ?? stopped, ...rows, ...(stop ? [stop] : [])],
    };
  });
}

function runBlocks(
  closed: ClosedLoop,
  sequences: readonly Tensor[],
  blocks: number,
  every: number,
): LoopResult & { readonly stopped: Tensor | null } {
  const { params } = closed;
  const { stops } = params;
  const inside = splitBodyInputs(params.body.inputs, params);
  const block = blockGraph(params, every);
  const body = closedBody(params.body.name, (trace) => {
    const constants = inputsLike(trace, inside.constants), carries = inputsLike(trace, inside.carries);
    const state = stops ? inputsOf(trace, [BOOL, INT]) : [];
    const [number] = inputsOf(trace, [INT]);
    const slices = inputsOf(
      trace,
      inside.slices.map(({ aval: { shape, dtype } }) => ({ shape: [every, ...shape], dtype })),
    );
    const base = bindOne(elementwise.mul, [number, integer(every)], {});
    const inputs = [...constants, ...carries, integer(every), base, ...slices];
    const made = splitBlock(bind(checkpointPrimitive, inputs, { graph: block }), params);
    return {
      inputs: [...constants, ...carries, ...state, number, ...slices],
      outputs: [
        ...made.carries,
        ...(stops ? [made.stopped, add(state[1], made.taken)] : []),
        ...made.rows,
        ...(stops ? [made.stopped] : []),
      ],
    };
  });
  const state = stops ? [Tensor.literal(0, "bool"), integer(0)] : [];
  const outer: LoopParams = {
    ...params,
    body,
    carries: params.carries + state.length,
    length: blocks,
    counted: false,
    step: true,
    taken: false,
  };
  const parts = sequences.map((x) => reshapeTo(x, [blocks, every, ...x.shape.slice(1)]));
  const result = bindLoop({
    ...closed,
    params: outer,
    carries: [...closed.carries, ...state],
    sequences: parts,
  });
  const own = params.carries;
  return {
    carries: result.carries.slice(0, own),
    results: result.results.map((x) => reshapeTo(x, [blocks * every, ...x.shape.slice(2)])),
    taken: stops ? result.carries[own + 1] : null,
    stopped: stops ? result.carries[own] : null,
  };
}
