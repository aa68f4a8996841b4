import { assert, assertEquals, assertThrows } from "@std/assert";
import { distinctOutputs } from "../../../lib/jit/closed_graph.ts";
import type { WgslBackend } from "../../../lib/jit/wgsl/backend.ts";
import { HELPERS } from "../../../lib/jit/wgsl/math/mod.ts";
import { GPU, SOFTWARE } from "../../../lib/jit/wgsl/tuning.ts";
import { newTypedArray } from "../../../lib/trace/dtype.ts";
import { interpretGraph } from "../../../lib/trace/interpret.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { prune } from "../../../lib/trace/prune.ts";
import { randomGraph } from "../../support/random_graph.ts";
import { backendWith, gpuTest } from "./support.ts";

function compareRandomGraphs(backend: WgslBackend, from: number, to: number): void {
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

gpuTest("programs of random graphs mean the same with the tables of a real GPU", async () => {
  compareRandomGraphs(await backendWith({ ...GPU, sharedRowColumns: 4, threadsPerRow: 16 }), 61, 90);
});

gpuTest("and when every buffer that is only read is read as a texture", async () => {
  compareRandomGraphs(await backendWith({ ...SOFTWARE, textureBytes: 4 }), 91, 104);
});

gpuTest("a deliberately wrong shader does not pass the comparison of random graphs", (backend) => {
  const helpers = HELPERS as Record<string, { source: string; needs: readonly string[] }>;
  const right = helpers.tanh_f32;
  helpers.tanh_f32 = {
    ...right,
    source: right.source.replace("fn tanh_f32(x: f32)", "fn tanh_f32(y: f32)").replace(
      "{",
      "{ let x = y * 1.01;",
    ),
  };
  try {
    assertThrows(() => compareRandomGraphs(backend, 1, 60), Error, "not");
  } finally {
    helpers.tanh_f32 = right;
  }
  compareRandomGraphs(backend, 1, 10);
});
