/** contract: the general product of two tensors, from which matmul, dot, tensordot and einsum are made. */
import { castValue, isFloat } from "../dtype.ts";
import { ShapeError } from "../errors.ts";
import type { Primitive } from "../primitive.ts";
import { type Aval, describe, type Shape, sizeOf, stridesOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { apply } from "./elementwise_rules.ts";
import { inversePermutation, transposeTo } from "./move.ts";

/** Axes of a and b listed pairwise. */
export interface ContractParams {
  readonly batchA: readonly number[];
  readonly batchB: readonly number[];
  readonly contractA: readonly number[];
  readonly contractB: readonly number[];
}

/** The axes that are neither batch nor contracted, in order. */
export function freeAxes(rank: number, ...used: readonly (readonly number[])[]): number[] {
  const taken = new Set(used.flat());
  return Array.from({ length: rank }, (_, a) => a).filter((a) => !taken.has(a));
}

function checkContract(
  [a, b]: readonly Aval[],
  { batchA, batchB, contractA, contractB }: ContractParams,
): void {
  const pairs = [
    ...batchA.map((axis, i) => [axis, batchB[i]]),
    ...contractA.map((axis, i) => [axis, contractB[i]]),
  ];
  const distinct = new Set(pairs.map(([left]) => left)).size === pairs.length &&
    new Set(pairs.map(([, right]) => right)).size === pairs.length;
  const sizesAgree = pairs.every(([left, right]) =>
    a.shape[left] !== undefined && a.shape[left] === b.shape[right]
  );
  const listsAgree = batchA.length === batchB.length && contractA.length === contractB.length;
  if (!distinct || !sizesAgree || !listsAgree || a.dtype !== b.dtype) {
    throw new ShapeError(
      `contract: ${describe(a)} over axes [${contractA.join(", ")}] does not meet ${describe(b)} over axes [${
        contractB.join(", ")
      }].`,
      {
        operation: "contract",
        arguments: [{ name: "a", shape: a.shape, dtype: a.dtype }, {
          name: "b",
          shape: b.shape,
          dtype: b.dtype,
        }],
        remedy: "Axes that are summed together must have the same size, and both operands the same dtype.",
      },
    );
  }
}

/**
 * The cotangent of `a` (or, with the roles exchanged, of `b`): the cotangent of the output contracted with the other
 * operand over the other's free axes, then brought into a's order of axes.
 */
function cotangentOf(
  cotangent: Tensor,
  other: Tensor,
  rank: number,
  own: { batch: readonly number[]; contract: readonly number[] },
  others: { batch: readonly number[]; contract: readonly number[] },
  /** Where the free axes of the other operand stand in the output. */
  otherFreeStart: number,
): Tensor {
  const otherFree = freeAxes(other.ndim, others.batch, others.contract);
  const batch = own.batch.map((_, i) => i);
  const result = bindOne(contractPrimitive, [cotangent, other], {
    batchA: batch,
    batchB: others.batch,
    contractA: otherFree.map((_, i) => otherFreeStart + i),
    contractB: otherFree,
  });
  // Axes of the result: batch, own free, and then the contracted ones in the order in which the other has them.
  const contracted = others.contract.map((_, i) => i)
    .sort((i, j) => others.contract[i] - others.contract[j])
    .map((i) => own.contract[i]);
  const order = [...own.batch, ...freeAxes(rank, own.batch, own.contract), ...contracted];
  return transposeTo(result, inversePermutation(order));
}

/** out[batch, freeA, freeB] = sum over k of a[batch, freeA, k] b[batch, freeB, k]. Bilinear. */
export const contractPrimitive: Primitive<ContractParams> = {
  name: "contract",
  infer([a, b], params) {
    checkContract([a, b], params);
    const { batchA, batchB, contractA, contractB } = params;
    const shape = [
      ...batchA.map((axis) => a.shape[axis]),
      ...freeAxes(a.shape.length, batchA, contractA).map((axis) => a.shape[axis]),
      ...freeAxes(b.shape.length, batchB, contractB).map((axis) => b.shape[axis]),
    ];
    return [{ shape, dtype: a.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ primals: [a, b], tangents: [tangentA, tangentB], params }) {
      const left = tangentA && bindOne(contractPrimitive, [tangentA, b], params);
      const right = tangentB && bindOne(contractPrimitive, [a, tangentB], params);
      return [left && right ? apply("add", left, right) : left ?? right];
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents: [cotangent], inputs: [a, b], avals, params }) {
      if (!cotangent) return [null, null];
      const { batchA, batchB, contractA, contractB } = params;
      const sideA = { batch: batchA, contract: contractA }, sideB = { batch: batchB, contract: contractB };
      const freeA = avals[0].shape.length - batchA.length - contractA.length;
      if (b) {
        const start = batchA.length + freeA;
        return [cotangentOf(cotangent, b, avals[0].shape.length, sideA, sideB, start), null];
      }
      return [null, cotangentOf(cotangent, a!, avals[1].shape.length, sideB, sideA, batchA.length)];
    },
  },
  batch({ inputs: [a, b], batched: [batchedA, batchedB], params }) {
    const shift = (axes: readonly number[], by: boolean) => by ? axes.map((axis) => axis + 1) : axes;
    const { batchA, batchB, contractA, contractB } = params;
    const both = batchedA && batchedB;
    const result = bindOne(contractPrimitive, [a, b], {
      batchA: both ? [0, ...shift(batchA, true)] : shift(batchA, batchedA),
      batchB: both ? [0, ...shift(batchB, true)] : shift(batchB, batchedB),
      contractA: shift(contractA, batchedA),
      contractB: shift(contractB, batchedB),
    });
    if (both) return [result];
    // The added axis is a free one: the first of its operand.
    const from = batchedA ? batchA.length : result.ndim - (b.ndim - batchB.length - contractB.length);
    const rest = Array.from({ length: result.ndim }, (_, d) => d).filter((d) => d !== from);
    return [transposeTo(result, [from, ...rest])];
  },
  evaluate([a, b], { batchA, batchB, contractA, contractB }, [{ shape, dtype }]) {
    const offsetsA = offsetTable(a.shape, batchA, freeAxes(a.shape.length, batchA, contractA), contractA);
    const offsetsB = offsetTable(b.shape, batchB, freeAxes(b.shape.length, batchB, contractB), contractB);
    const data = new Float64Array(sizeOf(shape));
    const multiply = isFloat(dtype) ? (x: number, y: number) => x * y : Math.imul;
    let next = 0;
    for (let i = 0; i < offsetsA.batch.length; i++) {
      for (const left of offsetsA.free) {
        for (const right of offsetsB.free) {
          const startA = offsetsA.batch[i] + left, startB = offsetsB.batch[i] + right;
          let sum = 0;
          for (let k = 0; k < offsetsA.contract.length; k++) {
            sum += multiply(a.data[startA + offsetsA.contract[k]], b.data[startB + offsetsB.contract[k]]);
          }
          // Integer sums stay exact below 2^53 and wrap once.
          data[next++] = castValue(sum, isFloat(dtype) ? "float64" : "int32", dtype);
        }
      }
    }
    return [{ shape, dtype, data }];
  },
  lower({ batchA, batchB, contractA, contractB }) {
    return { kind: "contract", batchA, batchB, contractA, contractB };
  },
  print({ batchA, batchB, contractA, contractB }) {
    const batch = batchA.length === 0 ? "" : `batch=[${batchA.join(", ")}]x[${batchB.join(", ")}] `;
    return `${batch}contract=[${contractA.join(", ")}]x[${contractB.join(", ")}]`;
  },
};

/** Flat offsets of every combination of the coordinates of a group of axes, row-major in the order given. */
function offsets(shape: Shape, axes: readonly number[]): number[] {
  const strides = stridesOf(shape);
  let result = [0];
  for (const axis of axes) {
    const next: number[] = [];
    for (const base of result) for (let i = 0; i < shape[axis]; i++) next.push(base + i * strides[axis]);
    result = next;
  }
  return result;
}

function offsetTable(
  shape: Shape,
  batch: readonly number[],
  free: readonly number[],
  contract: readonly number[],
): { batch: number[]; free: number[]; contract: number[] } {
  return { batch: offsets(shape, batch), free: offsets(shape, free), contract: offsets(shape, contract) };
}
