/** Modes "reference" and "debug": programs that run node by node and look at every value. */
import { DamoError, IndexError } from "../trace/errors.ts";
import type { Graph, Node } from "../trace/graph.ts";
import type { HostArray } from "../trace/primitive.ts";
import { hasEffect } from "../trace/prune.ts";
import { describe } from "../trace/shape.ts";
import type { Storage } from "../trace/storage.ts";
import type { Backend, CompileOptions, Executable, RunInput } from "./backend.ts";
import { compareWithDevice } from "./guard/compare.ts";
import { checkNode, roundToType } from "./guard/explain.ts";
import { carriersOfResults, type Guards, isOrigin } from "./guard/guards.ts";
import { ReferenceBackend } from "./reference/backend.ts";
import { WrappedExecutable } from "./wrapped_backend.ts";
import { verifyGraph } from "../trace/verify.ts";

/** Mode "reference". */
export const referenceBackend: ReferenceBackend = new ReferenceBackend();

/** Mode "debug": graphs are verified, indices checked, and every operation of the device compared with the interpreter. */
class DebugBackend extends ReferenceBackend {
  readonly #guards: Guards;
  readonly #backend: Backend;

  constructor(guards: Guards, backend: Backend) {
    super();
    this.#guards = guards;
    this.#backend = backend;
  }

  override compile(graph: Graph, options: CompileOptions): Executable {
    verifyGraph(graph);
    const carriers = carriersOfResults(graph);
    const backend = new ReferenceBackend({
      onNode: (node, inputs, outputs) => {
        checkIndices(node, inputs);
        outputs.forEach(roundToType);
        if (isOrigin(node) || carriers.has(node)) checkNode(node, inputs, outputs, this.#guards, graph);
        compareWithDevice(node, inputs, outputs, this.#backend);
      },
    });
    const reference = backend.compile(graph, options);
    if (graph.nodes.some(hasEffect)) return reference;
    const plain = { ...options, donated: [], inPlace: [], profile: false, onKernel: undefined, poison: true };
    return new PoisonedRun(reference, this.#backend.compile(graph, plain), graph);
  }
}

/** Runs the compiled program too, on memory full of NaN, and looks for NaN where the interpreter has none. */
class PoisonedRun extends WrappedExecutable {
  constructor(reference: Executable, readonly compiled: Executable, readonly graph: Graph) {
    super(reference);
  }

  run(inputs: readonly RunInput[], reuse: Uint8Array | null): Storage[] {
    const found = this.compiled.run(inputs, null);
    const expected = this.inner.run(inputs, reuse);
    found.forEach((storage, i) => {
      const data = storage.read(), truth = expected[i].read();
      storage.dispose();
      for (let k = 0; k < data.length; k++) {
        if (data[k] === data[k] || truth[k] !== truth[k]) continue;
        const { aval, node } = this.graph.outputs[i];
        throw new DamoError(
          `Mode "debug": element ${k} of result ${i}, ${
            describe(aval)
          }, is NaN in the compiled program alone.`,
          {
            operation: node?.primitive.name,
            location: node?.location,
            remedy:
              "This is a mistake of the compiler, or an overflow that float64 does not have: use a guard to tell.",
          },
        );
      }
    });
    return expected;
  }

  override dispose(): void {
    super.dispose();
    this.compiled.dispose();
  }
}

/** The backend of mode "debug", standing in for `backend`. */
export function debugBackend(guards: Guards, backend: Backend): ReferenceBackend {
  return new DebugBackend(guards, backend);
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
      `${node.primitive.name}: the traced index ${index}${
        index < 0 ? ", counted from the start," : ""
      } is outside axis ${axis}, which takes 0 to ${last}.`,
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
