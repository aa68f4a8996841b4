/** Trees of parameters and gradients: taken apart, compared, and named. */
import { isFloat } from "../trace/dtype.ts";
import { DamoError, describeType, DTypeError, ShapeError } from "../trace/errors.ts";
import { sameShape } from "../trace/shape.ts";
import { Shared } from "../trace/shared.ts";
import { Tensor } from "../trace/tensor.ts";
import { flatten, type TreeSpec } from "../trace/tree.ts";

/** Parameters, gradients and states: a tensor or shared variable, or arrays and objects of them. */
// deno-lint-ignore no-explicit-any -- trees are given back with the user's own type, which no checker can follow
export type Tree = any;

/** A tree taken apart: its leaves and their dotted names. */
export interface Leaves {
  readonly leaves: readonly (Tensor | Shared)[];
  readonly spec: TreeSpec;
  /** `weight`, `layers.0.bias`; empty for a bare tensor. */
  readonly names: readonly string[];
}

function isLeaf(value: unknown): value is Tensor | Shared {
  return value instanceof Tensor || value instanceof Shared;
}

/** A tree of tensors and shared variables; anything else in it is an error. */
export function leavesOf(operation: string, what: string, tree: Tree): Leaves {
  const { leaves, spec } = flatten(tree, isLeaf);
  return { leaves, spec, names: namesOf(operation, what, spec) };
}

/** A tree of parameters, which are floats: only those have gradients. */
export function parametersOf(operation: string, tree: Tree): Leaves {
  const parameters = leavesOf(operation, "the tree of parameters", tree);
  parameters.leaves.forEach(({ dtype, shape }, i) => {
    if (isFloat(dtype)) return;
    const name = parameters.names[i];
    throw new DTypeError(
      `${operation}: the parameter${name === "" ? "" : ` ${name}`} is ${describeType(dtype, shape)}.`,
      {
        operation,
        arguments: [{ name: name || "parameter", shape, dtype }],
        remedy: "Parameters are floats: cast it, or leave it out of the tree.",
      },
    );
  });
  return parameters;
}

function namesOf(operation: string, what: string, root: TreeSpec): string[] {
  const names: string[] = [];
  function walk(spec: TreeSpec, name: string): void {
    const inner = (key: string | number) => name === "" ? String(key) : `${name}.${key}`;
    if (spec.kind === "leaf") names.push(name);
    else if (spec.kind === "array") spec.children.forEach((child, i) => walk(child, inner(i)));
    else if (spec.kind === "object") spec.children.forEach((child, i) => walk(child, inner(spec.keys[i])));
    else {
      throw new DamoError(
        `${operation}: ${what}${name === "" ? "" : ` at ${name}`} is ${show(spec.value)}, no tensor.`,
        {
          operation,
          remedy: "Pass tensors or shared variables, or arrays and plain objects of them; " +
            "of a module pass module.parameters().",
        },
      );
    }
  }
  walk(root, "");
  return names;
}

function show(value: unknown): string {
  if (typeof value === "object" && value !== null) return `a ${value.constructor?.name ?? "object"}`;
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** The tensor that a leaf stands for. */
export function tensorOf(leaf: Tensor | Shared): Tensor {
  return leaf instanceof Shared ? leaf.value : leaf;
}

/** Gradients in the structure of the parameters, as tensors; an error names the first that does not fit. */
export function matchGradients(operation: string, gradients: Tree, parameters: Leaves): Tensor[] {
  const given = leavesOf(operation, "the tree of gradients", gradients);
  const { names, leaves } = parameters;
  const missing = names.filter((name) => !given.names.includes(name));
  const unexpected = given.names.filter((name) => !names.includes(name));
  if (missing.length + unexpected.length > 0) {
    const list = (found: readonly string[]) =>
      found.map((name) => name === "" ? "the bare tensor" : name).join(", ");
    const parts = [
      missing.length > 0 ? `missing: ${list(missing)}` : "",
      unexpected.length > 0 ? `unexpected: ${list(unexpected)}` : "",
    ].filter((part) => part !== "");
    throw new DamoError(
      `${operation}: ${given.leaves.length} gradients for ${leaves.length} parameters; ${parts.join("; ")}.`,
      {
        operation,
        missing,
        unexpected,
        remedy:
          "Pass the gradients in the structure of the parameters: optimizer.step(grad(cost, parameters)).",
      },
    );
  }
  // Objects may list their keys in another order.
  const byName = new Map(given.names.map((name, i) => [name, given.leaves[i]]));
  return names.map((name, i) => {
    const gradient = tensorOf(byName.get(name)!), parameter = leaves[i];
    const types = `the gradient${name === "" ? "" : ` of ${name}`} is ${
      describeType(gradient.dtype, gradient.shape)
    }, the parameter ${describeType(parameter.dtype, parameter.shape)}`;
    const argument = { name, shape: gradient.shape, dtype: gradient.dtype };
    if (!sameShape(gradient.shape, parameter.shape)) {
      throw new ShapeError(`${operation}: ${types}.`, {
        operation,
        arguments: [argument],
        remedy: "Pass the gradient of a scalar cost with respect to this parameter, without summing it.",
      });
    }
    if (gradient.dtype !== parameter.dtype) {
      throw new DTypeError(`${operation}: ${types}.`, {
        operation,
        arguments: [argument],
        remedy: `Write gradient.cast("${parameter.dtype}").`,
      });
    }
    return gradient;
  });
}
