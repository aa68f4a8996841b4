/** Products in tiles, in every layout and on every table, against sums in float64. */
import { assert } from "@std/assert";
import { jit, slice, type Tensor, zeros } from "@damo/damo";
import type { WgslBackend } from "../../../lib/jit/wgsl/backend.ts";
import { GPU, SOFTWARE } from "../../../lib/jit/wgsl/tuning.ts";
import type { Graph } from "../../../lib/trace/graph.ts";
import { interpretGraph } from "../../../lib/trace/interpret.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { sizeOf } from "../../../lib/trace/shape.ts";
import { TestRandom } from "../../support/random.ts";
import { runGraph } from "../../support/run_graph.ts";
import { backendWith, gpuTest } from "./support.ts";

type Product = (a: Tensor, b: Tensor) => Tensor;

/** Shapes of both operands, and what is done with them. */
const PRODUCTS: readonly (readonly [string, number[], number[], Product])[] = [
  ["rows by columns", [40, 64], [64, 192], (a, b) => a.matmul(b)],
  ["left transposed", [64, 128], [64, 192], (a, b) => a.transpose().matmul(b)],
  ["right transposed", [40, 64], [192, 64], (a, b) => a.matmul(b.transpose())],
  ["both transposed", [64, 128], [192, 64], (a, b) => a.transpose().matmul(b.transpose())],
  ["odd sizes", [37, 53], [53, 29], (a, b) => a.matmul(b)],
  ["few rows", [3, 128], [128, 64], (a, b) => a.matmul(b)],
  ["ten columns", [100, 130], [130, 10], (a, b) => a.matmul(b)],
  ["ten columns, left transposed", [130, 100], [130, 10], (a, b) => a.transpose().matmul(b)],
  ["a batch", [3, 24, 64], [3, 64, 128], (a, b) => a.matmul(b)],
  ["a batch of one right operand", [3, 24, 64], [64, 128], (a, b) => a.matmul(b)],
  ["one tensor twice", [64, 64], [64, 64], (a) => a.matmul(a)],
  ["an epilogue", [40, 64], [64, 192], (a, b) => a.matmul(b).add(1).tanh()],
  ["an epilogue that reads the left operand", [64, 64], [64, 64], (a, b) => a.matmul(b).add(a)],
  ["rows from the middle", [128, 64], [64, 128], (a, b) => a.narrow(0, 64, 64).matmul(b)],
  ["columns from the middle", [64, 128], [64, 256], (a, b) => a.at("...", slice(64, 128)).matmul(b)],
];

function compare(backend: WgslBackend): void {
  const random = new TestRandom(11);
  const wrong: string[] = [];
  for (const [name, left, right, product] of PRODUCTS) {
    const graph: Graph = jit(product).graph(zeros(left), zeros(right));
    const inputs = graph.inputs.map(({ aval }): HostArray => ({
      ...aval,
      data: Float64Array.from({ length: sizeOf(aval.shape) }, () => Math.fround(random.normal())),
    }));
    const [expected] = interpretGraph(graph, inputs), [actual] = runGraph(backend, graph, inputs);
    const scale = expected.data.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
    const worst = expected.data.reduce((most, x, i) => Math.max(most, Math.abs(x - actual.data[i])), 0);
    if (!(worst <= 1e-5 * scale)) wrong.push(`${name}: off by ${worst} of ${scale}`);
  }
  assert(wrong.length === 0, wrong.join("\n"));
}

gpuTest("products are right as the adapter's own table has them", compare);

const TABLES = {
  "read as textures": { ...SOFTWARE, textureBytes: 4 },
  "read as textures by threads that share nothing": { ...SOFTWARE, textureBytes: 4, tileThreadsX: 16 },
  "read as buffers": { ...SOFTWARE, textureBytes: Infinity },
  "of a real GPU": GPU,
  "of a real GPU, in tiles of workgroups": { ...GPU, wantedThreads: 1 },
};
for (const [name, tuning] of Object.entries(TABLES)) {
  gpuTest(`products are right with the table ${name}`, async () => compare(await backendWith(tuning)));
}
