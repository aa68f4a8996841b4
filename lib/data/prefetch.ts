/** Work on the next items while the present one is used. */
import { DamoError } from "../trace/errors.ts";
import { checkOptions } from "../trace/ops/options.ts";

/** Options of prefetch. */
export interface PrefetchOptions {
  /** How many items are asked for ahead of use; 2 by default. */
  readonly depth?: number;
}

/**
 * The items of an iterable, asked for ahead of their use: files that are read, or a generator that awaits, go on while the
 * loop computes. The order stays, an error comes where its item would, and leaving the loop ends the source.
 *
 * @throws {DamoError} for a depth that is no positive integer.
 * @example
 * ```ts
 * import { data } from "@damo/damo";
 * async function* files() {
 *   for (const name of ["a", "b"]) yield await Promise.resolve(name);
 * }
 * const read: string[] = [];
 * for await (const file of data.prefetch(files())) read.push(file);
 * console.assert(read.join() === "a,b");
 * ```
 */
export function prefetch<T>(
  source: Iterable<T> | AsyncIterable<T>,
  options: PrefetchOptions = {},
): AsyncIterable<Awaited<T>> {
  const operation = "data.prefetch";
  checkOptions(operation, options, ["depth"]);
  const { depth = 2 } = options;
  if (!Number.isInteger(depth) || depth < 1) {
    throw new DamoError(`${operation}: depth is ${String(depth)}.`, {
      operation,
      arguments: [{ name: "depth", value: depth }],
      remedy: "Pass a positive integer.",
    });
  }
  return { [Symbol.asyncIterator]: () => readAhead(source, depth) };
}

async function* readAhead<T>(
  source: Iterable<T> | AsyncIterable<T>,
  depth: number,
): AsyncGenerator<Awaited<T>> {
  const iterator = Symbol.asyncIterator in source
    ? source[Symbol.asyncIterator]()
    : source[Symbol.iterator]();
  const pending: Promise<IteratorResult<Awaited<T>>>[] = [];
  const ask = () => {
    const item = Promise.resolve().then(() => iterator.next()).then(async (result) =>
      result.done ? { done: true, value: undefined } : { done: false, value: await result.value }
    ) as Promise<IteratorResult<Awaited<T>>>;
    // It is looked at when its turn comes; until then a failure is not unhandled.
    item.catch(() => {});
    pending.push(item);
  };
  try {
    for (let i = 0; i < depth; i++) ask();
    for (;;) {
      const result = await pending.shift()!;
      if (result.done) return;
      ask();
      yield result.value;
    }
  } finally {
    await iterator.return?.();
  }
}
