/** Schedules one graph (a program, a loop body, a branch) into a list of steps over buffers. */
import type { LoopParams, SwitchParams } from "../../loop/loop_params.ts";
import { countUses, type Graph, type Node, type Variable } from "../../trace/graph.ts";
import { sizeOf } from "../../trace/shape.ts";
import type { Lowering } from "../../trace/lowering.ts";
import type { Kernel, Operand } from "../kernel/kernel.ts";
import type { Binding, KernelStep, Step } from "../kernel/program.ts";
import { type AnchorKernel, buildAnchor } from "./anchors.ts";
import { buildContraction, contractAxes, operandView } from "./build_contract.ts";
import { buildConvolution } from "./build_convolution.ts";
import { type BuildContext, buildNest, type BuiltKernel, isEmptyNest } from "./build_nest.ts";
import { type Classified, classify, RECOMPUTE_COST } from "./classify.ts";
import { reshapeBase } from "./compose.ts";
import { bind, type BufferDraft, type BufferTable } from "./draft.ts";
import { type Group, Grouper, type GrouperOptions, type GroupLimits } from "./group.ts";
import { scheduleLoop, scheduleSwitch } from "./control.ts";
import { findMaterialized, READS_BY_EXPRESSION } from "./materialize.ts";
import type { Level } from "./plan.ts";
import { prepareContractions } from "./prepare.ts";
import { ShiftedCarries } from "./shifted_carry.ts";
import { visitSources } from "./sources.ts";

/** Where a graph's inputs are found and its outputs go. */
export interface LevelBindings {
  readonly inputs: readonly Binding[];
  readonly outputs: readonly Binding[];
  /** Outputs that overwrite an input: computed as late as possible, after everything that reads it. */
  readonly late: ReadonlySet<number>;
}

export class LevelScheduler {
  readonly table: BufferTable;
  readonly limits: GroupLimits;
  loops = 0;

  constructor(table: BufferTable, limits: GroupLimits) {
    this.table = table;
    this.limits = limits;
  }

  schedule(graph: Graph, bindings: LevelBindings): Level {
    return new LevelBuilder(this, prepareContractions(graph), bindings).build();
  }
}

/** One level under construction: steps, temporaries and where each variable's buffer is. */
export class LevelBuilder {
  readonly scheduler: LevelScheduler;
  readonly steps: Step[] = [];
  readonly temporaries: BufferDraft[] = [];
  readonly nested: Map<Step, { level: Level; exclusive: boolean }[]> = new Map();
  readonly #graph: Graph;
  readonly #bindings: Map<Variable, Binding> = new Map();
  readonly #classes: ReadonlyMap<Node, Classified>;
  readonly #materialized: ReadonlySet<Variable>;
  readonly #apart: ReadonlySet<Variable>;
  readonly #copies: { from: Variable; to: Binding }[] = [];
  readonly #late: ReadonlySet<Variable>;
  readonly #shifted: ShiftedCarries;

  constructor(scheduler: LevelScheduler, graph: Graph, bindings: LevelBindings) {
    this.scheduler = scheduler;
    this.#graph = graph;
    this.#shifted = new ShiftedCarries(graph);
    this.#classes = classify(graph, countUses(graph));
    const { materialized, apart } = findMaterialized(
      graph,
      this.#classes,
      scheduler.limits.leastCrossed,
    );
    this.#materialized = materialized;
    this.#apart = apart;
    graph.inputs.forEach((variable, i) => this.#bindings.set(variable, bindings.inputs[i]));
    const late = new Set<Variable>();
    graph.outputs.forEach((output, i) => {
      const base = this.base(output);
      // An output that is an input, or lies where another output lies, is brought to its place at the end.
      if (this.#bindings.has(base)) this.#copies.push({ from: base, to: bindings.outputs[i] });
      else {
        this.#bindings.set(base, bindings.outputs[i]);
        if (bindings.late.has(i)) late.add(base);
      }
    });
    this.#late = late;
  }

  base(variable: Variable): Variable {
    return reshapeBase(variable, this.#classes, this.#materialized);
  }

  /** The buffer of a variable; a temporary unless it is an input or output of the level. */
  binding(variable: Variable): Binding {
    const base = this.base(variable);
    let binding = this.#bindings.get(base);
    if (!binding) this.#bindings.set(base, binding = this.#stackWithRoom(base) ?? bind(this.temporary(base)));
    return binding;
  }

  #stackWithRoom(stack: Variable): Binding | null {
    const room = this.#shifted.rooms.get(stack);
    if (room === undefined) return null;
    const { shape, dtype } = stack.aval, row = sizeOf(shape.slice(1));
    const buffer = this.scheduler.table.add("temporary", dtype, sizeOf(shape) + row);
    this.temporaries.push(buffer);
    return { ...bind(buffer), offset: room === "before" ? row : 0 };
  }

  /** The carries of a loop that are the rows before those of a sequence: the sequence of each, by its position. */
  shiftedCarries(loop: Node): ReadonlyMap<number, number> {
    return this.#shifted.byLoop.get(loop) ?? new Map();
  }

  temporary(variable: Variable): BufferDraft {
    const buffer = this.scheduler.table.forVariable("temporary", variable);
    this.temporaries.push(buffer);
    return buffer;
  }

  /** Puts a variable at a place decided elsewhere (a loop's carry, a branch's result). */
  place(variable: Variable, binding: Binding): void {
    this.#bindings.set(variable, binding);
  }

  placed(variable: Variable): Binding | undefined {
    return this.#bindings.get(variable);
  }

  build(): Level {
    let grouper = this.#grouped({});
    let stored = this.#findStored(grouper);
    if (grouper.groups.some((group) => this.#operandsOf(group, stored) > this.scheduler.limits.operands)) {
      grouper = this.#grouped({ storesAll: true });
      stored = this.#findStored(grouper);
    }
    const context: BuildContext = {
      classes: this.#classes,
      materialized: this.#materialized,
      groupOf: grouper.groupOf,
      stored,
      recomputeCost: this.scheduler.limits.recomputeCost ?? RECOMPUTE_COST,
    };
    for (const group of this.#order(grouper.groups, stored, context)) this.#emit(group, context);
    for (const { from, to } of this.#copies) this.copy(this.#bindings.get(from)!, to, from);
    const { steps, temporaries, nested } = this;
    return {
      steps,
      temporaries,
      nested,
      bytes: 0,
      shift(bytes: number) {
        for (const buffer of temporaries) buffer.offset += bytes;
        for (const inner of nested.values()) inner.forEach(({ level }) => level.shift(bytes));
      },
    };
  }

  #grouped(options: GrouperOptions): Grouper {
    const grouper = new Grouper(this.#classes, this.#materialized, {
      ...this.scheduler.limits,
      ...options,
      apart: this.#apart,
    });
    grouper.run(this.#graph);
    return grouper;
  }

  /** How many buffers the kernel of a group reads and writes. */
  #operandsOf(group: Group, stored: ReadonlySet<Variable>): number {
    if (group.kind === "anchor") return 0;
    const operands = new Set<Variable>();
    const members = new Set(group.members);
    for (const node of group.members) {
      for (const output of node.outputs) if (stored.has(output)) operands.add(output);
      visitSources(node, this.#classes, this.#materialized, ({ variable }) => {
        if (!variable.node || !members.has(variable.node)) operands.add(variable);
      });
    }
    return operands.size;
  }

  /** Variables that are read from outside the group that computes them, or leave the graph. */
  #findStored(grouper: Grouper): Set<Variable> {
    const stored = new Set<Variable>(this.#graph.outputs.map((v) => this.base(v)));
    const classes = this.#classes;
    const readsOf = (group: Group, node: Node) =>
      visitSources(node, classes, this.#materialized, ({ variable }) => {
        if (variable.node && grouper.groupOf.get(variable.node) !== group) stored.add(variable);
      });
    for (const group of grouper.groups) {
      for (const node of group.members) {
        const { lowering } = classes.get(node)!;
        if (lowering.kind === "contract") {
          node.inputs.forEach((input, side) => {
            const axes = contractAxes(lowering, side as 0 | 1, input.aval.shape.length);
            stored.add(operandView(input, axes, classes, this.#materialized)!.base);
          });
        } else if (lowering.kind === "convolve") {
          for (const input of node.inputs) stored.add(this.base(input));
        } else if (group.kind !== "anchor" || READS_BY_EXPRESSION.has(lowering.kind)) {
          if (group.kind === "anchor") this.#visitExpressionInputs(node, stored, grouper);
          else readsOf(group, node);
        } else for (const input of node.inputs) stored.add(this.base(input));
      }
    }
    for (const variable of this.#materialized) stored.add(variable);
    return stored;
  }

  #visitExpressionInputs(node: Node, stored: Set<Variable>, grouper: Grouper): void {
    for (const input of node.inputs) {
      const stack = [input];
      while (stack.length > 0) {
        const variable = stack.pop()!;
        if (!variable.node) continue;
        if (grouper.groupOf.has(variable.node)) stored.add(variable);
        else stack.push(...variable.node.inputs);
      }
    }
  }

  /** Groups in order; those that only finish late outputs go last, so that everything reads the old state before. */
  #order(groups: readonly Group[], stored: ReadonlySet<Variable>, context: BuildContext): readonly Group[] {
    if (this.#late.size === 0) return groups;
    const readElsewhere = new Set<Variable>();
    for (const group of groups) {
      for (const node of group.members) {
        const visit = (variable: Variable) => {
          if (variable.node && context.groupOf.get(variable.node) !== group) readElsewhere.add(variable);
        };
        if (group.kind === "nest") {
          visitSources(node, context.classes, context.materialized, ({ variable }) => visit(variable));
        } else for (const input of node.inputs) this.#behindViews(input, visit);
      }
    }
    const isLate = (group: Group) =>
      group.kind !== "anchor" &&
      group.members.some((node) => node.outputs.some((v) => this.#late.has(v))) &&
      group.members.every((node) => node.outputs.every((v) => !stored.has(v) || !readElsewhere.has(v)));
    return [...groups.filter((g) => !isLate(g)), ...groups.filter(isLate)];
  }

  #behindViews(variable: Variable, visit: (variable: Variable) => void): void {
    const stack = [variable];
    while (stack.length > 0) {
      const current = stack.pop()!;
      visit(current);
      const node = current.node;
      if (node && this.#classes.get(node)!.role === "virtual") stack.push(...node.inputs);
    }
  }

  #emit(group: Group, context: BuildContext): void {
    if (group.kind === "nest") return this.kernelStep(buildNest(group, context));
    const [node] = group.members;
    const { lowering } = context.classes.get(node)!;
    if (lowering.kind === "contract") return this.kernelStep(buildContraction(group, context));
    if (lowering.kind === "convolve") {
      return this.kernelStep(buildConvolution(group, context, (v) => this.base(v)));
    }
    const { knowsRoutine, shaders } = this.scheduler.limits;
    if (lowering.kind === "shader" && shaders) return this.#shader(node, lowering);
    const onHost = lowering.kind === "shader" ||
      (lowering.kind === "routine" && knowsRoutine?.(lowering.routine) === false);
    switch (onHost ? "host" : lowering.kind) {
      case "loop":
        return scheduleLoop(this, node, node.params as LoopParams);
      case "switch":
        return scheduleSwitch(this, node, node.params as SwitchParams);
      case "host":
        this.steps.push({
          kind: "host",
          node,
          inputs: node.inputs.map((v) => this.binding(v)),
          outputs: node.outputs.map((v) => this.binding(v)),
        });
        return;
      default:
        for (const kernel of buildAnchor(group, context, (v) => this.base(v))) this.kernelStep(kernel);
    }
  }

  /** The user's shader on buffers that begin with the operands; others are copied before or after. */
  #shader(node: Node, lowering: Extract<Lowering, { kind: "shader" }>): void {
    const bindings: Binding[] = [], after: (() => void)[] = [];
    const place = (variable: Variable, access: "read" | "write"): Operand => {
      const own = this.binding(access === "read" ? this.base(variable) : variable);
      const { dtype } = variable.aval;
      const { kind, length } = this.scheduler.table.buffers[own.buffer];
      // A number may come without a buffer.
      const isPlain = own.offset === 0 && own.steps.length === 0 && kind !== "tape" &&
        !(kind === "input" && length === 1);
      if (isPlain) bindings.push(own);
      else {
        const buffer = this.scheduler.table.add("temporary", dtype, sizeOf(variable.aval.shape));
        this.temporaries.push(buffer);
        const copy = bind(buffer);
        bindings.push(copy);
        if (access === "read") this.copy(own, copy, variable);
        else after.push(() => this.copy(copy, own, variable));
      }
      return { dtype, access };
    };
    const operands = [
      ...node.inputs.map((variable) => place(variable, "read")),
      ...node.outputs.map((variable) => place(variable, "write")),
    ];
    const lengths = [...node.inputs, ...node.outputs].map(({ aval }) => sizeOf(aval.shape));
    const kernel: Kernel = { ...lowering, lengths, operands };
    this.steps.push({ kind: "kernel", kernel, bindings, nodes: [node] });
    for (const copy of after) copy();
  }

  kernelStep(built: BuiltKernel | AnchorKernel): void {
    if (isEmptyNest(built.kernel)) return;
    const bindings = built.operands.map((variable) => this.binding(variable));
    const copies = "copies" in built ? built.copies : undefined;
    this.steps.push({
      kind: "kernel",
      kernel: built.kernel,
      bindings,
      nodes: built.nodes,
      copies: copies && copyOperands(built.operands, copies),
    });
  }

  /** Copies a whole variable from one place to another. */
  copy(from: Binding, to: Binding, variable: Variable): void {
    const length = sizeOf(variable.aval.shape);
    if (length === 0) return;
    const { dtype } = variable.aval;
    this.steps.push({
      kind: "kernel",
      kernel: {
        kind: "copy",
        dtype,
        length,
        operands: [{ dtype, access: "read" }, { dtype, access: "write" }],
      },
      bindings: [from, to],
      nodes: variable.node ? [variable.node] : [],
      copies: [0, 1],
    });
  }
}

function copyOperands(
  operands: readonly Variable[],
  { from, to }: NonNullable<AnchorKernel["copies"]>,
): KernelStep["copies"] {
  const source = operands.indexOf(from), target = operands.indexOf(to);
  return source >= 0 && target >= 0 && operands.length === 2 ? [source, target] : undefined;
}
