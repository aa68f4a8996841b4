/** cond and switchCase: one of several functions runs. */
import { defaultFloat, type DType, isFloat, isInteger } from "../trace/dtype.ts";
import { LoopError } from "../trace/errors.ts";
import { Graph } from "../trace/graph.ts";
import { castTo, isIntegral, toTensor } from "../trace/ops/convert.ts";
import { checkFunction } from "../trace/ops/options.ts";
import { functionName } from "../trace/parameter_names.ts";
import { castPrimitive } from "../trace/primitives/cast.ts";
import { prune } from "../trace/prune.ts";
import { describe, sameShape } from "../trace/shape.ts";
import type { Shared } from "../trace/shared.ts";
import type { Tensor } from "../trace/tensor.ts";
import { bind, bindOne, currentTrace, Trace, withTrace } from "../trace/trace.ts";
import { sameStructure, unflatten } from "../trace/tree.ts";
import { BranchStates } from "./branch_states.ts";
import { Surroundings } from "./close_loop.ts";
import type { Carried } from "./imperative_body.ts";
import { switchPrimitive } from "./switch_primitive.ts";
import {
  conditionScalar,
  flattenValues,
  type FlatValues,
  type Values,
  type ValuesLike,
  withDtype,
} from "./values.ts";

/**
 * `condition ? whenTrue(...operands) : whenFalse(...operands)`. Both functions are traced, once each, and one of them
 * runs. They must return trees of the same structure and types. A Shared, or a state of a loop, that one of them
 * assigns keeps its value when the other runs. Under vmap with a condition that differs between examples both run and the results are chosen; the
 * derivatives of the branch that an example does not take are exactly 0, whatever infinities it meets there.
 *
 * @throws {LoopError} when the results differ in type or the condition is not one bool.
 * @example
 * ```ts
 * import { cond, tensor } from "@damo/damo";
 * const x = tensor(-2);
 * const y = cond(x.gt(0), (x) => x.mul(2), (x) => x.neg(), x);
 * console.assert(y.itemSync() === 2);
 * ```
 */
export function cond<const A extends readonly unknown[], const R>(
  condition: Tensor | Shared | boolean,
  whenTrue: (...operands: Values<A>) => R,
  whenFalse: (...operands: Values<A>) => ValuesLike<NoInfer<R>>,
  ...operands: A
): Values<R> {
  checkFunction("cond", whenTrue, "whenTrue");
  checkFunction("cond", whenFalse, "whenFalse");
  const scalar = conditionScalar(condition, "cond", "the condition");
  const index = bindOne(castPrimitive, [scalar], { dtype: "int32" });
  return choose("cond", index, [whenFalse, whenTrue], ["whenFalse", "whenTrue"], operands) as Values<R>;
}

/**
 * `fns[index](...operands)`: every function is traced once, and one of them runs. An index out of range is clamped.
 *
 * @throws {LoopError} when the results differ in type or the index is not one integer.
 * @example
 * ```ts
 * import { switchCase, tensor } from "@damo/damo";
 * const y = switchCase(tensor(1, { dtype: "int32" }), [(x) => x, (x) => x.mul(x)], tensor(3));
 * console.assert(y.itemSync() === 9);
 * ```
 */
export function switchCase<const A extends readonly unknown[], const R>(
  index: number | Tensor | Shared,
  fns: readonly ((...operands: Values<A>) => R)[],
  ...operands: A
): Values<R> {
  const given = toTensor(index);
  const { shape, dtype, weak } = given.aval;
  if (shape.length > 0 || !(weak ? isIntegral(given) : isInteger(dtype))) {
    throw new LoopError(`switchCase: the index is ${describe(given.aval)}.`, {
      operation: "switchCase",
      arguments: [{ name: "index", shape, dtype }],
      remedy: 'Pass one integer: write index.cast("int32") for a whole number in a float.',
    });
  }
  if (!Array.isArray(fns) || fns.length === 0) {
    throw new LoopError("switchCase: there are no functions to choose from.", {
      operation: "switchCase",
      remedy: "Pass at least one.",
    });
  }
  const names = fns.map((_, i) => `fns[${i}]`);
  fns.forEach((fn, i) => checkFunction("switchCase", fn, names[i]));
  return choose("switchCase", castTo(given, "int32"), fns, names, operands) as Values<R>;
}

interface Branch {
  readonly trace: Trace;
  readonly inputs: readonly Tensor[];
  readonly result: FlatValues;
  /** What it assigned to states of loops around it. */
  readonly assigned: ReadonlyMap<Carried, readonly Tensor[]>;
}

/** What the branches of a condition leave behind: the user's results, then the states that any of them assigns. */
interface Outcome {
  readonly paths: readonly string[];
  /** Per branch. */
  readonly tensors: readonly (readonly Tensor[])[];
}

function choose(
  operation: string,
  index: Tensor,
  fns: readonly ((...operands: never[]) => unknown)[],
  names: readonly string[],
  operands: readonly unknown[],
): unknown {
  const flat = flattenValues([...operands], "operands");
  // Plain numbers take the dtype of what they meet in each branch.
  const given = flat.tensors.filter((tensor) => !tensor.aval.weak);
  const branches = fns.map((fn): Branch => {
    const trace = new Trace(currentTrace(), functionName(fn));
    return withTrace(trace, () => {
      const values = flat.tensors.map((tensor, i) => {
        const { shape, dtype, weak } = tensor.aval;
        return weak ? tensor : trace.addInput({ shape, dtype }, flat.paths[i]);
      });
      const inputs = values.filter((tensor) => !tensor.aval.weak);
      const states = new BranchStates(trace);
      let assigned: Branch["assigned"] = new Map();
      let result: FlatValues;
      try {
        result = flattenValues(fn(...unflatten(flat.spec, values) as never[]), "result");
      } finally {
        assigned = states.close();
      }
      return { trace, inputs, result, assigned };
    });
  });
  checkStructure(operation, branches, names);
  const carried = [...new Set(branches.flatMap((branch) => [...branch.assigned.keys()]))];
  const outcome = outcomeOf(branches, carried);
  const dtypes = commonTypes(operation, outcome, names);
  // Before asking what they captured: a branch may return a tensor of its surroundings without using it.
  const outputs = branches.map(({ trace }, b) =>
    withTrace(
      trace,
      () => outcome.tensors[b].map((tensor, k) => trace.lift(withDtype(tensor, dtypes[k], operation))),
    )
  );
  const around = new Surroundings(branches.map((branch) => branch.trace));
  const graphs = branches.map(({ trace, inputs }, b) => {
    const { before, after } = around.stateVariables(trace);
    const all = [...inputs.map((x) => x.variable!), ...around.constantVariables(trace), ...before];
    return prune(new Graph(all, [...outputs[b], ...after], trace.nodes, trace.name));
  });
  const states = around.writes.map((shared) => shared.value);
  const results = bind(switchPrimitive, [index, ...given, ...around.constants(), ...states], {
    branches: graphs,
  });
  around.writes.forEach((shared, i) => shared.value = results[dtypes.length + i]);
  let next = branches[0].result.tensors.length;
  for (const state of carried) state.assign(results.slice(next, next += state.current().length));
  return unflatten(branches[0].result.spec, results.slice(0, branches[0].result.tensors.length));
}

/** A branch that leaves a state alone hands its value on. */
function outcomeOf(branches: readonly Branch[], carried: readonly Carried[]): Outcome {
  const { paths } = branches[0].result;
  return {
    paths: [...paths, ...carried.flatMap((state) => state.current().map((_, i) => state.pathOf(i)))],
    tensors: branches.map(({ result, assigned }) => [
      ...result.tensors,
      ...carried.flatMap((state) => assigned.get(state) ?? state.current()),
    ]),
  };
}

function checkStructure(operation: string, branches: readonly Branch[], names: readonly string[]): void {
  const [first] = branches;
  branches.forEach((branch, b) => {
    if (sameStructure(first.result.spec, branch.result.spec)) return;
    throw new LoopError(
      `${operation}: ${names[0]} and ${names[b]} do not return the same structure: ${
        shownPaths(first.result)
      } and ${shownPaths(branch.result)}.`,
      { operation, remedy: "Return the same arrays and objects with tensors in the same places." },
    );
  });
}

/** The dtype of each result, after checking that all branches agree; plain numbers take that of the others. */
function commonTypes(operation: string, { paths, tensors }: Outcome, names: readonly string[]): DType[] {
  return paths.map((path, k) => {
    const strong = Math.max(0, tensors.findIndex((branch) => !branch[k].aval.weak));
    const target = tensors[strong][k].aval;
    tensors.forEach((branch, b) => {
      const { aval, variable } = branch[k];
      const fits = aval.weak
        ? target.weak || isFloat(target.dtype) || (target.dtype !== "bool" && isIntegral(branch[k]))
        : aval.dtype === target.dtype;
      if (fits && sameShape(aval.shape, target.shape)) return;
      const place = variable?.node?.location?.describe();
      throw new LoopError(
        `${operation}: ${path} is ${describe(target)} from ${names[strong]} and ${describe(aval)} from ${
          names[b]
        }${place ? `, computed at ${place}` : ""}.`,
        {
          operation,
          arguments: [
            { name: names[strong], shape: target.shape, dtype: target.dtype },
            { name: names[b], shape: aval.shape, dtype: aval.dtype },
          ],
          remedy: "All branches must return the same types: use cast, reshape or broadcastTo in one of them.",
        },
      );
    });
    return target.weak ? defaultFloat() : target.dtype;
  });
}

function shownPaths({ paths }: FlatValues): string {
  return paths.length === 0 ? "no tensors" : paths.join(", ");
}
