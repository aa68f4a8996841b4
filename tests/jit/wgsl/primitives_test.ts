import { assert, assertEquals } from "@std/assert";
import type { WgslBackend } from "../../../lib/jit/wgsl/backend.ts";
import { inlineCalls } from "../../../lib/autodiff/inline_calls.ts";
import { distinctOutputs } from "../../../lib/jit/closed_graph.ts";
import { castValue, type DType, isFloat, newTypedArray } from "../../../lib/trace/dtype.ts";
import { Graph, Node, Variable } from "../../../lib/trace/graph.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import type { PrimitiveCase } from "../../trace/primitive_case.ts";
import { PRIMITIVE_TABLE } from "../../trace/primitive_table.ts";
import { gpuTest } from "./support.ts";

/** What this test cannot run by itself: calls of user functions. */
const REFUSED = new Set(["host"]);

function compare(backend: WgslBackend, row: PrimitiveCase, dtype: DType, seed: number): string | null {
  const { primitive } = row;
  const { inputs, params } = row.make(seed, dtype);
  const avals = inputs.map(({ shape, dtype }) => ({ shape, dtype }));
  const outputs = primitive.infer(avals, params);
  if ([...avals, ...outputs].some((aval) => aval.dtype === "float64")) return null;
  const expected = primitive.evaluate(inputs, params, outputs);
  const variables = avals.map((aval) => new Variable(aval));
  const node = new Node(primitive, variables, params, outputs, null);
  const { program, sources } = distinctOutputs(new Graph(variables, node.outputs, [node]), node.outputs);
  if (sources.some(({ from }) => from !== "program")) return null;
  const executable = backend.compile(inlineCalls(program), {
    name: "row",
    scalars: [],
    donated: [],
    inPlace: [],
  });
  const storages = inputs.map(({ data, dtype }) => {
    const array = newTypedArray(dtype, data.length);
    array.set(data as unknown as Float32Array);
    return backend.upload(array, dtype);
  });
  const results = executable.run(storages, null);
  executable.dispose();
  storages.forEach((storage) => storage.dispose());
  for (let k = 0; k < expected.length; k++) {
    const actual = results[k].read();
    results[k].dispose();
    const wrong = difference(actual, expected[k], row);
    if (wrong !== null) return `${primitive.name} ${row.name} ${dtype}, output ${k}: ${wrong}`;
  }
  return null;
}

function difference(actual: ArrayLike<number>, expected: HostArray, row: PrimitiveCase): string | null {
  const { data, dtype } = expected;
  assertEquals(actual.length, data.length);
  const sums = ["sum", "prod", "contract", "convolve", "cumsum", "cumprod"].includes(row.primitive.name);
  const unit = dtype === "float16" ? 2 ** -10 : 2 ** -23;
  // They cross zero between poles, where float32 cannot be exact.
  const crossing = ["lgamma", "digamma"].includes(row.primitive.name) ? 1 : 2 ** -126;
  const scale = sums ? Math.max(...Array.from(data, Math.abs).filter(Number.isFinite), 0) : 0;
  for (let i = 0; i < data.length; i++) {
    const a = actual[i], e = castValue(data[i], "float64", dtype);
    if (Object.is(a, e) || a === e || (a !== a && e !== e)) continue;
    const allowed = isFloat(dtype) ? 8 * unit * Math.max(Math.abs(e), scale, crossing) : 0;
    if (!(Math.abs(a - e) <= allowed)) return `at ${i} ${a}, not ${e}`;
  }
  return null;
}

const families = new Map<string, PrimitiveCase[]>();
for (const row of PRIMITIVE_TABLE) {
  const { primitive } = row;
  const sample = row.make(1, row.dtypes[0]);
  const avals = sample.inputs.map(({ shape, dtype }) => ({ shape, dtype }));
  const { kind } = primitive.lower(sample.params, avals, primitive.infer(avals, sample.params));
  if (REFUSED.has(kind)) continue;
  const family = families.get(kind) ?? [];
  families.set(kind, [...family, row]);
}

for (const [kind, rows] of families) {
  gpuTest(`primitives of kind ${kind} compute on WebGPU what they mean`, (backend) => {
    const wrong: string[] = [];
    for (const row of rows) {
      for (const dtype of row.dtypes) {
        if (dtype === "float64") continue;
        const message = compare(backend, row, dtype, 7);
        if (message !== null) wrong.push(message);
      }
    }
    assert(wrong.length === 0, wrong.join("\n"));
  });
}
