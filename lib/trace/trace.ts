/** Tracing: the current trace, how tensors enter it, and `bind`, the one place where operations happen. */
import { declaredName } from "./declared_name.ts";
import { type DamoError, nameTracesWith, ShapeError, TracedValueError } from "./errors.ts";
import { Graph, Node, Variable } from "./graph.ts";
import { type Location, swapLocation, userLocation } from "./location.ts";
import type { Params, Primitive } from "./primitive.ts";
import { constantPrimitive } from "./primitives/constant.ts";
import { type Aval, describe } from "./shape.ts";
import type { Shared } from "./shared.ts";
import { executor } from "./storage.ts";
import { Tensor } from "./tensor.ts";

/** One graph under construction. Traces nest: transforms and loop bodies trace inside the trace of their caller. */
export class Trace {
  readonly parent: Trace | null;
  readonly name: string;
  readonly nodes: Node[] = [];
  readonly inputs: Variable[] = [];
  /** Tensors from outside (concrete, or of an enclosing trace), in order of first use, and their inputs here. */
  readonly captured: Tensor[] = [];
  readonly capturedVariables: Variable[] = [];
  readonly sharedReads: Map<Shared, Tensor> = new Map();
  readonly sharedWrites: Map<Shared, Tensor> = new Map();
  /** Plain values that the traced code decided by (the mode of a layer), as functions that read them, and what they were. */
  readonly conditions: Map<() => unknown, unknown> = new Map();
  /** Set when the trace is over; its tensors are of no use any more. */
  ended = false;
  /** Makes the error for a tensor of this trace that is used after its end; null for the general one. */
  leak: ((tensor: Tensor) => DamoError) | null = null;
  /** Shared variables that stand for others in this trace (`f.copy({ swap })`). */
  swap: ReadonlyMap<Shared, Shared> | null = null;
  /** Set in mode "debug" of jit, for this trace and those inside it: loops then check what they can. */
  debug: boolean;
  readonly #capturedIndex: Map<object, Variable> = new Map();
  readonly #adopted: Map<object, Tensor> = new Map();
  readonly #literals: Map<string, Variable> = new Map();

  constructor(parent: Trace | null, name: string) {
    this.parent = parent;
    this.name = name;
    this.debug = parent?.debug ?? false;
  }

  addInput(aval: Aval, name?: string): Tensor {
    const variable = new Variable(aval, null, 0, name);
    this.inputs.push(variable);
    return new Tensor(aval, null, this, variable);
  }

  addNode(
    primitive: Primitive,
    inputs: readonly Variable[],
    params: Params,
    avals: readonly Aval[],
    location: Location | null,
  ): Tensor[] {
    const node = new Node(primitive, inputs, params, avals, location);
    this.nodes.push(node);
    return node.outputs.map((variable) => new Tensor(variable.aval, null, this, variable));
  }

  /** The variable of this trace that stands for `tensor`. */
  lift(tensor: Tensor): Variable {
    if (tensor.owner === this) return tensor.variable!;
    if (tensor.literal !== null) return this.#liftLiteral(tensor);
    const key: object = tensor.variable ?? tensor.storage();
    let variable = this.#capturedIndex.get(key);
    if (variable) return variable;
    const standIn = this.#standIn(key);
    if (standIn) return this.lift(standIn);
    if (tensor.owner !== null) this.#checkAncestor(tensor);
    variable = new Variable(tensor.aval, null, 0, tensor.variable?.name);
    this.#capturedIndex.set(key, variable);
    this.captured.push(tensor);
    this.capturedVariables.push(variable);
    return variable;
  }

  /**
   * From now on `current` stands for `tensor`, whose trace is over or which has elements: rules that a function brings
   * may use what the function closes over also when they are run later, in another trace, which may be one of a closed
   * graph (the body of a loop), where everything comes through inputs.
   */
  adopt(tensor: Tensor, current: Tensor): void {
    if (tensor.owner === this || tensor.literal !== null) return;
    if (current.owner === null && tensor.owner === null) return;
    this.#adopted.set(tensor.variable ?? tensor.storage(), current);
  }

  #standIn(key: object): Tensor | undefined {
    const own = this.#adopted.get(key);
    if (own) return own;
    for (let trace = this.parent; trace; trace = trace.parent) {
      const tensor = trace.#adopted.get(key);
      if (tensor) return tensor;
    }
    return undefined;
  }

  #liftLiteral(tensor: Tensor): Variable {
    const value = tensor.literal!;
    const key = `${tensor.aval.dtype}${tensor.aval.weak ? "~" : ""}${Object.is(value, -0) ? "-0" : value}`;
    let variable = this.#literals.get(key);
    if (!variable) {
      const node = new Node(constantPrimitive, [], { value, dtype: tensor.aval.dtype }, [tensor.aval], null);
      this.nodes.push(node);
      variable = node.outputs[0];
      this.#literals.set(key, variable);
    }
    return variable;
  }

  #checkAncestor(tensor: Tensor): void {
    for (let trace = this.parent; trace; trace = trace.parent) if (trace === tensor.owner) return;
    throw leaked(tensor);
  }

  /** The value of a shared variable at this point of the trace. */
  readShared(variable: Shared): Tensor {
    const shared = this.swap?.get(variable) ?? variable;
    const written = this.sharedWrites.get(shared);
    if (written) return written;
    let tensor = this.sharedReads.get(shared);
    if (!tensor) {
      const aval = shared.current().aval;
      tensor = new Tensor(aval, null, this, new Variable(aval, null, 0, shared.name));
      this.sharedReads.set(shared, tensor);
    }
    return tensor;
  }

  writeShared(target: Shared, value: Tensor): void {
    const shared = this.swap?.get(target) ?? target;
    const variable = this.lift(value);
    this.sharedWrites.set(shared, new Tensor(value.aval, null, this, variable));
  }
}

function leaked(tensor: Tensor): DamoError {
  const { leak } = tensor.owner!;
  if (leak) return leak(tensor);
  const location = tensor.variable!.node?.location;
  const place = location?.describe();
  const name = tensor.variable!.name ?? declaredName(location);
  const what = `${name ? `${name}, ` : ""}${describe(tensor.aval)},${place ? ` computed at ${place},` : ""}`;
  return new TracedValueError(
    `A traced tensor ${what} was used after the trace of ${tensor.owner!.name} had ended.`,
    {
      operation: tensor.owner!.name,
      remedy:
        "Return it from the traced function, or keep it in a shared variable, instead of storing it outside.",
    },
  );
}

let current: Trace | null = null;

/** The innermost trace, or null outside all of them. */
export function currentTrace(): Trace | null {
  return current;
}

nameTracesWith(() => {
  const names: string[] = [];
  for (let trace = current; trace !== null; trace = trace.parent) names.push(trace.name);
  return names;
});

/** Runs `body` inside `trace`. The trace is over when the body returns or throws. */
export function withTrace<T>(trace: Trace, body: () => T): T {
  const previous = current;
  const location = swapLocation(null);
  current = trace;
  try {
    return body();
  } finally {
    current = previous;
    swapLocation(location);
    trace.ended = true;
  }
}

/**
 * Makes `trace` the current one until the function given back is called: for a trace that no single function call
 * encloses, such as the body of a `for` statement.
 */
export function enterTrace(trace: Trace): () => void {
  const previous = current;
  const location = swapLocation(null);
  current = trace;
  return () => {
    current = previous;
    swapLocation(location);
    trace.ended = true;
  };
}

/** Runs `body` outside all traces: for what must happen while tracing, such as making a concrete tensor. */
export function withoutTrace<T>(body: () => T): T {
  const previous = current;
  current = null;
  try {
    return body();
  } finally {
    current = previous;
  }
}

/** The plain value that `read` gives. What is being traced holds only as long as it gives the same. */
export function dependOn<T>(read: () => T): T {
  const value = read();
  if (current !== null) {
    let outermost = current;
    while (outermost.parent !== null) outermost = outermost.parent;
    outermost.conditions.set(read, value);
  }
  return value;
}

/** Applies a primitive: adds a node to the current trace, or runs it at once where there is none. */
export function bind<P extends Params>(
  primitive: Primitive<P>,
  inputs: readonly Tensor[],
  params: P,
): readonly Tensor[] {
  const avals = new Array<Aval>(inputs.length);
  for (let i = 0; i < inputs.length; i++) avals[i] = inputs[i].aval;
  const outputs = primitive.infer(avals, params);
  if (current === null) {
    for (const input of inputs) if (input.owner !== null) throw leaked(input);
    return executor().apply(primitive as Primitive, inputs, params, outputs);
  }
  const trace = current;
  const variables = new Array<Variable>(inputs.length);
  for (let i = 0; i < inputs.length; i++) variables[i] = trace.lift(inputs[i]);
  return trace.addNode(primitive as Primitive, variables, params, outputs, userLocation());
}

/** `bind` for primitives of one output. */
export function bindOne<P extends Params>(
  primitive: Primitive<P>,
  inputs: readonly Tensor[],
  params: P,
): Tensor {
  return bind(primitive, inputs, params)[0];
}

/** A traced function: a closed graph and where its further inputs and outputs belong. */
export interface TracedFunction {
  /**
   * Inputs: those asked for, then one per captured tensor, then one per shared variable read.
   * Outputs: those of the function, then one per shared variable written.
   */
  readonly graph: Graph;
  readonly captured: readonly Tensor[];
  readonly reads: readonly Shared[];
  readonly writes: readonly Shared[];
  /** How many inputs were asked for, and how many outputs the function itself gave. */
  readonly inputCount: number;
  readonly outputCount: number;
}

export interface TraceOptions {
  readonly name?: string;
  /** Names for the inputs, shown in graphs and errors. */
  readonly inputNames?: readonly (string | undefined)[];
}

/** Traces `fn` on inputs of the given types into a closed graph. The function runs once. */
export function traceFunction(
  fn: (inputs: Tensor[], trace: Trace) => readonly Tensor[],
  avals: readonly Aval[],
  options: TraceOptions = {},
): TracedFunction {
  const trace = new Trace(current, options.name ?? "function");
  return withTrace(trace, () => {
    const inputs = avals.map((aval, i) => trace.addInput(aval, options.inputNames?.[i]));
    const results = fn(inputs, trace);
    return finishTrace(trace, results);
  });
}

/** Closes a trace over its results. Call it while the trace is current. */
function finishTrace(trace: Trace, results: readonly Tensor[]): TracedFunction {
  const inputCount = trace.inputs.length;
  const outputs = results.map((tensor) => trace.lift(tensor));
  const writes = [...trace.sharedWrites.keys()];
  for (const tensor of trace.sharedWrites.values()) outputs.push(tensor.variable!);
  const reads = [...trace.sharedReads.keys()];
  const readVariables = [...trace.sharedReads.values()].map((tensor) => tensor.variable!);
  const inputs = [...trace.inputs, ...trace.capturedVariables, ...readVariables];
  const graph = new Graph(inputs, outputs, trace.nodes, trace.name);
  return { graph, captured: trace.captured, reads, writes, inputCount, outputCount: results.length };
}

/** The tensors to pass for the captured and shared inputs of a traced function, in the current context. */
export function capturedInputs(traced: TracedFunction): Tensor[] {
  return [...traced.captured, ...traced.reads.map((shared) => shared.value)];
}

/** Assigns the written shared variables, in the current context, from the outputs that follow the function's own. */
export function commitWrites(traced: TracedFunction, outputs: readonly Tensor[]): readonly Tensor[] {
  traced.writes.forEach((shared, i) => shared.value = outputs[traced.outputCount + i]);
  return outputs.slice(0, traced.outputCount);
}

/**
 * Applies a graph to tensors: inlines its nodes into the current trace, keeping their locations, or runs it as one
 * compiled program where there is no trace.
 */
export function evaluateGraph(graph: Graph, inputs: readonly Tensor[]): readonly Tensor[] {
  if (inputs.length !== graph.inputs.length) {
    throw new ShapeError(`A graph of ${graph.inputs.length} inputs was given ${inputs.length} tensors.`, {
      operation: graph.name,
    });
  }
  if (current === null) return executor().run(graph, inputs);
  const trace = current;
  const values = new Map<Variable, Variable>();
  graph.inputs.forEach((variable, i) => values.set(variable, trace.lift(inputs[i])));
  for (const node of graph.nodes) {
    const avals = node.outputs.map((output) => output.aval);
    const results = trace.addNode(
      node.primitive,
      node.inputs.map((variable) => values.get(variable)!),
      node.params,
      avals,
      node.location,
    );
    node.outputs.forEach((output, i) => values.set(output, results[i].variable!));
  }
  return graph.outputs.map((variable) => {
    const value = values.get(variable)!;
    return new Tensor(value.aval, null, trace, value);
  });
}
