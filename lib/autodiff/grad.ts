/** grad and valueAndGrad: reverse-mode derivatives of scalar functions, and Theano's form inside a trace. */
import { isFloat } from "../trace/dtype.ts";
import { GradientError } from "../trace/errors.ts";
import { checkChoice, checkFunction, checkOptions } from "../trace/ops/options.ts";
import { adoptNames, functionName } from "../trace/parameter_names.ts";
import type { MaybeTensor } from "../trace/primitive.ts";
import { instantiate } from "../trace/primitives/zeros.ts";
import { describe } from "../trace/shape.ts";
import { Shared } from "../trace/shared.ts";
import { Tensor } from "../trace/tensor.ts";
import { capturedInputs, commitWrites, traceFunction } from "../trace/trace.ts";
import { type TreeSpec, unflatten } from "../trace/tree.ts";
import { differentiate, distinctPlaces, flattenResult, floatTensor, leafPositions } from "./arguments.ts";
import { type CostGradientOptions, gradientOfCost } from "./grad_of_cost.ts";
import { linearizeGraph } from "./linearize.ts";
import { pullBack } from "./pull_back.ts";
import { activeTrace, recorded } from "./replay.ts";
import { DISCONNECTED, type Disconnected, reportDisconnected } from "./disconnected.ts";
import type { AnyArguments, AnyFunction, ArgumentTrees, GradientTree } from "./types.ts";

/** Options of {@link grad} and {@link valueAndGrad}. */
export interface GradOptions {
  /** The argument, or arguments, to differentiate with respect to; the first when absent. */
  readonly argnums?: number | readonly number[];
  /** The function returns [cost, aux], and aux is handed back beside the gradient. */
  readonly hasAux?: boolean;
  /** What to do about a leaf that the cost does not depend on: an error (the default), zeros, or zeros and a warning. */
  readonly disconnected?: Disconnected;
}

/** The gradients of one argument, or of each that `argnums` lists. */
export type Gradients<A extends readonly unknown[], O> = O extends { readonly argnums: infer N }
  ? N extends readonly number[] ? { -readonly [K in keyof N]: GradientTree<A[N[K] & number]> }
  : GradientTree<A[N & number]>
  : GradientTree<A[0]>;

/** The second of the two results of a function with `hasAux`. */
export type Auxiliary<R> = R extends readonly [unknown, infer X] ? X : never;

/** What the function that {@link grad} makes returns. */
export type GradResult<A extends readonly unknown[], R, O> = O extends { readonly hasAux: true }
  ? [Gradients<A, O>, Auxiliary<R>]
  : Gradients<A, O>;

/** What the function that {@link valueAndGrad} makes returns. */
export type ValueAndGradResult<A extends readonly unknown[], R, O> = O extends { readonly hasAux: true }
  ? [[Tensor, Auxiliary<R>], Gradients<A, O>]
  : [Tensor, Gradients<A, O>];

/**
 * The gradient of a scalar function, as a function of the same arguments: reverse mode, at most a small multiple of
 * the cost of the function itself. The gradient is a tree like the argument (or an array of trees when `argnums` is
 * an array). The function is traced once per call; inside `jit` the gradient becomes part of the compiled program.
 *
 * With a traced tensor instead of a function this is Theano's form: the gradient of a scalar of the current trace
 * with respect to any tensors or Shared of the trace; see {@link CostGradientOptions}.
 *
 * @throws {GradientError} when the cost is not a float scalar, an argument is not of a float dtype, or the cost does
 * not depend on a leaf (unless `disconnected` allows it); the message names the leaf. Also when `argnums` names no
 * argument, or one twice.
 * @example
 * ```ts
 * import { grad, tensor } from "@damo/damo";
 * const slope = grad((x) => x.mul(x).sum());
 * console.assert(String(slope(tensor([1, 2, 3])).arraySync()) === "2,4,6");
 * ```
 */
export function grad<A extends AnyArguments, R, const O extends GradOptions = Record<never, never>>(
  fn: (...args: A) => R,
  options?: O,
): (...args: ArgumentTrees<A>) => GradResult<A, R, O>;
/**
 * Theano's form: the gradient of a traced scalar with respect to any tensors or Shared of the current trace, inputs,
 * captured tensors and intermediate results alike, as a tree like `wrt`. A Shared stands for its value at the start of
 * the call. The cost may be null when `knownGrads` gives the gradients to start from.
 *
 * @throws {GradientError} outside a trace, for a cost that is no float scalar, or for what it does not depend on.
 * @example
 * ```ts
 * import { grad, jit, shared, type Tensor, tensor } from "@damo/damo";
 * const w = shared(tensor([1, 2]), { name: "w" });
 * const step = jit((x: Tensor) => {
 *   const cost = w.value.mul(x).sum();
 *   w.value = w.value.sub(grad(cost, w));
 * });
 * step(tensor([1, 1]));
 * console.assert(String(w.value.arraySync()) === "0,1");
 * ```
 */
export function grad<W>(cost: Tensor | null, wrt: W, options?: CostGradientOptions): GradientTree<W>;
export function grad(
  first: AnyFunction | Tensor | null,
  second?: unknown,
  third?: CostGradientOptions,
): unknown {
  if (typeof first !== "function") return gradientOfCost(first, second, third ?? {});
  const options = (second ?? {}) as GradOptions;
  checkGradOptions(`grad of ${functionName(first)}`, options);
  const gradientFunction = (...args: unknown[]) => {
    const { aux, gradient } = differentiateCost(first, args, options, "grad");
    return options.hasAux ? [gradient, aux] : gradient;
  };
  return adoptNames(gradientFunction, first, "grad");
}

/**
 * Like {@link grad}, but returns `[value, gradient]`; with `hasAux` `[[value, aux], gradient]`. Both come from one
 * program.
 *
 * @throws {GradientError} as grad does.
 * @example
 * ```ts
 * import { tensor, valueAndGrad } from "@damo/damo";
 * const [value, gradient] = valueAndGrad((x) => x.mul(x))(tensor(3));
 * console.assert(value.itemSync() === 9 && gradient.itemSync() === 6);
 * ```
 */
export function valueAndGrad<A extends AnyArguments, R, const O extends GradOptions = Record<never, never>>(
  fn: (...args: A) => R,
  options?: O,
): (...args: ArgumentTrees<A>) => ValueAndGradResult<A, R, O>;
export function valueAndGrad(fn: AnyFunction, options: GradOptions = {}): AnyFunction {
  checkFunction("valueAndGrad", fn);
  checkGradOptions(`valueAndGrad of ${functionName(fn)}`, options);
  const valueAndGradient = (...args: unknown[]) => {
    const { value, aux, gradient } = differentiateCost(fn, args, options, "valueAndGrad");
    return options.hasAux ? [[value, aux], gradient] : [value, gradient];
  };
  return adoptNames(valueAndGradient, fn, "valueAndGrad");
}

function checkGradOptions(context: string, options: GradOptions): void {
  checkOptions(context, options, ["argnums", "hasAux", "disconnected"]);
  checkChoice(context, "disconnected", options.disconnected, DISCONNECTED);
}

interface CostResult {
  readonly value: Tensor;
  readonly aux: unknown;
  readonly gradient: unknown;
}

/** The value of a scalar function with its gradient; `transform` is what errors say was asked for. */
export function differentiateCost(
  fn: AnyFunction,
  args: readonly unknown[],
  options: GradOptions,
  transform: string,
): CostResult {
  const name = functionName(fn);
  const context = `${transform} of ${name}`;
  const argnums = options.argnums ?? 0;
  const positions = normalizePositions(argnums, args.length, context);
  const split = differentiate(fn, args, positions, context);
  let auxSpec: TreeSpec | undefined;
  let auxCount = 0;
  const results = recorded(context, split.tensors, (inputs) => {
    const traced = traceFunction(
      (own) => {
        const [cost, aux] = splitResult(fn(...split.rebuild(own)), options.hasAux === true, context);
        const flat = flattenResult(aux);
        auxSpec = flat.spec;
        auxCount = flat.tensors.length;
        return [checkCost(cost, name, context), ...flat.tensors];
      },
      inputs.map((input) => input.aval),
      { name, inputNames: split.names },
    );
    const all = [...inputs, ...capturedInputs(traced)];
    const places = leafPositions(split.leaves, traced);
    const { active, slots } = distinctPlaces(places);
    const { outputs, map, connected } = linearizeGraph(traced.graph, all, active, context, 1);
    const reached = slots.map((slot) => slot >= 0 && connected[slot]);
    reportDisconnected(split.leaves.filter((_, i) => !reached[i]), options.disconnected, context);
    const trace = activeTrace();
    const seed = Tensor.literal(1, outputs[0].aval.dtype);
    const pulled = pullBack(map, [seed], (v) => new Tensor(v.aval, null, trace, v), context);
    const own = commitWrites(traced, outputs);
    const gradients = slots.map((slot, i) => {
      const cotangent: MaybeTensor = slot < 0 ? null : pulled[slot];
      return nameGradient(instantiate(cotangent, split.leaves[i].aval), fn.name, split.leaves[i].path);
    });
    return [...own, ...gradients];
  }, { inputNames: split.names });
  const trees = split.mirror(results.slice(1 + auxCount));
  return {
    value: results[0],
    aux: auxSpec && unflatten(auxSpec, results.slice(1, 1 + auxCount)),
    gradient: typeof argnums === "number" ? trees[0] : trees,
  };
}

/** Graphs show gradients as `dloss/dw`. */
function nameGradient(gradient: Tensor, cost: string | undefined, path: string): Tensor {
  const variable = gradient.variable;
  if (variable && variable.node && variable.name === undefined) variable.name = `d${cost || "cost"}/d${path}`;
  return gradient;
}

function splitResult(result: unknown, hasAux: boolean, context: string): [unknown, unknown] {
  if (!hasAux) return [result, undefined];
  if (Array.isArray(result) && result.length === 2) return [result[0], result[1]];
  throw new GradientError(`${context}: with hasAux the function must return [cost, aux].`, {
    operation: context,
    remedy: "Return an array of two, the cost first, or leave hasAux out.",
  });
}

/** The cost as a tensor, after checking that it is a scalar of a float dtype. */
export function checkCost(cost: unknown, name: string, context: string): Tensor {
  const isNumber = typeof cost === "number";
  if (!isNumber && !(cost instanceof Tensor) && !(cost instanceof Shared)) {
    throw new GradientError(
      `${context}: the cost must be a scalar tensor, but ${name} returned ${describeValue(cost)}.`,
      {
        operation: context,
        remedy: "Return one scalar tensor; further results go into [cost, aux] with { hasAux: true }.",
      },
    );
  }
  const tensor = floatTensor(cost instanceof Shared ? cost.value : cost);
  const { shape, dtype } = tensor.aval;
  const argument = { name: "cost", shape, dtype };
  const location = tensor.variable?.node?.location ?? undefined;
  if (shape.length > 0) {
    throw new GradientError(
      `${context}: the cost must be a scalar, but ${name} returned ${describe(tensor.aval)}.`,
      {
        operation: context,
        location,
        arguments: [argument],
        remedy: "Reduce it with sum() or mean(), or use vjp or jacobian for a function of several outputs.",
      },
    );
  }
  if (!isFloat(dtype)) {
    throw new GradientError(
      `${context}: the cost must be of a float dtype, but ${name} returned ${describe(tensor.aval)}.`,
      {
        operation: context,
        location,
        arguments: [argument],
        remedy: "Cast what the cost is computed from to a float dtype.",
      },
    );
  }
  return tensor;
}

function describeValue(value: unknown): string {
  if (value === undefined) return "undefined";
  if (value === null) return "null";
  if (value instanceof Promise) return "a promise (an async function cannot be traced)";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** Argument positions, checked; negative ones count from the end. */
export function normalizePositions(
  argnums: number | readonly number[],
  count: number,
  context: string,
): number[] {
  const refuse = (what: string): never => {
    throw new GradientError(`${context}: argnums ${what}.`, {
      operation: context,
      arguments: [{ name: "argnums", value: argnums }],
      remedy: "Pass a position of an argument, counted from 0, or an array of different ones.",
    });
  };
  if (typeof argnums !== "number" && !Array.isArray(argnums)) {
    return refuse(`is ${JSON.stringify(argnums) ?? String(argnums)}`);
  }
  const positions = (typeof argnums === "number" ? [argnums] : argnums).map((position: unknown): number => {
    const fromStart = typeof position === "number" && position < 0 ? position + count : position;
    if (Number.isInteger(fromStart) && fromStart as number >= 0) return fromStart as number;
    return refuse(`has ${String(position)}, and the function was called with ${count} arguments`);
  });
  const twice = positions.find((position, i) => positions.indexOf(position) < i);
  return twice === undefined ? positions : refuse(`names argument ${twice} twice`);
}
