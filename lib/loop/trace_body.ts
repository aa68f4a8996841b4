/** Tracing a user's body on carries, whose types must be the same before and after each step. */
import { defaultFloat, isFloat, otherDefault } from "../trace/dtype.ts";
import { LoopError } from "../trace/errors.ts";
import { isIntegral } from "../trace/ops/convert.ts";
import { type Aval, describe, sameShape } from "../trace/shape.ts";
import type { NumberOrigin, Tensor } from "../trace/tensor.ts";
import { currentTrace, Trace, withTrace } from "../trace/trace.ts";
import { sameStructure, unflatten } from "../trace/tree.ts";
import { settleNumbers } from "./number_carries.ts";
import { definite, flattenValues, type FlatValues, withDtype } from "./values.ts";

export interface BodyRequest<R> {
  /** What the user called: `scan`. */
  readonly operation: string;
  /** Names the body in graphs. */
  readonly name: string;
  readonly initial: FlatValues;
  /** Adds further inputs and calls the user's function; returns the new carry and whatever else there is. */
  call(carry: unknown, trace: Trace): R;
}

export interface TracedBody<R> {
  readonly trace: Trace;
  /** The initial carries with their types settled. */
  readonly initial: readonly Tensor[];
  readonly carries: readonly Tensor[];
  readonly next: readonly Tensor[];
  readonly result: R;
  /** What a tensor that the body computed is, now that carries have their dtypes. */
  value(tensor: Tensor): Tensor;
  /** The same for what is collected: plain numbers get a dtype of their own. */
  row(tensor: Tensor): Tensor;
}

/** A plain number as initial carry, while it is not yet known what the body makes of it. */
class InitialNumber implements NumberOrigin {
  constructor(readonly integral: boolean, readonly source: NumberOrigin | null) {}
  observe(): void {
    this.source?.observe();
  }
}

/** The origin of a carry that begins as the plain number `initial`. */
export function initialNumber(initial: Tensor): NumberOrigin {
  const { literal, origin } = initial;
  const integral = literal !== null ? Number.isInteger(literal) : origin?.integral ?? false;
  return new InitialNumber(integral, origin);
}

/**
 * Traces the body once, also where an initial carry is a plain number, which takes the dtype that the body gives it. It
 * is traced again where the trace with a number does not say what one with a tensor would.
 */
export function traceBody<R extends { readonly carry: unknown }>(
  request: BodyRequest<R>,
): TracedBody<R> {
  const { tensors } = request.initial;
  const probe = traceOnce(request, tensors);
  if (!tensors.some((tensor) => tensor.aval.weak)) return probe;
  const { dtypes, body } = settleNumbers(probe);
  const initial = tensors.map((tensor, i) => withDtype(tensor, dtypes[i], request.operation));
  if (!body) return traceOnce(request, initial);
  const { trace, result } = probe;
  return withTrace(trace, () => {
    const next = probe.next.map((value, i) =>
      matchCarry(request.operation, () => request.initial.paths[i], initial[i], body.value(value))
    );
    return bodyOf(trace, initial, body.carries, next, result, (tensor) => body.value(tensor));
  });
}

function bodyOf<R>(
  trace: Trace,
  initial: readonly Tensor[],
  carries: readonly Tensor[],
  next: readonly Tensor[],
  result: R,
  value: (tensor: Tensor) => Tensor,
): TracedBody<R> {
  const row = (tensor: Tensor): Tensor => withTrace(trace, () => definite(value(tensor)));
  return { trace, initial, carries, next, result, value, row };
}

function traceOnce<R extends { readonly carry: unknown }>(
  request: BodyRequest<R>,
  initial: readonly Tensor[],
): TracedBody<R> {
  const { operation, initial: { spec, paths } } = request;
  const trace = new Trace(currentTrace(), request.name);
  return withTrace(trace, () => {
    const carries = initial.map((tensor, i) => {
      const { shape, dtype, weak } = tensor.aval;
      if (!weak) return trace.addInput({ shape, dtype }, paths[i] || undefined);
      const input = trace.addInput({ shape, dtype, weak }, paths[i] || undefined);
      input.origin = initialNumber(tensor);
      return input;
    });
    const result = request.call(unflatten(spec, carries), trace);
    const after = flattenValues(result.carry, "result");
    if (!sameStructure(spec, after.spec)) throw structureChanged(request, after);
    const next = after.tensors.map((tensor, i) => matchCarry(operation, () => paths[i], initial[i], tensor));
    return bodyOf(trace, initial, carries, next, result, (tensor) => tensor);
  });
}

/** The new value of a carry, after checking that it has the type of the old one. */
export function matchCarry(
  operation: string,
  pathOf: () => string,
  initial: Tensor,
  value: Tensor,
): Tensor {
  const before = initial.aval, after = value.aval;
  if (before.weak) return value;
  if (!sameShape(before.shape, after.shape)) throw typeChanged(operation, pathOf(), before, value);
  if (after.weak) {
    if (isFloat(before.dtype) || (before.dtype !== "bool" && isIntegral(value))) {
      return withDtype(value, before.dtype, operation);
    }
    throw typeChanged(operation, pathOf(), before, value);
  }
  if (before.dtype !== after.dtype) throw typeChanged(operation, pathOf(), before, value);
  return value;
}

/** Where the value of a traced tensor was computed, as `file:line`. */
function computedAt(tensor: Tensor): string {
  const place = tensor.variable?.node?.location?.describe();
  return place ? `, computed at ${place}` : "";
}

function typeChanged(operation: string, path: string, before: Aval, value: Tensor): LoopError {
  const after = value.aval;
  const shown = path || "the carry";
  const remedies: string[] = [];
  if (!sameShape(before.shape, after.shape)) {
    remedies.push(
      `Return ${shown} with shape [${before.shape.join(", ")}], or start from a value of shape [${
        after.shape.join(", ")
      }]`,
    );
  }
  if (before.dtype !== after.dtype) {
    const target = after.weak ? defaultFloat() : after.dtype;
    remedies.push(
      `${
        remedies.length ? "give both one dtype: write" : "Write"
      } .cast("${before.dtype}") on the result, or ` +
        `start from a value of dtype ${target}${otherDefault(target, before.dtype)}`,
    );
  }
  return new LoopError(
    `${operation}: the carry must keep its type from step to step: ${shown} is ${
      describe(before)
    } before the step ` +
      `and ${describe(after)} after it${computedAt(value)}.`,
    {
      operation,
      arguments: [
        { name: `${shown} before`, shape: before.shape, dtype: before.dtype },
        { name: `${shown} after`, shape: after.shape, dtype: after.dtype },
      ],
      remedy: `${remedies.join(", and ")}.`,
    },
  );
}

function structureChanged({ operation, initial }: BodyRequest<unknown>, after: FlatValues): LoopError {
  const before = new Set(initial.paths.map((path) => path.replace(/^\w+/, "")));
  const now = new Set(after.paths.map((path) => path.replace(/^\w+/, "")));
  const root = /^\w*/.exec(initial.paths[0] ?? "")?.[0] || "carry";
  const missing = [...before].filter((path) => !now.has(path)).map((path) => `${root}${path}`);
  const added = [...now].filter((path) => !before.has(path)).map((path) => `${root}${path}`);
  const changes = [
    missing.length > 0 ? `${missing.join(", ")} is missing from it` : "",
    added.length > 0 ? `${added.join(", ")} is new in it` : "",
  ].filter((text) => text !== "").join(", ");
  return new LoopError(
    `${operation}: the carry that the body returns does not have the structure of the initial one: ${
      changes || "its plain values differ"
    }.`,
    {
      operation,
      remedy:
        "Return the same arrays and objects, with a tensor in the place of each tensor, in the same order.",
    },
  );
}
