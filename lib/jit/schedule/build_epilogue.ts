/** The elementwise work that a group does on the sums of its first member, a contraction or a convolution. */
import type { Node, Variable } from "../../trace/graph.ts";
import { type Shape, sizeOf } from "../../trace/shape.ts";
import type { Epilogue, Index, Statement, Store } from "../kernel/kernel.ts";
import type { BuildContext } from "./build_nest.ts";
import { linearPosition } from "./compose.ts";
import { ExpressionBuilder } from "./expression.ts";
import type { Group } from "./group.ts";

/** Where the axes of a result end that are numbered one by one, and those that are counted as the index m; n follows. */
export type OutputRanges = readonly [batch: number, end: number];

/** The ranges of a convolution: images, filters, and places as one index. */
export const CONVOLUTION_RANGES: OutputRanges = [1, 2];

/** The single stride along several axes taken as one index, or null. Axes of one element do not matter. */
export function jointStride(
  strides: readonly number[],
  shape: Shape,
  axes: readonly number[],
): number | null {
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

/** An index over the output's axes as one over [...batch, m, n], or null when m or n has no single stride. */
function collapseIndex(index: Index, shape: Shape, [batch, end]: OutputRanges): Index | null {
  const axes = shape.map((_, i) => i);
  const m = jointStride(index.strides, shape, axes.slice(batch, end));
  const n = jointStride(index.strides, shape, axes.slice(end));
  if (m === null || n === null) return null;
  return { ...index, strides: [...index.strides.slice(0, batch), m, n] };
}

/** The sizes of [...batch, m, n]. */
export function collapsedSizes(shape: Shape, [batch, end]: OutputRanges): number[] {
  return [...shape.slice(0, batch), sizeOf(shape.slice(batch, end)), sizeOf(shape.slice(end))];
}

export interface EpilogueOptions {
  readonly ranges: OutputRanges;
  /** Registers the operands that come before those of the epilogue. */
  readonly before: (builder: ExpressionBuilder) => void;
  /** Whether some store must have the type of the sums, which a kernel adds up where that store writes. */
  readonly storesSums?: boolean;
}

/** The epilogue of a group, and the builder that knows the kernel's operands. */
export function buildEpilogue(
  group: Group,
  context: BuildContext,
  { ranges, before, storesSums = false }: EpilogueOptions,
): { epilogue: Epilogue; builder: ExpressionBuilder } {
  const [first, ...rest] = group.members;
  const shape = group.domain;
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
  const [sums] = first.outputs;
  const forms = builder.identity(shape.map((_, i) => i));
  const sum = builder.push({ kind: "reduced", dtype: sums.aval.dtype, reduction: 0 });
  builder.remember(sums, forms, sum);
  before(builder);
  const stores: Store[] = [];
  const store = (variable: Variable, value: number): void => {
    stores.push({
      operand: builder.write(variable),
      index: builder.toIndex(linearPosition(shape, forms, shape.length)),
      value,
      mode: "set",
      perRow: false,
      pass: 0,
    });
  };
  const isKept = (node: Node): boolean =>
    node.outputs.some((v) => context.stored.has(v) && v.aval.dtype === sums.aval.dtype);
  if (context.stored.has(sums) || (storesSums && !rest.some(isKept))) store(sums, sum);
  for (const node of rest) {
    for (const output of node.outputs) {
      const id = builder.node(node, output.index, forms);
      builder.remember(output, forms, id);
      if (context.stored.has(output)) store(output, id);
    }
  }
  const collapse = (index: Index): Index => {
    const result = collapseIndex(index, shape, ranges);
    if (!result) throw new Error(`The epilogue of ${first.primitive.name} reads with no single stride.`);
    return result;
  };
  const statements = builder.statements.map((s): Statement => {
    if (s.kind === "load") return { ...s, index: collapse(s.index) };
    return s.kind === "coordinate" ? { ...s, axis: kernelAxis(s.axis, ranges) } : s;
  });
  const collapsed = stores.map((s): Store => ({ ...s, index: collapse(s.index) }));
  return { epilogue: { statements, stores: collapsed }, builder };
}

/** The axis of [...batch, m, n] for an output axis; m and n have one axis each where coordinates are used. */
function kernelAxis(axis: number, [batch, end]: OutputRanges): number {
  if (axis < batch) return axis;
  return axis < end ? batch : batch + 1;
}
