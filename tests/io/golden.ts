/** Reading of the files that tests/golden/io.py writes. */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { FileArray } from "../../lib/io/file_array.ts";

interface Expected {
  dtype: string;
  shape: number[];
  values: (number | string)[];
}

const folder = new URL("../golden/io/", import.meta.url);

export function golden(name: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(new URL(name, folder));
}

export function goldenNames(): string[] {
  return [...Deno.readDirSync(fromFileUrl(folder))].map((entry) => entry.name).sort();
}

export const expected: Record<string, Expected> = JSON.parse(
  Deno.readTextFileSync(new URL("expected.json", folder)),
);

/** Compares an array with what Python noted, NaN, infinities and the sign of 0 included. */
export function assertArray(array: FileArray | undefined, name: string): void {
  const { dtype, shape, values } = expected[name];
  assertEquals(
    { dtype: array?.dtype, shape: array?.shape, values: Array.from(array?.data ?? []) },
    { dtype: dtype as FileArray["dtype"], shape, values: values.map(Number) },
    name,
  );
}

/** Bytes with some of them replaced. */
export function patched(bytes: Uint8Array, at: number, replacement: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(replacement, at);
  return copy;
}
