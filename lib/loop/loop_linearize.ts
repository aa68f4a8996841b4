/**
 * Linearisation of a loop: a primal loop that stores the coefficients of each step, and a linear loop over them that
 * runs on tangents.
 *
 *     for t:  c, y = body(c, x_t)          ->     for t:  c, y, r_t = body(c, x_t)      r: what the derivative needs
 *                                                 for t:  c', y' = J(r_t) (c', x'_t)    linear; transposed, it runs backwards
 *
 * A loop whose length only shows when it runs stores on tapes, which grow by one row per step and are read backwards
 * by the transposed loop (Hascoet and Pascual, The Tapenade automatic differentiation tool, 2013). An inner loop of
 * unknown length inside another loop keeps its initial values only, and records its tape again on the way back: memory
 * for one of its runs at a time, for one more forward run.
 */
import { collectResiduals, LinearFunction, pruneMap } from "../autodiff/linear_function.ts";
import { type LinearMap, residualsOf } from "../autodiff/linear_map.ts";
import { linearizeGraph } from "../autodiff/linearize.ts";
import { replayNode } from "../autodiff/replay.ts";
import { byteSize } from "../trace/dtype.ts";
import { Graph, type Variable } from "../trace/graph.ts";
import type { MaybeTensor } from "../trace/primitive.ts";
import { instantiate } from "../trace/primitives/zeros.ts";
import { prune } from "../trace/prune.ts";
import { sizeOf } from "../trace/shape.ts";
import type { Tensor } from "../trace/tensor.ts";
import { bind, Trace, withTrace } from "../trace/trace.ts";
import { differentiable, loopActivity } from "./activity.ts";
import { checkClosed, closedBody, inputsLike, inputsOf } from "./body_trace.ts";
import { checkpointed } from "./checkpoint_every.ts";
import type { Pushed } from "./loop_forward.ts";
import { joinInputs, splitBodyInputs, splitBodyOutputs, splitInputs, splitOutputs } from "./loop_layout.ts";
import type { LoopParams } from "./loop_params.ts";
import { loopPrimitive } from "./loop_primitive.ts";
import { planResiduals, type ResidualPlan } from "./residuals.ts";

interface LinearizedBody {
  /** Outputs: carries, rows, stored coefficients, stop. */
  readonly primal: Graph;
  readonly map: LinearMap;
  readonly plan: ResidualPlan;
  /** The inputs of the primal body. */
  readonly inputs: readonly Variable[];
}

function linearizeBody(params: LoopParams, active: readonly boolean[]): LinearizedBody {
  const { body } = params;
  const trace = new Trace(null, body.name);
  return withTrace(trace, () => {
    const own = inputsLike(trace, body.inputs);
    const positions = active.flatMap((flag, i) => flag ? [i] : []);
    const differentiated = params.carries + params.results;
    const { outputs, map: full } = linearizeGraph(body, own, positions, "loop", differentiated);
    const map = pruneMap(full);
    const variables = own.map((tensor) => tensor.variable!);
    const inside = splitBodyInputs(variables, params);
    const plan = planResiduals(trace.nodes, residualsOf(map), inside);
    const results = splitBodyOutputs(outputs.map((tensor) => trace.lift(tensor)), params);
    const stop = results.stop ? [results.stop] : [];
    const all = [...results.carries, ...results.rows, ...plan.stored, ...stop];
    const primal = checkClosed(trace, prune(new Graph(variables, all, trace.nodes, body.name)));
    return { primal, map, plan, inputs: variables };
  });
}

/** The outputs of a loop, computed anew, and their tangents by a linear loop. */
export function linearizeLoop(
  primals: readonly Tensor[],
  tangents: readonly MaybeTensor[],
  params: LoopParams,
): Pushed {
  const given = splitInputs(primals, params);
  const moving = splitInputs(tangents, params);
  const has = (list: readonly MaybeTensor[]) => list.map((tangent) => tangent !== null);
  const constants = has(moving.constants), slices = has(moving.sequences);
  const { carries } = loopActivity(
    params,
    { constants, carries: has(moving.carries), slices },
    differentiable,
  );
  const active = [...constants, ...carries, ...(params.step ? [false] : []), ...slices];
  const linearized = linearizeBody(params, active);
  const { map, plan } = linearized;
  if (isTooLarge(params, plan.stored)) return linearizeInBlocks(primals, tangents, params);

  const stopsEarly = params.condition !== null || params.stops;
  const primalParams: LoopParams = {
    ...params,
    body: linearized.primal,
    results: params.results + plan.stored.length,
    taken: params.taken || stopsEarly,
  };
  const results = splitOutputs(bind(loopPrimitive, primals, primalParams), primalParams);
  const stored = results.results.slice(params.results);

  const inside = splitBodyInputs(linearized.inputs, params);
  const kept = (variables: readonly Variable[], tensors: readonly Tensor[]) => {
    const chosen = variables.map((_, i) => i).filter((i) => plan.inputs.includes(variables[i]));
    return { variables: chosen.map((i) => variables[i]), tensors: chosen.map((i) => tensors[i]) };
  };
  const keptConstants = kept(inside.constants, given.constants);
  const keptSlices = kept(inside.slices, given.sequences);
  const placeholders = splitBodyInputs(spread(map.inputs, active), params);
  const outputs = splitBodyOutputs(map.outputs, { ...params, stops: false });
  const present = <T>(list: readonly (T | null)[]) => list.filter((value): value is T => value !== null);
  const activeCarries = carries.flatMap((flag, i) => flag ? [i] : []);

  const linearBody = closedBody(`linear ${params.body.name}`, (trace) => {
    const values = new Map<Variable, Tensor>();
    const inputs: Tensor[] = [];
    const enter = (variables: readonly Variable[]) => {
      const tensors = inputsLike(trace, variables);
      variables.forEach((variable, i) => values.set(variable, tensors[i]));
      inputs.push(...tensors);
    };
    enter(keptConstants.variables);
    enter(present(placeholders.constants));
    enter(present(placeholders.carries));
    enter(keptSlices.variables);
    enter(plan.stored);
    enter(present(placeholders.slices));
    for (const node of [...plan.recomputed, ...map.nodes]) {
      const made = replayNode(trace, node, node.inputs.map((input) => values.get(input)!));
      node.outputs.forEach((output, i) => values.set(output, made[i]));
    }
    const tangentOf = (variable: Variable | null) => variable && values.get(variable)!;
    return {
      inputs,
      outputs: [
        ...activeCarries.map((i) => instantiate(tangentOf(outputs.carries[i]), given.carries[i].aval)),
        ...present(outputs.rows).map((variable) => tangentOf(variable)!),
      ],
    };
  });
  const linearInputs = {
    count: stopsEarly ? results.taken : given.count,
    constants: [...keptConstants.tensors, ...present(moving.constants)],
    carries: activeCarries.map((i) => instantiate(moving.carries[i], given.carries[i].aval)),
    sequences: [...keptSlices.tensors, ...stored, ...present(moving.sequences)],
  };
  const linearParams: LoopParams = {
    body: linearBody,
    condition: null,
    constants: linearInputs.constants.length,
    carries: linearInputs.carries.length,
    sequences: linearInputs.sequences.length,
    results: present(outputs.rows).length,
    length: params.length,
    counted: linearInputs.count !== null,
    step: false,
    stops: false,
    reverse: params.reverse,
    taken: false,
  };
  const moved = linearParams.carries + linearParams.results === 0
    ? []
    : bind(loopPrimitive, joinInputs(linearInputs), linearParams);
  let next = 0;
  const taken = params.taken ? [results.taken!] : [];
  return {
    outputs: [...results.carries, ...results.results.slice(0, params.results), ...taken],
    tangents: [
      ...carries.map((flag) => flag ? moved[next++] : null),
      ...outputs.rows.map((variable) => variable ? moved[next++] : null),
      ...taken.map(() => null),
    ],
  };
}

function spread<T>(list: readonly T[], flags: readonly boolean[]): (T | null)[] {
  let next = 0;
  return flags.map((flag) => flag ? list[next++] : null);
}

let threshold = 2 ** 30;

/**
 * Sets how many bytes a loop may store for its derivative before it is divided into about sqrt(n) checkpointed blocks.
 * Returns the previous setting.
 */
export function setCheckpointThreshold(bytes: number): number {
  const previous = threshold;
  threshold = bytes;
  return previous;
}

function isTooLarge(params: LoopParams, stored: readonly Variable[]): boolean {
  const { length, counted, condition, stops, taken } = params;
  if (length < 4 || counted || condition || stops || taken) return false;
  const bytes = stored.reduce((sum, { aval }) => sum + sizeOf(aval.shape) * byteSize(aval.dtype), 0);
  return bytes * length > threshold;
}

function linearizeInBlocks(
  primals: readonly Tensor[],
  tangents: readonly MaybeTensor[],
  params: LoopParams,
): Pushed {
  const graph = closedBody(params.body.name, (trace) => {
    const inputs = inputsOf(trace, primals.map((primal) => primal.aval));
    const closed = { ...splitInputs(inputs, params), operation: params.body.name, params, states: [] };
    const { carries, results } = checkpointed(closed, Math.ceil(Math.sqrt(params.length)));
    return { inputs, outputs: [...carries, ...results] };
  });
  const active = tangents.flatMap((tangent, i) => tangent ? [i] : []);
  const { outputs, map: full } = linearizeGraph(graph, primals, active, "loop");
  const map = pruneMap(full);
  const { variables, tensors } = collectResiduals(map);
  const linear = new LinearFunction(map, variables, tensors, "loop");
  return { outputs, tangents: linear.apply(active.map((i) => tangents[i])) };
}
