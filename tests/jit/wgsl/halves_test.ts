/** float16 as the shader's own type, and packed two to a word: the same numbers. */
import { assert, assertEquals } from "@std/assert";
import { forLoop, jit, nn, slice, type Tensor, zeros } from "@damo/damo";
import type { WgslBackend } from "../../../lib/jit/wgsl/backend.ts";
import { layoutOf } from "../../../lib/jit/wgsl/layout.ts";
import { programText } from "../../../lib/jit/wgsl/text.ts";
import { GPU, SOFTWARE } from "../../../lib/jit/wgsl/tuning.ts";
import { optimise } from "../../../lib/jit/passes/pipeline.ts";
import { schedule } from "../../../lib/jit/schedule/schedule.ts";
import type { Graph } from "../../../lib/trace/graph.ts";
import { interpretGraph } from "../../../lib/trace/interpret.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { sizeOf } from "../../../lib/trace/shape.ts";
import { runGraph } from "../../support/run_graph.ts";
import { backendWith, gpuTest, webgpu } from "./support.ts";

type Fn = (...args: Tensor[]) => Tensor;

/** Shapes of float16 inputs, and a function of one rounding per element, so that its result is exact. */
const EXACT: readonly (readonly [string, number[][], Fn])[] = [
  ["vectors of four", [[1024]], (x) => x.mul(3)],
  ["an odd length", [[1023]], (x) => x.mul(3)],
  ["rows of an odd length", [[7, 17]], (x) => x.add(0.125)],
  ["two operands", [[3, 64], [64]], (x, y) => x.add(y)],
  ["columns", [[9, 33]], (x) => x.transpose().mul(5)],
  ["a window", [[9, 33]], (x) => x.at(slice(1, 8), slice(2, 31)).neg()],
  ["a padding", [[9, 33]], (x) => x.pad([[1, 2], [3, 0]])],
  ["to float32", [[5, 13]], (x) => x.cast("float32")],
  ["a mask", [[1001]], (x) => x.gt(0)],
  ["the largest of each row", [[50, 33]], (x) => x.max({ axis: 1 })],
  ["the largest of each column", [[50, 33]], (x) => x.max({ axis: 0 })],
  ["sorted", [[3, 100]], (x) => x.sort({ axis: 1 })],
  ["as a texture", [[256, 256]], (x) => x.mul(3)],
  ["nothing", [[0, 5]], (x) => x.mul(3)],
];

/** Functions of several roundings, of which the two forms must make the same. */
const SAME: readonly (readonly [string, number[][], Fn])[] = [
  ["softmax", [[20, 33]], (x) => nn.softmax(x.clip(-8, 8))],
  ["a sum", [[4097]], (x) => x.clip(-1, 1).sum()],
  ["running sums", [[5, 301]], (x) => x.clip(-1, 1).cumsum({ axis: 1 })],
  ["a product", [[17, 40], [40, 28]], (x, y) => x.clip(-1, 1).matmul(y.clip(-1, 1))],
  ["a product with an epilogue", [[16, 32], [32, 32]], (x, y) => x.clip(-1, 1).matmul(y).tanh().add(1).exp()],
  ["scattered sums", [[3], [2]], (x, v) => x.withAdded([v.argsort()], v)],
  ["a loop", [[7]], (x) => forLoop(5, (_, c) => c.mul(0.5).add(1), x) as Tensor],
];

const EDGES = [0, -0, NaN, Infinity, -Infinity, 65504, -65504, 6e-8, 2 ** -24, -6e-5, 6.1e-5, 1e-7, 40000];

function graphOf([, shapes, fn]: readonly [string, number[][], Fn]): Graph {
  return jit(fn).graph(...shapes.map((shape) => zeros(shape, { dtype: "float16" })));
}

function inputsOf(graph: Graph): HostArray[] {
  return graph.inputs.map(({ aval }, k) => ({
    ...aval,
    data: Float64Array.from({ length: sizeOf(aval.shape) }, (_, i) => {
      const edge = i % 29 === 3 ? EDGES[(i / 29 | 0) % EDGES.length] : undefined;
      return Math.f16round(edge ?? (((i + k) * 7919) % 2003) / 100 - 10);
    }),
  }));
}

function differences(
  backend: WgslBackend,
  truth: (graph: Graph, inputs: HostArray[]) => HostArray,
  cases: typeof EXACT,
): string[] {
  return cases.flatMap((one) => {
    const graph = graphOf(one), inputs = inputsOf(graph);
    const expected = truth(graph, inputs).data;
    // In a buffer of its own, and written over an operand where that is possible.
    return [false, true].flatMap((donate) => {
      const [{ data: actual }] = runGraph(backend, graph, inputs, { donate });
      const i = expected.findIndex((value, i) => !Object.is(actual[i], value));
      return i < 0 ? [] : [`${one[0]}${donate ? ", donated" : ""} at ${i}: ${actual[i]}, not ${expected[i]}`];
    });
  });
}

const FORMS = {
  "of its own type": { ...SOFTWARE, halves: true },
  "of its own type on the table of a real GPU": { ...GPU, threadsPerRow: 16, sharedRowColumns: 4 },
  "packed": { ...SOFTWARE, halves: false },
  "of its own type, read as buffers": { ...SOFTWARE, textureBytes: Infinity },
};
for (const [name, tuning] of Object.entries(FORMS)) {
  gpuTest(`float16 ${name} is rounded once, to the nearest`, async () => {
    const backend = await backendWith(tuning);
    assertEquals(backend.heap.halves.areNative, tuning.halves && webgpu!.heap.halves.areNative);
    const truth = (graph: Graph, inputs: HostArray[]): HostArray => {
      const [exact] = interpretGraph(graph, inputs);
      return exact.dtype === "float16" ? { ...exact, data: exact.data.map(Math.f16round) } : exact;
    };
    const wrong = differences(backend, truth, EXACT);
    assert(wrong.length === 0, wrong.join("\n"));
  });
}

gpuTest("programs of float16 of its own type compute the bits that packed ones do", async () => {
  const packed = await backendWith(FORMS.packed), own = await backendWith(FORMS["of its own type"]);
  const wrong = differences(own, (graph, inputs) => runGraph(packed, graph, inputs)[0], SAME);
  assert(wrong.length === 0, wrong.join("\n"));
});

gpuTest("software adapters that have shader-f16 are found to round rightly", ({ gpu, heap }) => {
  if (gpu.isSoftware) assertEquals(heap.halves.areNative, gpu.device.features.has("shader-f16"));
  const [, , add] = SAME[5];
  const executable = (fn: Fn) =>
    webgpu!.compile(graphOf(["", [[3], [2]], fn]), { name: "f", scalars: [], donated: [], inPlace: [] });
  const isNative = (fn: Fn) => executable(fn).text().includes("array<f16>");
  assertEquals(isNative((x, v) => x.add(v.sum())), heap.halves.areNative);
  // Sums at one place take a loop of compare-and-swap, which knows words only.
  assert(executable(add).text().includes("atomic<u32>"));
});

Deno.test("WGSL of float16, packed and as the shader's own type", async (t) => {
  const program = schedule(
    optimise(graphOf(["", [[3, 5], [5]], (x, y) => x.transpose().mul(2).add(y.sum())])),
    {
      limits: { statements: 400, operands: 6, shaders: true },
      donated: [],
      inPlace: [],
    },
  );
  const text = (halves: boolean) => programText(program, layoutOf(program, []), SOFTWARE, { halves });
  assert(text(true).includes("enable f16;") && !text(false).includes("f16;"));
  await t.assertSnapshot(text(true));
});
