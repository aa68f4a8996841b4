import { assert, assertEquals } from "@std/assert";
import { randomGraph } from "../../support/random_graph.ts";
import { TAKE } from "../../../lib/jit/backend.ts";
import { distinctOutputs } from "../../../lib/jit/closed_graph.ts";
import type { Step } from "../../../lib/jit/kernel/program.ts";
import { verifyKernel } from "../../../lib/jit/kernel/verify.ts";
import { schedule, WASM_LIMITS } from "../../../lib/jit/schedule/schedule.ts";
import { WasmBackend } from "../../../lib/jit/wasm/backend.ts";
import { type DType, newTypedArray } from "../../../lib/trace/dtype.ts";
import type { Graph } from "../../../lib/trace/graph.ts";
import { interpretGraph } from "../../../lib/trace/interpret.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { prune } from "../../../lib/trace/prune.ts";
import type { Storage } from "../../../lib/trace/storage.ts";

const backend = new WasmBackend();

interface Sample {
  readonly label: string;
  readonly graph: Graph;
  readonly hosts: readonly HostArray[];
  readonly expected: readonly HostArray[];
}

function sample(seed: number, float: DType): Sample {
  const random = randomGraph(seed, 4 + seed % 30, float);
  const { program: graph } = distinctOutputs(prune(random.graph));
  const hosts = graph.inputs.map((v, i): HostArray => {
    const data = float === "float32" ? random.inputs[i].map(Math.fround) : random.inputs[i];
    return { ...v.aval, data };
  });
  return { label: `seed ${seed} in ${float}`, graph, hosts, expected: interpretGraph(graph, hosts) };
}

function upload({ hosts }: Sample): Storage[] {
  return hosts.map(({ dtype, data }) => {
    const array = newTypedArray(dtype, data.length);
    array.set(data as unknown as Float32Array);
    return backend.upload(array, dtype);
  });
}

function check({ label, graph, expected }: Sample, outputs: readonly Storage[]): void {
  expected.forEach(({ data, dtype }, k) => {
    const actual = outputs[k].read();
    assertEquals(actual.length, data.length);
    const scale = Math.max(1, ...data.filter(Number.isFinite).map(Math.abs));
    for (let i = 0; i < data.length; i++) {
      const a = actual[i], e = data[i];
      if (Object.is(a, e) || a === e || (a !== a && e !== e)) continue;
      const near = Math.abs(a - e) <= (dtype === "float64" ? 1e-9 : 2e-4) * scale;
      assert(near, `${label}, output ${k} (${dtype}) at ${i}: ${a}, not ${e}\n${graph}`);
    }
  });
}

function checkKernels(steps: readonly Step[]): void {
  for (const step of steps) {
    if (step.kind === "kernel") verifyKernel(step.kernel);
    else if (step.kind === "loop") checkKernels([...step.body, ...(step.condition?.steps ?? [])]);
    else if (step.kind === "switch") step.branches.forEach(checkKernels);
  }
}

Deno.test("the kernels of random graphs are sentences of the kernel language", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const { graph } = sample(seed, "float32");
    checkKernels(schedule(graph, { limits: WASM_LIMITS, donated: [], inPlace: [] }).steps);
  }
});

Deno.test("compiled programs of random graphs mean what the graphs mean, call after call", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = sample(seed, "float64");
    const executable = backend.compile(random.graph, {
      name: "random",
      scalars: [],
      donated: [],
      inPlace: [],
    });
    const inputs = upload(random);
    for (let call = 0; call < 2; call++) check(random, executable.run(inputs, null));
    executable.dispose();
  }
});

Deno.test("programs that may overwrite all of their inputs give the same results", () => {
  let saved = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const random = sample(seed, "float64");
    const donated = random.graph.inputs.map((_, i) => i);
    const executable = backend.compile(random.graph, { name: "random", scalars: [], donated, inPlace: [] });
    saved += executable.memory.donated;
    for (let call = 0; call < 2; call++) {
      const inputs = upload(random);
      check(random, executable.run(inputs, new Uint8Array(inputs.length).fill(TAKE)));
    }
    executable.dispose();
  }
  assert(saved > 0);
});
