/** Sequences that a loop walks over: trees of tensors with one common leading size. */
import { LoopError } from "../trace/errors.ts";
import { describe } from "../trace/shape.ts";
import { flattenValues, type FlatValues } from "./values.ts";

/** Takes the sequences apart; every leaf must have a leading axis. */
export function flattenSequences(xs: unknown, operation: string, name: string): FlatValues {
  const flat = flattenValues(xs, name);
  flat.tensors.forEach((tensor, i) => {
    if (tensor.shape.length > 0) return;
    throw new LoopError(
      `${operation}: ${flat.paths[i]} is a scalar ${describe(tensor.aval)} and has no steps to walk over.`,
      {
        operation,
        arguments: [{ name: flat.paths[i], shape: tensor.shape, dtype: tensor.dtype }],
        remedy:
          "Sequences are tensors with the steps along axis 0: write tensor([...]) for a list of numbers.",
      },
    );
  });
  return flat;
}

/** The common number of steps, also of `length` where it is given. */
export function commonLength(flat: FlatValues, length: number | undefined, operation: string): number {
  if (length !== undefined && (!Number.isInteger(length) || length < 0)) {
    throw new LoopError(`${operation}: length is ${String(length)}.`, {
      operation,
      arguments: [{ name: "length", value: length }],
      remedy: typeof length === "number"
        ? "Pass a non-negative integer."
        : "The number of rows is part of the program: pass a number, as jit keeps it with { static: [position] }; " +
          "or use forLoop, or recurrence with { steps, maxSteps }, whose number of steps may be traced.",
    });
  }
  const sizes = flat.tensors.map((tensor) => tensor.shape[0]);
  const first = length ?? sizes[0];
  if (first === undefined) {
    throw new LoopError(`${operation}: there are neither sequences nor a length.`, {
      operation,
      remedy: "Pass xs, or { length } for the number of steps.",
    });
  }
  const other = sizes.findIndex((size) => size !== first);
  if (other < 0) return first;
  const against = length !== undefined
    ? `length is ${length}`
    : `${flat.paths[0]} ${describe(flat.tensors[0].aval)}`;
  throw new LoopError(
    `${operation}: the sequences do not have the same number of steps: ${flat.paths[other]} is ${
      describe(flat.tensors[other].aval)
    }, ${against}.`,
    {
      operation,
      arguments: flat.tensors.map(({ shape, dtype }, i) => ({ name: flat.paths[i], shape, dtype })),
      remedy: "Cut them to one length with at(slice(0, n)).",
    },
  );
}
