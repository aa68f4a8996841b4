/**
 * A loop over a batch. Where the control is the same for all examples, the body is batched and nothing else changes.
 * Where the trip count depends on the example (a while loop, until, a batched count), the loop runs until the last
 * example is done, and leaves finished ones alone: their carries keep their values and their rows are 0.
 *
 * A batched tape has its batch axis behind the steps, since its leading size is known only when the loop has run.
 */
import { batchGraph } from "../autodiff/batch_graph.ts";
import { moveAxis } from "../autodiff/vmap.ts";
import type { Graph } from "../trace/graph.ts";
import type { BatchArguments } from "../trace/primitive.ts";
import { castPrimitive } from "../trace/primitives/cast.ts";
import { elementwise } from "../trace/primitives/elementwise.ts";
import { concatPrimitive } from "../trace/primitives/move_concat.ts";
import { reshapeTo } from "../trace/primitives/move.ts";
import { reductions } from "../trace/primitives/reduce.ts";
import { broadcastFront, filled } from "../trace/primitives/zeros.ts";
import type { ScalarOp } from "../trace/scalar_op.ts";
import { Tensor } from "../trace/tensor.ts";
import { bind, bindOne } from "../trace/trace.ts";
import { dependence, dependents, loopActivity } from "./activity.ts";
import { closedBody, inputsOf } from "./body_trace.ts";
import {
  joinInputs,
  type LoopInputs,
  splitBodyInputs,
  splitBodyOutputs,
  splitInputs,
  splitOutputs,
} from "./loop_layout.ts";
import { DYNAMIC, type LoopParams } from "./loop_params.ts";
import { loopPrimitive } from "./loop_primitive.ts";
import { batchMasked } from "./masked_effects.ts";

const op = (name: ScalarOp, ...inputs: Tensor[]): Tensor => bindOne(elementwise[name], inputs, {});
const front = (x: Tensor, batched: boolean, size: number) => batched ? x : broadcastFront(x, size);
const int = (x: Tensor) => bindOne(castPrimitive, [x], { dtype: "int32" });

/** Where `alive` (one bool per example) `a`, else `b`. */
function choose(alive: Tensor, a: Tensor, b: Tensor): Tensor {
  const ones = new Array<number>(a.ndim - 1).fill(1);
  return op("select", reshapeTo(alive, [alive.shape[0], ...ones]), a, b);
}

export function batchLoop({ inputs, batched, params, size }: BatchArguments<LoopParams>): readonly Tensor[] {
  const flags = splitInputs(batched, params);
  const given = alignSequences(splitInputs(inputs, params), flags, params);
  const marked = { constants: flags.constants, carries: flags.carries, slices: flags.sequences };
  const { carries, variables } = loopActivity(params, marked, dependence);
  const conditionMask = [...flags.constants, ...carries];
  const { condition, body } = params;
  const byCondition = condition !== null &&
    dependents(condition, conditionMask, dependence).has(condition.outputs[0]);
  const { stop, rows } = splitBodyOutputs(body.outputs, params);
  const byStop = stop !== null && variables.has(stop);
  if (byCondition || byStop || flags.count) return maskedLoop(given, flags, params, size);

  const rowMask = rows.map((row) => variables.has(row) || params.length === DYNAMIC);
  const stepMask = params.step ? [false] : [];
  const mask = [...flags.constants, ...carries, ...stepMask, ...flags.sequences];
  const graph = closedBody(body.name, (trace) => {
    const own = inputsOf(trace, body.inputs.map(({ aval }, i) => batchedAval(aval, mask[i], size)));
    const result = batchGraph(body, own, mask, size);
    const full = [...carries, ...rowMask, ...(stop ? [false] : [])];
    return {
      inputs: own,
      outputs: result.outputs.map((x, i) => full[i] ? front(x, result.batched[i], size) : x),
    };
  });
  const batchedParams: LoopParams = {
    ...params,
    body: graph,
    condition: condition && closedBody(condition.name, (trace) => {
      const own = inputsOf(
        trace,
        condition.inputs.map(({ aval }, i) => batchedAval(aval, conditionMask[i], size)),
      );
      return { inputs: own, outputs: batchGraph(condition, own, conditionMask, size).outputs };
    }),
  };
  const initial = given.carries.map((x, i) => carries[i] ? front(x, flags.carries[i], size) : x);
  const outputs = splitOutputs(
    bind(loopPrimitive, joinInputs({ ...given, carries: initial }), batchedParams),
    params,
  );
  return [
    ...outputs.carries.map((x, i) => front(x, carries[i], size)),
    ...outputs.results.map((x, i) => rowMask[i] ? unstack(x) : broadcastFront(x, size)),
    ...(outputs.taken ? [broadcastFront(outputs.taken, size)] : []),
  ];
}

interface SomeAval {
  readonly shape: readonly number[];
  readonly dtype: Tensor["aval"]["dtype"];
}

function batchedAval({ shape, dtype }: SomeAval, batched: boolean, size: number): SomeAval {
  return { shape: batched ? [size, ...shape] : shape, dtype };
}

/** Batched sequences with the steps in front. */
function alignSequences(
  inputs: LoopInputs<Tensor>,
  flags: LoopInputs<boolean>,
  params: LoopParams,
): LoopInputs<Tensor> {
  const sequences = inputs.sequences.map((x, i) =>
    flags.sequences[i] && params.length !== DYNAMIC ? moveAxis(x, 1, 0) : x
  );
  return { ...inputs, sequences };
}

/** Stacked batched rows with the batch in front; tapes stay as they are. */
function unstack(x: Tensor): Tensor {
  return x.shape[0] === DYNAMIC ? x : moveAxis(x, 1, 0);
}

function maskedLoop(
  given: LoopInputs<Tensor>,
  flags: LoopInputs<boolean>,
  params: LoopParams,
  size: number,
): readonly Tensor[] {
  const { body, condition } = params;
  const hasAlive = condition !== null || params.stops;
  const countedApart = flags.count === true;
  const inside = splitBodyInputs(body.inputs.map((input) => input.aval), params);
  const conditionMask = [...flags.constants, ...inside.carries.map(() => true)];
  const holds = (
    graph: Graph,
    constants: readonly Tensor[],
    carries: readonly Tensor[],
    active?: Tensor,
  ) => {
    const values = [...constants, ...carries];
    const result = active
      ? batchMasked(graph, values, conditionMask, active, size)
      : batchGraph(graph, values, conditionMask, size);
    return front(result.outputs[0], result.batched[0], size);
  };
  const largest = () => {
    const zero = filled(0, { shape: [1], dtype: "int32" });
    const all = bindOne(concatPrimitive, [given.count!, zero], { axis: 0 });
    return bindOne(reductions.max, [all], { axes: [0] });
  };
  const total = countedApart ? largest() : given.count;
  const initial = given.carries.map((x, i) => front(x, flags.carries[i], size));
  const alive = !hasAlive
    ? []
    : condition
    ? [holds(condition, given.constants, initial)]
    : [filled(1, { shape: [size], dtype: "bool" })];
  const counters = params.taken ? [filled(0, { shape: [size], dtype: "int32" })] : [];
  const counts = countedApart ? [given.count!, total!] : [];
  const needsStep = params.step || countedApart;

  const graph = closedBody(body.name, (trace) => {
    const avals = {
      constants: inside.constants.map((aval, i) => batchedAval(aval, flags.constants[i], size)),
      counts: counts.map((x) => x.aval),
      carries: inside.carries.map((aval) => batchedAval(aval, true, size)),
      alive: alive.map((x) => x.aval),
      counters: counters.map((x) => x.aval),
      step: needsStep ? [{ shape: [], dtype: "int32" } as const] : [],
      slices: inside.slices.map((aval, i) => batchedAval(aval, flags.sequences[i], size)),
    };
    const constants = inputsOf(trace, avals.constants), ownCounts = inputsOf(trace, avals.counts);
    const carries = inputsOf(trace, avals.carries), ownAlive = inputsOf(trace, avals.alive);
    const ownCounters = inputsOf(trace, avals.counters), step = inputsOf(trace, avals.step);
    const slices = inputsOf(trace, avals.slices);
    let active = ownAlive.length > 0 ? ownAlive[0] : null;
    if (countedApart) {
      const last = Tensor.literal(1, "int32");
      const position = params.reverse ? op("sub", op("sub", ownCounts[1], last), step[0]) : step[0];
      const within = op("lt", position, ownCounts[0]);
      active = active ? op("and", active, within) : within;
    }
    const mask = [
      ...flags.constants,
      ...carries.map(() => true),
      ...(params.step ? [false] : []),
      ...flags.sequences,
    ];
    const ownInputs = [...constants, ...carries, ...(params.step ? step : []), ...slices];
    const result = batchMasked(body, ownInputs, mask, active!, size);
    const full = result.outputs.map((x, i) => front(x, result.batched[i], size));
    const { carries: next, rows, stop } = splitBodyOutputs(full, params);
    const chosen = next.map((x, i) => choose(active!, x, carries[i]));
    let stillAlive = active!;
    if (stop) stillAlive = op("and", stillAlive, op("not", stop));
    if (condition) stillAlive = op("and", stillAlive, holds(condition, constants, chosen, stillAlive));
    return {
      inputs: [...constants, ...ownCounts, ...carries, ...ownAlive, ...ownCounters, ...step, ...slices],
      outputs: [
        ...chosen,
        ...(hasAlive ? [stillAlive] : []),
        ...ownCounters.map((x) => op("add", x, int(active!))),
        ...rows.map((x) => choose(active!, x, filled(0, { shape: [], dtype: x.aval.dtype }))),
      ],
    };
  });
  const allCarries = [...initial, ...alive, ...counters];
  const constants = [...given.constants, ...counts];
  const anyAlive = !hasAlive ? null : closedBody("some example goes on", (trace) => {
    const own = inputsOf(trace, [...constants, ...allCarries].map((x) => x.aval));
    const flag = own[constants.length + initial.length];
    return { inputs: own, outputs: [bindOne(reductions.any, [flag], { axes: [0] })] };
  });
  const masked: LoopParams = {
    ...params,
    body: graph,
    condition: anyAlive,
    constants: constants.length,
    carries: allCarries.length,
    step: needsStep,
    stops: false,
    taken: false,
  };
  const outputs = splitOutputs(
    bind(
      loopPrimitive,
      joinInputs({ count: total, constants, carries: allCarries, sequences: given.sequences }),
      masked,
    ),
    masked,
  );
  return [
    ...outputs.carries.slice(0, initial.length),
    ...outputs.results.map(unstack),
    ...(params.taken ? [outputs.carries[allCarries.length - 1]] : []),
  ];
}
