/** Products of two tensors whose axes carry labels: the common ground of matmul, tensordot and einsum. */
import { contractPrimitive } from "../primitives/contract.ts";
import { apply } from "../primitives/elementwise_rules.ts";
import { reshapeTo, transposeTo } from "../primitives/move.ts";
import { slicePrimitive } from "../primitives/move_slice.ts";
import { sumPrimitive } from "../primitives/reduce.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";

/** A tensor with one label for each axis; no label occurs twice. */
export interface Labelled {
  readonly tensor: Tensor;
  readonly labels: readonly string[];
}

/** The axes in the order of `labels`, which are those of `x`. */
export function orderLabels(x: Labelled, labels: readonly string[]): Tensor {
  return transposeTo(x.tensor, labels.map((label) => x.labels.indexOf(label)));
}

/** Summed over the labels that are not in `kept`. */
export function sumLabels(x: Labelled, kept: (label: string) => boolean): Labelled {
  const axes = x.labels.flatMap((label, a) => kept(label) ? [] : [a]);
  if (axes.length === 0) return x;
  return { tensor: bindOne(sumPrimitive, [x.tensor], { axes }), labels: x.labels.filter(kept) };
}

/** Without the axes of size 1 whose labels are in `dropped`. */
export function dropLabels(x: Labelled, dropped: (label: string) => boolean): Labelled {
  const labels = x.labels.filter((label) => !dropped(label));
  if (labels.length === x.labels.length) return x;
  const shape = x.tensor.shape.filter((_, a) => !dropped(x.labels[a]));
  return { tensor: reshapeTo(x.tensor, shape), labels };
}

/**
 * The product of a and b with the axes of `out`: shared labels are batch axes when they are in `out` and summed over
 * otherwise, labels of one operand that are not in `out` are summed over. The operands are exchanged when that makes
 * the order of the result right without a transpose.
 */
export function contractLabels(first: Labelled, second: Labelled, out: readonly string[]): Labelled {
  const wanted = new Set(out);
  let a = sumLabels(first, (label) => wanted.has(label) || second.labels.includes(label));
  let b = sumLabels(second, (label) => wanted.has(label) || first.labels.includes(label));
  const free = (x: Labelled, other: Labelled) => x.labels.filter((label) => !other.labels.includes(label));
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const batch = out.filter((label) => shared.includes(label));
  const summed = shared.filter((label) => !wanted.has(label));
  if (summed.length === 0 && (batch.length === out.length || shared.length === out.length)) {
    // Nothing is summed and no axis is added: a plain product.
    return { tensor: apply("mul", orderLabels(a, out), orderLabels(b, out)), labels: out };
  }
  const order = () => [...batch, ...free(a, b), ...free(b, a)];
  if (!sameOrder(order(), out)) {
    [a, b] = [b, a];
    if (!sameOrder(order(), out)) [a, b] = [b, a];
  }
  const place = (x: Labelled, labels: readonly string[]) => labels.map((label) => x.labels.indexOf(label));
  const tensor = bindOne(contractPrimitive, [a.tensor, b.tensor], {
    batchA: place(a, batch),
    batchB: place(b, batch),
    contractA: place(a, summed),
    contractB: place(b, summed),
  });
  return { tensor: orderLabels({ tensor, labels: order() }, out), labels: out };
}

function sameOrder(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((label, i) => label === b[i]);
}

/**
 * The diagonal along two axes, as the last axis of the result: element i is at (i, i + offset), or (i - offset, i)
 * for a negative offset. With the two axes last and flat, neighbours on the diagonal are `columns + 1` apart.
 */
export function diagonalOf(x: Tensor, axis1: number, axis2: number, offset = 0): Tensor {
  const rest = x.shape.map((_, a) => a).filter((a) => a !== axis1 && a !== axis2);
  const rows = x.shape[axis1], columns = x.shape[axis2];
  const outer = rest.map((a) => x.shape[a]);
  const flat = reshapeTo(transposeTo(x, [...rest, axis1, axis2]), [...outer, rows * columns]);
  const length = Math.max(0, Math.min(rows + Math.min(offset, 0), columns - Math.max(offset, 0)));
  const first = length === 0 ? 0 : offset >= 0 ? offset : -offset * columns;
  return bindOne(slicePrimitive, [flat], {
    start: [...outer.map(() => 0), first],
    stop: [...outer, length === 0 ? first : first + (length - 1) * (columns + 1) + 1],
    step: [...outer.map(() => 1), columns + 1],
  });
}
