/** einsum: products and sums of tensors whose axes are named by letters. */
import { ShapeError } from "../errors.ts";
import { broadcastToPrimitive, reshapeTo } from "../primitives/move.ts";
import { describe, sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { whole } from "../whole.ts";
import {
  contractLabels,
  diagonalOf,
  dropLabels,
  type Labelled,
  orderLabels,
  sumLabels,
} from "./contract_labels.ts";
import type { TensorLike } from "./convert.ts";
import { type EinsumSpec, parseEinsum } from "./einsum_spec.ts";
import { productOperands } from "./linear_algebra.ts";

/**
 * Einstein's summation: axes with the same letter are multiplied together, and letters that are not in the result are
 * summed over. `"ij,jk->ik"` is a matrix product, `"ii"` a trace, `"...ij->...ji"` exchanges the last two axes. Without
 * `->` the result has the letters that occur once, in alphabetical order, after the axes of `...`. More than two
 * operands are multiplied in the order that costs the fewest multiplications at each step.
 *
 * @throws {ShapeError} when the letters do not fit the operands.
 * @example
 * ```ts
 * import { einsum, ones } from "@damo/damo";
 * console.assert(einsum("bij,bjk->bik", ones([5, 2, 3]), ones([5, 3, 4])).shape.join() === "5,2,4");
 * console.assert(einsum("ii", ones([3, 3])).itemSync() === 3);
 * ```
 */
export function einsum(spec: string, ...xs: TensorLike[]): Tensor {
  const operands = xs.length === 0 ? [] : productOperands("einsum", xs);
  return whole("einsum", einsumOf, spec, ...operands);
}

function einsumOf(spec: string, ...operands: Tensor[]): Tensor {
  const parsed = parseEinsum(spec, operands);
  const sizes = labelSizes(spec, operands, parsed);
  const { output } = parsed;
  let terms = operands.map((tensor, i) => prepare(tensor, parsed.inputs[i], sizes));
  terms = terms.map((term, i) =>
    sumLabels(term, (label) => output.includes(label) || occursElsewhere(terms, i, label))
  );
  while (terms.length > 1) {
    const [i, j] = cheapestPair(terms, output, sizes);
    const rest = terms.filter((_, k) => k !== i && k !== j);
    const kept = resultLabels(terms[i], terms[j], rest, output);
    terms = [...rest, contractLabels(terms[i], terms[j], kept)];
  }
  return complete(terms[0], output, sizes);
}

/** The size of every label; sizes 1 give way to others. */
function labelSizes(spec: string, operands: readonly Tensor[], { inputs }: EinsumSpec): Map<string, number> {
  const sizes = new Map<string, number>();
  inputs.forEach((labels, i) =>
    labels.forEach((label, a) => {
      const size = operands[i].shape[a], known = sizes.get(label);
      if (known === undefined || known === 1) sizes.set(label, size);
      else if (size !== known && size !== 1) {
        throw new ShapeError(
          `einsum "${spec}": axis ${a} of operand ${i}, ${describe(operands[i].aval)}, has size ${size}; ` +
            `"${label.startsWith("...") ? "..." : label}" has size ${known} elsewhere.`,
          {
            operation: "einsum",
            arguments: operands.map((x, k) => ({ name: `xs[${k}]`, shape: x.shape, dtype: x.dtype })),
            remedy: "Axes with the same letter must have the same size, or 1.",
          },
        );
      }
    })
  );
  return sizes;
}

/** An operand with distinct labels: repeated letters become diagonals, broadcast axes of size 1 are dropped. */
function prepare(x: Tensor, letters: readonly string[], sizes: ReadonlyMap<string, number>): Labelled {
  let tensor = x;
  let labels = [...letters];
  for (;;) {
    const second = labels.findIndex((label, a) => labels.indexOf(label) < a);
    if (second < 0) break;
    const first = labels.indexOf(labels[second]);
    const label = labels[second];
    const narrow = [first, second].find((a) => tensor.shape[a] === 1);
    if (narrow !== undefined) {
      tensor = reshapeTo(tensor, tensor.shape.filter((_, a) => a !== narrow));
      labels.splice(narrow, 1);
      continue;
    }
    tensor = diagonalOf(tensor, first, second);
    labels = [...labels.filter((_, a) => a !== first && a !== second), label];
  }
  const result: Labelled = { tensor, labels };
  return dropLabels(result, (label) => sizes.get(label) !== 1 && tensor.shape[labels.indexOf(label)] === 1);
}

function occursElsewhere(terms: readonly Labelled[], own: number, label: string): boolean {
  return terms.some((term, i) => i !== own && term.labels.includes(label));
}

/**
 * The labels that a product of two terms keeps: those of the result in its order when nothing else follows, otherwise
 * batch, first and second, which needs no transpose.
 */
function resultLabels(
  a: Labelled,
  b: Labelled,
  rest: readonly Labelled[],
  output: readonly string[],
): readonly string[] {
  const present = (label: string) => a.labels.includes(label) || b.labels.includes(label);
  if (rest.length === 0) return output.filter(present);
  const needed = (label: string) =>
    output.includes(label) || rest.some((term) => term.labels.includes(label));
  const batch = a.labels.filter((label) => b.labels.includes(label) && needed(label));
  const free = [...a.labels, ...b.labels].filter((label) => needed(label) && !batch.includes(label));
  return [...batch, ...free];
}

/** The pair with the fewest multiplications; among equals the one with the smallest result. */
function cheapestPair(
  terms: readonly Labelled[],
  output: readonly string[],
  sizes: ReadonlyMap<string, number>,
): [number, number] {
  let best: [number, number] = [0, 1];
  let least = Infinity, smallest = Infinity;
  if (terms.length === 2) return best;
  const product = (labels: Iterable<string>) => {
    let value = 1;
    for (const label of labels) value *= sizes.get(label)!;
    return value;
  };
  for (let i = 0; i < terms.length; i++) {
    for (let j = i + 1; j < terms.length; j++) {
      const cost = product(new Set([...terms[i].labels, ...terms[j].labels]));
      const rest = terms.filter((_, k) => k !== i && k !== j);
      const size = product(resultLabels(terms[i], terms[j], rest, output));
      if (cost < least || (cost === least && size < smallest)) {
        least = cost;
        smallest = size;
        best = [i, j];
      }
    }
  }
  return best;
}

/** The last term in the order of the result. */
function complete(term: Labelled, output: readonly string[], sizes: ReadonlyMap<string, number>): Tensor {
  const present = output.filter((label) => term.labels.includes(label));
  const ordered = orderLabels(term, present);
  const shape = output.map((label) => sizes.get(label)!);
  if (sameShape(ordered.shape, shape)) return ordered;
  const wide = reshapeTo(ordered, output.map((label) => present.includes(label) ? sizes.get(label)! : 1));
  return bindOne(broadcastToPrimitive, [wide], { shape });
}
