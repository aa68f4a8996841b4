/**
 * Graphs as backends take them: outputs are distinct and none of them is an input. Outputs that repeat one another, or
 * hand an input through, are put together here from what the program gives.
 */
import { Graph, type Variable } from "../trace/graph.ts";
import type { Aval } from "../trace/shape.ts";
import type { Storage } from "../trace/storage.ts";
import { castValue, newTypedArray } from "../trace/dtype.ts";
import type { Backend, Executable, RunInput } from "./backend.ts";

/** Where an output of the graph comes from: result `index` of the program, or input `index`. */
export interface OutputSource {
  readonly from: "program" | "input";
  readonly index: number;
}

/** `outputs` of `graph` without repetitions and inputs, and where each of them is found. */
export function distinctOutputs(
  graph: Graph,
  wanted: readonly Variable[] = graph.outputs,
): { program: Graph; sources: OutputSource[] } {
  const inputs = new Map<Variable, number>();
  graph.inputs.forEach((variable, i) => inputs.set(variable, i));
  const positions = new Map<Variable, number>();
  const outputs: Variable[] = [];
  const sources = wanted.map((variable): OutputSource => {
    const input = inputs.get(variable);
    if (input !== undefined) return { from: "input", index: input };
    let index = positions.get(variable);
    if (index === undefined) {
      positions.set(variable, index = outputs.length);
      outputs.push(variable);
    }
    return { from: "program", index };
  });
  const same = outputs.length === graph.outputs.length;
  return { program: same ? graph : new Graph(graph.inputs, outputs, graph.nodes, graph.name), sources };
}

/** A graph compiled as it is, without donation or state. */
export class ClosedGraph {
  readonly avals: readonly Aval[];
  readonly #executable: Executable;
  readonly #sources: readonly OutputSource[];
  readonly #inputAvals: readonly Aval[];
  readonly #backend: Backend;

  constructor(
    graph: Graph,
    executable: Executable,
    sources: readonly OutputSource[],
    backend: Backend,
  ) {
    this.avals = graph.outputs.map(({ aval: { shape, dtype } }) => ({ shape, dtype }));
    this.#inputAvals = graph.inputs.map((input) => input.aval);
    this.#executable = executable;
    this.#sources = sources;
    this.#backend = backend;
  }

  run(inputs: readonly RunInput[]): Storage[] {
    const results = this.#executable.run(inputs, null);
    return this.#sources.map(({ from, index }) => {
      if (from === "program") return results[index];
      const input = inputs[index];
      return typeof input === "number" ? uploadScalar(this.#backend, input, this.#inputAvals[index]) : input;
    });
  }

  dispose(): void {
    this.#executable.dispose();
  }
}

/** A storage of one element. */
export function uploadScalar(backend: Backend, value: number, { dtype }: Aval): Storage {
  const data = newTypedArray(dtype, 1);
  data[0] = castValue(value, "float64", dtype);
  return backend.upload(data, dtype);
}

/** Compiles a graph for repeated use with fresh outputs. */
export function closeGraph(
  graph: Graph,
  backend: Backend,
  options: { scalars: readonly number[] },
): ClosedGraph {
  const { program, sources } = distinctOutputs(graph);
  const name = graph.name || "graph";
  const executable = backend.compile(program, { name, scalars: options.scalars, donated: [], inPlace: [] });
  return new ClosedGraph(graph, executable, sources, backend);
}
