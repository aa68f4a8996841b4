/** What the examples check their own numbers with. */
import { type Nested, Shared, Tensor } from "@damo/damo";

/** Throws unless `actual` has the values of `wanted`, each to within `tolerance` (relative above 1). */
export function expect(actual: Tensor | Shared | Nested, wanted: Nested, tolerance: number = 1e-5): void {
  const value = actual instanceof Shared ? actual.value : actual;
  const found = value instanceof Tensor ? value.arraySync() : value;
  const a = numbersOf(found), b = numbersOf(wanted);
  const close = (x: number, y: number) => x === y || Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(y));
  if (a.length === b.length && a.every((x, i) => close(x, b[i]))) return;
  throw new Error(`${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
}

function numbersOf(nested: Nested): number[] {
  return Array.isArray(nested) ? nested.flatMap(numbersOf) : [Number(nested)];
}

/** Throws unless `fn` throws an error whose message has all the texts in it; gives the message. */
export function expectError(fn: () => unknown, ...texts: readonly string[]): string {
  try {
    fn();
  } catch (error) {
    const { message } = error as Error;
    if (texts.every((text) => message.includes(text))) return message;
    throw error;
  }
  throw new Error(`No error: ${texts.join(", ")}`);
}
