/** check: a condition that must hold when the value is computed. */
import { CheckError, DTypeError } from "../../trace/errors.ts";
import { type Location, userLocation } from "../../trace/location.ts";
import { strong, type TensorLike } from "../../trace/ops/convert.ts";
import { checkText } from "../../trace/ops/options.ts";
import { not, or } from "../../trace/ops/logic.ts";
import { NOT_LINEAR, type Primitive } from "../../trace/primitive.ts";
import { broadcastFront } from "../../trace/primitives/zeros.ts";
import { describe } from "../../trace/shape.ts";
import type { Tensor } from "../../trace/tensor.ts";
import { bindOne } from "../../trace/trace.ts";

interface CheckParams {
  readonly message: string;
  /** Where the user wrote it. */
  readonly location: Location;
}

/** inputs: condition (bool, any shape), x. Gives x; tangents pass through. */
export const checkPrimitive: Primitive<CheckParams> = {
  name: "check",
  effect: true,
  infer([condition, x]) {
    if (condition.dtype !== "bool") {
      throw new DTypeError(`check: the condition must be bool, got ${describe(condition)}.`, {
        operation: "check",
        arguments: [{ name: "condition", shape: condition.shape, dtype: condition.dtype }],
        remedy: "Compare it: check(x.gt(0), message, x).",
      });
    }
    return [{ shape: x.shape, dtype: x.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ tangents }) {
      return [tangents[1]];
    },
  },
  linear: NOT_LINEAR,
  batch({ inputs: [condition, x], batched, params, size }) {
    return [bindOne(checkPrimitive, [condition, batched[1] ? x : broadcastFront(x, size)], params)];
  },
  masked([condition, x], params, applies) {
    return [bindOne(checkPrimitive, [or(condition, not(applies)), x], params)];
  },
  evaluate([condition, x], { message, location }) {
    const failed = condition.data.reduce((count, holds) => count + (holds ? 0 : 1), 0);
    if (failed > 0) throw failure(message, location, failed, condition.data.length);
    return [x];
  },
  lower() {
    return { kind: "host" };
  },
  print({ message }) {
    return JSON.stringify(message);
  },
};

function failure(message: string, location: Location, failed: number, count: number): CheckError {
  const share = count > 1 ? ` (false in ${failed} of ${count} places)` : "";
  return new CheckError(`Check failed: ${message}${share}.`, {
    operation: "check",
    location,
    remedy:
      "Show the values before it with print, and correct what leads to them; shared variables keep their old values.",
  });
}

/**
 * Gives `x` back, or the condition when there is no `x`, and throws when the condition is false anywhere: at once
 * outside compiled functions, when the value is computed inside them. The call then throws and all shared state keeps
 * its old value.
 *
 * @throws {CheckError} when the condition is false.
 * @throws {DTypeError} when the condition is not bool.
 * @example
 * ```ts
 * import { check, CheckError, jit, tensor } from "@damo/damo";
 * const root = jit((x) => check(x.ge(0), "x must not be negative", x).sqrt());
 * console.assert(root(tensor(9)).itemSync() === 3);
 * try {
 *   root(tensor(-1));
 * } catch (error) {
 *   console.assert(error instanceof CheckError);
 * }
 * ```
 */
export function check(condition: TensorLike, message: string, x: TensorLike = condition): Tensor {
  checkText("check", "message", message, 'check(condition, "message", x)');
  const params = { message, location: userLocation() };
  return bindOne(checkPrimitive, [strong(condition, "check"), strong(x, "check")], params);
}
