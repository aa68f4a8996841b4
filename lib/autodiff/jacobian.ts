/** jacobian, jacfwd, jacrev, hessian and hvp. */
import { isFloat } from "../trace/dtype.ts";
import { GradientError } from "../trace/errors.ts";
import { checkChoice, checkFunction, checkOptions } from "../trace/ops/options.ts";
import { adoptNames, functionName } from "../trace/parameter_names.ts";
import { castPrimitive } from "../trace/primitives/cast.ts";
import { elementwise } from "../trace/primitives/elementwise.ts";
import { iotaPrimitive } from "../trace/primitives/iota.ts";
import { reshapeTo } from "../trace/primitives/move.ts";
import { filled } from "../trace/primitives/zeros.ts";
import { type Aval, describe, sizeOf } from "../trace/shape.ts";
import type { Tensor } from "../trace/tensor.ts";
import { bindOne, commitWrites } from "../trace/trace.ts";
import { type TreeSpec, unflatten } from "../trace/tree.ts";
import { differentiate, type Differentiated, distinctPlaces } from "./arguments.ts";
import { batchFunction } from "./batch_graph.ts";
import { differentiateCost, normalizePositions } from "./grad.ts";
import { collectResiduals, LinearFunction, pruneMap } from "./linear_function.ts";
import { linearizeGraph } from "./linearize.ts";
import { recorded } from "./replay.ts";
import type { AnyArguments, AnyFunction, ArgumentTrees } from "./types.ts";
import { argumentLists, jvp, type TracedUser, traceUser } from "./vjp.ts";
import { moveAxis } from "./vmap.ts";

/** Options of {@link jacobian} and {@link hessian}. */
export interface JacobianOptions {
  /** The argument, or arguments, to differentiate with respect to; the first when absent. */
  readonly argnums?: number | readonly number[];
}

/** Forward mode pushes one tangent per input element, reverse mode pulls one cotangent per output element. */
export type JacobianMode = "forward" | "reverse";

/**
 * The Jacobian matrix as a function of the same arguments. For a result of shape `m` and an argument of shape `n` it
 * has shape `[...m, ...n]`; trees give a tree like the result, with a tree like the argument in the place of each
 * tensor. All columns (or rows) are computed together, as one batch. Without a mode it takes the one with fewer of
 * them: forward when there are fewer input than output elements.
 *
 * @throws {GradientError} when an argument or the result is not of a float dtype.
 * @example
 * ```ts
 * import { jacobian, tensor } from "@damo/damo";
 * const j = jacobian((x) => x.mul(x))(tensor([1, 2])) as ReturnType<typeof tensor>;
 * console.assert(String(j.arraySync()) === "2,0,0,4");
 * ```
 */
export function jacobian<A extends AnyArguments>(
  fn: (...args: A) => unknown,
  options: JacobianOptions & { readonly mode?: JacobianMode } = {},
  // deno-lint-ignore no-explicit-any -- a tree of trees whose type depends on values
): (...args: ArgumentTrees<A>) => any {
  checkFunction("jacobian", fn);
  checkOptions("jacobian", options, ["argnums", "mode"]);
  const { mode } = options;
  checkChoice("jacobian", "mode", mode, ["forward", "reverse"]);
  const name = mode === "forward" ? "jacfwd" : mode === "reverse" ? "jacrev" : "jacobian";
  return adoptNames((...args: ArgumentTrees<A>) => evaluate(fn, args, options, mode, name), fn, name);
}

/** The Jacobian by forward mode: for functions of few inputs. See {@link jacobian}. */
export function jacfwd<A extends AnyArguments>(
  fn: (...args: A) => unknown,
  options: JacobianOptions = {},
  // deno-lint-ignore no-explicit-any -- see jacobian
): (...args: ArgumentTrees<A>) => any {
  checkFunction("jacfwd", fn);
  checkOptions("jacfwd", options, ["argnums"]);
  return jacobian(fn, { ...options, mode: "forward" });
}

/** The Jacobian by reverse mode: for functions of few outputs. See {@link jacobian}. */
export function jacrev<A extends AnyArguments>(
  fn: (...args: A) => unknown,
  options: JacobianOptions = {},
  // deno-lint-ignore no-explicit-any -- see jacobian
): (...args: ArgumentTrees<A>) => any {
  checkFunction("jacrev", fn);
  checkOptions("jacrev", options, ["argnums"]);
  return jacobian(fn, { ...options, mode: "reverse" });
}

/**
 * The matrix of second derivatives of a scalar function: forward mode over reverse mode. For an argument of shape `n`
 * it has shape `[...n, ...n]`; trees give trees of trees.
 *
 * @throws {GradientError} when the function does not return a float scalar or an argument is not of a float dtype.
 * @example
 * ```ts
 * import { hessian, tensor } from "@damo/damo";
 * const h = hessian((x) => x.mul(x).mul(x).sum())(tensor([1, 2]));
 * console.assert(String(h.arraySync()) === "6,0,0,12");
 * ```
 */
export function hessian<A extends AnyArguments>(
  fn: (...args: A) => unknown,
  options: JacobianOptions = {},
  // deno-lint-ignore no-explicit-any -- see jacobian
): (...args: ArgumentTrees<A>) => any {
  checkFunction("hessian", fn);
  checkOptions("hessian", options, ["argnums"]);
  const gradient = gradientForHessian(fn, options, "hessian");
  const wrapped = (...args: ArgumentTrees<A>) => evaluate(gradient, args, options, "forward", "hessian");
  return adoptNames(wrapped, fn, "hessian");
}

/**
 * The product of the Hessian of a scalar function with a vector, by forward over reverse mode, without making the
 * Hessian: its cost is a small multiple of that of the gradient. With one primal the result is a tree like it; with
 * several it is an array with one tree per primal.
 *
 * @throws {GradientError} as grad and jvp do.
 * @example
 * ```ts
 * import { hvp, tensor } from "@damo/damo";
 * const product = hvp((x) => x.mul(x).mul(x).sum(), [tensor([1, 2])], [tensor([1, 1])]);
 * console.assert(String(product.arraySync()) === "6,12");
 * ```
 */
export function hvp<A extends AnyArguments>(
  fn: (...args: A) => unknown,
  primals: readonly [...ArgumentTrees<A>],
  tangents: readonly unknown[],
  // deno-lint-ignore no-explicit-any -- a tree like the primal, or an array of them
): any {
  checkFunction("hvp", fn);
  const lists = argumentLists(primals, tangents, `hvp of ${functionName(fn)}`);
  const argnums = lists.primals.length === 1 ? 0 : lists.primals.map((_, i) => i);
  const gradient = gradientForHessian(fn, { argnums }, "hvp");
  return jvp(gradient, lists.primals, lists.tangents)[1];
}

function gradientForHessian(fn: AnyFunction, { argnums }: JacobianOptions, transform: string): AnyFunction {
  const gradient = (...args: unknown[]) =>
    differentiateCost(fn, args, { argnums, disconnected: "zero" }, transform).gradient;
  adoptNames(gradient, fn, "");
  Object.defineProperty(gradient, "name", { value: fn.name });
  return gradient;
}

function evaluate(
  fn: AnyFunction,
  args: readonly unknown[],
  { argnums = 0 }: JacobianOptions,
  mode: JacobianMode | undefined,
  transform: string,
): unknown {
  const context = `${transform} of ${functionName(fn)}`;
  const split = differentiate(fn, args, normalizePositions(argnums, args.length, context), context);
  let user: TracedUser | undefined;
  const results = recorded(context, split.tensors, (inputs) => {
    user = traceUser(fn, split, inputs);
    return jacobianBlocks(user, split, mode, context);
  });
  const { spec } = user!;
  const rows = split.leaves.length;
  const outputs = results.length / rows;
  const blocks = Array.from({ length: outputs }, (_, i) => {
    const trees = split.mirror(results.slice(i * rows, (i + 1) * rows));
    return typeof argnums === "number" ? trees[0] : trees;
  });
  return placeBlocks(spec, blocks);
}

function placeBlocks(spec: TreeSpec, blocks: readonly unknown[]): unknown {
  return unflatten(spec, blocks);
}

/** One block per output and leaf, outputs first. */
function jacobianBlocks(
  user: TracedUser,
  { leaves }: Differentiated,
  mode: JacobianMode | undefined,
  context: string,
): Tensor[] {
  const { traced, inputs, places } = user;
  const { active, slots } = distinctPlaces(places);
  const { outputs, map } = linearizeGraph(traced.graph, inputs, active, context, traced.outputCount);
  const own = commitWrites(traced, outputs);
  own.forEach((output, i) => checkResult(output.aval, i, context));
  const pruned = pruneMap(map);
  const { variables, tensors } = collectResiduals(pruned);
  const linear = new LinearFunction(pruned, variables, tensors, context);
  const count = (avals: readonly Aval[]) => avals.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const outAvals = own.map((output) => output.aval);
  const chosen = mode ?? (count(leaves.map((leaf) => leaf.aval)) <= count(outAvals) ? "forward" : "reverse");
  const blocks: Tensor[] = new Array(outAvals.length * leaves.length);
  const place = (output: number, leaf: number, block: Tensor | null): void => {
    const { dtype, shape } = outAvals[output];
    blocks[output * leaves.length + leaf] = block ??
      filled(0, { dtype, shape: [...shape, ...leaves[leaf].aval.shape] });
  };
  if (chosen === "forward") {
    leaves.forEach(({ aval }, leaf) => {
      const columns = pushBasis(linear, slots[leaf], aval, outAvals);
      columns.forEach((column, output) => place(output, leaf, column && columnsLast(column, aval)));
    });
  } else {
    outAvals.forEach((aval, output) => {
      const rows = pullBasis(linear, output, aval);
      leaves.forEach((leaf, i) => {
        const row = slots[i] < 0 ? null : rows[slots[i]];
        place(output, i, row && reshapeTo(row, [...aval.shape, ...leaf.aval.shape]));
      });
    });
  }
  return blocks;
}

function checkResult(aval: Aval, index: number, context: string): void {
  if (isFloat(aval.dtype)) return;
  throw new GradientError(
    `${context}: result ${index} is ${describe(aval)}, and derivatives exist for floats only.`,
    {
      operation: context,
      arguments: [{ name: `result ${index}`, shape: aval.shape, dtype: aval.dtype }],
      remedy: "Return tensors of a float dtype only.",
    },
  );
}

/** The derivatives of all outputs along every unit tangent of one input, as a batch in front. */
function pushBasis(
  linear: LinearFunction,
  slot: number,
  aval: Aval,
  outAvals: readonly Aval[],
): (Tensor | null)[] {
  if (slot < 0) return outAvals.map(() => null);
  return overBasis(
    aval,
    ([tangent]) => linear.apply(linear.map.inputs.map((_, i) => i === slot ? tangent : null)),
  );
}

/** The gradients of every element of one output, as a batch in front. */
function pullBasis(linear: LinearFunction, output: number, aval: Aval): (Tensor | null)[] {
  return overBasis(
    aval,
    ([cotangent]) => linear.transpose(linear.map.outputs.map((_, i) => i === output ? cotangent : null)),
  );
}

/** Applies a linear function to all unit vectors of a type at once; zero results are null. */
function overBasis(
  aval: Aval,
  fn: (inputs: readonly Tensor[]) => readonly (Tensor | null)[],
): (Tensor | null)[] {
  let mask: boolean[] = [];
  const present = (inputs: readonly Tensor[]): Tensor[] => {
    const results = fn(inputs);
    mask = results.map((tensor) => tensor !== null);
    return results.filter((tensor) => tensor !== null);
  };
  const results = batchFunction(present, [true], sizeOf(aval.shape), "basis")([unitBasis(aval)]);
  let next = 0;
  return mask.map((exists) => exists ? results[next++] : null);
}

/** Every unit tensor of a type, stacked in front: an identity matrix. */
function unitBasis({ shape, dtype }: Aval): Tensor {
  const size = sizeOf(shape);
  const index = (axis: number) =>
    bindOne(iotaPrimitive, [], { shape: [size, size], dtype: "int32" as const, axis });
  const identity = bindOne(elementwise.eq, [index(0), index(1)], {});
  return reshapeTo(bindOne(castPrimitive, [identity], { dtype }), [size, ...shape]);
}

/** A batch of columns in front, moved behind the axes of the output and given the shape of the input. */
function columnsLast(columns: Tensor, input: Aval): Tensor {
  const moved = moveAxis(columns, 0, columns.ndim - 1);
  return reshapeTo(moved, [...moved.shape.slice(0, -1), ...input.shape]);
}
