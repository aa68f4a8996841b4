/** A device whose programs tell when a value is not finite. They run compiled; only a failure is looked at by interpreting. */
import { NonFiniteError } from "../../trace/errors.ts";
import type { Graph } from "../../trace/graph.ts";
import type { Storage } from "../../trace/storage.ts";
import { type Backend, type CompileOptions, type Executable, type RunInput, TAKE } from "../backend.ts";
import { hostInput } from "../reference/backend.ts";
import { enclosing, findOffender } from "./explain.ts";
import type { Guards } from "./guards.ts";
import { WrappedBackend, WrappedExecutable } from "../wrapped_backend.ts";
import { NONE, tapGraph, type TappedGraph } from "./tap.ts";

class GuardedExecutable extends WrappedExecutable {
  readonly #source: Graph;
  readonly #tapped: TappedGraph;
  readonly #guards: Guards;

  constructor(inner: Executable, source: Graph, tapped: TappedGraph, guards: Guards) {
    super(inner);
    this.#source = source;
    this.#tapped = tapped;
    this.#guards = guards;
  }

  /** Nothing is written over before the values have been looked at: state and arguments survive a failure. */
  run(inputs: readonly RunInput[], reuse: Uint8Array | null): Storage[] {
    const results = this.inner.run(inputs, null);
    const flag = results.pop()!;
    const first = flag.read()[0];
    flag.dispose();
    if (first !== NONE) {
      for (const storage of results) storage.dispose();
      throw this.#explain(first, inputs);
    }
    if (reuse !== null) {
      inputs.forEach((input, i) => {
        if (reuse[i] === TAKE && typeof input !== "number") input.dispose();
      });
    }
    return results;
  }

  #explain(first: number, inputs: readonly RunInput[]): NonFiniteError {
    const source = this.#source;
    // Asking the host again could give another answer.
    const repeatable = !usesHost(source);
    const arrays = repeatable ? source.inputs.map((variable, i) => hostInput(inputs[i], variable.aval)) : [];
    const known = repeatable ? findOffender(source, arrays, this.#guards) : null;
    if (known) return known;
    const node = this.#tapped.nodes[first];
    return new NonFiniteError(
      `${node.primitive.name}: its result has a value that the guard looks for.`,
      {
        operation: node.primitive.name,
        location: node.location,
        transforms: [...(node.location?.transforms ?? []), ...enclosing(source, node)],
        remedy: "Look at its operands with print, or leave the guard out.",
      },
    );
  }
}

function usesHost(graph: Graph): boolean {
  const work: Graph[] = [graph];
  while (work.length > 0) {
    for (const { primitive, params } of work.pop()!.nodes) {
      if (primitive.effect && primitive.name !== "print" && primitive.name !== "check") return true;
      for (const inner of primitive.graphs?.(params) ?? []) work.push(inner.graph);
    }
  }
  return false;
}

/** The device `inner` with guards. */
export class GuardedBackend extends WrappedBackend {
  readonly #guards: Guards;

  constructor(inner: Backend, guards: Guards) {
    super(inner);
    this.#guards = guards;
  }

  compile(graph: Graph, options: CompileOptions): Executable {
    const { nan, inf, big } = this.#guards;
    if (!nan && !inf && big === undefined) return this.inner.compile(graph, options);
    const tapped = tapGraph(graph, this.#guards);
    if (tapped.nodes.length === 0) return this.inner.compile(graph, options);
    const inner = this.inner.compile(tapped.graph, { ...options, donated: [], inPlace: [] });
    return new GuardedExecutable(inner, graph, tapped, this.#guards);
  }
}
