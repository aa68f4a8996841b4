/** What the tests of the contract share. They import only what users can. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { DamoError, type DType, jit, type Shared, type Tensor, tensor } from "@damo/damo";

export const DTYPES: readonly DType[] = [
  "bool",
  "uint8",
  "int8",
  "int32",
  "uint32",
  "float16",
  "float32",
  "float64",
];

export const int = (data: number | number[] | number[][]): Tensor => tensor(data, { dtype: "int32" });

export const f64 = (data: number | number[] | number[][] | number[][][]): Tensor =>
  tensor(data, { dtype: "float64" });

/** Runs outside a trace and inside. */
export const BOTH = [<F>(f: F): F => f, <F>(f: F): F => jit(f as never) as F];

/** The nested values of a tensor. */
export const list = (t: Tensor | Shared): unknown =>
  t instanceof Object && "arraySync" in t ? t.arraySync() : t;

/** The message of the error of `kind` that `body` throws; it must hold every part. */
export function message(
  body: () => unknown,
  kind: abstract new (...args: never[]) => Error,
  ...parts: (string | RegExp)[]
): string {
  const error = assertThrows(body, kind as typeof Error);
  assert(error instanceof DamoError, `${error.name} is no DamoError: ${error.message}`);
  for (const part of parts) {
    const found = typeof part === "string" ? error.message.includes(part) : part.test(error.message);
    assert(found, `${error.name} lacks ${part}: ${error.message}`);
  }
  return error.message;
}

/** Numbers in any nesting, compared relative to the expected ones from magnitude 1 on. */
export function near(actual: unknown, expected: unknown, tolerance = 1e-12): void {
  const a = [actual].flat(9) as number[], e = [expected].flat(9) as number[];
  assertEquals(a.length, e.length);
  a.forEach((value, i) => {
    if (Number.isNaN(e[i])) assert(Number.isNaN(value), `${value} is not NaN`);
    else if (!Number.isFinite(e[i])) assertEquals(value, e[i]);
    else assertAlmostEquals(value, e[i], tolerance * Math.max(1, Math.abs(e[i])));
  });
}
