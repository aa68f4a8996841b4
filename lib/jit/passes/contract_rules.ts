/** Rules of contractions: transposes of operands and results become other axes of the same product. */
import type { ContractParams } from "../../trace/primitives/contract.ts";
import { contractPrimitive } from "../../trace/primitives/contract.ts";
import { asTensor, producer } from "../../trace/rewrite.ts";
import type { Tensor } from "../../trace/tensor.ts";
import { bindOne } from "../../trace/trace.ts";
import type { RuleContext } from "./arithmetic_rules.ts";

function permutationOf(x: Tensor): readonly number[] | null {
  const node = producer(x, "transpose");
  return node && (node.params as { permutation: readonly number[] }).permutation;
}

/** Axes that are neither batch nor summed, in order. */
function freeAxes(rank: number, batch: readonly number[], sum: readonly number[]): number[] {
  return Array.from({ length: rank }, (_, axis) => axis).filter((a) =>
    !batch.includes(a) && !sum.includes(a)
  );
}

function ascending(list: readonly number[]): boolean {
  return list.every((value, i) => i === 0 || list[i - 1] < value);
}

/** contract(transpose(x), y): the same sum over the axes of x, where the order of the free axes stays. */
export function contract({ node, inputs }: RuleContext): Tensor | null {
  const params = { ...node.params } as { -readonly [K in keyof ContractParams]: ContractParams[K] };
  let changed = false;
  const operands = inputs.map((x, side) => {
    const permutation = permutationOf(x);
    if (!permutation) return x;
    const [batch, sum] = side === 0 ? [params.batchA, params.contractA] : [params.batchB, params.contractB];
    const free = freeAxes(permutation.length, batch, sum).map((axis) => permutation[axis]);
    if (!ascending(free)) return x;
    changed = true;
    const at = (axes: readonly number[]) => axes.map((axis) => permutation[axis]);
    if (side === 0) {
      params.batchA = at(batch);
      params.contractA = at(sum);
    } else {
      params.batchB = at(batch);
      params.contractB = at(sum);
    }
    return asTensor(producer(x, "transpose")!.inputs[0], x);
  });
  return changed ? bindOne(contractPrimitive, operands, params) : null;
}

/** transpose(contract(a, b)) = contract(b, a) where it only exchanges the free axes of a and b. */
export function transposeOfContract({ node, inputs: [x], uses }: RuleContext): Tensor | null {
  const below = producer(x, "contract");
  if (!below || uses(node.inputs[0]) !== 1) return null;
  const { permutation } = node.params as { permutation: readonly number[] };
  const { batchA, batchB, contractA, contractB } = below.params as ContractParams;
  const batch = batchA.length;
  const freeA = below.inputs[0].aval.shape.length - batch - contractA.length;
  const rank = permutation.length;
  const exchanged = permutation.map((_, i) => {
    if (i < batch) return i;
    const freeB = rank - batch - freeA;
    return i < batch + freeB ? i + freeA : i - freeB;
  });
  if (permutation.some((axis, i) => axis !== exchanged[i])) return null;
  const [a, b] = below.inputs.map((variable) => asTensor(variable, x));
  return bindOne(contractPrimitive, [b, a], {
    batchA: batchB,
    batchB: batchA,
    contractA: contractB,
    contractB: contractA,
  });
}
