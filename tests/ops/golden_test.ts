/**
 * Functions of arrays against NumPy (tests/golden/ops.py): every dtype, odd, empty and extreme operands, axes of both
 * signs and out of range; on the reference interpreter and on every device.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as damo from "@damo/damo";
import { DamoError, defaultDevice, type DType, type Tensor, tensor, type Topk } from "@damo/damo";
import { castValue } from "../../lib/trace/dtype.ts";
import golden from "../golden/ops.json" with { type: "json" };
import { testEverywhere } from "../support/operands.ts";
import { type GoldenNumber, goldenNumbers } from "../support/traced.ts";

type Result = readonly [shape: number[], data: GoldenNumber[]];
type Case = readonly [
  name: string,
  arguments_: readonly unknown[],
  operands: readonly (readonly [DType, number[], GoldenNumber[]])[],
  results: readonly Result[] | "error",
];

const functions = damo as unknown as Readonly<Record<string, (...given: unknown[]) => Tensor | Tensor[]>>;

/** Of the result, or of 1 where that is larger: sums of a few elements of that size. */
const TOLERANCE: { readonly [D in DType]?: number } = { float64: 1e-13, float32: 2e-6, float16: 2 ** -9 };

const byName = new Map<string, Case[]>();
for (const row of golden as unknown as Case[]) {
  const list = byName.get(row[0]);
  if (list) list.push(row);
  else byName.set(row[0], [row]);
}

/** "$0" stands for the first operand. */
function filledIn(value: unknown, operands: readonly Tensor[]): unknown {
  if (typeof value === "string" && value.startsWith("$")) return operands[Number(value.slice(1))];
  if (Array.isArray(value) && value.some((part) => typeof part === "string")) {
    return value.map((part) => filledIn(part, operands));
  }
  return value;
}

function describeCase([name, given, operands]: Case): string {
  const inputs = operands.map(([dtype, shape, data]) => `${dtype}[${shape}] ${data.join(" ")}`.slice(0, 200));
  return `${name}(${JSON.stringify(given)}) of ${inputs.join(" and ")}`;
}

function isWide({ 1: given, 2: operands }: Case): boolean {
  if (JSON.stringify(given).includes("float64")) return true;
  return operands.some(([dtype]) => dtype === "float64" || dtype === "float16");
}

function checkCase(row: Case): void {
  const [name, given, operands, results] = row;
  const tensors = operands.map(([dtype, shape, data]) => tensor(goldenNumbers(data), { shape, dtype }));
  const call = (): Tensor[] => {
    const result = name === "einsum"
      ? functions.einsum(given[0], ...tensors)
      : functions[name](...given.map((value) => filledIn(value, tensors)));
    if (name === "topk") return [...Object.values(result as unknown as Topk)];
    return Array.isArray(result) ? result : [result];
  };
  if (results === "error") {
    assertThrows(call, DamoError, undefined, describeCase(row));
    return;
  }
  const actual = call();
  assertEquals(actual.length, results.length, describeCase(row));
  results.forEach(([shape, data], k) => {
    const { dtype } = actual[k];
    assertEquals([...actual[k].shape], shape, describeCase(row));
    const values = actual[k].dataSync(), tolerance = TOLERANCE[dtype] ?? 0;
    goldenNumbers(data).forEach((exact, i) => {
      const value = values[i], expected = tolerance > 0 ? castValue(exact, "float64", dtype) : exact;
      const same = value === expected || (value !== value && expected !== expected);
      const near = Math.abs(value - expected) <= tolerance * Math.max(1, Math.abs(expected));
      assert(same || near, `${describeCase(row)}: element ${i} is ${value}, NumPy has ${expected}`);
    });
  });
}

for (const [name, rows] of byName) {
  // WebGPU has no float64; of what it has, every eighth case keeps the number of shaders within seconds.
  const narrow = rows.filter((row, i) => i % 8 === 0 && !isWide(row));
  testEverywhere(
    `${name} is NumPy's`,
    () => (defaultDevice() === "webgpu" ? narrow : rows).forEach(checkCase),
  );
}
