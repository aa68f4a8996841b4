/** Buffers that come back, results that come to the host together, and limits that are small. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { DeviceError, grad, jit, nn, scope, shared, type Tensor, tensor, zeros } from "@damo/damo";
import type { WgslBackend } from "../../../lib/jit/wgsl/backend.ts";
import { SOFTWARE } from "../../../lib/jit/wgsl/tuning.ts";
import type { Graph } from "../../../lib/trace/graph.ts";
import { interpretGraph } from "../../../lib/trace/interpret.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { sizeOf } from "../../../lib/trace/shape.ts";
import { countCalls } from "../../support/count_calls.ts";
import { runGraph } from "../../support/run_graph.ts";
import { onDevice } from "./default_device.ts";
import { backendWith, gpuTest } from "./support.ts";

/** Calls that make something on the device. */
const makers = () =>
  ["createBuffer", "createTexture", "createBindGroup", "createShaderModule", "createComputePipeline"].map((
    name,
  ) => [GPUDevice.prototype, name] as const);

onDevice("1,000 steps of training make nothing new on the device after the first few", () => {
  const sizes = [[6, 8], [8, 3]];
  const x = tensor(Float32Array.from({ length: 12 * 6 }, (_, i) => Math.cos((i / 6 | 0) % 3 * 2 + i % 6)), {
    shape: [12, 6],
  });
  const labels = tensor(Int32Array.from({ length: 12 }, (_, i) => i % 3));
  const cost = ([W, b, V, c]: Tensor[]) =>
    nn.crossEntropy(nn.relu(x.matmul(W).add(b)).matmul(V).add(c), labels);
  const update = (params: Tensor[]) => {
    const loss = cost(params), slopes = grad(cost)(params) as Tensor[];
    return { loss, params: params.map((p, i) => p.sub(slopes[i].mul(0.1))) };
  };
  const initial = () =>
    sizes.flatMap(([m, n], k) => [
      tensor(Float32Array.from({ length: m * n }, (_, i) => Math.sin(i + k) / 3), { shape: [m, n] }),
      zeros([n]),
    ]);
  type Step = (params: Tensor[]) => { loss: Tensor; params: Tensor[] };
  const donating = jit(update, { donate: [0] }) as unknown as Step;
  const keeping = jit(update) as unknown as Step;
  const loops: { readonly [name: string]: (params: Tensor[]) => Tensor[] } = {
    "donated, the loss disposed of": (params) => {
      const result = donating(params);
      result.loss.dispose();
      return result.params;
    },
    "donated, in a scope, the loss read": (params) =>
      scope(() => {
        const result = donating(params);
        assert(result.loss.itemSync() < 2);
        return result.params;
      }),
    "everything disposed of": (params) => {
      const result = keeping(params);
      for (const tensor of [result.loss, ...params]) tensor.dispose();
      return result.params;
    },
  };
  for (const [name, step] of Object.entries(loops)) {
    let params = initial();
    // Which buffers meet repeats after some steps.
    for (let i = 0; i < 40; i++) params = step(params);
    const made = countCalls(makers(), () => {
      for (let i = 0; i < 334; i++) params = step(params);
    });
    assertEquals(made, [0, 0, 0, 0, 0], name);
    const [before, after] = [initial(), params].map((weights) => cost(weights).itemSync());
    assert(after < 0.5 * before, `${name}: from ${before} to ${after}`);
  }
});

onDevice("several small results come to the host in one copy once it is known who reads them", () => {
  const stats = jit((x: Tensor) => [x.sum(), x.max(), x.min(), x.mean(), x.mul(2)]);
  const submits = [[GPUQueue.prototype, "submit"]] as const;
  const read = (results: Tensor[]) => results.map((result) => result.dataSync());
  const x = (k: number) => tensor(Float32Array.of(1, 2, 3, 6).map((value) => value * k));
  const expected = (k: number) => [[12 * k], [6 * k], [k], [3 * k], [2 * k, 4 * k, 6 * k, 12 * k]];
  const values = (results: Tensor[]) => read(results).map((data) => Array.from(data));

  const first = stats(x(1)) as Tensor[];
  const [slow] = countCalls(submits, () => assertEquals(values(first.slice(0, 4)), expected(1).slice(0, 4)));
  assertEquals(slow, 4);
  const second = stats(x(2)) as Tensor[];
  const [quick] = countCalls(
    submits,
    () => assertEquals(values(second.slice(0, 4)), expected(2).slice(0, 4)),
  );
  assertEquals(quick, 1);
  // Nobody had read the last one.
  assertEquals(countCalls(submits, () => assertEquals(values(second), expected(2))), [1]);
  const third = stats(x(3)) as Tensor[];
  third[1].dispose();
  assertEquals(countCalls(submits, () => void third[4].dataSync()), [1]);
  assertEquals(countCalls(submits, () => void third[0].itemSync()), [0]);
  assertEquals(Array.from(third[4].dataSync()), expected(3)[4]);
});

onDevice("what came to the host together is not kept when the device writes over it", () => {
  const a = shared(tensor([1, 2])), b = shared(tensor([10, 20]));
  const next = jit(() => {
    a.value = a.value.add(1);
    b.value = b.value.add(a.value);
    return [a.value.sum(), b.value.max()];
  });
  for (let i = 1; i <= 4; i++) {
    const [sum, most] = next() as Tensor[];
    assertEquals(a.value.arraySync(), [1 + i, 2 + i]);
    const expected = 20 + 2 * i + i * (i + 1) / 2;
    assertEquals([sum.itemSync(), most.itemSync()], [3 + 2 * i, expected]);
    assertEquals((b.value.arraySync() as number[])[1], expected);
  }
  const swap = jit((x: Tensor, y: Tensor) => [y.add(1), x.add(1)], { donate: [0, 1] });
  let pair = [tensor([1, 1]), tensor([5, 5])];
  for (let i = 1; i <= 4; i++) {
    pair = swap(pair[0], pair[1]) as Tensor[];
    const [x, y] = i % 2 === 1 ? [5, 1] : [1, 5];
    assertEquals(pair.map((t) => t.arraySync()), [[x + i, x + i], [y + i, y + i]]);
  }
});

/** A device whose buffers are smaller than its adapter allows. */
async function smallBackend(bindingBytes: number, tuning = {}): Promise<WgslBackend> {
  return await backendWith({ ...SOFTWARE, bindingBytes, ...tuning });
}

function graphOf(fn: (...args: Tensor[]) => Tensor, ...shapes: number[][]): Graph {
  return jit(fn).graph(...shapes.map((shape) => zeros(shape)));
}

function filled(graph: Graph): HostArray[] {
  return graph.inputs.map(({ aval }, k) => ({
    ...aval,
    data: Float64Array.from({ length: sizeOf(aval.shape) }, (_, i) => (i * 31 + k) % 17 - 8),
  }));
}

gpuTest("tensors beyond one binding are refused in words, results and temporaries too", async () => {
  const backend = await smallBackend(1 << 16);
  const fits = new Float32Array(1 << 14), large = new Float32Array((1 << 14) + 1);
  assertEquals(backend.upload(fits, "float32").read().length, 1 << 14);
  const refused = (action: () => void) => {
    const { message } = assertThrows(action, DeviceError, "does not fit one buffer");
    assert(message.includes("65536 bytes") && message.includes('"wasm"'), message);
  };
  refused(() => backend.upload(large, "float32"));
  const outer = graphOf((x, y) => x.reshape([-1, 1]).mul(y), [200], [200]);
  refused(() => runGraph(backend, outer, filled(outer)));
  // A product between them that no fusion removes.
  const between = graphOf((x, y) => x.matmul(y).sort().sum(), [200, 3], [3, 200]);
  refused(() => runGraph(backend, between, filled(between)));
  // Afterwards the device is as before, with nothing left behind.
  const { live } = backend.memory();
  const small = graphOf((x) => x.mul(2), [100]);
  assertEquals(runGraph(backend, small, filled(small)), interpretGraph(small, filled(small)));
  assertEquals(backend.memory().live, live);
});

gpuTest("what is fused away needs no buffer, however large it would be", async () => {
  const backend = await smallBackend(1 << 16);
  const graph = graphOf((x, y) => x.reshape([-1, 1]).mul(y).add(1).sum({ axis: 1 }), [300], [300]);
  assertEquals(runGraph(backend, graph, filled(graph)), interpretGraph(graph, filled(graph)));
});

gpuTest("more than 65,535 workgroups: of rows, of elements, of sorted lines and of tiles", async () => {
  const few = {
    mapThreads: 1,
    rowThreads: 1,
    tileRows: 1,
    tileThreadsY: 1,
    tileThreadsX: 1,
    textureBytes: Infinity,
  };
  const backend = await smallBackend(Infinity, few);
  const graphs = [
    graphOf((x) => x.mul(2).add(1), [70_001, 3]),
    graphOf((x) => x.sum({ axis: 1 }), [70_001, 3]),
    graphOf((x) => x.cumsum({ axis: 1 }), [70_001, 3]),
    graphOf((x) => x.sort({ axis: 1 }), [70_001, 3]),
    graphOf((x) => x.transpose(), [35_001, 5]),
    graphOf((x, y) => x.matmul(y), [70_001, 3], [3, 4]),
    graphOf((x, y) => x.matmul(y), [3, 2], [2, 280_001]),
    graphOf((x, y) => x.matmul(y), [70_001, 2, 2], [70_001, 2, 2]),
    graphOf((x, y) => x.withAdded([y.cast("int32").add(8)], y), [17], [70_001]),
  ];
  for (const graph of graphs) {
    const inputs = filled(graph);
    const [expected] = interpretGraph(graph, inputs), [actual] = runGraph(backend, graph, inputs);
    assertEquals(actual.data.length, expected.data.length);
    const wrong = expected.data.findIndex((value, i) => actual.data[i] !== value);
    assertEquals(wrong, -1, `${graph}`);
  }
});
