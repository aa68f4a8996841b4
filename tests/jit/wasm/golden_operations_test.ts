/** Elementwise functions on the WebAssembly device at ordinary and extreme values, against NumPy's golden values. */
import { assert } from "@std/assert";
import * as damo from "@damo/damo";
import { type DType, type Tensor, tensor } from "@damo/damo";
import { installBackend } from "../../../lib/jit/devices.ts";
import { WasmBackend } from "../../../lib/jit/wasm/backend.ts";
import { castValue } from "../../../lib/trace/dtype.ts";
import { elementwise } from "../../../lib/trace/primitives/elementwise.ts";
import type { ScalarOp } from "../../../lib/trace/scalar_op.ts";
import { bind } from "../../../lib/trace/trace.ts";
import golden from "../../golden/operations.json" with { type: "json" };
import { type GoldenNumber, goldenNumbers } from "../../support/traced.ts";

const EPSILON: { readonly [d: string]: number } = {
  float16: 2 ** -10,
  float32: 2 ** -23,
  float64: 2 ** -52,
};
/** Units in the last place. */
const ALLOWED = 16;

const functions = damo as unknown as Record<string, (...xs: Tensor[]) => Tensor>;
const points = goldenNumbers(golden.points as GoldenNumber[]);
const left = goldenNumbers(golden.binary.a as GoldenNumber[]);
const right = goldenNumbers(golden.binary.b as GoldenNumber[]);

function onWasm(body: () => void): void {
  const restore = installBackend("wasm", () => new WasmBackend());
  try {
    body();
  } finally {
    restore();
  }
}

/** Equal, or within the allowed units; a relative comparison, down to the smallest normal number. */
function compare(
  actual: ArrayLike<number>,
  expected: readonly number[],
  dtype: string,
  what: (i: number) => string,
): void {
  const relative = ALLOWED * (EPSILON[dtype] ?? 0);
  for (let i = 0; i < expected.length; i++) {
    const a = Number(actual[i]), e = expected[i];
    const same = a === e || (a !== a && e !== e);
    assert(same || Math.abs(a - e) <= relative * Math.abs(e), `${dtype} ${what(i)} is ${a}, expected ${e}`);
  }
}

Deno.test("float64 functions agree with NumPy and SciPy, infinities and NaN included", () => {
  onWasm(() => {
    const x = tensor(points, { dtype: "float64" });
    for (const [name, expected] of Object.entries(golden.unary)) {
      const numbers = goldenNumbers(expected as GoldenNumber[]);
      compare(functions[name](x).dataSync(), numbers, "float64", (i) => `${name}(${points[i]})`);
    }
    const a = tensor(left, { dtype: "float64" }), b = tensor(right, { dtype: "float64" });
    for (const [name, expected] of Object.entries(golden.binary)) {
      if (name === "a" || name === "b") continue;
      const numbers = goldenNumbers(expected as GoldenNumber[]);
      compare(
        functions[name](a, b).dataSync(),
        numbers,
        "float64",
        (i) => `${name}(${left[i]}, ${right[i]})`,
      );
    }
  });
});

const UNARY: readonly ScalarOp[] = [...Object.keys(golden.unary) as ScalarOp[], "lgamma", "digamma"];
const BINARY: readonly ScalarOp[] = [
  "add",
  "sub",
  "mul",
  "mulNoNaN",
  "div",
  "floorDiv",
  "mod",
  "pow",
  "atan2",
  "minimum",
  "maximum",
  "eq",
  "lt",
];

/** One primitive on the device against its float64 evaluation at the same rounded arguments. */
function checkRounded(op: ScalarOp, operands: readonly (readonly number[])[], dtype: DType): void {
  const rounded = operands.map((values) => values.map((x) => castValue(x, "float64", dtype)));
  const host = rounded.map((values) => ({ shape: [values.length], dtype, data: Float64Array.from(values) }));
  const [output] = elementwise[op].infer(host, {});
  const [truth] = elementwise[op].evaluate(host, {}, [output]);
  const actual = bind(elementwise[op], rounded.map((values) => tensor(values, { dtype })), {})[0].dataSync();
  const expected = [...truth.data].map((x) => castValue(x, "float64", output.dtype));
  compare(actual, expected, output.dtype, (i) => `${op}(${rounded.map((values) => values[i]).join(", ")})`);
}

Deno.test("float32 and float16 functions agree with float64 at extreme values", () => {
  onWasm(() => {
    for (const dtype of ["float32", "float16"] as const) {
      for (const op of UNARY) checkRounded(op, [points], dtype);
      for (const op of BINARY) checkRounded(op, [left, right], dtype);
    }
  });
});

Deno.test("integers wrap, divide and shift as in NumPy on WebAssembly", () => {
  onWasm(() => {
    for (const [dtype, entry] of Object.entries(golden.integers)) {
      const a = tensor(entry.a, { dtype: dtype as DType }), b = tensor(entry.b, { dtype: dtype as DType });
      for (const [name, expected] of Object.entries(entry)) {
        if (name === "a" || name === "b") continue;
        const one = name in { neg: 1, abs: 1, sign: 1, square: 1, not: 1 };
        const result = name === "cube"
          ? a.pow(3)
          : name.startsWith("shift")
          ? functions[name](a, 3 as unknown as Tensor)
          : one
          ? functions[name](a)
          : functions[name](a, b);
        compare(result.dataSync(), expected, dtype, (i) => `${name}(${entry.a[i]}, ${entry.b[i]})`);
      }
    }
  });
});
