/** Random graphs on a backend, against their meaning. */
import { assert, assertEquals } from "@std/assert";
import { distinctOutputs } from "../../../lib/jit/closed_graph.ts";
import type { WgslBackend } from "../../../lib/jit/wgsl/backend.ts";
import { newTypedArray } from "../../../lib/trace/dtype.ts";
import { interpretGraph } from "../../../lib/trace/interpret.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { prune } from "../../../lib/trace/prune.ts";
import { randomGraph } from "../../support/random_graph.ts";

/** Compares the programs of the graphs of some seeds. */
export function compareRandomGraphs(backend: WgslBackend, from: number, to: number): void {
  for (let seed = from; seed <= to; seed++) {
    const random = randomGraph(seed, 4 + seed % 30, "float32");
    const { program: graph } = distinctOutputs(prune(random.graph));
    const hosts = graph.inputs.map((v, i): HostArray => ({
      ...v.aval,
      data: Float64Array.from(random.inputs[i], (x) => Math.fround(x)),
    }));
    const expected = interpretGraph(graph, hosts);
    const executable = backend.compile(graph, { name: "random", scalars: [], donated: [], inPlace: [] });
    const inputs = hosts.map(({ dtype, data }) => {
      const array = newTypedArray(dtype, data.length);
      array.set(data as unknown as Float32Array);
      return backend.upload(array, dtype);
    });
    const outputs = executable.run(inputs, null);
    expected.forEach(({ data, dtype }, k) => {
      const actual = outputs[k].read();
      assertEquals(actual.length, data.length);
      const scale = Math.max(1, ...data.filter(Number.isFinite).map(Math.abs));
      for (let i = 0; i < data.length; i++) {
        const a = actual[i], e = data[i];
        if (Object.is(a, e) || a === e || (a !== a && e !== e)) continue;
        const near = Math.abs(a - e) <= 2e-4 * scale;
        assert(
          near,
          `seed ${seed}, output ${k} (${dtype}) at ${i}: ${a}, not ${e}\n${graph}\n${executable.text()}`,
        );
      }
    });
    executable.dispose();
    inputs.forEach((input) => input.dispose());
    outputs.forEach((output) => output.dispose());
  }
}
