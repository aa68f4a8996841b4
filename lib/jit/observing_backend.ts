/** Modes "reference" and "debug", and guards: programs that run node by node and look at every value. */
import { DamoError, IndexError, NonFiniteError } from "../trace/errors.ts";
import type { Graph, Node } from "../trace/graph.ts";
import type { HostArray } from "../trace/primitive.ts";
import { isFloat } from "../trace/dtype.ts";
import { describe } from "../trace/shape.ts";
import type { CompileOptions, Executable } from "./backend.ts";
import { ReferenceBackend } from "./reference/backend.ts";
import { verifyGraph } from "../trace/verify.ts";

/** What a guard looks for: NaN, infinities, magnitudes above `big`. */
export interface Guards {
  /** NaN is an error. */
  readonly nan?: boolean;
  /** An infinity is an error. */
  readonly inf?: boolean;
  /** A finite magnitude above this is an error. */
  readonly big?: number;
}

/** Mode "reference". */
export const referenceBackend: ReferenceBackend = new ReferenceBackend();

class DebugBackend extends ReferenceBackend {
  readonly #verify: boolean;

  constructor(guards: Guards, debug: boolean) {
    super({
      onNode(node, inputs, outputs) {
        if (debug) checkIndices(node, inputs);
        for (const output of outputs) checkFinite(node, output, guards);
      },
    });
    this.#verify = debug;
  }

  override compile(graph: Graph, options: CompileOptions): Executable {
    if (this.#verify) verifyGraph(graph);
    return super.compile(graph, options);
  }
}

/** A backend for `guard`, and for mode "debug", which also verifies graphs and the range of traced indices. */
export function debugBackend(guards: Guards, debug: boolean): ReferenceBackend {
  return new DebugBackend(guards, debug);
}

function checkFinite(node: Node, { data, shape, dtype }: HostArray, { nan, inf, big }: Guards): void {
  if (!isFloat(dtype)) return;
  const limit = big ?? Infinity;
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    const bad = nan && value !== value
      ? "NaN"
      : inf && (value === Infinity || value === -Infinity)
      ? String(value)
      : Math.abs(value) > limit && Number.isFinite(value)
      ? `${value}, above ${limit}`
      : null;
    if (bad === null) continue;
    throw new NonFiniteError(
      `${node.primitive.name}: element ${i} of its result ${describe({ shape, dtype })} is ${bad}.`,
      {
        operation: node.primitive.name,
        location: node.location,
        remedy: "Look at the inputs of this operation with print, or leave the guard out.",
      },
    );
  }
}

/** Traced indices are clamped or dropped when they lie outside; in mode "debug" that is an error. */
function checkIndices(node: Node, inputs: readonly HostArray[]): void {
  const avals = node.inputs.map((variable) => variable.aval);
  const lowering = node.primitive.lower(node.params, avals, node.outputs.map((output) => output.aval));
  if (lowering.kind === "gather" || lowering.kind === "scatter") {
    const first = lowering.kind === "gather" ? 1 : 2;
    lowering.axes.forEach((axis, k) => {
      checkRange(node, inputs[first + k].data, axis, inputs[0].shape[axis] - 1);
    });
  } else if (lowering.kind === "dynamicSlice") {
    lowering.sizes.forEach((size, axis) => {
      checkRange(node, inputs[1 + axis].data, axis, inputs[0].shape[axis] - size);
    });
  } else if (lowering.kind === "dynamicUpdate") {
    inputs[1].shape.forEach((size, axis) => {
      checkRange(node, inputs[2 + axis].data, axis, inputs[0].shape[axis] - size);
    });
  }
}

function checkRange(node: Node, indices: Float64Array<ArrayBuffer>, axis: number, last: number): void {
  for (const index of indices) {
    if (index >= 0 && index <= last) continue;
    throw new IndexError(
      `${node.primitive.name}: the traced index ${index} is outside axis ${axis}, which takes 0 to ${last}.`,
      {
        operation: node.primitive.name,
        location: node.location,
        remedy: 'Outside mode "debug" it would be clamped on reading and dropped on writing.',
      },
    );
  }
}

/** The error for a mode that does not exist. */
export function unknownMode(mode: unknown): DamoError {
  return new DamoError(`jit: there is no mode ${JSON.stringify(mode) ?? String(mode)}.`, {
    operation: "jit",
    remedy: 'Modes are "fast", "reference" and "debug".',
  });
}
