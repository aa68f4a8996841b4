/** Turns a fused group into a nest kernel. */
import type { Node, Variable } from "../../trace/graph.ts";
import { sizeOf } from "../../trace/shape.ts";
import type { Kernel, Reduction, Store } from "../kernel/kernel.ts";
import type { Classified } from "./classify.ts";
import { ExpressionBuilder } from "./expression.ts";
import { type Group, keptAxes } from "./group.ts";
import { axisForm, constantForm, type LinearForm } from "./linear_form.ts";
import { linearPosition } from "./compose.ts";
import { visitSources } from "./sources.ts";

/** A kernel and the variables whose buffers its operands are. */
export interface BuiltKernel {
  readonly kernel: Kernel;
  readonly operands: readonly Variable[];
  readonly nodes: readonly Node[];
  /** Variables that live in another variable's buffer during this kernel (row caches in an output). */
  readonly scratch: readonly Variable[];
}

export interface BuildContext {
  readonly classes: ReadonlyMap<Node, Classified>;
  readonly materialized: ReadonlySet<Variable>;
  readonly groupOf: ReadonlyMap<Node, Group>;
  /** Variables that other groups, steps or the caller read. */
  readonly stored: ReadonlySet<Variable>;
  /** An expression of at most this cost is computed again in a later pass rather than kept in memory. */
  readonly recomputeCost: number;
}

export function buildNest(group: Group, context: BuildContext): BuiltKernel {
  return new NestBuilder(group, context).build();
}

class NestBuilder {
  readonly #group: Group;
  readonly #context: BuildContext;
  readonly #kept: number[];
  readonly #order: number[];
  readonly #builder: ExpressionBuilder;
  readonly #column: LinearForm[];
  readonly #row: LinearForm[];
  readonly #position: readonly number[];
  readonly #reductions: Reduction[] = [];
  readonly #stores: Store[] = [];
  readonly #scratch: Variable[] = [];
  /** Cost of computing a member again from what is loaded, in its own pass. */
  readonly #recompute: Map<Node, number> = new Map();

  constructor(group: Group, context: BuildContext) {
    this.#group = group;
    this.#context = context;
    this.#kept = keptAxes(group);
    this.#order = [...this.#kept, ...(group.axes ?? [])];
    const rank = group.domain.length;
    const position = new Array<number>(rank);
    this.#order.forEach((axis, i) => position[axis] = i);
    this.#builder = new ExpressionBuilder({
      domain: this.#order.map((axis) => group.domain[axis]),
      classes: context.classes,
      isBuffer: (variable) => this.#isBuffer(variable),
      member: () => undefined,
    });
    this.#column = this.#builder.identity(group.domain.map((_, axis) => position[axis]));
    this.#row = this.#builder.identity(this.#kept.map((axis) => position[axis]));
    this.#position = position;
  }

  #isBuffer(variable: Variable): boolean {
    const node = variable.node;
    if (!node) return true;
    const group = this.#context.groupOf.get(node);
    return group !== undefined && group !== this.#group;
  }

  build(): BuiltKernel {
    const { members, level, rows } = this.#group;
    const lastUse = this.#lastUses();
    const ordered = [...members].sort((a, b) => level.get(a)! - level.get(b)!);
    let pass = 0;
    for (const node of ordered) {
      while (pass < level.get(node)!) this.#keepForLater(++pass, ordered, lastUse);
      if (this.#context.classes.get(node)!.role === "reduce") this.#addReduction(node);
      else this.#addMember(node, rows.has(node));
    }
    const domain = this.#order.map((axis) => this.#group.domain[axis]);
    return {
      kernel: {
        kind: "nest",
        domain,
        rowRank: this.#kept.length,
        operands: this.#builder.operands,
        statements: this.#builder.statements,
        reductions: this.#reductions,
        stores: this.#stores,
        passes: this.#group.passes,
      },
      operands: this.#builder.operandVariables.map((v) => v!),
      nodes: members,
      scratch: this.#scratch,
    };
  }

  /** For each column member, the last pass in which another member needs it. */
  #lastUses(): Map<Node, number> {
    const { members, level } = this.#group;
    const last = new Map<Node, number>();
    for (const node of members) {
      this.#recompute.set(node, this.#context.classes.get(node)!.cost);
      if (this.#group.passes === 1) continue;
      const at = level.get(node)!;
      let cost = this.#context.classes.get(node)!.cost;
      visitSources(node, this.#context.classes, this.#context.materialized, ({ variable }) => {
        const producer = variable.node;
        if (!producer || this.#context.groupOf.get(producer) !== this.#group) return;
        last.set(producer, Math.max(last.get(producer) ?? 0, at));
        if (!this.#group.rows.has(producer) && level.get(producer) === at) {
          cost += this.#recompute.get(producer) ?? 0;
        }
      });
      this.#recompute.set(node, cost);
    }
    return last;
  }

  /** Before pass `pass` starts: expensive column values of earlier passes that it needs are kept in memory. */
  #keepForLater(pass: number, ordered: readonly Node[], lastUse: ReadonlyMap<Node, number>): void {
    const { level, rows } = this.#group;
    for (const node of ordered) {
      if (level.get(node)! !== pass - 1 || rows.has(node) || (lastUse.get(node) ?? 0) < pass) continue;
      const variable = node.outputs[0];
      const stored = this.#context.stored.has(variable);
      if (!stored && this.#recompute.get(node)! <= this.#context.recomputeCost) continue;
      const home = stored ? variable : this.#homeFor(node) ?? variable;
      if (!stored) {
        this.#store(variable, this.#builder.value(variable, this.#column), home, false, pass - 1);
        this.#scratch.push(home);
      }
      const position = linearPosition(variable.aval.shape, this.#column, this.#order.length);
      const operand = this.#builder.write(home);
      this.#builder.operands[operand] = { dtype: variable.aval.dtype, access: "readwrite" };
      const reload = this.#builder.push({
        kind: "load",
        dtype: variable.aval.dtype,
        operand,
        index: this.#builder.toIndex(position),
      });
      this.#builder.remember(variable, this.#column, reload);
    }
  }

  /** A stored result of the last pass that reads `node`, of the same type: its buffer can hold the value meanwhile. */
  #homeFor(node: Node): Variable | null {
    const { members, level, rows, passes } = this.#group;
    const dtype = node.outputs[0].aval.dtype;
    for (const member of members) {
      const result = member.outputs[0];
      if (rows.has(member) || level.get(member) !== passes - 1 || !this.#context.stored.has(result)) continue;
      if (result.aval.dtype !== dtype || this.#scratch.includes(result)) continue;
      if (member.inputs.includes(node.outputs[0])) return result;
    }
    return null;
  }

  #addMember(node: Node, row: boolean): void {
    const forms = row ? this.#rowForms(node) : this.#column;
    for (const output of node.outputs) {
      const id = this.#builder.node(node, output.index, forms);
      this.#builder.remember(output, forms, id);
      if (this.#context.stored.has(output)) {
        this.#store(output, id, output, row, this.#group.level.get(node)!);
      }
    }
  }

  /** Coordinates of a row member, which may have an axis of one element for each reduced one. */
  #rowForms(node: Node): LinearForm[] {
    const { along, axes } = this.#group;
    return along.get(node)!.map((axis) =>
      axes!.includes(axis)
        ? constantForm(0, this.#order.length)
        : axisForm(this.#position[axis], this.#order.length)
    );
  }

  #store(variable: Variable, value: number, home: Variable, row: boolean, pass: number): void {
    const forms = !row ? this.#column : variable.node ? this.#rowForms(variable.node) : this.#row;
    const position = linearPosition(variable.aval.shape, forms, this.#order.length);
    this.#stores.push({
      operand: this.#builder.write(home),
      index: this.#builder.toIndex(position),
      value,
      mode: "set",
      perRow: row && this.#group.axes !== null,
      pass,
    });
  }

  #addReduction(node: Node): void {
    const lowering = this.#context.classes.get(node)!.lowering;
    if (lowering.kind !== "reduce") throw new Error("Not a reduction.");
    const input = node.inputs[0];
    let value = this.#builder.value(input, this.#column);
    const output = node.outputs[0];
    const arg = lowering.combiner === "argmax" || lowering.combiner === "argmin";
    const dtype = arg ? input.aval.dtype : output.aval.dtype;
    if (this.#builder.statements[value].dtype !== dtype) {
      value = this.#builder.push({ kind: "cast", dtype, from: input.aval.dtype, arg: value });
    }
    const pass = this.#group.level.get(node)!;
    this.#reductions.push({
      combiner: lowering.combiner,
      value,
      dtype,
      position: arg ? this.#builder.formStatement(this.#column[lowering.axes[0]]) : undefined,
      pass,
    });
    const id = this.#builder.push({
      kind: "reduced",
      dtype: output.aval.dtype,
      reduction: this.#reductions.length - 1,
    });
    this.#builder.remember(output, this.#row, id);
    if (this.#context.stored.has(output)) this.#store(output, id, output, true, pass);
  }
}

/** True when the kernel has nothing to do: no point in its domain and nothing to reduce to. */
export function isEmptyNest(kernel: Kernel): boolean {
  return kernel.kind === "nest" && sizeOf(kernel.domain.slice(0, kernel.rowRank)) === 0;
}
