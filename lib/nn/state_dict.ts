/** State dictionaries: named tensors, as files hold them, put into shared variables. */
import { promote } from "../trace/dtype.ts";
import { DamoError, DTypeError, ShapeError } from "../trace/errors.ts";
import { strong, type TensorLike } from "../trace/ops/convert.ts";
import { sameShape } from "../trace/shape.ts";
import { Shared } from "../trace/shared.ts";
import { Tensor } from "../trace/tensor.ts";
import { describe, describeShared } from "./describe.ts";

/** Named tensors, as `stateDict()` gives them and `io.save` writes them. */
export type StateDict = Record<string, Tensor>;

/**
 * Sets shared variables from a dictionary, all or none.
 *
 * @throws {DamoError} naming every missing, unexpected and misshapen entry, and those of a dtype that would lose something.
 */
export function applyStateDict(
  operation: string,
  state: ReadonlyMap<string, Shared>,
  dict: Readonly<Record<string, unknown>>,
): void {
  const given = flattenNames(operation, dict);
  const missing = [...state.keys()].filter((name) => !given.has(name));
  const unexpected = [...given.keys()].filter((name) => !state.has(name));
  const misshapen: string[] = [], mistyped: string[] = [];
  for (const [name, shared] of state) {
    const value = given.get(name);
    if (!value) continue;
    const difference = `${name} is ${describe(value)}, not ${describeShared(shared)}`;
    if (!sameShape(value.shape, shared.shape)) misshapen.push(difference);
    else if (promote(value.dtype, shared.dtype) !== shared.dtype) mistyped.push(difference);
  }
  const faults = [
    missing.length > 0 ? `missing: ${missing.join(", ")}` : "",
    unexpected.length > 0 ? `unexpected: ${unexpected.join(", ")}` : "",
    misshapen.length > 0 ? `of another shape: ${misshapen.join(", ")}` : "",
    mistyped.length > 0 ? `of a dtype that does not fit: ${mistyped.join(", ")}` : "",
  ].filter((fault) => fault !== "");
  if (faults.length > 0) {
    const named = missing.length + unexpected.length;
    const Kind = named > 0 ? DamoError : misshapen.length > 0 ? ShapeError : DTypeError;
    throw new Kind(`${operation}: entries do not fit; ${faults.join("; ")}.`, {
      operation,
      missing,
      unexpected,
      misshapen,
      mistyped,
      remedy: mistyped.length > 0 && faults.length === 1
        ? "Cast them first, for example to float32."
        : "Load it into what was built with the same sizes and options.",
    });
  }
  for (const [name, shared] of state) shared.value = given.get(name)!.cast(shared.dtype).to(shared.device);
}

/** Dotted names of a flat or nested dictionary. */
function flattenNames(operation: string, dict: Readonly<Record<string, unknown>>): Map<string, Tensor> {
  const found = new Map<string, Tensor>();
  const stack: [string, unknown][] = [["", dict]];
  while (stack.length > 0) {
    const [prefix, value] = stack.pop()!;
    const isBranch = typeof value === "object" && value !== null && !(value instanceof Tensor) &&
      !(value instanceof Shared) && !ArrayBuffer.isView(value) &&
      (!Array.isArray(value) || value.some((item) => typeof item === "object" && !Array.isArray(item)));
    if (!isBranch) {
      found.set(prefix, strong(value as TensorLike, operation));
      continue;
    }
    for (const [name, inner] of Object.entries(value).reverse()) {
      stack.push([prefix === "" ? name : `${prefix}.${name}`, inner]);
    }
  }
  return found;
}
