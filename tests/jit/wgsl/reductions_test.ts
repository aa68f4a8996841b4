/** Rows shared by threads, with and without subgroups, whole and in chunks, against float64. */
import { assert, assertEquals } from "@std/assert";
import { jit, nn, type Tensor, zeros } from "@damo/damo";
import type { WgslBackend } from "../../../lib/jit/wgsl/backend.ts";
import { GPU, type Tuning } from "../../../lib/jit/wgsl/tuning.ts";
import type { DType } from "../../../lib/trace/dtype.ts";
import type { Graph } from "../../../lib/trace/graph.ts";
import { interpretGraph } from "../../../lib/trace/interpret.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { sizeOf } from "../../../lib/trace/shape.ts";
import { runGraph } from "../../support/run_graph.ts";
import { backendWith, gpuTest } from "./support.ts";

interface Case {
  readonly name: string;
  readonly shape: number[];
  readonly dtype: DType;
  readonly fn: (x: Tensor) => Tensor;
  /** Relative to the largest value; 0 where the result is exact. */
  readonly tolerance: number;
  /** Elements that are NaN: every so many, from a position on. */
  readonly nan?: readonly [every: number, from: number];
}

/** The first holds for all cases, the others for one in four. */
const SHAPES: number[][] = [[3, 1023], [70, 33], [2, 3, 64], [1, 4099], [1, 1]];
const last = (x: Tensor): number => x.shape.length - 1;

const CASES: readonly Case[] = SHAPES.flatMap((shape, number) => {
  const exact = { shape, tolerance: 0 }, float = { ...exact, dtype: "float32" as const };
  const nan = [sizeOf(shape) * 2 / 3 | 0, 3] as const;
  const cases: Case[] = [
    { ...float, name: "sum", fn: (x) => x.sum({ axis: last(x) }), tolerance: 1e-5 },
    { ...float, name: "sum of columns", fn: (x) => x.sum({ axis: 0 }), tolerance: 1e-5 },
    { ...float, name: "sum of all", fn: (x) => x.sum(), tolerance: 1e-5 },
    { ...float, name: "product", fn: (x) => x.mul(0.01).add(1).prod({ axis: last(x) }), tolerance: 1e-4 },
    { ...float, name: "max", fn: (x) => x.max({ axis: last(x) }) },
    { ...float, name: "max with NaN", fn: (x) => x.max({ axis: last(x) }), nan },
    { ...float, name: "min with NaN", fn: (x) => x.min(), nan },
    { ...float, name: "argmax", fn: (x) => x.argmax({ axis: last(x) }) },
    { ...float, name: "argmin with NaN", fn: (x) => x.argmin({ axis: last(x) }), nan },
    { ...float, name: "argmax of equal values", fn: (x) => x.mul(0).argmax({ axis: last(x) }) },
    { ...float, name: "any", fn: (x) => x.gt(0.99).any({ axis: last(x) }) },
    { ...float, name: "all", fn: (x) => x.lt(0.99).all({ axis: last(x) }) },
    { ...float, name: "softmax", fn: (x) => nn.softmax(x), tolerance: 1e-5 },
    {
      ...float,
      name: "layer norm",
      fn: (x) => {
        const centred = x.sub(x.mean({ axis: last(x), keepDims: true }));
        return centred.div(centred.square().mean({ axis: last(x), keepDims: true }).add(1e-5).sqrt());
      },
      tolerance: 1e-4,
    },
    { ...exact, dtype: "int32", name: "integer sum", fn: (x) => x.sum({ axis: last(x) }) },
    { ...exact, dtype: "uint32", name: "unsigned max", fn: (x) => x.max({ axis: last(x) }) },
    { ...exact, dtype: "int8", name: "min of bytes", fn: (x) => x.min({ axis: last(x) }) },
  ];
  return number === 0 ? cases : cases.filter((_, i) => i % 4 === number - 1);
});

function graphOf({ shape, dtype, fn }: Case): Graph {
  return jit(fn).graph(zeros(shape, { dtype }));
}

function inputOf({ shape, dtype, nan }: Case): HostArray {
  const [every, from] = nan ?? [1, -1];
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, i) => {
    const value = ((i * 7919) % 2003) / 1001 - 1;
    if (dtype !== "float32") return dtype === "uint32" ? (i * 7919) % 2003 : Math.trunc(value * 100);
    return i % every === from ? NaN : Math.fround(value);
  });
  return { shape, dtype, data };
}

function compare(backend: WgslBackend): void {
  const wrong: string[] = [];
  for (const one of CASES) {
    const graph = graphOf(one), input = inputOf(one);
    const [{ data: expected }] = interpretGraph(graph, [input]);
    const [{ data: actual }] = runGraph(backend, graph, [input]);
    const scale = expected.reduce((most, x) => Math.max(most, Math.abs(x) || 0), 1);
    expected.forEach((value, i) => {
      const isRight = one.tolerance === 0
        ? Object.is(actual[i] + 0, value + 0)
        : Math.abs(actual[i] - value) <= one.tolerance * scale;
      if (!isRight) wrong.push(`${one.name} of [${one.shape}] at ${i}: ${actual[i]}, not ${value}`);
    });
  }
  assert(wrong.length === 0, wrong.slice(0, 20).join("\n"));
}

const shared: Tuning = { ...GPU, threadsPerRow: 32, sharedRowColumns: 1 };
const cut: Tuning = { ...shared, chunkColumns: 1, chunkLeast: 1, wantedThreads: 1 << 20 };
const TABLES: { readonly [name: string]: Tuning } = {
  "rows shared by a subgroup": { ...shared, threadsPerRow: 8 },
  "rows shared by several subgroups": shared,
  "rows shared through workgroup memory alone": { ...shared, rowLanes: 1 },
  "chunks of rows shared by subgroups": cut,
  "chunks of rows shared through workgroup memory": { ...cut, rowLanes: 1 },
  "chunks of a thread each": { ...cut, threadsPerRow: 1 },
};
for (const [name, tuning] of Object.entries(TABLES)) {
  gpuTest(`reductions are right with ${name}`, async () => compare(await backendWith(tuning)));
}

gpuTest("the bits of sums depend on the table, not on the size of subgroups", async () => {
  const sums = CASES.filter(({ name, shape }) => shape[0] === 3 && /^(sum|layer norm)$/.test(name));
  assertEquals(sums.length, 2);
  for (const table of [shared, cut]) {
    const bits: Float64Array[][] = [];
    for (const rowLanes of [1, 2, 4, 8]) {
      const backend = await backendWith({ ...table, rowLanes });
      bits.push(sums.map((one) => runGraph(backend, graphOf(one), [inputOf(one)])[0].data as Float64Array));
    }
    for (const other of bits.slice(1)) assertEquals(other, bits[0]);
  }
});

gpuTest("values go from thread to thread where the device has subgroups", async () => {
  const text = async (rowLanes: number) => {
    const backend = await backendWith({ ...shared, rowLanes });
    const graph = jit((x: Tensor) => x.max({ axis: 1 })).graph(zeros([4, 256]));
    const found = backend.gpu.tuning.rowLanes;
    const options = { name: "max", scalars: [], donated: [], inPlace: [] };
    return { found, text: backend.compile(graph, options).text() };
  };
  const with8 = await text(8), without = await text(1);
  assertEquals(with8.text.includes("subgroupShuffleDown"), with8.found > 1);
  assert(!without.text.includes("subgroup") && without.text.includes("workgroupBarrier"));
});
