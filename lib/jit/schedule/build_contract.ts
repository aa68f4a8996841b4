/** Turns a contraction and the elementwise work behind it into a contraction kernel. */
import type { Node, Variable } from "../../trace/graph.ts";
import { type Shape, sizeOf } from "../../trace/shape.ts";
import type { ContractOperand, Index, Statement, Store } from "../kernel/kernel.ts";
import type { Lowering } from "../../trace/lowering.ts";
import type { BuildContext, BuiltKernel } from "./build_nest.ts";
import type { Classified } from "./classify.ts";
import { linearPosition, stridedView } from "./compose.ts";
import { ExpressionBuilder } from "./expression.ts";
import type { Group } from "./group.ts";
import type { LinearForm } from "./linear_form.ts";

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

/** The single stride along several axes taken as one index, or null. Axes of one element do not matter. */
function jointStride(strides: readonly number[], shape: Shape, axes: readonly number[]): number | null {
  let stride: number | null = null;
  let span = 1;
  for (let i = axes.length - 1; i >= 0; i--) {
    const axis = axes[i];
    if (shape[axis] === 1) continue;
    if (stride === null) stride = strides[axis];
    else if (strides[axis] !== stride * span) return null;
    span *= shape[axis];
  }
  return stride ?? 0;
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
): readonly [number, number] {
  const batch = lowering.batchA.length;
  const freeA = rankA - batch - lowering.contractA.length;
  if (batch + freeA > rank) throw new Error("A contraction's output has too few axes.");
  return [batch, batch + freeA];
}

/** An index over the output's axes as one over [...batch, m, n], or null when m or n has no single stride. */
export function collapseIndex(index: Index, shape: Shape, batch: number, end: number): Index | null {
  const axes = shape.map((_, i) => i);
  const m = jointStride(index.strides, shape, axes.slice(batch, end));
  const n = jointStride(index.strides, shape, axes.slice(end));
  if (m === null || n === null) return null;
  return { ...index, strides: [...index.strides.slice(0, batch), m, n] };
}

export function buildContraction(group: Group, context: BuildContext): BuiltKernel {
  const [contract, ...rest] = group.members;
  const lowering = context.classes.get(contract)!.lowering as ContractLowering;
  const shape = group.domain;
  const [inputA, inputB] = contract.inputs;
  const [batch, end] = outputRanges(lowering, inputA.aval.shape.length, shape.length);
  const builder = new ExpressionBuilder({
    domain: shape,
    classes: context.classes,
    isBuffer: (variable) => {
      const node = variable.node;
      if (!node) return true;
      const owner = context.groupOf.get(node);
      return owner !== undefined && owner !== group;
    },
    member: () => undefined,
  });
  const forms = builder.identity(shape.map((_, i) => i));
  const sum = builder.push({ kind: "reduced", dtype: contract.outputs[0].aval.dtype, reduction: 0 });
  builder.remember(contract.outputs[0], forms, sum);
  const stores: Store[] = [];
  const a = contractOperand(builder, inputA, contractAxes(lowering, 0, inputA.aval.shape.length), context);
  const b = contractOperand(builder, inputB, contractAxes(lowering, 1, inputB.aval.shape.length), context);
  storeIfNeeded(contract.outputs[0], sum);
  for (const node of rest) {
    for (const output of node.outputs) {
      const id = builder.node(node, output.index, forms);
      builder.remember(output, forms, id);
      storeIfNeeded(output, id);
    }
  }

  function storeIfNeeded(variable: Variable, value: number): void {
    if (!context.stored.has(variable)) return;
    stores.push({
      operand: builder.write(variable),
      index: builder.toIndex(linearPosition(shape, forms as LinearForm[], shape.length)),
      value,
      mode: "set",
      perRow: false,
      pass: 0,
    });
  }

  const collapse = (index: Index): Index => {
    const result = collapseIndex(index, shape, batch, end);
    if (!result) throw new Error(`The epilogue of ${contract.primitive.name} reads with no single stride.`);
    return result;
  };
  const statements = builder.statements.map((s): Statement => {
    if (s.kind === "load") return { ...s, index: collapse(s.index) };
    return s.kind === "coordinate" ? { ...s, axis: kernelAxis(s.axis, batch, end) } : s;
  });
  const sumAxes = contractAxes(lowering, 0, inputA.aval.shape.length).sum;
  return {
    kernel: {
      kind: "contraction",
      dtype: contract.outputs[0].aval.dtype,
      batch: shape.slice(0, batch),
      m: sizeOf(shape.slice(batch, end)),
      n: sizeOf(shape.slice(end)),
      k: sizeOf(sumAxes.map((axis) => inputA.aval.shape[axis])),
      operands: builder.operands,
      a,
      b,
      epilogue: { statements, stores: stores.map((s) => ({ ...s, index: collapse(s.index) })) },
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

/** The axis of [...batch, m, n] for an output axis; m and n have one axis each where coordinates are used. */
function kernelAxis(axis: number, batch: number, end: number): number {
  if (axis < batch) return axis;
  return axis < end ? batch : batch + 1;
}
