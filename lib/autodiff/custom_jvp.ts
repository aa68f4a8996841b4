/** customJvp: a function whose derivative is given as a forward rule. */
import { GradientError } from "../trace/errors.ts";
import { checkFunction } from "../trace/ops/options.ts";
import { adoptNames, functionName } from "../trace/parameter_names.ts";
import type { MaybeTensor } from "../trace/primitive.ts";
import { instantiate } from "../trace/primitives/zeros.ts";
import type { Aval } from "../trace/shape.ts";
import { Shared } from "../trace/shared.ts";
import { Tensor } from "../trace/tensor.ts";
import { bind, commitWrites, currentTrace } from "../trace/trace.ts";
import { type TreeSpec, unflatten } from "../trace/tree.ts";
import { directionFor, matchLeaves } from "./arguments.ts";
import { batchFunction, type FlatFunction } from "./batch_graph.ts";
import { adoptCaptured, checkClosure, checkNoWrites, traceCall } from "./custom_arguments.ts";
import { customCallPrimitive, type CustomRule } from "./custom_call.ts";
import type { AnyArguments } from "./types.ts";

/** `rule`: of all inputs, then one tangent for each argument, it gives the outputs, then their tangents. */
class JvpRule implements CustomRule {
  readonly replaces = true;

  constructor(readonly rule: FlatFunction, readonly argumentCount: number, readonly context: string) {}

  #run(primals: readonly Tensor[], tangents: readonly MaybeTensor[]): readonly Tensor[] {
    const count = this.argumentCount;
    checkClosure(tangents, count, primals, this.context);
    const full = tangents.slice(0, count).map((tangent, i) => instantiate(tangent, primals[i].aval));
    return this.rule([...primals, ...full]);
  }

  jvp(primals: readonly Tensor[], tangents: readonly MaybeTensor[]): readonly MaybeTensor[] {
    const results = this.#run(primals, tangents);
    return results.slice(results.length / 2);
  }

  linearize(primals: readonly Tensor[], tangents: readonly MaybeTensor[]): {
    outputs: readonly Tensor[];
    tangents: readonly MaybeTensor[];
  } {
    const results = this.#run(primals, tangents);
    const half = results.length / 2;
    return { outputs: results.slice(0, half), tangents: results.slice(half) };
  }

  batch(batched: readonly boolean[], size: number): CustomRule {
    const mask = [...batched, ...batched.slice(0, this.argumentCount)];
    return new JvpRule(batchFunction(this.rule, mask, size, this.context), this.argumentCount, this.context);
  }
}

/**
 * A function with a derivative rule of its own. `rule(primals, tangents)` gets the arguments and one tangent for each,
 * both as arrays, and returns `[out, tangentOut]`; the tangent must depend linearly on the tangents. Forward and
 * reverse mode of any order, vmap and jit all follow the rule. Tensors that the function closes over are constants.
 *
 * @throws {GradientError} when the rule returns the wrong structure, shapes or dtypes, or is not linear.
 * @example
 * ```ts
 * import { customJvp, grad, tensor } from "@damo/damo";
 * // |x| with the derivative 1 at 0.
 * const abs = customJvp(
 *   (x) => x.abs(),
 *   ([x], [t]) => [x.abs(), t.mul(x.ge(0).cast(x.dtype).mul(2).sub(1))],
 * );
 * console.assert(grad(abs)(tensor(0)).itemSync() === 1);
 * ```
 */
export function customJvp<A extends AnyArguments, R>(
  fn: (...args: A) => R,
  rule: (primals: A, tangents: A) => readonly [unknown, unknown],
): (...args: A) => R {
  checkFunction("customJvp", fn);
  checkFunction("customJvp", rule, "rule");
  const context = `customJvp of ${functionName(fn)}`;
  const wrapped = (...args: A): R => {
    if (currentTrace() === null) return fn(...args);
    const { call, traced, spec, inputs } = traceCall(fn, args);
    checkNoWrites(traced, context);
    const outputs = traced.graph.outputs.map((output) => output.aval);
    const count = call.tensors.length;
    const flatRule: FlatFunction = (tensors) => {
      adoptCaptured(traced, tensors.slice(count));
      const primals = call.rebuild(tensors.slice(0, count)) as A;
      const tangents = call.rebuild(tensors.slice(inputs.length)) as A;
      return checkRule(rule(primals, tangents), spec, outputs, context);
    };
    const results = bind(customCallPrimitive, inputs, {
      name: functionName(fn),
      graph: traced.graph,
      rule: new JvpRule(flatRule, count, context),
    });
    return unflatten(spec, commitWrites(traced, results)) as R;
  };
  return adoptNames(wrapped, fn, "customJvp");
}

function checkRule(
  result: unknown,
  spec: TreeSpec,
  avals: readonly Aval[],
  context: string,
): Tensor[] {
  if (!Array.isArray(result) || result.length !== 2) {
    throw new GradientError(`${context}: the rule must return [out, tangentOut].`, {
      operation: context,
      remedy: "Return an array of two, each with the structure of the function's result.",
    });
  }
  return [...ruleLeaves(result[0], "out"), ...ruleLeaves(result[1], "tangentOut")];

  function ruleLeaves(tree: unknown, name: string): Tensor[] {
    return matchLeaves(spec, tree, name, context).map((leaf, i) => {
      const value = leaf.value instanceof Shared ? leaf.value.value : leaf.value;
      // An integer output has no tangent, but its value passes.
      if (name === "out" && value instanceof Tensor && value.dtype === avals[i].dtype) {
        return checkedOutput({ path: leaf.path, value }, avals[i], context);
      }
      return instantiate(directionFor({ path: leaf.path, value }, avals[i], "result", context), avals[i]);
    });
  }
}

/** An output that a rule computes anew must have the type of the function's own. */
export function checkedOutput(
  { path, value }: { readonly path: string; readonly value: Tensor },
  aval: Aval,
  context: string,
): Tensor {
  const asFloat = { shape: aval.shape, dtype: aval.dtype };
  directionFor({ path, value }, asFloat, "result", context);
  return value;
}
