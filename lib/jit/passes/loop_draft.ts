/** A loop taken apart for rewriting: its parts as lists that passes change, put together again as a new node. */
import type { LoopParams } from "../../loop/loop_params.ts";
import { loopPrimitive } from "../../loop/loop_primitive.ts";
import { splitBodyInputs, splitBodyOutputs, splitInputs } from "../../loop/loop_layout.ts";
import { byteSize } from "../../trace/dtype.ts";
import { Graph, Node, Variable } from "../../trace/graph.ts";
import { elementwise } from "../../trace/primitives/elementwise.ts";
import { iotaPrimitive } from "../../trace/primitives/iota.ts";
import { broadcastToPrimitive, reshapeTo } from "../../trace/primitives/move.ts";
import { filled } from "../../trace/primitives/zeros.ts";
import { neededNodes } from "../../trace/prune.ts";
import { type Pass, rewriteGraph } from "../../trace/rewrite.ts";
import { sizeOf } from "../../trace/shape.ts";
import { Tensor } from "../../trace/tensor.ts";
import { bind, bindOne } from "../../trace/trace.ts";

/** How many bytes a rewrite may stack. */
export interface StackLimits {
  /** In a whole loop: more would not stay in the caches, and grows with its length. */
  readonly whole: number;
  /** In a loop that cannot be divided into blocks. */
  readonly undivided: number;
  /** In one block of steps. */
  readonly block: number;
}

let limits: StackLimits = { whole: 2 ** 23, undivided: 2 ** 28, block: 2 ** 20 };

/** Sets the limits of the passes over loops. Returns the previous ones. */
export function setStackLimits(given: StackLimits): StackLimits {
  const previous = limits;
  limits = given;
  return previous;
}

export interface ConstantSlot {
  readonly outer: Tensor;
  readonly body: Variable;
  /** Its place in the condition, where there is one. */
  readonly condition: Variable | null;
}

export interface CarrySlot {
  readonly initial: Tensor;
  readonly body: Variable;
  readonly condition: Variable | null;
  next: Variable;
}

export interface SequenceSlot {
  readonly outer: Tensor;
  readonly body: Variable;
}

export interface RowSlot {
  body: Variable;
}

/** What the new node gives, for making the outputs of the old one. */
export interface Bound {
  carry(slot: CarrySlot): Tensor;
  row(slot: RowSlot): Tensor;
}

type OutputSource =
  | { readonly kind: "carry"; readonly slot: CarrySlot }
  | { readonly kind: "row"; readonly slot: RowSlot }
  | { readonly kind: "taken" }
  | { readonly kind: "unused" }
  | { readonly kind: "made"; readonly make: (bound: Bound) => Tensor };

export class LoopDraft {
  readonly params: LoopParams;
  readonly count: Tensor | null;
  constants: ConstantSlot[];
  carries: CarrySlot[];
  sequences: SequenceSlot[];
  rows: RowSlot[];
  readonly step: Variable | null;
  stop: Variable | null;
  nodes: readonly Node[];
  /** Where each output of the old node comes from. */
  readonly outputs: OutputSource[];

  constructor(inputs: readonly Tensor[], params: LoopParams) {
    this.params = params;
    const given = splitInputs(inputs, params);
    const inside = splitBodyInputs(params.body.inputs, params);
    const results = splitBodyOutputs(params.body.outputs, params);
    const condition = params.condition?.inputs ?? null;
    this.count = given.count;
    this.constants = given.constants.map((outer, i) => ({
      outer,
      body: inside.constants[i],
      condition: condition && condition[i],
    }));
    this.carries = given.carries.map((initial, i) => ({
      initial,
      body: inside.carries[i],
      condition: condition && condition[params.constants + i],
      next: results.carries[i],
    }));
    this.sequences = given.sequences.map((outer, i) => ({ outer, body: inside.slices[i] }));
    this.rows = results.rows.map((body) => ({ body }));
    this.step = inside.step;
    this.stop = results.stop;
    this.nodes = params.body.nodes;
    this.outputs = [
      ...this.carries.map((slot): OutputSource => ({ kind: "carry", slot })),
      ...this.rows.map((slot): OutputSource => ({ kind: "row", slot })),
      ...(params.taken ? [{ kind: "taken" } as const] : []),
    ];
  }

  /** A loop that takes exactly `length` steps. */
  get isFixed(): boolean {
    return this.isWalk && !this.params.counted;
  }

  /** A loop over its sequences from one end on, as far as a count may say: rows are known before it runs. */
  get isWalk(): boolean {
    const { condition, stops, length } = this.params;
    return condition === null && !stops && length >= 0;
  }

  /** Zeros in the place of the rows that a counted loop does not reach. */
  reached(rows: Tensor): Tensor {
    const { count } = this, { shape, aval: { dtype } } = rows;
    if (count === null) return rows;
    const [length] = shape;
    const positions = bindOne(iotaPrimitive, [], { shape: [length], dtype: "int32", axis: 0 });
    const limit = bindOne(broadcastToPrimitive, [count], { shape: [length] });
    const isReached = reshapeTo(bindOne(elementwise.lt, [positions, limit], {}), [
      length,
      ...shape.slice(1).map(() => 1),
    ]);
    const mask = bindOne(broadcastToPrimitive, [isReached], { shape });
    return bindOne(elementwise.select, [mask, rows, filled(0, { shape, dtype })], {});
  }

  /** Bytes that stacking these values of the body would take beyond what is stacked anyway. */
  stackedBytes(variables: Iterable<Variable>): number {
    const known = new Set<Variable>(
      [...this.constants, ...this.sequences, ...this.rows].map((slot) => slot.body),
    );
    let bytes = 0;
    for (const variable of variables) {
      if (known.has(variable)) continue;
      known.add(variable);
      const { shape, dtype } = variable.aval;
      bytes += sizeOf(shape) * byteSize(dtype);
    }
    return bytes * this.params.length;
  }

  /** Whether a rewrite may stack these values over the whole loop. */
  mayStack(variables: Iterable<Variable>): boolean {
    const bytes = this.stackedBytes(variables);
    if (bytes <= limits.whole) return true;
    const steps = limits.block * this.params.length / bytes;
    return bytes <= limits.undivided && steps >= 2 && this.stepsOfBlock(variables) === 0;
  }

  /** How many steps make a block that may stack these values; 0 where the loop stays whole. */
  stepsOfBlock(variables: Iterable<Variable>): number {
    const { length } = this.params, bytes = this.stackedBytes(variables);
    if (bytes <= limits.whole) return 0;
    const ideal = limits.block * length / bytes;
    for (let steps = Math.floor(ideal); steps >= Math.max(2, ideal / 8); steps--) {
      if (length % steps === 0) return steps;
    }
    return 0;
  }

  /** Every output of the body. */
  bodyOutputs(): Variable[] {
    return [
      ...this.carries.map((slot) => slot.next),
      ...this.rows.map((slot) => slot.body),
      ...(this.stop ? [this.stop] : []),
    ];
  }

  /** Puts other variables in the place of some, in all nodes and outputs of the body. */
  rename(names: ReadonlyMap<Variable, Variable>): void {
    const renamed = new Map(names);
    const at = (variable: Variable): Variable => renamed.get(variable) ?? variable;
    this.nodes = this.nodes.map((node) => {
      if (!node.inputs.some((input) => renamed.has(input))) return node;
      const avals = node.outputs.map((output) => output.aval);
      const copy = new Node(node.primitive, node.inputs.map(at), node.params, avals, node.location);
      node.outputs.forEach((output, i) => {
        copy.outputs[i].name = output.name;
        renamed.set(output, copy.outputs[i]);
      });
      return copy;
    });
    for (const slot of this.carries) slot.next = at(slot.next);
    for (const slot of this.rows) slot.body = at(slot.body);
    if (this.stop) this.stop = at(this.stop);
  }

  /** A new constant of the loop with the value `outer`, called as another variable. */
  addConstant(outer: Tensor, like: Variable): ConstantSlot {
    const { shape, dtype } = outer.aval;
    const fresh = (): Variable => new Variable({ shape, dtype }, null, 0, like.name);
    const slot = { outer, body: fresh(), condition: this.params.condition ? fresh() : null };
    this.constants.push(slot);
    return slot;
  }

  addSequence(outer: Tensor, like: Variable): SequenceSlot {
    const { shape, dtype } = like.aval;
    const slot = { outer, body: new Variable({ shape, dtype }, null, 0, like.name) };
    this.sequences.push(slot);
    return slot;
  }

  addRow(body: Variable): RowSlot {
    const known = this.rows.find((slot) => slot.body === body);
    if (known) return known;
    const slot = { body };
    this.rows.push(slot);
    return slot;
  }

  /** Binds the new loop and gives the outputs of the old node. */
  finish(): Tensor[] {
    const { params } = this;
    const inputs = [
      ...this.constants.map((slot) => slot.body),
      ...this.carries.map((slot) => slot.body),
      ...(this.step ? [this.step] : []),
      ...this.sequences.map((slot) => slot.body),
    ];
    const outputs = this.bodyOutputs();
    const body = new Graph(inputs, outputs, neededNodes(this.nodes, outputs), params.body.name);
    const condition = params.condition && new Graph(
      [...this.constants, ...this.carries].map((slot) => slot.condition!),
      params.condition.outputs,
      params.condition.nodes,
      params.condition.name,
    );
    const all = [
      ...(this.count ? [this.count] : []),
      ...this.constants.map((slot) => slot.outer),
      ...this.carries.map((slot) => slot.initial),
      ...this.sequences.map((slot) => slot.outer),
    ];
    const results = bind(loopPrimitive, all, {
      ...params,
      body,
      condition,
      constants: this.constants.length,
      carries: this.carries.length,
      sequences: this.sequences.length,
      results: this.rows.length,
    });
    const carry = (slot: CarrySlot): Tensor => results[this.carries.indexOf(slot)];
    const row = (slot: RowSlot): Tensor => results[this.carries.length + this.rows.indexOf(slot)];
    return this.outputs.map((source) => {
      switch (source.kind) {
        case "carry":
          return carry(source.slot);
        case "row":
          return row(source.slot);
        case "taken":
          return results[results.length - 1];
        case "unused":
          return Tensor.literal(0, "int32");
        case "made":
          return source.make({ carry, row });
      }
    });
  }
}

/** What a pass may want to know of a loop beyond its parts. */
export interface LoopContext {
  /** Which outputs of the node anybody reads. */
  readonly used: readonly boolean[];
  readonly node: Node;
  /** The nodes that read each variable of the graph; null stands for its outputs. */
  readonly readers: ReadonlyMap<Variable, readonly (Node | null)[]>;
}

export function isLoop(node: Node): boolean {
  return (node.primitive as unknown) === loopPrimitive;
}

/** A pass over the loops of a graph: `edit` changes the draft, and says whether it did. */
export function loopPass(name: string, edit: (draft: LoopDraft, context: LoopContext) => boolean): Pass {
  return {
    name,
    run(graph: Graph): Graph {
      if (!graph.nodes.some(isLoop)) return graph;
      const readers = readersOf(graph);
      return rewriteGraph(graph, (node, inputs) => {
        if (!isLoop(node)) return null;
        const draft = new LoopDraft(inputs, node.params as LoopParams);
        const used = node.outputs.map((output) => readers.has(output));
        return edit(draft, { used, node, readers }) ? draft.finish() : null;
      });
    },
  };
}

/** The nodes that read each variable of a graph; null stands for its outputs. */
export function readersOf(graph: Graph): Map<Variable, (Node | null)[]> {
  const readers = new Map<Variable, (Node | null)[]>();
  const add = (variable: Variable, reader: Node | null): void => {
    const known = readers.get(variable);
    if (known) known.push(reader);
    else readers.set(variable, [reader]);
  };
  for (const node of graph.nodes) for (const input of node.inputs) add(input, node);
  for (const output of graph.outputs) add(output, null);
  return readers;
}
