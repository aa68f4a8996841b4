/**
 * customVjp: a function whose derivative is given as a backward rule.
 *
 * Reverse mode runs `forward` in the place of the function, keeps the residuals, and calls `backward` when the
 * cotangent arrives. Forward mode needs J t, while backward gives c -> J^T c: it takes the transpose of `backward`,
 * linearised at c = 0 (a backward that clips or otherwise is not linear in the cotangent acts as it does near 0).
 */
import { isFloat } from "../trace/dtype.ts";
import { GradientError } from "../trace/errors.ts";
import { checkFunction } from "../trace/ops/options.ts";
import { adoptNames, functionName } from "../trace/parameter_names.ts";
import type { MaybeTensor } from "../trace/primitive.ts";
import { reductions } from "../trace/primitives/reduce.ts";
import { filled, instantiate } from "../trace/primitives/zeros.ts";
import type { Aval } from "../trace/shape.ts";
import { Shared } from "../trace/shared.ts";
import { Tensor } from "../trace/tensor.ts";
import { bind, bindOne, capturedInputs, commitWrites, currentTrace, traceFunction } from "../trace/trace.ts";
import { type TreeSpec, unflatten } from "../trace/tree.ts";
import { directionFor, flattenResult, matchLeaves } from "./arguments.ts";
import { batchFunction, type FlatFunction } from "./batch_graph.ts";
import {
  adoptCaptured,
  type CallArguments,
  checkClosure,
  checkNoWrites,
  traceCall,
} from "./custom_arguments.ts";
import { customCallPrimitive, type CustomRule } from "./custom_call.ts";
import { checkedOutput } from "./custom_jvp.ts";
import { linearCallPrimitive, LinearRule } from "./linear_call.ts";
import { linearizeGraph } from "./linearize.ts";
import { pullBack } from "./pull_back.ts";
import { activeTrace } from "./replay.ts";
import type { AnyArguments } from "./types.ts";

class VjpRule implements CustomRule {
  readonly replaces = true;

  /**
   * `forward` takes all inputs and gives the outputs and then the residuals; `backward` takes the residuals and then
   * one cotangent per output, and gives one gradient per argument.
   */
  constructor(
    readonly forward: FlatFunction,
    readonly backward: FlatFunction,
    readonly argumentCount: number,
    readonly outputCount: number,
    readonly context: string,
  ) {}

  #linear(primals: readonly Tensor[], tangents: readonly MaybeTensor[]) {
    const count = this.argumentCount;
    checkClosure(tangents, count, primals, this.context);
    const results = this.forward(primals);
    const outputs = results.slice(0, this.outputCount);
    const residuals = results.slice(this.outputCount);
    const active = Array.from({ length: count }, (_, i) => i).filter((i) => tangents[i] !== null);
    const moving = active.map((i) => tangents[i]!);
    const avals = (tensors: readonly Tensor[]) => tensors.map((tensor) => tensor.aval);
    const rule = new BackwardRule(this, active, avals(residuals), avals(moving), avals(outputs));
    return { outputs, residuals, moving, rule };
  }

  jvp(primals: readonly Tensor[], tangents: readonly MaybeTensor[]): readonly MaybeTensor[] {
    const { residuals, moving, rule } = this.#linear(primals, tangents);
    return rule.apply(residuals, moving);
  }

  linearize(primals: readonly Tensor[], tangents: readonly MaybeTensor[]): {
    outputs: readonly Tensor[];
    tangents: readonly MaybeTensor[];
  } {
    const { outputs, residuals, moving, rule } = this.#linear(primals, tangents);
    return { outputs, tangents: bind(linearCallPrimitive, [...residuals, ...moving], { rule }) };
  }

  batch(batched: readonly boolean[], size: number): CustomRule {
    const mask = batched.slice(0, this.argumentCount);
    const backward: FlatFunction = (inputs) => {
      const all = batchFunction(this.backward, inputs.map(() => true), size, this.context)(inputs);
      // The examples share an argument that is not batched: their gradients add up.
      return all.map((gradient, i) =>
        mask[i] ? gradient : bindOne(reductions.sum, [gradient], { axes: [0] })
      );
    };
    const forward = batchFunction(this.forward, batched, size, this.context);
    return new VjpRule(forward, backward, this.argumentCount, this.outputCount, this.context);
  }
}

/** The linear part of a call: its transpose is the user's backward function. */
class BackwardRule extends LinearRule {
  constructor(
    readonly custom: VjpRule,
    readonly active: readonly number[],
    residuals: readonly Aval[],
    tangents: readonly Aval[],
    outputs: readonly Aval[],
  ) {
    super(custom.context, residuals, tangents, outputs);
  }

  override transpose(
    residuals: readonly Tensor[],
    cotangents: readonly MaybeTensor[],
  ): readonly MaybeTensor[] {
    const full = cotangents.map((cotangent, i) => instantiate(cotangent, this.outputs[i]));
    const gradients = this.custom.backward([...residuals, ...full]);
    return this.active.map((i) => gradients[i]);
  }

  override apply(residuals: readonly Tensor[], tangents: readonly Tensor[]): readonly MaybeTensor[] {
    const zeros = this.outputs.map((aval) => filled(0, aval));
    const inputs = [...residuals, ...zeros];
    const traced = traceFunction(
      (own) => this.transpose(own.slice(0, residuals.length), own.slice(residuals.length)).map((t) => t!),
      inputs.map((input) => input.aval),
      { name: this.name },
    );
    const places = this.outputs.flatMap(({ dtype }, i) => isFloat(dtype) ? [residuals.length + i] : []);
    const all = [...inputs, ...capturedInputs(traced)];
    const { map } = linearizeGraph(traced.graph, all, places, this.name, this.active.length);
    const trace = activeTrace();
    const pulled = pullBack(map, tangents, (v) => new Tensor(v.aval, null, trace, v), this.name);
    return this.outputs.map((_, i) => pulled[places.indexOf(residuals.length + i)] ?? null);
  }
}

/**
 * A function with a backward rule of its own. `forward(...args)` returns `[out, residuals]`, where `out` is what the
 * function returns and `residuals` any tree; `backward(residuals, cotangent)` returns an array with one gradient per
 * argument (null for zero). Tensors that the function closes over are constants; inside a loop or branch the rule may
 * use those of them that the function itself uses. Reverse mode of any order, vmap and jit follow the rule; forward
 * mode uses the transpose of `backward`.
 *
 * @throws {GradientError} when forward or backward return the wrong structure, shapes or dtypes.
 * @example
 * ```ts
 * import { customVjp, grad, tensor } from "@damo/damo";
 * // The identity, with the gradient reversed.
 * const reverse = customVjp((x) => x, (x) => [x, null], (_, g) => [g.neg()]);
 * console.assert(grad((x) => reverse(x).mul(3))(tensor(1)).itemSync() === -3);
 * ```
 */
export function customVjp<A extends AnyArguments, R, S>(
  fn: (...args: A) => R,
  forward: (...args: A) => readonly [R, S],
  backward: (residuals: S, cotangent: R) => readonly unknown[],
): (...args: A) => R {
  checkFunction("customVjp", fn);
  checkFunction("customVjp", forward, "forward");
  checkFunction("customVjp", backward, "backward");
  const context = `customVjp of ${functionName(fn)}`;
  const wrapped = (...args: A): R => {
    if (currentTrace() === null) return fn(...args);
    const { call, traced, spec, inputs } = traceCall(fn, args);
    checkNoWrites(traced, context);
    const outputs = traced.graph.outputs.map((output) => output.aval);
    const arity = call.tensors.length;
    let residualSpec: TreeSpec | undefined;
    const flatForward: FlatFunction = (tensors) => {
      const closure = tensors.slice(arity);
      adoptCaptured(traced, closure);
      const [out, residuals] = checkForward(forward(...call.rebuild(tensors.slice(0, arity)) as A), context);
      const kept = flattenResult(residuals);
      residualSpec = kept.spec;
      const own = matchLeaves(spec, out, "out", context).map(({ path, value }, i) => {
        const tensor = value instanceof Shared ? value.value : value;
        if (tensor instanceof Tensor) return checkedOutput({ path, value: tensor }, outputs[i], context);
        return instantiate(directionFor({ path, value }, outputs[i], "result", context), outputs[i]);
      });
      return [...own, ...closure, ...kept.tensors];
    };
    const flatBackward: FlatFunction = (tensors) => {
      const count = tensors.length - outputs.length, closed = inputs.length - arity;
      adoptCaptured(traced, tensors.slice(0, closed));
      const residuals = unflatten(residualSpec!, tensors.slice(closed, count)) as S;
      const cotangent = unflatten(spec, tensors.slice(count)) as R;
      return checkBackward(backward(residuals, cotangent), call, context);
    };
    const rule = new VjpRule(flatForward, flatBackward, arity, outputs.length, context);
    const results = bind(customCallPrimitive, inputs, { name: functionName(fn), graph: traced.graph, rule });
    return unflatten(spec, commitWrites(traced, results)) as R;
  };
  return adoptNames(wrapped, fn, "customVjp");
}

function checkForward(result: unknown, context: string): readonly [unknown, unknown] {
  if (Array.isArray(result) && result.length === 2) return [result[0], result[1]];
  throw new GradientError(`${context}: forward must return [out, residuals].`, {
    operation: context,
    remedy: "Return an array of two: the result of the function, and what backward needs (null for nothing).",
  });
}

/** One gradient per tensor of the arguments, of its type. */
function checkBackward(result: unknown, call: CallArguments, context: string): Tensor[] {
  const { specs } = call;
  const list = specs.length === 1 && result instanceof Tensor ? [result] : result;
  if (!Array.isArray(list) || list.length !== specs.length) {
    const got = Array.isArray(list) ? `${list.length} gradients` : `a ${typeof list}`;
    throw new GradientError(`${context}: backward returned ${got} for ${specs.length} arguments.`, {
      operation: context,
      remedy: "Return an array with one gradient per argument, null where it is zero.",
    });
  }
  let next = 0;
  return specs.flatMap((spec, i) => {
    // null stands for the zeros of a whole argument.
    const leaves = list[i] === null || list[i] === undefined
      ? call.paths.slice(next, next + leafCount(spec)).map((path) => ({ path, value: null }))
      : matchLeaves(spec, list[i], "gradient", context);
    return leaves.map(({ value }) => {
      const aval = call.tensors[next].aval;
      const path = `the gradient of ${call.paths[next++]}`;
      return instantiate(directionFor({ path, value }, aval, "argument", context), aval);
    });
  });
}

function leafCount(spec: TreeSpec): number {
  if (spec.kind === "leaf") return 1;
  return spec.kind === "static" ? 0 : spec.children.reduce((sum, child) => sum + leafCount(child), 0);
}
