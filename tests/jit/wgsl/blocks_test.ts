/** Transposes by blocks of four by four. */
import { assertEquals } from "@std/assert";
import { jit, slice, type Tensor, zeros } from "@damo/damo";
import { GPU, SOFTWARE } from "../../../lib/jit/wgsl/tuning.ts";
import type { DType } from "../../../lib/trace/dtype.ts";
import { interpretGraph } from "../../../lib/trace/interpret.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { sizeOf } from "../../../lib/trace/shape.ts";
import { runGraph } from "../../support/run_graph.ts";
import { compareRandomGraphs } from "./random_graphs.ts";
import { backendWith, gpuTest } from "./support.ts";

/** Whether blocks are expected, the shapes of the operands, and the function. */
const CASES: readonly (readonly [boolean, number[][], (...args: Tensor[]) => Tensor])[] = [
  [true, [[8, 12]], (x) => x.transpose().add(1)],
  [true, [[4, 4]], (x) => x.transpose().mul(2)],
  [true, [[64, 128]], (x) => x.transpose().mul(2)],
  [true, [[3, 8, 12]], (x) => x.transpose([0, 2, 1]).sub(1)],
  [true, [[8, 5, 12]], (x) => x.transpose([2, 1, 0]).sub(1)],
  [true, [[12, 4, 8]], (x) => x.transpose([1, 2, 0]).neg()],
  [true, [[16, 8], [8, 16]], (x, y) => x.transpose().mul(y)],
  [true, [[16, 16]], (x) => x.transpose().mul(x)],
  [true, [[16, 8], [8]], (x, y) => x.transpose().add(y.reshape([8, 1]))],
  [true, [[16, 8]], (x) => x.at(slice(4, 12)).transpose().abs()],
  [true, [[16, 8], [8, 16]], (x, y) => x.transpose().add(y).transpose().mul(y.transpose())],
  [false, [[9, 12]], (x) => x.transpose().add(1)],
  [false, [[8, 12]], (x) => x.add(1)],
];

for (
  const [name, tuning] of Object.entries({
    "a software adapter": SOFTWARE,
    "a software adapter that reads textures": { ...SOFTWARE, textureBytes: 4 },
    "a real GPU": GPU,
  })
) {
  gpuTest(`transposes in blocks are right with the table of ${name}`, async () => {
    const backend = await backendWith({ ...tuning, blockElements: 0 });
    const elements = await backendWith({ ...tuning, blockElements: Infinity });
    for (const dtype of ["float32", "int32", "int8", "float16"] as DType[]) {
      for (const [inBlocks, shapes, fn] of CASES) {
        const graph = jit(fn).graph(...shapes.map((shape) => zeros(shape, { dtype })));
        const inputs = graph.inputs.map(({ aval }, k): HostArray => ({
          ...aval,
          data: Float64Array.from({ length: sizeOf(aval.shape) }, (_, i) => (i * 7 + k * 5) % 11 - 4),
        }));
        const [expected] = interpretGraph(graph, inputs);
        assertEquals(runGraph(backend, graph, inputs)[0].data, expected.data, `${graph}`);
        assertEquals(runGraph(backend, graph, inputs, { donate: true })[0].data, expected.data, `${graph}`);
        const options = { name: "f", scalars: [], donated: [], inPlace: [] };
        const [blocks, plain] = [backend, elements].map((b) => b.compile(graph, options).text());
        assertEquals(blocks !== plain, inBlocks, `${graph}`);
      }
    }
  });
}

gpuTest("programs of random graphs mean the same where everything that can goes by blocks", async () => {
  const backend = await backendWith({ ...SOFTWARE, blockElements: 0 });
  compareRandomGraphs(backend, 201, 230);
});
