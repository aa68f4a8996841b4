/**
 * Graphs as compiled calls take them: outputs are distinct and none of them is an input; those that repeat one another,
 * or hand an input through, are found again among what the program gives. And graphs compiled as they are.
 */
import { Graph, type Variable } from "../trace/graph.ts";
import type { Aval } from "../trace/shape.ts";
import type { Storage } from "../trace/storage.ts";
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

/** A graph compiled as it is, without donation or state. Its results are values of their own. */
export class ClosedGraph {
  readonly avals: readonly Aval[];
  readonly #executable: Executable;

  constructor(graph: Graph, executable: Executable) {
    this.avals = graph.outputs.map(({ aval: { shape, dtype } }) => ({ shape, dtype }));
    this.#executable = executable;
  }

  run(inputs: readonly RunInput[]): Storage[] {
    return this.#executable.run(inputs, null);
  }

  dispose(): void {
    this.#executable.dispose();
  }
}

/** Compiles a graph for repeated use with fresh outputs. */
export function closeGraph(
  graph: Graph,
  backend: Backend,
  options: { scalars: readonly number[] },
): ClosedGraph {
  const { scalars } = options;
  const name = graph.name || "graph";
  return new ClosedGraph(graph, backend.compile(graph, { name, scalars, donated: [], inPlace: [] }));
}
