/** Operands of matrix routines, and their shaders against the float64 reference. */
import { assertEquals } from "@std/assert";
import type { Tensor } from "@damo/damo";
import type { WgslBackend } from "../../../lib/jit/wgsl/backend.ts";
import type { Graph } from "../../../lib/trace/graph.ts";
import { interpretGraph } from "../../../lib/trace/interpret.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { sizeOf } from "../../../lib/trace/shape.ts";
import { traceFunction } from "../../../lib/trace/trace.ts";
import { TestRandom } from "../../support/random.ts";
import { runGraph } from "../../support/run_graph.ts";

export const EPSILON = 2 ** -23;

export function noise(shape: readonly number[], seed: number): HostArray {
  const random = new TestRandom(seed);
  const data = Float64Array.from({ length: sizeOf(shape) }, () => Math.fround(random.normal()));
  return { shape, dtype: "float32", data };
}

/** Noise, and `diagonal` more than that on the diagonal. */
export function solid(
  shape: readonly number[],
  seed: number,
  diagonal: number,
  symmetric = false,
): HostArray {
  const array = noise(shape, seed), n = shape[shape.length - 1];
  const { data } = array;
  for (let i = 0; i < data.length; i++) {
    const row = Math.floor(i / n) % n, column = i % n;
    if (row === column) data[i] = Math.fround(data[i] + diagonal);
    else if (symmetric && column > row) data[i] = data[i + (n - 1) * (column - row)];
  }
  return array;
}

export function graphOf(body: (...inputs: Tensor[]) => Tensor[], inputs: readonly HostArray[]): Graph {
  return traceFunction((tensors) => body(...tensors), inputs).graph;
}

/** The kinds of a program's kernels. */
export function kindsOf(backend: WgslBackend, graph: Graph): string[] {
  const executable = backend.compile(graph, { name: "routine", scalars: [], donated: [], inPlace: [] });
  const kinds = executable.kernels.map(({ kind }) => kind);
  executable.dispose();
  return kinds;
}

/** What differs from the float64 reference by more than `allowed` roundings of the greatest element. */
export function faults(
  backend: WgslBackend,
  name: string,
  body: (...inputs: Tensor[]) => Tensor[],
  inputs: readonly HostArray[],
  allowed: number,
): string[] {
  const graph = graphOf(body, inputs);
  assertEquals(kindsOf(backend, graph).filter((kind) => kind === "host"), [], name);
  const expected = interpretGraph(graph, inputs), actual = runGraph(backend, graph, inputs);
  return expected.flatMap(({ data }, k) => {
    const scale = data.reduce((most, x) => Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most, 0);
    const worst = data.reduce((most, x, i) => {
      const error = Math.abs(x - actual[k].data[i]);
      return Object.is(x, actual[k].data[i]) || error <= most ? most : error;
    }, 0);
    return worst <= allowed * EPSILON * scale ? [] : [`${name}, result ${k}: off by ${worst} of ${scale}`];
  });
}

/** The greatest difference between the Gram matrix of columns [rows, columns] and the unit matrix. */
export function skewness({ shape, data }: HostArray): number {
  const [rows, columns] = shape;
  let worst = 0;
  for (let a = 0; a < columns; a++) {
    for (let b = 0; b <= a; b++) {
      let sum = a === b ? -1 : 0;
      for (let i = 0; i < rows; i++) sum += data[i * columns + a] * data[i * columns + b];
      if (!(Math.abs(sum) <= worst)) worst = Math.abs(sum);
    }
  }
  return worst;
}
