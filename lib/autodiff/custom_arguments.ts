/** What customVjp, customJvp and checkpoint share: calling a function of trees as a node of tensors. */
import { GradientError } from "../trace/errors.ts";
import { functionName, parameterName } from "../trace/parameter_names.ts";
import type { MaybeTensor } from "../trace/primitive.ts";
import { prune } from "../trace/prune.ts";
import { describe } from "../trace/shape.ts";
import { Shared } from "../trace/shared.ts";
import { Tensor } from "../trace/tensor.ts";
import { capturedInputs, type TracedFunction, traceFunction } from "../trace/trace.ts";
import { flatten, leafPaths, type TreeSpec, unflatten } from "../trace/tree.ts";
import { flattenResult, floatTensor } from "./arguments.ts";
import type { AnyFunction } from "./types.ts";
import { activeTrace } from "./replay.ts";

/** The arguments of a call taken apart: tensors and Shared are leaves, all else stays in the structure. */
export interface CallArguments {
  readonly specs: readonly TreeSpec[];
  readonly tensors: readonly Tensor[];
  readonly paths: readonly string[];
  rebuild(tensors: readonly Tensor[]): unknown[];
}

function callArguments(fn: AnyFunction, args: readonly unknown[]): CallArguments {
  const tensors: Tensor[] = [];
  const paths: string[] = [];
  const isLeaf = (value: unknown): value is Tensor | Shared =>
    value instanceof Tensor || value instanceof Shared;
  const specs = args.map((arg, i) => {
    const { leaves, spec } = flatten(arg, isLeaf);
    for (const leaf of leaves) tensors.push(floatTensor(leaf instanceof Shared ? leaf.value : leaf));
    paths.push(...leafPaths(spec, parameterName(fn, i)));
    return spec;
  });
  const rebuild = (values: readonly Tensor[]) =>
    unflatten({ kind: "array", children: specs }, values) as unknown[];
  return { specs, tensors, paths, rebuild };
}

/** A call of a user function, traced. */
export interface TracedCall {
  readonly call: CallArguments;
  readonly traced: TracedFunction;
  readonly spec: TreeSpec;
  /** Everything the pruned graph takes: arguments, captured tensors, shared values. */
  readonly inputs: readonly Tensor[];
}

export function traceCall(fn: AnyFunction, args: readonly unknown[]): TracedCall {
  const call = callArguments(fn, args);
  let spec: TreeSpec | undefined;
  const traced = traceFunction(
    (own) => {
      const flat = flattenResult(fn(...call.rebuild(own)));
      spec = flat.spec;
      return flat.tensors;
    },
    call.tensors.map((tensor) => tensor.aval),
    { name: functionName(fn), inputNames: call.paths },
  );
  const pruned = { ...traced, graph: prune(traced.graph) };
  return { call, traced: pruned, spec: spec!, inputs: [...call.tensors, ...capturedInputs(traced)] };
}

/** Makes what a function closed over usable in the current trace, where `current` has the values. */
export function adoptCaptured(traced: TracedFunction, current: readonly Tensor[]): void {
  const trace = activeTrace();
  traced.captured.forEach((tensor, i) => trace.adopt(tensor, current[i]));
}

/** A function with a rule of its own must not assign shared variables: the rule would have to assign them as well. */
export function checkNoWrites({ writes }: TracedFunction, context: string): void {
  if (writes.length === 0) return;
  throw new GradientError(
    `${context}: shared variable "${writes[0].name}" is assigned inside the function.`,
    {
      operation: context,
      remedy:
        "Return its new value and assign it outside: the rule replaces the function when it is differentiated.",
    },
  );
}

/** A rule covers the arguments only: a derivative with respect to what the function closes over does not exist. */
export function checkClosure(
  tangents: readonly MaybeTensor[],
  count: number,
  primals: readonly Tensor[],
  context: string,
): void {
  const position = tangents.findIndex((tangent, i) => i >= count && tangent !== null);
  if (position < 0) return;
  const { aval, variable } = primals[position];
  const name = variable?.name ?? "a tensor";
  throw new GradientError(
    `${context}: a derivative is wanted with respect to ${name} ${
      describe(aval)
    }, which the function closes over.`,
    {
      operation: context,
      arguments: [{ name, shape: aval.shape, dtype: aval.dtype }],
      remedy: "The rule covers the arguments only: pass it as an argument, or through stopGradient.",
    },
  );
}
