/** One operation of a device against the interpreter. */
import { isFloat } from "../../trace/dtype.ts";
import { DamoError } from "../../trace/errors.ts";
import type { Node } from "../../trace/graph.ts";
import type { HostArray } from "../../trace/primitive.ts";
import { describe } from "../../trace/shape.ts";
import { executor } from "../../trace/storage.ts";
import { Tensor } from "../../trace/tensor.ts";
import { withoutTrace } from "../../trace/trace.ts";
import type { Backend } from "../backend.ts";
import { toTypedArray } from "../reference/host_storage.ts";

/** Decompositions may differ in signs and order; structured nodes are compared inside. */
const NOT_COMPARED: ReadonlySet<string> = new Set([
  "constant",
  "call",
  "loop",
  "switch",
  "host",
  "routine",
  "barrier",
]);
/** Sums: rounding grows with what is added, not with the result. */
const SUMS: ReadonlySet<string> = new Set(["contract", "convolve", "reduce", "cumulative", "scatter"]);

const TOLERANCE: Readonly<Record<string, number>> = { float64: 1e-9, float32: 2e-5, float16: 4e-3 };

/** @throws {DamoError} when the device gives something else than the interpreter, beyond rounding. */
export function compareWithDevice(
  node: Node,
  inputs: readonly HostArray[],
  outputs: readonly HostArray[],
  backend: Backend,
): void {
  const { primitive, params } = node;
  const avals = node.outputs.map(({ aval }) => aval);
  const { kind } = primitive.lower(params, node.inputs.map(({ aval }) => aval), avals);
  if (NOT_COMPARED.has(kind) || primitive.effect || node.inputs.length === 0) return;
  if ([...node.inputs, ...node.outputs].some(({ aval }) => aval.weak)) return;
  const operands = inputs.map((input) =>
    new Tensor({ shape: input.shape, dtype: input.dtype }, backend.upload(toTypedArray(input), input.dtype))
  );
  const results = withoutTrace(() => executor().apply(primitive, operands, params, avals));
  results.forEach((result, i) => {
    const data = result.dataSync(), truth = outputs[i];
    const tolerance = TOLERANCE[truth.dtype] ?? 0;
    const scale = isFloat(truth.dtype) ? scaleOf(truth, inputs, SUMS.has(kind)) : 0;
    for (let k = 0; k < data.length; k++) {
      const expected = truth.data[k];
      if (agree(data[k], expected, tolerance, scale)) continue;
      throw new DamoError(
        `${primitive.name}: element ${k} of its result ${describe(truth)} is ${
          data[k]
        } on ${backend.device}, and the interpreter says ${expected}.`,
        {
          operation: primitive.name,
          location: node.location,
          remedy: "This is a mistake of the compiler: please report it with these operands.",
        },
      );
    }
  });
}

function agree(value: number, expected: number, tolerance: number, scale: number): boolean {
  if (Object.is(value, expected) || value === expected) return true;
  if (value !== value || expected !== expected) return value !== value && expected !== expected;
  return Math.abs(value - expected) <= tolerance * Math.max(Math.abs(expected), scale);
}

/** The size that errors are compared with: for sums that of what is added. */
function scaleOf(truth: HostArray, inputs: readonly HostArray[], sums: boolean): number {
  const largest = ({ data }: HostArray) => {
    let most = 0;
    for (const value of data) if (Number.isFinite(value)) most = Math.max(most, Math.abs(value));
    return most;
  };
  if (!sums) return 1e-3 * largest(truth);
  const floats = inputs.filter((input) => isFloat(input.dtype));
  const terms = Math.max(1, ...floats.map(({ data }) => data.length / Math.max(1, truth.data.length)));
  return Math.max(largest(truth), floats.reduce((product, input) => product * largest(input), terms));
}
