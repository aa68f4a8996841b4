/** Sizes and seeds that layers are built with. */
import { ShapeError } from "../trace/errors.ts";

/** Checks the size of a layer: a positive integer. */
export function checkSize(operation: string, name: string, size: unknown): asserts size is number {
  if (Number.isInteger(size) && (size as number) > 0) return;
  throw new ShapeError(`${operation}: ${name} is ${String(size)}.`, {
    operation,
    arguments: [{ name, value: size }],
    remedy: "Pass a positive integer.",
  });
}

let layers = 0;

/** A seed that no other layer of this program got. */
export function freshSeed(): number {
  return layers++;
}
