import { assert, assertEquals } from "@std/assert";
import { randomGraph } from "../../support/random_graph.ts";
import { distinctOutputs } from "../../../lib/jit/closed_graph.ts";
import { WasmBackend } from "../../../lib/jit/wasm/backend.ts";
import { newTypedArray } from "../../../lib/trace/dtype.ts";
import { interpretGraph } from "../../../lib/trace/interpret.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { prune } from "../../../lib/trace/prune.ts";

const backend = new WasmBackend();

Deno.test("compiled programs of random graphs mean what the graphs mean", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = randomGraph(seed, 4 + seed % 30);
    const { program: graph } = distinctOutputs(prune(random.graph));
    const hosts = graph.inputs.map((v, i): HostArray => ({ ...v.aval, data: random.inputs[i] }));
    const expected = interpretGraph(graph, hosts);
    const executable = backend.compile(graph, { name: "random", scalars: [], donated: [], inPlace: [] });
    const inputs = hosts.map(({ dtype, data }) => {
      const array = newTypedArray(dtype, data.length);
      array.set(data as unknown as Float32Array);
      return backend.upload(array, dtype);
    });
    const outputs = executable.run(inputs, null);
    executable.dispose();
    expected.forEach(({ data, dtype }, k) => {
      const actual = outputs[k].read();
      assertEquals(actual.length, data.length);
      const scale = Math.max(1, ...data.filter(Number.isFinite).map(Math.abs));
      for (let i = 0; i < data.length; i++) {
        const a = actual[i], e = data[i];
        if (Object.is(a, e) || a === e || (a !== a && e !== e)) continue;
        const near = Math.abs(a - e) <= (dtype === "float64" ? 1e-9 : 2e-4) * scale;
        assert(near, `seed ${seed}, output ${k} (${dtype}) at ${i}: ${a}, not ${e}\n${graph}`);
      }
    });
  }
});
