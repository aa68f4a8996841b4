/** Kernels of nodes that are steps of their own: scatters, updates, concatenations, sorts and the irregular rest. */
import type { Node, Variable } from "../../trace/graph.ts";
import { sameShape, type Shape, sizeOf } from "../../trace/shape.ts";
import type { Kernel, Operand, Store } from "../kernel/kernel.ts";
import type { BuildContext, BuiltKernel } from "./build_nest.ts";
import { linearPosition } from "./compose.ts";
import { ExpressionBuilder } from "./expression.ts";
import type { Group } from "./group.ts";
import { addScaled, constantForm, type LinearForm, statementForm } from "./linear_form.ts";

/** A kernel; `copies` marks one that only brings a base into the result, needless when both share a buffer. */
export interface AnchorKernel extends BuiltKernel {
  readonly copies?: { readonly from: Variable; readonly to: Variable };
}

/** The kernels of an anchor node, in order. Loops, switches and host calls are not kernels. */
export function buildAnchor(
  group: Group,
  context: BuildContext,
  base: (v: Variable) => Variable,
): AnchorKernel[] {
  const [node] = group.members;
  const { lowering } = context.classes.get(node)!;
  const output = node.outputs[0];
  switch (lowering.kind) {
    case "concat":
      return buildConcat(node, lowering.axis, group, context);
    case "scatter":
      return [
        copyBase(node, group, context, base),
        buildScatter(node, lowering.axes, lowering.combiner === "add" ? "add" : "set", group, context),
      ];
    case "dynamicUpdate":
      return [copyBase(node, group, context, base), buildUpdate(node, group, context)];
    case "cumulative": {
      const shape = output.aval.shape;
      return [whole(node, base, (operands) => ({
        kind: "cumulative",
        combiner: lowering.combiner,
        dtype: output.aval.dtype,
        outer: sizeOf(shape.slice(0, lowering.axis)),
        length: shape[lowering.axis],
        inner: sizeOf(shape.slice(lowering.axis + 1)),
        reverse: lowering.reverse,
        operands,
      }))];
    }
    case "sort": {
      const shape = output.aval.shape;
      return [whole(node, base, (operands) => ({
        kind: "sort",
        rows: sizeOf(shape.slice(0, -1)),
        length: shape[shape.length - 1] ?? 1,
        descending: lowering.descending,
        operands,
      }))];
    }
    case "topk": {
      const { shape } = node.inputs[0].aval;
      return [whole(node, base, (operands) => ({
        kind: "topk",
        rows: sizeOf(shape.slice(0, -1)),
        length: shape[shape.length - 1],
        count: lowering.count,
        operands,
      }))];
    }
    case "routine":
      return [whole(node, base, (operands) => ({
        kind: "routine",
        routine: lowering.routine,
        options: lowering.options,
        shapes: [...node.inputs, ...node.outputs].map((v) => v.aval.shape),
        operands,
      }))];
    default:
      throw new Error(`${node.primitive.name} (${lowering.kind}) is not a kernel.`);
  }
}

/** A kernel on the whole buffers of a node's inputs and outputs. */
function whole(
  node: Node,
  base: (v: Variable) => Variable,
  make: (operands: Operand[]) => Kernel,
): AnchorKernel {
  const operands: Operand[] = [
    ...node.inputs.map((v): Operand => ({ dtype: v.aval.dtype, access: "read" })),
    ...node.outputs.map((v): Operand => ({ dtype: v.aval.dtype, access: "write" })),
  ];
  const variables = [...node.inputs.map(base), ...node.outputs];
  return { kernel: make(operands), operands: variables, nodes: [node], scratch: [] };
}

class AnchorNest {
  readonly builder: ExpressionBuilder;
  readonly forms: LinearForm[];
  readonly domain: Shape;
  readonly #node: Node;
  readonly #stores: Store[] = [];

  constructor(node: Node, domain: Shape, group: Group, context: BuildContext) {
    this.#node = node;
    this.domain = domain;
    this.builder = new ExpressionBuilder({
      domain,
      classes: context.classes,
      isBuffer: (variable) => {
        const owner = variable.node && context.groupOf.get(variable.node);
        return !variable.node || (owner !== undefined && owner !== group);
      },
      member: () => undefined,
    });
    this.forms = this.builder.identity(domain.map((_, i) => i));
  }

  store(value: number, position: LinearForm, mode: "set" | "add" = "set", mask?: number): void {
    this.#stores.push({
      operand: this.builder.write(this.#node.outputs[0]),
      index: this.builder.toIndex(position),
      value,
      mask,
      mode,
      ...(mode === "add" ? { extent: sizeOf(this.#node.outputs[0].aval.shape) } : {}),
      perRow: false,
      pass: 0,
    });
  }

  finish(copies?: AnchorKernel["copies"]): AnchorKernel {
    const { statements, operands, operandVariables } = this.builder;
    return {
      kernel: {
        kind: "nest",
        domain: this.domain,
        rowRank: this.domain.length,
        operands,
        statements,
        reductions: [],
        stores: this.#stores,
        passes: 1,
      },
      operands: operandVariables.map((v) => v!),
      nodes: [this.#node],
      scratch: [],
      copies,
    };
  }
}

/** Brings the base of a scatter or update into its result. */
function copyBase(
  node: Node,
  group: Group,
  context: BuildContext,
  base: (v: Variable) => Variable,
): AnchorKernel {
  const [input] = node.inputs;
  const nest = new AnchorNest(node, input.aval.shape, group, context);
  const position = linearPosition(input.aval.shape, nest.forms, nest.domain.length);
  nest.store(nest.builder.value(input, nest.forms), position);
  return nest.finish({ from: base(input), to: node.outputs[0] });
}

/** Pieces of one shape go into one kernel, up to this number and so many statements: what they share is computed once. */
const MAX_PIECES = 16;
const MAX_STATEMENTS = 500;

function buildConcat(node: Node, axis: number, group: Group, context: BuildContext): AnchorKernel[] {
  const shape = node.outputs[0].aval.shape;
  const kernels: AnchorKernel[] = [];
  let start = 0, nest: AnchorNest | null = null, pieces = 0;
  const finish = () => {
    if (nest) kernels.push(nest.finish());
    nest = null;
  };
  for (const input of node.inputs) {
    const domain = input.aval.shape;
    if (sizeOf(domain) > 0) {
      if (
        nest && (!sameShape(nest.domain, domain) || pieces === MAX_PIECES ||
          nest.builder.statements.length > MAX_STATEMENTS)
      ) finish();
      if (!nest) {
        nest = new AnchorNest(node, domain, group, context);
        pieces = 0;
      }
      const target = nest.forms.map((form, i) =>
        i === axis ? addScaled(constantForm(start, domain.length), form, 1) : form
      );
      nest.store(nest.builder.value(input, nest.forms), linearPosition(shape, target, domain.length));
      pieces++;
    }
    start += domain[axis];
  }
  finish();
  return kernels;
}

function buildScatter(
  node: Node,
  axes: readonly number[],
  mode: "set" | "add",
  group: Group,
  context: BuildContext,
): AnchorKernel {
  const [target, updates, ...indices] = node.inputs;
  const nest = new AnchorNest(node, updates.aval.shape, group, context);
  const { builder, forms, domain } = nest;
  const places = indices[0].aval.shape.length;
  const coordinates: LinearForm[] = new Array(target.aval.shape.length);
  let inside = -1;
  axes.forEach((axis, i) => {
    const index = builder.value(indices[i], forms.slice(0, places));
    const low = builder.op("ge", "bool", [index, builder.constant(0, "int32")]);
    const high = builder.op("lt", "bool", [index, builder.constant(target.aval.shape[axis], "int32")]);
    const both = builder.op("and", "bool", [low, high]);
    inside = inside < 0 ? both : builder.op("and", "bool", [inside, both]);
    coordinates[axis] = statementForm(index, domain.length);
  });
  let next = places;
  for (let axis = 0; axis < coordinates.length; axis++) coordinates[axis] ??= forms[next++];
  const value = builder.value(updates, forms);
  nest.store(
    value,
    linearPosition(target.aval.shape, coordinates, domain.length),
    mode,
    inside < 0 ? undefined : inside,
  );
  return nest.finish();
}

function buildUpdate(node: Node, group: Group, context: BuildContext): AnchorKernel {
  const [target, update, ...starts] = node.inputs;
  const nest = new AnchorNest(node, update.aval.shape, group, context);
  const { builder, forms, domain } = nest;
  const coordinates = target.aval.shape.map((size, axis) => {
    const room = size - update.aval.shape[axis];
    if (room === 0) return forms[axis];
    const start = builder.value(starts[axis], []);
    const low = builder.op("maximum", "int32", [start, builder.constant(0, "int32")]);
    const first = builder.op("minimum", "int32", [low, builder.constant(room, "int32")]);
    return addScaled(statementForm(first, domain.length), forms[axis], 1);
  });
  nest.store(builder.value(update, forms), linearPosition(target.aval.shape, coordinates, domain.length));
  return nest.finish();
}
