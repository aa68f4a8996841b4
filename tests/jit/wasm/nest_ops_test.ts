import { assert } from "@std/assert";
import { castValue, type DType, DTYPES, isFloat, newTypedArray } from "../../../lib/trace/dtype.ts";
import { elementwise } from "../../../lib/trace/primitives/elementwise.ts";
import type { ScalarOp } from "../../../lib/trace/scalar_op.ts";
import type { Statement } from "../../../lib/jit/kernel/kernel.ts";
import { runCompiled, samples } from "./nest_runner.ts";
import { scalarTruth } from "./nest_truth.ts";

const OPS = Object.keys(elementwise) as ScalarOp[];
const BINARY = new Set<string>(
  "add sub mul div floorDiv mod pow atan2 minimum maximum and or xor shiftLeft shiftRight mulNoNaN eq ne lt le gt ge"
    .split(" "),
);

function arity(op: ScalarOp): number {
  return op === "select" ? 3 : BINARY.has(op) ? 2 : 1;
}

/** The dtype of the result, or null where the operation does not take the dtype. */
function resultType(op: ScalarOp, dtype: DType): DType | null {
  const operand = { shape: [], dtype };
  const inputs = arity(op) === 3
    ? [{ shape: [], dtype: "bool" as const }, operand, operand]
    : Array(arity(op)).fill(operand);
  try {
    return elementwise[op].infer(inputs, {})[0].dtype;
  } catch {
    return null;
  }
}

/** Units in the last place allowed by type; float16 rounds once more, and its operations are computed in float32. */
function tolerance(op: ScalarOp, dtype: DType, expected: number): number {
  const exact = new Set<string>(
    "add sub mul div neg abs sign floor ceil round trunc sqrt reciprocal square minimum maximum select mulNoNaN"
      .split(" "),
  );
  const unit = dtype === "float64" ? 2 ** -52 : dtype === "float32" ? 2 ** -23 : 2 ** -10;
  const ulps = exact.has(op) ? (dtype === "float16" ? 1 : 0) : op === "lgamma" || op === "digamma" ? 16 : 4;
  const smallest = dtype === "float64" ? 2 ** -1074 : dtype === "float32" ? 2 ** -149 : 2 ** -24;
  const scale = op === "lgamma" || op === "digamma" ? Math.max(1, Math.abs(expected)) : Math.abs(expected);
  return ulps * Math.max(unit * scale, smallest);
}

for (const dtype of DTYPES) {
  Deno.test(`every scalar operation on ${dtype} means what its primitive evaluates to, at odd sizes too`, () => {
    for (const op of OPS) {
      const result = resultType(op, dtype);
      if (result === null) continue;
      for (const length of [1, 3, 17, 103]) checkOp(op, dtype, result, length);
    }
  });
}

function checkOp(op: ScalarOp, dtype: DType, result: DType, length: number): void {
  const count = arity(op);
  const types: DType[] = count === 3 ? ["bool", dtype, dtype] : Array(count).fill(dtype);
  const inputs = types.map((type, i) => {
    const array = newTypedArray(type, length);
    array.set(samples(type, length, length * 7 + i) as unknown as Float32Array);
    if (i === 1 && op.startsWith("shift")) {
      const bits = type === "bool" ? 1 : type === "int8" || type === "uint8" ? 8 : 32;
      for (let j = 0; j < length; j++) array[j] = Math.abs(array[j]) % bits;
    }
    return array;
  });
  const output = newTypedArray(result, length);
  const statements: Statement[] = types.map((type, i) => ({
    kind: "load",
    dtype: type,
    operand: i,
    index: { offset: 0, strides: [1], dynamic: [] },
  }));
  statements.push({ kind: "op", op, dtype: result, from: dtype, args: types.map((_, i) => i) });
  runCompiled({
    kind: "nest",
    domain: [length],
    rowRank: 1,
    operands: [
      ...types.map((type) => ({ dtype: type, access: "read" as const })),
      { dtype: result, access: "write" },
    ],
    statements,
    reductions: [],
    stores: [{
      operand: count,
      index: { offset: 0, strides: [1], dynamic: [] },
      value: count,
      mode: "set",
      perRow: false,
      pass: 0,
    }],
    passes: 1,
  }, [...inputs, output]);
  for (let i = 0; i < length; i++) {
    const args = inputs.map((input) => input[i]);
    const expected = castValue(scalarTruth(op, result, args, types), result, result);
    const actual = output[i];
    const equal = Object.is(actual, expected) || actual === expected ||
      (actual !== actual && expected !== expected);
    const near = isFloat(result) && Math.abs(actual - expected) <= tolerance(op, result, expected);
    assert(
      equal || near,
      `${op} of ${dtype} ${args.join(", ")} at ${i} of ${length}: ${actual}, not ${expected}`,
    );
  }
}

Deno.test("casts between all types keep the meaning of castValue", () => {
  for (const from of DTYPES) {
    for (const to of DTYPES) {
      for (const length of [1, 6, 21]) checkCast(from, to, length);
    }
  }
});

function checkCast(from: DType, to: DType, length: number): void {
  const input = newTypedArray(from, length), output = newTypedArray(to, length);
  input.set(samples(from, length, length) as unknown as Float32Array);
  const extremes = [3e9, -3e9, 1e300, 300, -200, 65520, 70000, 0.49];
  if (isFloat(from)) extremes.forEach((value, i) => i < length && (input[length - 1 - i] = value));
  runCompiled({
    kind: "nest",
    domain: [length],
    rowRank: 1,
    operands: [{ dtype: from, access: "read" }, { dtype: to, access: "write" }],
    statements: [
      { kind: "load", dtype: from, operand: 0, index: { offset: 0, strides: [1], dynamic: [] } },
      { kind: "cast", dtype: to, from, arg: 0 },
    ],
    reductions: [],
    stores: [{
      operand: 1,
      index: { offset: 0, strides: [1], dynamic: [] },
      value: 1,
      mode: "set",
      perRow: false,
      pass: 0,
    }],
    passes: 1,
  }, [input, output]);
  for (let i = 0; i < length; i++) {
    const expected = castValue(input[i], from, to);
    assert(
      Object.is(output[i], expected) || output[i] === expected,
      `${from} ${input[i]} as ${to}: ${output[i]}, not ${expected}`,
    );
  }
}
