/** whileLoop and forLoop. */
import { LoopError } from "../trace/errors.ts";
import { isFloat, isInteger } from "../trace/dtype.ts";
import { functionName, parameterName } from "../trace/parameter_names.ts";
import { checkFunction, checkOptions } from "../trace/ops/options.ts";
import { castTo, isIntegral, toTensor } from "../trace/ops/convert.ts";
import { describe } from "../trace/shape.ts";
import type { Shared } from "../trace/shared.ts";
import { Tensor } from "../trace/tensor.ts";
import { currentTrace, Trace, withTrace } from "../trace/trace.ts";
import { unflatten } from "../trace/tree.ts";
import { bindLoop, closeLoop, commitStates } from "./close_loop.ts";
import { DYNAMIC } from "./loop_params.ts";
import { traceBody } from "./trace_body.ts";
import { conditionScalar, flattenValues, type Values, type ValuesLike } from "./values.ts";

/** Options of whileLoop. */
export interface WhileOptions {
  /** At most so many steps are taken, whatever the condition says. */
  readonly maxSteps?: number;
}

/**
 * `while (condition(carry)) carry = body(carry)`. Zero steps are possible. Condition and body are traced once. Reverse
 * mode needs no bound: the steps are recorded on a tape that grows as far as the loop really runs. Under vmap the loop
 * runs until the last example is done, and leaves finished ones alone.
 *
 * @throws {LoopError} when the carry changes its type or the condition is not one bool.
 * @example
 * ```ts
 * import { tensor, whileLoop } from "@damo/damo";
 * const x = whileLoop((x) => x.lt(100), (x) => x.mul(2), tensor(3));
 * console.assert(x.itemSync() === 192);
 * ```
 */
export function whileLoop<const C>(
  condition: (carry: Values<NoInfer<C>>) => Tensor | boolean,
  body: (carry: Values<NoInfer<C>>) => ValuesLike<NoInfer<C>>,
  init: C,
  options: WhileOptions = {},
): Values<C> {
  checkOptions("whileLoop", options, ["maxSteps"]);
  checkFunction("whileLoop", condition, "condition");
  checkFunction("whileLoop", body, "body");
  const { maxSteps } = options;
  if (maxSteps !== undefined) checkCount("whileLoop", "maxSteps", maxSteps);
  const initial = flattenValues(init, parameterName(body, 0, "carry"));
  const traced = traceBody({
    operation: "whileLoop",
    name: functionName(body),
    initial,
    call: (carry) => ({ carry: body(carry as Values<C>) }),
  });
  const conditionTrace = new Trace(currentTrace(), functionName(condition));
  const { inputs, output } = withTrace(conditionTrace, () => {
    const inputs = traced.initial.map(({ aval: { shape, dtype } }, i) =>
      conditionTrace.addInput({ shape, dtype }, initial.paths[i] || undefined)
    );
    const value = condition(unflatten(initial.spec, inputs) as Values<C>);
    return { inputs, output: conditionScalar(value, "whileLoop", "the condition") };
  });
  const closed = closeLoop({
    operation: "whileLoop",
    trace: traced.trace,
    carries: traced.carries,
    step: null,
    slices: [],
    next: traced.next,
    rows: [],
    stop: null,
    condition: { trace: conditionTrace, carries: inputs, output },
    initial: traced.initial,
    sequences: [],
    count: maxSteps === undefined ? null : Tensor.literal(maxSteps, "int32"),
    length: DYNAMIC,
    reverse: false,
    taken: false,
  });
  return unflatten(initial.spec, commitStates(closed, bindLoop(closed).carries)) as Values<C>;
}

/**
 * `for (let i = 0; i < n; i++) carry = body(i, carry)`, with `i` an int32 scalar. `n` is a number or an integer scalar
 * tensor, which may be traced; no steps are taken when it is not positive. The body is traced once.
 *
 * @throws {LoopError} when the carry changes its type, or `n` is no integer.
 * @example
 * ```ts
 * import { forLoop, tensor } from "@damo/damo";
 * const factorial = forLoop(5, (i, product) => product.mul(i.add(1)), tensor(1));
 * console.assert(factorial.itemSync() === 120);
 * ```
 */
export function forLoop<const C>(
  n: number | Tensor | Shared,
  body: (i: Tensor, carry: Values<NoInfer<C>>) => ValuesLike<NoInfer<C>>,
  init: C,
): Values<C> {
  checkFunction("forLoop", body, "body");
  const steps = stepCount(n, "forLoop", "n");
  const initial = flattenValues(init, parameterName(body, 1, "carry"));
  const traced = traceBody({
    operation: "forLoop",
    name: functionName(body),
    initial,
    call(carry, trace) {
      const step = trace.addInput({ shape: [], dtype: "int32" }, parameterName(body, 0, "i"));
      return { carry: body(step, carry as Values<C>), step };
    },
  });
  const closed = closeLoop({
    operation: "forLoop",
    trace: traced.trace,
    carries: traced.carries,
    step: traced.result.step,
    slices: [],
    next: traced.next,
    rows: [],
    stop: null,
    condition: null,
    initial: traced.initial,
    sequences: [],
    count: steps.count,
    length: steps.length,
    reverse: false,
    taken: false,
  });
  return unflatten(initial.spec, commitStates(closed, bindLoop(closed).carries)) as Values<C>;
}

/** A number of steps: static, or an int32 scalar that is known at run time. */
export function stepCount(
  n: number | Tensor | Shared,
  operation: string,
  name: string,
): { readonly length: number; readonly count: Tensor | null } {
  if (typeof n === "number") {
    if (!Number.isInteger(n)) checkCount(operation, name, n);
    return { length: Math.max(0, n), count: null };
  }
  const tensor = toTensor(n);
  if (tensor.literal !== null) return stepCount(tensor.literal, operation, name);
  const { shape, dtype, weak } = tensor.aval;
  const integral = weak ? isIntegral(tensor) : isInteger(dtype);
  if (shape.length > 0 || !integral) {
    throw new LoopError(`${operation}: ${name} is ${describe(tensor.aval)}, not a number of steps.`, {
      operation,
      arguments: [{ name, shape, dtype }],
      remedy: isFloat(dtype) && !weak
        ? `Write ${name}.cast("int32").`
        : "Pass a number or an integer scalar tensor.",
    });
  }
  return { length: DYNAMIC, count: castTo(tensor, "int32") };
}

export function checkCount(operation: string, name: string, value: number): void {
  if (Number.isInteger(value) && value >= 0) return;
  throw new LoopError(`${operation}: ${name} is ${String(value)}.`, {
    operation,
    arguments: [{ name, value }],
    remedy: "Pass a non-negative integer.",
  });
}
