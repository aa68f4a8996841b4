/** map, reduce, foldl and foldr. */
import { batchGraphFully } from "../autodiff/batch_graph.ts";
import { recorded } from "../autodiff/replay.ts";
import { LoopError } from "../trace/errors.ts";
import { checkFunction } from "../trace/ops/options.ts";
import { adoptNames, functionName } from "../trace/parameter_names.ts";
import { prune } from "../trace/prune.ts";
import { capturedInputs, traceFunction } from "../trace/trace.ts";
import { type TreeSpec, unflatten } from "../trace/tree.ts";
import { scanAs } from "./scan.ts";
import { commonLength, flattenSequences } from "./sequences.ts";
import { definite, flattenValues, type Values, type ValuesLike } from "./values.ts";

/**
 * `fn` of every row of `xs` (a tensor or a tree of them), the results stacked: vectorised over the rows, not looped. A
 * function that assigns a Shared, or draws from a random stream, is run row by row, in order.
 *
 * @throws {LoopError} when the sequences have different lengths.
 * @example
 * ```ts
 * import { map, tensor } from "@damo/damo";
 * const norms = map((row) => row.mul(row).sum(), tensor([[1, 2], [3, 4]]));
 * console.assert(String(norms.arraySync()) === "5,25");
 * ```
 */
export function map<const X, const Y>(fn: (x: Values<NoInfer<X>>) => Y, xs: X): Values<Y> {
  checkFunction("map", fn);
  const sequences = flattenSequences(xs, "map", "xs");
  const length = commonLength(sequences, undefined, "map");
  let spec: TreeSpec | null = null;
  let writes = false;
  const rows = sequences.tensors.map(definite);
  const results = recorded("map", rows, (inputs) => {
    const avals = inputs.map(({ aval: { shape, dtype } }) => ({ shape: shape.slice(1), dtype }));
    const traced = traceFunction(
      (own) => {
        const y = flattenValues(fn(unflatten(sequences.spec, own) as Values<X>), "y");
        spec = y.spec;
        return y.tensors.map(definite);
      },
      avals,
      { name: functionName(fn), inputNames: sequences.paths },
    );
    writes = traced.writes.length > 0;
    if (writes) return [];
    const captured = capturedInputs(traced);
    const mask = [...inputs.map(() => true), ...captured.map(() => false)];
    return batchGraphFully(prune(traced.graph), [...inputs, ...captured], mask, length);
  });
  if (writes) return scanAs<null, Y, X>("map", (_, x) => [null, fn(x)], null, xs, {})[1];
  return unflatten(spec!, results) as Values<Y>;
}

/**
 * `fn(accumulator, x)` over the rows of `xs`, from the first to the last; the last accumulator. A tree of sequences
 * gives a tree of rows.
 *
 * @throws {LoopError} when there is no initial accumulator, the accumulator changes its type, or the sequences have different lengths.
 * @example
 * ```ts
 * import { foldl, tensor } from "@damo/damo";
 * const horner = foldl((value, c) => value.mul(2).add(c), tensor([1, 0, 1]), 0);
 * console.assert(horner.itemSync() === 5);
 * ```
 */
export function foldl<const A, const X>(
  fn: (accumulator: Values<NoInfer<A>>, x: Values<NoInfer<X>>) => ValuesLike<NoInfer<A>>,
  xs: X,
  init: A,
): Values<A> {
  return fold("foldl", fn, init, xs);
}

/**
 * Like {@link foldl}, from the last row to the first.
 *
 * @throws {LoopError} when there is no initial accumulator, the accumulator changes its type, or the sequences have different lengths.
 * @example
 * ```ts
 * import { foldr, tensor } from "@damo/damo";
 * const value = foldr((value, c) => value.mul(2).add(c), tensor([1, 0, 0]), 0);
 * console.assert(value.itemSync() === 1);
 * ```
 */
export function foldr<const A, const X>(
  fn: (accumulator: Values<NoInfer<A>>, x: Values<NoInfer<X>>) => ValuesLike<NoInfer<A>>,
  xs: X,
  init: A,
): Values<A> {
  return fold("foldr", fn, init, xs);
}

/**
 * `fn(accumulator, x)` over the rows of `xs`, with the order of arguments of `Array.prototype.reduce`.
 *
 * @throws {LoopError} when there is no initial accumulator, the accumulator changes its type, or the sequences have different lengths.
 * @example
 * ```ts
 * import { reduce, tensor } from "@damo/damo";
 * const product = reduce((product, x) => product.mul(x), tensor([2, 3, 4]), 1);
 * console.assert(product.itemSync() === 24);
 * ```
 */
export function reduce<const A, const X>(
  fn: (accumulator: Values<NoInfer<A>>, x: Values<NoInfer<X>>) => ValuesLike<NoInfer<A>>,
  xs: X,
  init: A,
): Values<A> {
  return fold("reduce", fn, init, xs);
}

function fold<A, X>(
  operation: "foldl" | "foldr" | "reduce",
  fn: (accumulator: Values<A>, x: Values<X>) => ValuesLike<A>,
  init: A,
  xs: X,
): Values<A> {
  checkFunction(operation, fn);
  if (init === undefined) {
    throw new LoopError(`${operation}: there is no initial accumulator.`, {
      operation,
      arguments: [{ name: "init" }],
      remedy: `Write ${operation}(fn, xs, init), for example with 0 for a sum and 1 for a product.`,
    });
  }
  const step = (accumulator: Values<A>, x: Values<X>) => [fn(accumulator, x), null] as const;
  const reverse = operation === "foldr";
  return scanAs<A, null, X>(operation, adoptNames(step, fn, operation), init, xs, { reverse })[0];
}
