/**
 * The rules of conditions. Derivatives are switches on the same index. The linear part of a branch computes its
 * coefficients again from the operands: what the branches that were not taken would have stored need not exist.
 */
import { batchGraph, batchGraphFully } from "../autodiff/batch_graph.ts";
import { linearizeGraph } from "../autodiff/linearize.ts";
import { linearPart, transposeGraph } from "../autodiff/transpose_graph.ts";
import { pushForward } from "../autodiff/push_forward.ts";
import { replayNode } from "../autodiff/replay.ts";
import { LoopError } from "../trace/errors.ts";
import type { Graph, Variable } from "../trace/graph.ts";
import { interpretGraph } from "../trace/interpret.ts";
import type { BatchArguments, HostArray, MaybeTensor, TransposeArguments } from "../trace/primitive.ts";
import { elementwise } from "../trace/primitives/elementwise.ts";
import { isFloat } from "../trace/dtype.ts";
import { reshapeTo } from "../trace/primitives/move.ts";
import { stopGradientPrimitive } from "../trace/primitives/stop_gradient.ts";
import { broadcastFront, instantiate } from "../trace/primitives/zeros.ts";
import { type Aval, describe, sameAval } from "../trace/shape.ts";
import { Tensor } from "../trace/tensor.ts";
import { bind, bindOne } from "../trace/trace.ts";
import { dependents, differentiable } from "./activity.ts";
import { closedBody, inputsLike, inputsOf } from "./body_trace.ts";
import type { Pushed } from "./loop_forward.ts";
import type { SwitchParams } from "./loop_params.ts";
import { batchMasked } from "./masked_effects.ts";
import { switchPrimitive } from "./switch_primitive.ts";

export function inferSwitch(
  [index, ...operands]: readonly Aval[],
  { branches }: SwitchParams,
): readonly Aval[] {
  const fault = (what: string) =>
    new LoopError(`switch: ${what}.`, {
      operation: "switch",
      remedy: "Make conditions with cond or switchCase.",
    });
  if (branches.length === 0) throw fault("there are no branches");
  if (!sameAval(index, { shape: [], dtype: "int32" })) throw fault(`the index is ${describe(index)}`);
  const outputs = branches[0].outputs.map(({ aval: { shape, dtype } }): Aval => ({ shape, dtype }));
  branches.forEach((branch, b) => {
    if (branch.inputs.length !== operands.length || branch.outputs.length !== outputs.length) {
      throw fault(`branch ${b} has ${branch.inputs.length} inputs and ${branch.outputs.length} outputs`);
    }
    branch.inputs.forEach(({ aval }, i) => {
      if (!sameAval(aval, operands[i])) {
        throw fault(`operand ${i} is ${describe(operands[i])} and branch ${b} takes ${describe(aval)}`);
      }
    });
    branch.outputs.forEach(({ aval }, i) => {
      if (!sameAval(aval, outputs[i])) {
        throw fault(`output ${i} of branch ${b} is ${describe(aval)} instead of ${describe(outputs[i])}`);
      }
    });
  });
  return outputs;
}

export function evaluateSwitch(
  [index, ...operands]: readonly HostArray[],
  { branches }: SwitchParams,
): readonly HostArray[] {
  const taken = Math.max(0, Math.min(branches.length - 1, index.data[0]));
  return interpretGraph(branches[taken], operands);
}

/** Which outputs have a derivative in some branch. */
function activeOutputs(branches: readonly Graph[], marked: readonly boolean[]): boolean[] {
  const sets = branches.map((branch) => dependents(branch, marked, differentiable));
  return branches[0].outputs.map((_, k) => branches.some(({ outputs }, b) => sets[b].has(outputs[k])));
}

function place<T>(list: readonly T[], flags: readonly boolean[]): (T | null)[] {
  let next = 0;
  return flags.map((flag) => flag ? list[next++] : null);
}

export function forwardSwitch(
  [index, ...operands]: readonly Tensor[],
  [, ...tangents]: readonly MaybeTensor[],
  { branches }: SwitchParams,
): Pushed {
  const marked = tangents.map((tangent) => tangent !== null);
  const active = activeOutputs(branches, marked);
  const moving = tangents.filter((tangent) => tangent !== null);
  const pushed = branches.map((branch) =>
    closedBody(branch.name, (trace) => {
      const own = inputsLike(trace, branch.inputs);
      const ownTangents = inputsOf(trace, moving.map((tangent) => tangent.aval));
      const result = pushForward(branch, own, place(ownTangents, marked), "cond");
      const directions = result.tangents.map((tangent, k) => instantiate(tangent, branch.outputs[k].aval));
      return {
        inputs: [...own, ...ownTangents],
        outputs: [...result.outputs, ...directions.filter((_, k) => active[k])],
      };
    })
  );
  const results = bind(switchPrimitive, [index, ...operands, ...moving], { branches: pushed });
  return { outputs: results.slice(0, active.length), tangents: place(results.slice(active.length), active) };
}

export function linearizeSwitch(
  primals: readonly Tensor[],
  [, ...tangents]: readonly MaybeTensor[],
  params: SwitchParams,
): Pushed {
  const { branches } = params;
  const outputs = bind(switchPrimitive, primals, params);
  const marked = tangents.map((tangent) => tangent !== null);
  const active = activeOutputs(branches, marked);
  if (!active.includes(true)) return { outputs, tangents: outputs.map(() => null) };
  const moving = tangents.filter((tangent) => tangent !== null);
  const linear = branches.map((branch) =>
    closedBody(`linear ${branch.name}`, (trace) => {
      const own = inputsLike(trace, branch.inputs);
      const ownTangents = inputsOf(trace, moving.map((tangent) => tangent.aval));
      const positions = marked.flatMap((flag, i) => flag ? [i] : []);
      const { map } = linearizeGraph(branch, own, positions, "cond");
      const values = new Map<Variable, Tensor>(map.inputs.map((input, i) => [input, ownTangents[i]]));
      const valueOf = (variable: Variable) =>
        values.get(variable) ?? new Tensor(variable.aval, null, trace, variable);
      for (const node of map.nodes) {
        const made = replayNode(trace, node, node.inputs.map(valueOf));
        node.outputs.forEach((output, i) => values.set(output, made[i]));
      }
      const directions = map.outputs.map((output, k) =>
        instantiate(output && valueOf(output), branch.outputs[k].aval)
      );
      return { inputs: [...own, ...ownTangents], outputs: directions.filter((_, k) => active[k]) };
    })
  );
  const moved = bind(switchPrimitive, [...primals, ...moving], { branches: linear });
  return { outputs, tangents: place(moved, active) };
}

export function transposeSwitch(
  { cotangents, inputs, avals, params: { branches } }: TransposeArguments<SwitchParams>,
): readonly MaybeTensor[] {
  const [index, ...operands] = inputs;
  const linear = operands.map((operand) => operand === null);
  const present = cotangents.map((cotangent) => cotangent !== null);
  const known = operands.filter((operand) => operand !== null);
  const given = cotangents.filter((cotangent) => cotangent !== null);
  const reached = branches.map((branch) => reachedInputs(branch, linear, present));
  const active = linear.map((_, i) => reached.some((set) => set.has(i)));
  if (!active.includes(true)) return inputs.map(() => null);
  const types = avals.slice(1);
  const transposed = branches.map((branch) =>
    closedBody(`backward ${branch.name}`, (trace) => {
      const own = inputsOf(trace, known.map((operand) => operand.aval));
      const ownCotangents = inputsOf(trace, given.map((cotangent) => cotangent.aval));
      const values = place(own, linear.map((flag) => !flag));
      const pulled = place(transposeGraph(branch, values, place(ownCotangents, present), "cond"), linear);
      const results = types.map((aval, i) => instantiate(pulled[i] ?? null, aval));
      return { inputs: [...own, ...ownCotangents], outputs: results.filter((_, i) => active[i]) };
    })
  );
  const results = bind(switchPrimitive, [index!, ...known, ...given], { branches: transposed });
  return [null, ...place(results, active)];
}

/** The linear inputs of a branch from which a path leads to an output that has a cotangent. */
function reachedInputs(branch: Graph, linear: readonly boolean[], present: readonly boolean[]): Set<number> {
  const { map } = linearPart(branch, linear);
  const found = new Set<Variable>();
  map.outputs.forEach((output, k) => output && present[k] && found.add(output));
  for (let i = map.nodes.length - 1; i >= 0; i--) {
    const node = map.nodes[i];
    if (!node.outputs.some((output) => found.has(output))) continue;
    for (const input of node.inputs) if (map.variables.has(input)) found.add(input);
  }
  return new Set(branch.inputs.flatMap((input, i) => linear[i] && found.has(input) ? [i] : []));
}

export function batchSwitch(
  { inputs, batched, params: { branches }, size }: BatchArguments<SwitchParams>,
): readonly Tensor[] {
  const [index, ...operands] = inputs;
  const [byExample, ...mask] = batched;
  if (byExample) return selectBranches(index, operands, mask, branches, size);
  const full = branches.map((branch) =>
    closedBody(branch.name, (trace) => {
      const own = inputsOf(trace, operands.map((operand) => operand.aval));
      return { inputs: own, outputs: batchGraphFully(branch, own, mask, size) };
    })
  );
  return bind(switchPrimitive, inputs, { branches: full });
}

/**
 * Where each example takes its own branch, all are computed and one is chosen. A branch sees its operands through
 * select(taken, x, stopGradient(x)): the same values, of which derivatives are exactly 0 for the examples that take
 * another branch, whatever infinities it would have met there. Checks of a branch are those of the examples that take it.
 */
function selectBranches(
  index: Tensor,
  operands: readonly Tensor[],
  mask: readonly boolean[],
  branches: readonly Graph[],
  size: number,
): readonly Tensor[] {
  const last = branches.length - 1;
  const compare = (op: "le" | "eq" | "ge", b: number): Tensor =>
    bindOne(elementwise[op], [index, Tensor.literal(b, "int32")], {});
  const shaped = (flags: Tensor, like: Tensor): Tensor =>
    reshapeTo(flags, [size, ...new Array<number>(like.ndim - 1).fill(1)]);
  const results = branches.map((branch, b) => {
    // Indices are clamped into range.
    const taken = compare(b === 0 ? "le" : b === last ? "ge" : "eq", b);
    const guarded = operands.map((x, i) => {
      if (last === 0 || !isFloat(x.aval.dtype)) return x;
      const full = mask[i] ? x : broadcastFront(x, size);
      const fixed = bindOne(stopGradientPrimitive, [full], {});
      return bindOne(elementwise.select, [shaped(taken, full), full, fixed], {});
    });
    const batched = guarded.map((x, i) => mask[i] || x !== operands[i]);
    const result = last === 0
      ? batchGraph(branch, guarded, batched, size)
      : batchMasked(branch, guarded, batched, taken, size);
    return result.outputs.map((output, k) => result.batched[k] ? output : broadcastFront(output, size));
  });
  return results[0].map((first, k) => {
    let chosen = first;
    for (let b = 1; b <= last; b++) {
      const from = shaped(compare("ge", b), first);
      chosen = bindOne(elementwise.select, [from, results[b][k], chosen], {});
    }
    return chosen;
  });
}
