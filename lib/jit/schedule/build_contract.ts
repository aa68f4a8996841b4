/** Turns a contraction and the elementwise work behind it into a contraction kernel. */
import type { Node, Variable } from "../../trace/graph.ts";
import { sizeOf } from "../../trace/shape.ts";
import type { ContractOperand } from "../kernel/kernel.ts";
import type { Lowering } from "../../trace/lowering.ts";
import { buildEpilogue, collapsedSizes, jointStride, type OutputRanges } from "./build_epilogue.ts";
import type { BuildContext, BuiltKernel } from "./build_nest.ts";
import type { Classified } from "./classify.ts";
import { stridedView } from "./compose.ts";
import type { ExpressionBuilder } from "./expression.ts";
import type { Group } from "./group.ts";

type ContractLowering = Extract<Lowering, { kind: "contract" }>;

/** The axes of each operand of a contraction by their part in it. */
export interface ContractAxes {
  readonly batch: readonly number[];
  readonly free: readonly number[];
  readonly sum: readonly number[];
}

export function contractAxes(lowering: ContractLowering, side: 0 | 1, rank: number): ContractAxes {
  const batch = side === 0 ? lowering.batchA : lowering.batchB;
  const sum = side === 0 ? lowering.contractA : lowering.contractB;
  const free = Array.from({ length: rank }, (_, i) => i).filter((i) =>
    !batch.includes(i) && !sum.includes(i)
  );
  return { batch, free, sum };
}

export interface OperandView {
  readonly base: Variable;
  readonly offset: number;
  readonly batchStrides: readonly number[];
  readonly freeStride: number;
  readonly sumStride: number;
}

/** How a contraction can read an operand straight from a buffer, through views; null when it needs a copy. */
export function operandView(
  variable: Variable,
  axes: ContractAxes,
  classes: ReadonlyMap<Node, Classified>,
  materialized: ReadonlySet<Variable>,
): OperandView | null {
  const view = stridedView(variable, classes, materialized);
  if (!view || view.position.terms.length > 0) return null;
  if (view.base.aval.dtype !== variable.aval.dtype) return null;
  const strides = view.position.coefficients;
  const shape = variable.aval.shape;
  const freeStride = jointStride(strides, shape, axes.free);
  const sumStride = jointStride(strides, shape, axes.sum);
  if (freeStride === null || sumStride === null) return null;
  // The packing reads along unit strides; anything else is better copied first.
  const freeSize = sizeOf(axes.free.map((a) => shape[a])), sumSize = sizeOf(axes.sum.map((a) => shape[a]));
  if (freeSize > 1 && sumSize > 1 && freeStride !== 1 && sumStride !== 1) return null;
  return {
    base: view.base,
    offset: view.position.offset,
    batchStrides: axes.batch.map((a) => strides[a]),
    freeStride,
    sumStride,
  };
}

/** Ranges of a contraction's output axes that are one index of the kernel: [batch end, m end). */
export function outputRanges(
  lowering: ContractLowering,
  rankA: number,
  rank: number,
): OutputRanges {
  const batch = lowering.batchA.length;
  const freeA = rankA - batch - lowering.contractA.length;
  if (batch + freeA > rank) throw new Error("A contraction's output has too few axes.");
  return [batch, batch + freeA];
}

export function buildContraction(group: Group, context: BuildContext): BuiltKernel {
  const [contract] = group.members;
  const lowering = context.classes.get(contract)!.lowering as ContractLowering;
  const [inputA, inputB] = contract.inputs;
  const ranges = outputRanges(lowering, inputA.aval.shape.length, group.domain.length);
  const operands: ContractOperand[] = [];
  const { epilogue, builder } = buildEpilogue(group, context, {
    ranges,
    before: (builder) =>
      [inputA, inputB].forEach((input, side) => {
        const axes = contractAxes(lowering, side as 0 | 1, input.aval.shape.length);
        operands.push(contractOperand(builder, input, axes, context));
      }),
  });
  const sizes = collapsedSizes(group.domain, ranges), [m, n] = sizes.slice(-2);
  const sumAxes = contractAxes(lowering, 0, inputA.aval.shape.length).sum;
  return {
    kernel: {
      kind: "contraction",
      dtype: contract.outputs[0].aval.dtype,
      batch: sizes.slice(0, -2),
      m,
      n,
      k: sizeOf(sumAxes.map((axis) => inputA.aval.shape[axis])),
      operands: builder.operands,
      a: operands[0],
      b: operands[1],
      epilogue,
    },
    operands: builder.operandVariables.map((v) => v!),
    nodes: group.members,
    scratch: [],
  };
}

function contractOperand(
  builder: ExpressionBuilder,
  variable: Variable,
  axes: ContractAxes,
  context: BuildContext,
): ContractOperand {
  const view = operandView(variable, axes, context.classes, context.materialized);
  if (!view) throw new Error("A contraction's operand was not given a buffer.");
  return {
    operand: builder.read(view.base),
    offset: view.offset,
    batchStrides: view.batchStrides,
    freeStride: view.freeStride,
    sumStride: view.sumStride,
    dynamic: [],
    prologue: [],
  };
}
