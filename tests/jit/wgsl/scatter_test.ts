/** Several terms for one place. */
import { assertEquals } from "@std/assert";
import { grad, init, jit, type Tensor, tensor, withDevice, zeros } from "@damo/damo";
import type { DType } from "../../../lib/trace/dtype.ts";
import { interpretGraph } from "../../../lib/trace/interpret.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { runGraph } from "../../support/run_graph.ts";
import { gpuTest, webgpu } from "./support.ts";

if (webgpu !== null) {
  await init({ device: "webgpu" });
  await init({ device: "wasm" });
}

const integers: DType[] = ["int32", "uint32"];
const others: DType[] = ["float32", "float16", "int8", "uint8", "bool"];
gpuTest(
  "sums at shared places get every term: native atomics for words of integers, compare-and-swap else",
  (backend) => {
    const places = 5, terms = 3001;
    for (const dtype of [...integers, ...others]) {
      const index = Float64Array.from({ length: terms }, (_, i) => (i * i) % places);
      const graph = jit((x: Tensor, at: Tensor, y: Tensor) => x.withAdded([at], y)).graph(
        zeros([places], { dtype }),
        zeros([terms], { dtype: "int32" }),
        zeros([terms], { dtype }),
      );
      const small = dtype === "bool" ? 2 : dtype === "float16" ? 3 : 7;
      const inputs: HostArray[] = [
        { ...graph.inputs[0].aval, data: new Float64Array(places).fill(1) },
        { ...graph.inputs[1].aval, data: index },
        { ...graph.inputs[2].aval, data: Float64Array.from({ length: terms }, (_, i) => i % 7 % small) },
      ];
      const options = { name: "sums", scalars: [], donated: [], inPlace: [] };
      const text = backend.compile(graph, options).text();
      assertEquals(text.includes("atomicAdd("), integers.includes(dtype), dtype);
      assertEquals(text.includes("atomicCompareExchangeWeak("), !integers.includes(dtype), dtype);
      const [expected] = interpretGraph(graph, inputs), [actual] = runGraph(backend, graph, inputs);
      const wrapped = dtype === "int8"
        ? Int8Array.from(expected.data)
        : dtype === "uint8"
        ? Uint8Array.from(expected.data)
        : expected.data;
      assertEquals(Array.from(actual.data), Array.from(wrapped), dtype);
    }
  },
);

gpuTest("the gradient of rows taken several times is their sum", () =>
  withDevice("webgpu", () => {
    const table = tensor(Float32Array.from({ length: 12 }, (_, i) => i), { shape: [4, 3] });
    const rows = tensor([1, 3, 1, 1, 0], { dtype: "int32" });
    const slope = grad((table: Tensor) => table.at(rows).square().sum())(table) as Tensor;
    const expected = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((x, i) => 2 * x * [1, 3, 0, 1][i / 3 | 0]);
    assertEquals(Array.from(slope.dataSync()), expected);
  }));
