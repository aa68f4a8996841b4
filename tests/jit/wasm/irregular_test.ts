import { assert, assertEquals } from "@std/assert";
import { samples } from "./nest_runner.ts";
import { WasmBackend } from "../../../lib/jit/wasm/backend.ts";
import { type DType, DTYPES, isFloat, newTypedArray } from "../../../lib/trace/dtype.ts";
import { Graph, Node, Variable } from "../../../lib/trace/graph.ts";
import type { HostArray, Params, Primitive } from "../../../lib/trace/primitive.ts";
import { type ConvolveParams, convolvePrimitive } from "../../../lib/trace/primitives/convolve.ts";
import { cumulatives } from "../../../lib/trace/primitives/cumulative.ts";
import { sortPrimitive } from "../../../lib/trace/primitives/sort.ts";
import { sizeOf } from "../../../lib/trace/shape.ts";

const backend = new WasmBackend();

/** Runs one primitive on the device and compares it with its own float64 evaluation. */
function check(primitive: Primitive, inputs: readonly HostArray[], params: Params, tolerance: number): void {
  const avals = inputs.map(({ shape, dtype }) => ({ shape, dtype }));
  const outputs = primitive.infer(avals, params);
  const expected = primitive.evaluate(inputs, params, outputs);
  const variables = avals.map((aval) => new Variable(aval));
  const node = new Node(primitive, variables, params, outputs, null);
  const graph = new Graph(variables, node.outputs, [node], primitive.name);
  const executable = backend.compile(graph, { name: primitive.name, scalars: [], donated: [], inPlace: [] });
  const storages = inputs.map(({ dtype, data }) => {
    const array = newTypedArray(dtype, data.length);
    array.set(data as unknown as Float32Array);
    return backend.upload(array, dtype);
  });
  const results = executable.run(storages, null);
  executable.dispose();
  const what = `${primitive.name} of ${avals.map((a) => `${a.dtype}[${a.shape}]`)} ${JSON.stringify(params)}`;
  expected.forEach(({ data, dtype }, k) => {
    const actual = results[k].read();
    assertEquals(actual.length, data.length, what);
    const rounded = newTypedArray(dtype, data.length);
    rounded.set(data as unknown as Float32Array);
    for (let i = 0; i < data.length; i++) {
      const a = actual[i], e = rounded[i];
      const equal = a === e || (a !== a && e !== e);
      const near = isFloat(dtype) && Math.abs(a - e) <= tolerance * Math.max(1, Math.abs(e));
      assert(equal || near, `${what}: output ${k} at ${i}: ${a}, not ${e}`);
    }
  });
}

function host(shape: readonly number[], dtype: DType, seed: number, special = false): HostArray {
  return { shape, dtype, data: Float64Array.from(samples(dtype, sizeOf(shape), seed, special)) };
}

Deno.test("running sums, products and extrema along every axis, both ways, in every type", () => {
  for (const [name, primitive] of Object.entries(cumulatives)) {
    for (const dtype of DTYPES) {
      for (const shape of [[7], [1], [3, 5], [2, 9, 3], [0, 4], [3, 0], [2, 3, 17]]) {
        for (let axis = 0; axis < shape.length; axis++) {
          for (const reverse of [false, true]) {
            const x = host(shape, dtype, 11 + axis);
            try {
              primitive.infer([x], { axis, reverse });
            } catch {
              continue;
            }
            // Products of float16 are rounded once here, and step by step by the reference.
            const tolerance = dtype === "float16" ? 4e-3 : dtype === "float32" ? 1e-6 : 1e-14;
            if (dtype === "float16" && name === "cumprod") continue;
            check(primitive as Primitive, [x], { axis, reverse }, tolerance);
          }
        }
      }
    }
  }
});

Deno.test("long running sums, products and extrema are cut into segments: what is left over, both ways, few rows", () => {
  for (const [name, primitive] of Object.entries(cumulatives)) {
    for (const dtype of ["float32", "float64", "int32", "uint8", "float16"] as const) {
      for (const shape of [[(1 << 15) + 45], [3, 1 << 15]]) {
        for (const reverse of [false, true]) {
          const x = host(shape, dtype, 7);
          // Products near one, and sums that do not leave the numbers of float16.
          if (name === "cumprod") {
            x.data.forEach((v, i) => x.data[i] = isFloat(dtype) ? 1 + Math.sign(v) / 2048 : i % 3);
          } else if (dtype === "float16") {
            x.data.forEach((v, i) => x.data[i] = Math.sign(v) * (i % 2 ? 1 : -1));
          }
          const params = { axis: shape.length - 1, reverse };
          try {
            primitive.infer([x], params);
          } catch {
            continue;
          }
          const tolerance = dtype === "float16" ? 4e-3 : dtype === "float32" ? 1e-6 : 1e-12;
          if (dtype === "float16" && name === "cumprod") continue;
          check(primitive as Primitive, [x], params, tolerance);
        }
      }
    }
  }
});

Deno.test("a running sum of 100,000 float32 is as accurate as the last rounding", () => {
  const x = { ...host([100_000], "float32", 5), data: new Float64Array(100_000).fill(Math.fround(0.1)) };
  check(cumulatives.cumsum as Primitive, [x], { axis: 0, reverse: false }, 1e-7);
});

Deno.test("sorting is stable in both directions, puts NaN last, and takes payloads along", () => {
  for (const dtype of DTYPES) {
    for (const shape of [[1], [2], [17], [5, 33], [3, 0], [0, 3], [2, 2, 100]]) {
      for (const descending of [false, true]) {
        const keys = host(shape, dtype, 3, true);
        const positions = { shape, dtype: "int32" as const, data: keys.data.map((_, i) => i) };
        const payload = host(shape, "float64", 9);
        const bytes = host(shape, "bool", 10);
        check(sortPrimitive as Primitive, [keys, positions, payload, bytes], { descending }, 0);
      }
    }
  }
});

Deno.test("convolutions with strides, padding, dilations, groups and batch groups", () => {
  const plain: ConvolveParams = {
    strides: [1, 1],
    padding: [[0, 0], [0, 0]],
    inputDilation: [1, 1],
    kernelDilation: [1, 1],
    groups: 1,
    batchGroups: 1,
  };
  const cases: readonly [readonly number[], readonly number[], Partial<ConvolveParams>][] = [
    [[2, 3, 7, 5], [4, 3, 3, 2], {}],
    [[1, 1, 1, 1], [1, 1, 1, 1], {}],
    [[2, 3, 7, 9], [4, 3, 3, 3], { strides: [2, 3], padding: [[1, 2], [0, 1]] }],
    [[1, 2, 8, 8], [3, 2, 3, 3], { kernelDilation: [2, 1], padding: [[-1, 3], [2, -2]] }],
    [[1, 2, 5, 4], [3, 2, 3, 3], { inputDilation: [2, 3], padding: [[2, 2], [1, 2]] }],
    [[2, 6, 6, 5], [4, 3, 3, 3], { groups: 2, padding: [[1, 1], [1, 1]] }],
    [[1, 4, 6, 21], [4, 1, 3, 3], { groups: 4 }],
    [[4, 3, 6, 5], [6, 3, 2, 2], { batchGroups: 2 }],
    [[2, 3, 2, 2], [4, 3, 3, 3], {}],
  ];
  for (const dtype of ["float32", "float64", "int32", "float16"] as const) {
    for (const [input, kernel, params] of cases) {
      const tolerance = dtype === "float16" ? 4e-3 : dtype === "float32" ? 1e-5 : 1e-13;
      check(
        convolvePrimitive as Primitive,
        [host(input, dtype, 1), host(kernel, dtype, 2)],
        { ...plain, ...params },
        tolerance,
      );
    }
  }
  check(
    convolvePrimitive as Primitive,
    [host([2, 3, 11], "float32", 1), host([4, 3, 4], "float32", 2)],
    { ...plain, strides: [2], padding: [[1, 1]], inputDilation: [1], kernelDilation: [1] },
    1e-5,
  );
});
