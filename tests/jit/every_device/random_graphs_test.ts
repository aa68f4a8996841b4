/** Programs of random graphs on every device against the interpreter. */
import { assert, assertEquals } from "@std/assert";
import { backendFor } from "../../../lib/jit/devices.ts";
import { interpretGraph } from "../../../lib/trace/interpret.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { prune } from "../../../lib/trace/prune.ts";
import type { Device } from "@damo/damo";
import { deviceTest } from "../../support/devices.ts";
import { randomGraph } from "../../support/random_graph.ts";
import { runGraph, type RunGraphOptions } from "../../support/run_graph.ts";

function compare(device: Device, seed: number, options: RunGraphOptions): void {
  const random = randomGraph(seed, 4 + seed % 30, "float32");
  const graph = prune(random.graph);
  const inputs = graph.inputs.map((v, i): HostArray => ({
    ...v.aval,
    data: random.inputs[random.graph.inputs.indexOf(v) < 0 ? i : random.graph.inputs.indexOf(v)].map(
      Math.fround,
    ),
  }));
  const expected = interpretGraph(graph, inputs);
  const actual = runGraph(backendFor(device), graph, inputs, options);
  expected.forEach(({ data, dtype }, k) => {
    assertEquals(actual[k].data.length, data.length);
    const scale = Math.max(1, ...data.filter(Number.isFinite).map(Math.abs));
    data.forEach((e, i) => {
      const a = actual[k].data[i];
      const near = Object.is(a, e) || a === e || Math.abs(a - e) <= 2e-4 * scale;
      assert(near, `seed ${seed}, output ${k} (${dtype}) at ${i}: ${a}, not ${e}\n${graph}`);
    });
  });
}

deviceTest("compiled programs of random graphs mean what the graphs mean, call after call", (device) => {
  for (let seed = 1; seed <= 50; seed++) compare(device, seed, { calls: 2 });
});

deviceTest("programs that may overwrite all of their inputs give the same results", (device) => {
  for (let seed = 51; seed <= 80; seed++) compare(device, seed, { donate: true, calls: 2 });
});
