/** What tests/golden/gradbench.py recorded: sessions of small cases, and what to compare of large ones. */
import type { Message, Response } from "./protocol.ts";
import { uniform } from "./inputs.ts";

const folder = new URL("../../tests/golden/gradbench/", import.meta.url);

/** A message and the response that is expected. */
export interface Exchange {
  readonly message: Message;
  readonly response: Response;
}

/** The recorded session of an evaluation. */
export function session(module: string): Exchange[] {
  const lines = Deno.readTextFileSync(new URL(`${module}.jsonl`, folder)).trim().split("\n");
  const entries = lines.map((line) => JSON.parse(line));
  return Array.from({ length: entries.length / 2 }, (_, i) => ({
    message: entries[2 * i].message,
    response: entries[2 * i + 1].response,
  }));
}

/** All of an output, or weighted sums of it. */
export type Expected = { readonly output: unknown } | { readonly sums: readonly number[] };

export interface LargeCase {
  readonly module: string;
  readonly size: readonly (number | boolean)[];
  readonly expected: Readonly<Record<string, Expected>>;
}

export function largeCases(): LargeCase[] {
  return JSON.parse(Deno.readTextFileSync(new URL("large.json", folder)));
}

/** The numbers of a JSON value, in order; the parts of an object by name. */
function numbers(value: unknown, out: number[] = []): number[] {
  if (typeof value === "number") out.push(value);
  else if (Array.isArray(value)) { for (const part of value) numbers(part, out); }
  else if (typeof value === "object" && value !== null) {
    for (const key of Object.keys(value).sort()) numbers((value as Record<string, unknown>)[key], out);
  }
  return out;
}

/** The structure of a JSON value without its numbers. */
function structure(value: unknown): string {
  return JSON.stringify(value, (_, part) => {
    if (typeof part === "number") return 0;
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1));
  });
}

function largest(values: readonly number[]): number {
  return values.reduce((sum, x) => Math.max(sum, Math.abs(x)), 0);
}

function relative(actual: readonly number[], expected: readonly number[]): number {
  const difference = largest(actual.map((x, i) => x - expected[i]));
  return difference === 0 ? 0 : difference / (largest(expected) || 1);
}

/**
 * How far an output is from the expected one: the largest difference over the largest number, each array by itself.
 * Infinite where the structure differs.
 */
export function outputError(actual: unknown, expected: unknown): number {
  if (structure(actual) !== structure(expected)) return Infinity;
  if (typeof expected === "object" && expected !== null && !Array.isArray(expected)) {
    const parts = Object.entries(expected).map(([key, part]) =>
      outputError((actual as Record<string, unknown>)[key], part)
    );
    return Math.max(...parts);
  }
  const error = relative(numbers(actual), numbers(expected));
  return Number.isNaN(error) ? Infinity : error;
}

/** The order of a tree's parts in the vector that is weighted. */
const ORDER: Readonly<Record<string, readonly string[]>> = { gmm: ["alpha", "mu", "q", "l"] };

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * b[i], 0);
}

function weights(k: number, size: number): number[] {
  return uniform(100 + k, size).map((u) => u - 0.5);
}

/** The same for a large case. */
export function largeError(module: string, name: string, actual: unknown, expected: Expected): number {
  if ("output" in expected) return outputError(actual, expected.output);
  const { sums } = expected;
  const own = sums.map((_, k) => {
    if (module === "ht" && name === "jacobian") {
      const matrix = actual as number[][];
      const columns = weights(k, matrix[0].length);
      return dot(weights(k + sums.length, matrix.length), matrix.map((row) => dot(row, columns)));
    }
    const order = typeof actual === "object" && ORDER[module];
    const parts = order && !Array.isArray(actual) ? order.map((key) => Object(actual)[key]) : actual;
    const vector = numbers(parts);
    return dot(weights(k, vector.length), vector);
  });
  const error = relative(own, sums);
  return Number.isNaN(error) ? Infinity : error;
}
