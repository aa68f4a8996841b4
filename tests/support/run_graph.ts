/** Runs graphs on a device, for tests that compare it with their meaning. */
import { inlineCalls } from "../../lib/autodiff/inline_calls.ts";
import { type Backend, TAKE } from "../../lib/jit/backend.ts";
import { distinctOutputs } from "../../lib/jit/closed_graph.ts";
import { newTypedArray } from "../../lib/trace/dtype.ts";
import type { Graph } from "../../lib/trace/graph.ts";
import type { HostArray } from "../../lib/trace/primitive.ts";
import type { Storage } from "../../lib/trace/storage.ts";

export interface RunGraphOptions {
  /** Gives all inputs away, so that results may be written over them. */
  readonly donate?: boolean;
  /** Runs one after the other, each on fresh inputs. */
  readonly calls?: number;
}

/** What a device computes for a graph, its program compiled once and run `calls` times; the last results. */
export function runGraph(
  backend: Backend,
  graph: Graph,
  inputs: readonly HostArray[],
  { donate = false, calls = 1 }: RunGraphOptions = {},
): HostArray[] {
  const { program, sources } = distinctOutputs(graph);
  const donated = donate ? program.inputs.map((_, i) => i) : [];
  const name = graph.name || "graph";
  const executable = backend.compile(inlineCalls(program), { name, scalars: [], donated, inPlace: [] });
  const upload = ({ dtype, data }: HostArray): Storage => {
    const array = newTypedArray(dtype, data.length);
    array.set(data);
    return backend.upload(array, dtype);
  };
  let results: HostArray[] = [];
  for (let call = 0; call < calls; call++) {
    const storages = inputs.map(upload);
    const outputs = executable.run(storages, donate ? new Uint8Array(storages.length).fill(TAKE) : null);
    results = outputs.map((output, k) => ({
      ...program.outputs[k].aval,
      data: Float64Array.from(output.read() as Float32Array),
    }));
    for (const storage of [...storages, ...outputs]) if (!storage.disposed) storage.dispose();
  }
  executable.dispose();
  return sources.map((source) => source.from === "program" ? results[source.index] : inputs[source.index]);
}
