/** What a kernel of the user's own takes: the declared dtypes and shapes of its inputs, and errors that name them. */
import type { DType } from "../trace/dtype.ts";
import { DTypeError, type ErrorDetail, ShapeError } from "../trace/errors.ts";
import { describe, type Shape } from "../trace/shape.ts";

/** One input of a kernel. */
export interface KernelInput {
  /** Its name in errors; its position without one. */
  readonly name?: string;
  /** The only element type that the kernel reads; any when left out. */
  readonly dtype?: DType;
  /** Its sizes: a number is that size, null any, and a letter or word the same size wherever it stands. */
  readonly shape?: readonly (number | string | null)[];
}

/** The shape and dtype of an input or a result. */
export interface KernelType {
  /** The sizes of its axes. */
  readonly shape: Shape;
  /** The element type. */
  readonly dtype: DType;
}

/** Checks the types of a call against the declaration. */
export function checkKernelInputs(
  kernel: string,
  declared: readonly KernelInput[],
  given: readonly KernelType[],
): void {
  const name = (i: number) => declared[i]?.name ?? `input ${i}`;
  const detail = (remedy: string): ErrorDetail => ({
    operation: kernel,
    arguments: given.map(({ shape, dtype }, i) => ({ name: name(i), shape, dtype })),
    remedy,
  });
  if (given.length !== declared.length) {
    const takes = declared.length === 1 ? "1 input" : `${declared.length} inputs`;
    throw new ShapeError(
      `${kernel}: the kernel takes ${takes} (${declared.map((_, i) => name(i)).join(", ")}), got ` +
        `${given.length}.`,
      detail(`Call it with ${takes}.`),
    );
  }
  const sizes = new Map<string, { size: number; input: string }>();
  declared.forEach(({ dtype, shape }, i) => {
    const type = given[i];
    if (dtype !== undefined && type.dtype !== dtype) {
      throw new DTypeError(
        `${kernel}: ${name(i)} is ${describe(type)}, and the kernel reads ${dtype}.`,
        detail(`Pass ${name(i)} as ${dtype}: cast("${dtype}").`),
      );
    }
    if (shape === undefined) return;
    const wanted = `[${shape.map((size) => size ?? "any").join(", ")}]`;
    const fits = shape.length === type.shape.length && shape.every((size, axis) => {
      if (typeof size !== "string") return size === null || size === type.shape[axis];
      const known = sizes.get(size);
      if (known === undefined) sizes.set(size, { size: type.shape[axis], input: name(i) });
      return known === undefined || known.size === type.shape[axis];
    });
    if (fits) return;
    const letters = shape.filter((size): size is string => typeof size === "string" && sizes.has(size))
      .map((size) => `${size} = ${sizes.get(size)!.size} (from ${sizes.get(size)!.input})`);
    const where = letters.length > 0 ? `, where ${[...new Set(letters)].join(", ")}` : "";
    throw new ShapeError(
      `${kernel}: ${name(i)} is ${describe(type)}, and the kernel takes the shape ${wanted}${where}.`,
      detail("Reshape it, or use vmap for a batch of inputs."),
    );
  });
}
