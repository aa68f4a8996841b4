/** Operands and comparisons for tests of linear algebra and Fourier transforms. */
import { assert, assertEquals } from "@std/assert";
import { type DType, eye, matmul, type Tensor, tensor } from "@damo/damo";
import { sizeOf } from "../../lib/trace/shape.ts";
import type { GoldenArray } from "./operands.ts";
import { wide, within } from "./devices.ts";
import { goldenNumbers } from "./traced.ts";

export const FLOAT_DTYPES: readonly ("float32" | "float64")[] = ["float32", "float64"];

/** The k-th operand of a case of tests/golden/linalg.py. */
export function matrixOperand(shape: readonly number[], k = 0, dtype: DType = wide()): Tensor {
  const data = Float64Array.from(
    { length: sizeOf(shape) },
    (_, i) => ((37 * i * i + 11 * i + 5 * k) % 101 - 50) / 16,
  );
  return tensor(data, { shape: [...shape], dtype });
}

/** The last two axes exchanged. */
export function transposed(x: Tensor): Tensor {
  const order = x.shape.map((_, d) => d);
  order.push(order.splice(-2, 1)[0]);
  return x.transpose(order);
}

/** m m^T + n I of the operand m. */
export function positiveOperand(shape: readonly number[], dtype: DType = wide()): Tensor {
  const m = matrixOperand(shape, 0, dtype), n = shape[shape.length - 1];
  return matmul(m, transposed(m)).add(eye(n, { dtype }).mul(n));
}

/** The largest difference relative to the largest expected magnitude; NaN and infinities must agree exactly. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let scale = 0, worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const x = actual[i], e = expected[i];
    if (Number.isFinite(e)) scale = Math.max(scale, Math.abs(e));
    if (Object.is(x, e) || x === e) continue;
    const error = Math.abs(x - e);
    if (!(error <= worst)) worst = error;
  }
  return scale === 0 ? worst : worst / scale;
}

export function assertNear(actual: Tensor, expected: GoldenArray, tolerance: number, what: string): void {
  assertEquals([...actual.shape], [...expected.shape], what);
  const error = relativeError(actual.dataSync(), goldenNumbers(expected.data));
  assert(error <= within(tolerance, 2e-6), `${what}: relative error ${error}`);
}

/** Two tensors of one shape. */
export function assertSame(actual: Tensor, expected: Tensor, tolerance: number, what: string): void {
  assertEquals([...actual.shape], [...expected.shape], what);
  const error = relativeError(actual.dataSync(), expected.dataSync());
  assert(error <= within(tolerance, 2e-6), `${what}: relative error ${error}`);
}
