/** vjp, linearize and jvp: a function with its linear part, to be applied from either side. */
import { isFloat } from "../trace/dtype.ts";
import { GradientError } from "../trace/errors.ts";
import { checkFunction } from "../trace/ops/options.ts";
import { functionName } from "../trace/parameter_names.ts";
import type { MaybeTensor } from "../trace/primitive.ts";
import { instantiate } from "../trace/primitives/zeros.ts";
import type { Aval } from "../trace/shape.ts";
import { describe } from "../trace/shape.ts";
import { Tensor } from "../trace/tensor.ts";
import {
  capturedInputs,
  commitWrites,
  currentTrace,
  type TracedFunction,
  traceFunction,
} from "../trace/trace.ts";
import { type TreeSpec, unflatten } from "../trace/tree.ts";
import {
  checkFloat,
  differentiate,
  type Differentiated,
  directionFor,
  distinctPlaces,
  flattenResult,
  leafPositions,
  matchLeaves,
} from "./arguments.ts";
import { collectResiduals, LinearFunction, pruneMap } from "./linear_function.ts";
import type { LinearMap } from "./linear_map.ts";
import { linearizeGraph } from "./linearize.ts";
import { pushForward } from "./push_forward.ts";
import { recorded } from "./replay.ts";
import type { AnyArguments, AnyFunction, ArgumentTree, ArgumentTrees, GradientTree } from "./types.ts";

/** A user function traced on abstract arguments. */
export interface TracedUser {
  readonly traced: TracedFunction;
  readonly spec: TreeSpec;
  /** The inputs of the graph: leaves, captured tensors, shared values. */
  readonly inputs: readonly Tensor[];
  /** For each leaf its place among the inputs; -1 for a Shared that was not read. */
  readonly places: readonly number[];
}

/** Traces `fn` on the leaves of `split`, of which `inputs` are the tensors, inside the current trace. */
export function traceUser(fn: AnyFunction, split: Differentiated, inputs: readonly Tensor[]): TracedUser {
  let spec: TreeSpec | undefined;
  const traced = traceFunction(
    (own) => {
      const flat = flattenResult(fn(...split.rebuild(own)));
      spec = flat.spec;
      return flat.tensors;
    },
    inputs.map((input) => input.aval),
    { name: functionName(fn), inputNames: split.names },
  );
  return {
    traced,
    spec: spec!,
    inputs: [...inputs, ...capturedInputs(traced)],
    places: leafPositions(split.leaves, traced),
  };
}

interface Linearization {
  readonly out: unknown;
  readonly outSpec: TreeSpec;
  readonly outAvals: readonly Aval[];
  readonly split: Differentiated;
  readonly linear: LinearFunction;
  /** For each leaf its place among the inputs of `linear`, or -1. */
  readonly slots: readonly number[];
}

function linearizeUser(fn: AnyFunction, primals: readonly unknown[], context: string): Linearization {
  const split = differentiate(fn, primals, primals.map((_, i) => i), context);
  let user: TracedUser | undefined;
  let map: LinearMap | undefined;
  let kept: ReturnType<typeof collectResiduals> | undefined;
  let slots: readonly number[] = [];
  const count = () => user!.traced.outputCount;
  const leaving = currentTrace() === null;
  const results = recorded(context, split.tensors, (inputs) => {
    user = traceUser(fn, split, inputs);
    const distinct = distinctPlaces(user.places);
    slots = distinct.slots;
    const linearized = linearizeGraph(user.traced.graph, user.inputs, distinct.active, context, count());
    map = pruneMap(linearized.map);
    kept = collectResiduals(map, leaving);
    const own = commitWrites(user.traced, linearized.outputs);
    return [...own, ...kept.tensors.filter((tensor) => tensor.literal === null)];
  });
  const outputs = results.slice(0, count());
  let next = count();
  const residuals = kept!.tensors.map((tensor) => tensor.literal === null ? results[next++] : tensor);
  return {
    out: unflatten(user!.spec, outputs),
    outSpec: user!.spec,
    outAvals: outputs.map((output) => output.aval),
    split,
    linear: new LinearFunction(map!, kept!.variables, residuals, context, kept!.recomputed),
    slots,
  };
}

/**
 * The value of a function and its pullback: the linear function that takes a cotangent (a tree like the result) to
 * the gradient with respect to each primal, as an array. Theano's Lop. The pullback may be called several times. Inputs
 * that the result does not depend on get zeros.
 *
 * @throws {GradientError} when a primal is not of a float dtype or the cotangent does not fit the result.
 * @example
 * ```ts
 * import { tensor, vjp } from "@damo/damo";
 * const [out, pullback] = vjp((x, y) => x.mul(y), tensor([1, 2]), tensor([3, 4]));
 * const [dx, dy] = pullback(tensor([1, 1]));
 * console.assert(String(out.arraySync()) === "3,8" && String(dx.arraySync()) === "3,4" && dy.shape[0] === 2);
 * ```
 */
export function vjp<A extends AnyArguments, R>(
  fn: (...args: A) => R,
  ...primals: ArgumentTrees<A>
): [R, (cotangent: ArgumentTree<R>) => { [K in keyof A]: GradientTree<A[K]> }] {
  checkFunction("vjp", fn);
  const name = functionName(fn);
  const context = `vjp of ${name}`;
  const { out, outSpec, outAvals, split, linear, slots } = linearizeUser(fn, primals, context);
  function pullback(cotangent: unknown): unknown {
    const given = matchLeaves(outSpec, cotangent, "cotangent", context)
      .map((leaf, i) => directionFor(leaf, outAvals[i], "result", context));
    const present = given.filter((tensor) => tensor !== null);
    const { residuals } = linear;
    const results = recorded(context, [...present, ...residuals], (inputs) => {
      let next = 0;
      const cotangents = given.map((tensor) => tensor && inputs[next++]);
      const pulled = linear.withResiduals(inputs.slice(present.length)).transpose(cotangents);
      return slots.map((slot, i) => instantiate(slot < 0 ? null : pulled[slot], split.leaves[i].aval));
    });
    return split.mirror(results);
  }
  return [out as R, pullback as (cotangent: ArgumentTree<R>) => { [K in keyof A]: GradientTree<A[K]> }];
}

/**
 * The value of a function and its derivative at that point as a linear function of the tangents: the function itself
 * is not computed again when the pushforward is called.
 *
 * @throws {GradientError} when a primal is not of a float dtype or a tangent does not fit its primal.
 * @example
 * ```ts
 * import { linearize, tensor } from "@damo/damo";
 * const [out, pushforward] = linearize((x) => x.mul(x), tensor(3));
 * console.assert(out.itemSync() === 9 && pushforward(tensor(1)).itemSync() === 6);
 * ```
 */
export function linearize<A extends AnyArguments, R>(
  fn: (...args: A) => R,
  ...primals: ArgumentTrees<A>
): [R, (...tangents: ArgumentTrees<A>) => R] {
  checkFunction("linearize", fn);
  const context = `linearize of ${functionName(fn)}`;
  const { out, outSpec, outAvals, split, linear, slots } = linearizeUser(fn, primals, context);
  function pushforward(...tangents: unknown[]): unknown {
    const given = matchTangents(split, tangents, context);
    const present = given.filter((tensor) => tensor !== null);
    const results = recorded(context, [...present, ...linear.residuals], (inputs) => {
      let next = 0;
      const moving = given.map((tensor) => tensor && inputs[next++]);
      const ordered: MaybeTensor[] = linear.map.inputs.map(() => null);
      slots.forEach((slot, leaf) => {
        if (slot >= 0) ordered[slot] = moving[leaf];
      });
      const pushed = linear.withResiduals(inputs.slice(present.length)).apply(ordered);
      return pushed.map((tangent, i) => instantiate(tangent, outAvals[i]));
    });
    return unflatten(outSpec, results);
  }
  return [out as R, pushforward as (...tangents: ArgumentTrees<A>) => R];
}

/** One tangent per leaf of the arguments, checked; null is zero. */
function matchTangents(
  split: Differentiated,
  tangents: readonly unknown[],
  context: string,
): MaybeTensor[] {
  const matched = matchLeaves({ kind: "array", children: split.specs }, tangents, "tangents", context);
  return matched.map((leaf, i) => directionFor(leaf, split.leaves[i].aval, "primal", context));
}

/**
 * The value of a function and its derivative in a direction, by forward mode: `[out, tangentOut]`. Theano's Rop. A
 * tangent has the structure of its primal; null stands for zero, and an integer primal takes nothing else.
 *
 * @throws {GradientError} when a tangent does not fit its primal, or belongs to an integer.
 * @example
 * ```ts
 * import { jvp, tensor } from "@damo/damo";
 * const [out, tangent] = jvp((x) => x.mul(x), [tensor(3)], [tensor(1)]);
 * console.assert(out.itemSync() === 9 && tangent.itemSync() === 6);
 * ```
 */
export function jvp<A extends AnyArguments, R>(
  fn: (...args: A) => R,
  primals: readonly [...ArgumentTrees<A>],
  tangents: readonly unknown[],
): [R, R] {
  checkFunction("jvp", fn);
  const context = `jvp of ${functionName(fn)}`;
  const lists = argumentLists(primals, tangents, context);
  const split = differentiate(fn, lists.primals, lists.primals.map((_, i) => i), context, () => {});
  const matched = matchLeaves({ kind: "array", children: split.specs }, lists.tangents, "tangents", context);
  const given = matched.map((leaf, i) => {
    const { aval, path } = split.leaves[i];
    if (leaf.value instanceof Tensor && !isFloat(aval.dtype)) checkFloat(path, aval, context);
    return directionFor(leaf, aval, "primal", context);
  });
  const present = given.filter((tensor) => tensor !== null);
  let spec: TreeSpec | undefined;
  const results = recorded(context, [...split.tensors, ...present], (inputs) => {
    const user = traceUser(fn, split, inputs.slice(0, split.tensors.length));
    spec = user.spec;
    let next = split.tensors.length;
    const directions = user.inputs.map((): MaybeTensor => null);
    given.forEach((tensor, i) => {
      const tangent = tensor && inputs[next++];
      if (user.places[i] >= 0) directions[user.places[i]] = tangent;
    });
    const { outputs, tangents: moved } = pushForward(user.traced.graph, user.inputs, directions, context);
    const own = commitWrites(user.traced, outputs);
    return [...own, ...own.map((output, i) => instantiate(moved[i], output.aval))];
  });
  const half = results.length / 2;
  return [unflatten(spec!, results.slice(0, half)) as R, unflatten(spec!, results.slice(half)) as R];
}

/** Primals and tangents as arrays of one length, one entry per argument; a single argument may come without the array. */
export function argumentLists(
  primals: unknown,
  tangents: unknown,
  context: string,
): { primals: readonly unknown[]; tangents: readonly unknown[] } {
  if (!Array.isArray(primals) && !Array.isArray(tangents)) {
    return { primals: [primals], tangents: [tangents] };
  }
  if (Array.isArray(primals) && Array.isArray(tangents) && primals.length === tangents.length) {
    return { primals, tangents };
  }
  const show = (value: unknown) =>
    Array.isArray(value)
      ? `an array of ${value.length}`
      : value instanceof Tensor
      ? `a tensor ${describe(value.aval)}`
      : typeof value;
  throw new GradientError(
    `${context}: primals and tangents must be arrays of one length, got ${show(primals)} and ${
      show(tangents)
    }.`,
    { operation: context, remedy: "Write jvp(fn, [x], [tangentOfX]), one entry per argument." },
  );
}
