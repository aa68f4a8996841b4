import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { checkGrads, customJvp, GradientError, jit, type Tensor, tensor } from "@damo/damo";
import { referenceExecutor } from "../../lib/jit/reference/executor.ts";
import { isFloat, newTypedArray } from "../../lib/trace/dtype.ts";
import type { HostArray } from "../../lib/trace/primitive.ts";
import { executor, installExecutor } from "../../lib/trace/storage.ts";
import { bind } from "../../lib/trace/trace.ts";
import { PRIMITIVE_TABLE } from "../trace/primitive_table.ts";

const SEED = 20260723;
const f64 = (data: number | number[] | number[][]): Tensor => tensor(data, { dtype: "float64" });

function tensorOf({ shape, dtype, data }: HostArray): Tensor {
  const typed = newTypedArray(dtype, data.length);
  typed.set(data);
  return tensor(typed, { dtype, shape: [...shape] });
}

/** Runs `body` on the reference interpreter in the place of the compiler. */
function onReference(body: () => void): void {
  const compiled = executor();
  installExecutor(referenceExecutor);
  try {
    body();
  } finally {
    installExecutor(compiled);
  }
}

Deno.test("checkGrads at order 2 over the whole table of primitives", () => {
  let rows = 0, checked = 0, largest = 0;
  onReference(() => {
    for (const row of PRIMITIVE_TABLE) {
      if (!row.dtypes.includes("float64") || row.rounds || row.differentiable.length === 0) continue;
      const { inputs, params } = row.make(SEED, "float64");
      if (!row.differentiable.some((i) => isFloat(inputs[i].dtype))) continue;
      const tensors = inputs.map(tensorOf);
      const fn = (...moving: Tensor[]): Tensor[] => {
        const full = [...tensors];
        row.differentiable.forEach((position, i) => full[position] = moving[i]);
        return bind(row.primitive, full, params) as Tensor[];
      };
      const result = checkGrads(fn, row.differentiable.map((i) => tensors[i]), { seed: SEED });
      rows++;
      checked += result.checked;
      largest = Math.max(largest, result.largestError);
    }
  });
  console.log(
    `${rows} rows, ${checked} derivatives, largest error ${largest.toExponential(1)}, seed ${SEED}`,
  );
  assert(rows > 200);
});

Deno.test("checkGrads counts what it compared and reports the largest error", () => {
  const result = checkGrads((x: Tensor) => x.sin().mul(x).sum(), [f64([0.3, 1.2])], { order: 3 });
  assertEquals(result.checked, 2 + 4 + 8);
  assert(result.largestError < 1e-9);
  assertEquals(checkGrads((x: Tensor) => x.exp(), [f64(1)], { order: 1, modes: ["reverse"] }).checked, 1);
});

Deno.test("checkGrads takes trees, integers, numbers and jitted functions", () => {
  const f = (p: { w: Tensor; labels: Tensor }, k: number) => ({ y: p.w.mul(p.labels).pow(k), n: p.labels });
  checkGrads(f, [{ w: f64([0.5, 2]), labels: tensor([1, 2], { dtype: "int32" }) }, 3]);
  checkGrads(jit((x: Tensor) => x.tanh().sum()), [f64([0.5, 2])]);
});

Deno.test("checkGrads works in float32 with its wider tolerance", () => {
  const result = checkGrads((x: Tensor) => x.sin().mul(x).sum(), [tensor([0.3, 1.2])]);
  assertAlmostEquals(result.largestError, 0, 5e-3);
});

Deno.test("checkGrads finds a wrong rule, in value and in the second order alone", () => {
  const wrong = customJvp((x: Tensor) => x.sin(), ([x], [t]) => [x.sin(), t.mul(x.cos()).mul(1.001)]);
  const error = assertThrows(
    () => checkGrads(wrong, [f64(0.5)]),
    GradientError,
    "forward mode gives the directional derivative",
  );
  assert(error.message.startsWith("checkGrads of customJvp: forward mode gives"));
  assertThrows(
    () => checkGrads(wrong, [f64(0.5)], { modes: ["reverse"] }),
    GradientError,
    "reverse mode gives",
  );
  // The right slope with a wrong slope of its own.
  const frozen = customJvp((x: Tensor) => x.cos(), ([x], [_t]) => [x.cos(), x.mul(0)]);
  const second = customJvp((x: Tensor) => x.sin(), ([x], [t]) => [x.sin(), t.mul(frozen(x))]);
  checkGrads(second, [f64(0.5)], { order: 1 });
  assertThrows(() => checkGrads(second, [f64(0.5)], { order: 2 }), GradientError, "forward, then");
});

Deno.test("checkGrads inside a trace, or of nothing, is an error", () => {
  const inside = jit((x: Tensor) => {
    checkGrads((y: Tensor) => y, [x]);
    return x;
  });
  assertThrows(() => inside(f64(1)), GradientError, "inside a traced function");
  assertThrows(
    () => checkGrads((x: Tensor) => x, [tensor([1], { dtype: "int32" })]),
    GradientError,
    "no argument is of a float dtype",
  );
});
