/** The rules of every primitive, over the table: types, forward derivatives, transposes, batching. */
import { assert, assertEquals } from "@std/assert";
import { castValue, type DType, isFloat } from "../../lib/trace/dtype.ts";
import { interpretGraph } from "../../lib/trace/interpret.ts";
import type { HostArray, Params, Primitive } from "../../lib/trace/primitive.ts";
import { filled } from "../../lib/trace/primitives/zeros.ts";
import { type Aval, describe, sameAval, sizeOf } from "../../lib/trace/shape.ts";
import type { Tensor } from "../../lib/trace/tensor.ts";
import { bind, traceFunction } from "../../lib/trace/trace.ts";
import { TestRandom } from "../support/random.ts";
import type { PrimitiveCase } from "./primitive_case.ts";
import { PRIMITIVE_TABLE } from "./primitive_table.ts";

const SEED = 20260723;

function avalOf(array: HostArray): Aval {
  return { shape: array.shape, dtype: array.dtype };
}

function label(row: PrimitiveCase, dtype: DType): string {
  return `${row.primitive.name} ${row.name} ${dtype}`;
}

/** Traces `build` on inputs of the types of `arrays` and interprets the graph on them. */
function run(build: (inputs: Tensor[]) => readonly Tensor[], arrays: readonly HostArray[]): HostArray[] {
  const traced = traceFunction(build, arrays.map(avalOf));
  assertEquals(traced.captured.length, 0);
  return interpretGraph(traced.graph, arrays);
}

function evaluate(primitive: Primitive, inputs: readonly HostArray[], params: Params): readonly HostArray[] {
  return primitive.evaluate(inputs, params, primitive.infer(inputs.map(avalOf), params));
}

function random(generator: TestRandom, aval: Aval): HostArray {
  const data = Float64Array.from({ length: sizeOf(aval.shape) }, () => generator.normal());
  return { ...aval, data };
}

/** a + step b. */
function moved(a: HostArray, step: number, b: HostArray): HostArray {
  return { ...a, data: a.data.map((x, i) => x + step * b.data[i]) };
}

function dot(a: readonly HostArray[], b: readonly HostArray[]): number {
  let sum = 0;
  a.forEach((x, k) => x.data.forEach((value, i) => sum += value * b[k].data[i]));
  return sum;
}

function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
) {
  assertEquals(actual.length, expected.length, what);
  for (let i = 0; i < actual.length; i++) {
    const error = Math.abs(actual[i] - expected[i]);
    const near = error <= tolerance * Math.max(1, Math.abs(expected[i])) || Object.is(actual[i], expected[i]);
    assert(near, `${what}: element ${i} is ${actual[i]}, expected ${expected[i]}`);
  }
}

Deno.test("every primitive gives values of the types it infers", () => {
  for (const row of PRIMITIVE_TABLE) {
    for (const dtype of row.dtypes) {
      const { inputs, params } = row.make(SEED, dtype);
      const expected = row.primitive.infer(inputs.map(avalOf), params);
      const outputs = row.primitive.evaluate(inputs, params, expected);
      assertEquals(outputs.length, expected.length);
      outputs.forEach((output, i) => {
        assert(sameAval(output, expected[i]), `${label(row, dtype)}: ${describe(output)}`);
        assertEquals(output.data.length, sizeOf(output.shape), label(row, dtype));
        if (isFloat(output.dtype)) return;
        for (const x of output.data) {
          assertEquals(castValue(x, "float64", output.dtype), x, label(row, dtype));
        }
      });
    }
  }
});

/** Central differences of one input, extrapolated once (Richardson). */
function differences(row: PrimitiveCase, position: number, tangent: HostArray): Float64Array[] {
  const { inputs, params } = row.make(SEED, "float64");
  const at = (step: number): readonly HostArray[] =>
    evaluate(row.primitive, inputs.map((x, i) => i === position ? moved(x, step, tangent) : x), params);
  const slope = (step: number): Float64Array[] => {
    const above = at(step), below = at(-step);
    return above.map((y, k) => y.data.map((value, i) => (value - below[k].data[i]) / (2 * step)));
  };
  const coarse = slope(2e-4), fine = slope(1e-4);
  return fine.map((values, k) => values.map((value, i) => (4 * value - coarse[k][i]) / 3));
}

Deno.test("forward derivatives agree with finite differences", () => {
  const generator = new TestRandom(SEED);
  for (const row of PRIMITIVE_TABLE) {
    const { primitive } = row;
    if (!row.dtypes.includes("float64") || row.rounds) continue;
    for (const position of row.differentiable) {
      const { inputs, params } = row.make(SEED, "float64");
      const tangent = random(generator, avalOf(inputs[position]));
      const expected = differences(row, position, tangent);
      if (primitive.derivative.kind === "none") {
        assertEquals(primitive.derivative.policy, "zero", primitive.name);
        expected.forEach((values) => assertClose(values, values.map(() => 0), 1e-9, label(row, "float64")));
        continue;
      }
      const { jvp } = primitive.derivative;
      const actual = run((traced) => {
        const primals = traced.slice(0, inputs.length);
        const outputs = bind(primitive, primals, params);
        const tangents = primals.map((_, i) => i === position ? traced[inputs.length] : null);
        const results = jvp({ primals, tangents, params, outputs });
        return results.map((result, i) => {
          if (result) assert(sameAval(result.aval, outputs[i].aval), `${label(row, "float64")} tangent type`);
          return result ?? filled(0, outputs[i].aval);
        });
      }, [...inputs, tangent]);
      actual.forEach((y, k) =>
        assertClose(y.data, expected[k], 1e-6, `${label(row, "float64")} input ${position}`)
      );
    }
  }
});

Deno.test("transposes are adjoint to the linear maps", () => {
  const generator = new TestRandom(SEED);
  let checked = 0;
  for (const row of PRIMITIVE_TABLE) {
    const { primitive } = row;
    const { linear } = primitive;
    if (linear.kind !== "linear" || !row.dtypes.includes("float64")) continue;
    const { inputs, params } = row.make(SEED, "float64");
    const avals = inputs.map(avalOf);
    const outputs = primitive.infer(avals, params);
    if (!outputs.every((output) => isFloat(output.dtype))) continue;
    const cotangents = outputs.map((output) => random(generator, { ...output }));
    avals.forEach((aval, position) => {
      if (!isFloat(aval.dtype)) return;
      if (primitive.graphs && !(row.linear ?? []).includes(position)) return;
      let exists = true;
      const result = run((traced) => {
        const values = avals.map((_, i) => i === position ? null : traced[i]);
        const back = linear.transpose({
          cotangents: traced.slice(inputs.length),
          inputs: values,
          avals,
          params,
        })[position];
        exists = back !== null;
        if (back) assert(sameAval(back.aval, aval), `${label(row, "float64")} cotangent type`);
        return [back ?? filled(0, aval)];
      }, [...inputs, ...cotangents]);
      if (!exists) return;
      checked++;
      const direction = random(generator, aval);
      const zero = moved(direction, -1, direction);
      const forward = evaluate(primitive, inputs.map((x, i) => i === position ? direction : x), params);
      const offset = evaluate(primitive, inputs.map((x, i) => i === position ? zero : x), params);
      const image = forward.map((y, k) => moved(y, -1, offset[k]));
      const left = dot(image, cotangents), right = dot([direction], result);
      assertClose([left], [right], row.rounds ? 1e-2 : 1e-9, `${label(row, "float64")} input ${position}`);
    });
  }
  assert(checked > 20);
});

Deno.test("batching is the same as one application per element", () => {
  const size = 3;
  for (const row of PRIMITIVE_TABLE) {
    const dtype = row.dtypes.includes("float64") ? "float64" : row.dtypes[0];
    const samples = Array.from({ length: size }, (_, b) => row.make(SEED + b, dtype));
    const { params, inputs: first } = samples[0];
    const count = first.length;
    if (count === 0) continue;
    const masks = new Set([2 ** count - 1, 1, 2 ** (count - 1)]);
    for (const mask of masks) {
      const batched = first.map((_, i) => (mask >> i & 1) === 1);
      const stacked = first.map((x, i): HostArray => {
        if (!batched[i]) return x;
        const data = new Float64Array(size * x.data.length);
        samples.forEach((sample, b) => data.set(sample.inputs[i].data, b * x.data.length));
        return { shape: [size, ...x.shape], dtype: x.dtype, data };
      });
      const actual = run((traced) => row.primitive.batch({ inputs: traced, batched, params, size }), stacked);
      samples.forEach((sample, b) => {
        const inputs = first.map((x, i) => batched[i] ? sample.inputs[i] : x);
        evaluate(row.primitive, inputs, params).forEach((expected, k) => {
          assertEquals(actual[k].shape, [size, ...expected.shape], label(row, dtype));
          const part = actual[k].data.subarray(b * expected.data.length, (b + 1) * expected.data.length);
          assertClose(part, expected.data, 1e-12, `${label(row, dtype)} batched ${batched.join()}`);
        });
      });
    }
  }
});
