/**
 * Stands in for `@std/assert` where JSR cannot be reached: the same names, argument orders and
 * meanings, over Node's assertions.
 */
import nodeAssert from "node:assert";
import { inspect, isDeepStrictEqual } from "node:util";

export class AssertionError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

// deno-lint-ignore no-explicit-any -- a constructor of any arguments, as in @std/assert
export type AnyConstructor = new (...args: any[]) => any;
// deno-lint-ignore no-explicit-any -- as above, abstract classes included
export type AnyAbstractConstructor = abstract new (...args: any[]) => any;
// deno-lint-ignore no-explicit-any -- error classes differ in their arguments
export type ErrorConstructorLike<E extends Error> = abstract new (...args: any[]) => E;
export type Falsy = false | 0 | 0n | "" | null | undefined;

function show(value: unknown): string {
  return inspect(value, { depth: 6, maxArrayLength: 50 });
}

function raise(what: string, message: string | undefined): never {
  throw new AssertionError(message ? `${what}: ${message}` : what);
}

export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

export function assertFalse(expr: unknown, msg = ""): asserts expr is Falsy {
  if (expr) throw new AssertionError(msg);
}

/** Deep equality by value and type; NaN equals itself. */
export function equal(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b);
}

export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) return;
  let difference = "";
  try {
    nodeAssert.deepStrictEqual(actual, expected);
  } catch (error) {
    difference = error instanceof Error ? error.message : String(error);
  }
  raise(`Values are not equal${msg ? `: ${msg}` : ""}\n${difference}`, undefined);
}

export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) raise(`Expected values not to be equal: ${show(actual)}`, msg);
}

export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): asserts actual is T {
  if (!Object.is(actual, expected)) raise(`Expected ${show(actual)} to be strictly ${show(expected)}`, msg);
}

export function assertNotStrictEquals<T>(actual: T, expected: T, msg?: string): void {
  if (Object.is(actual, expected)) raise(`Expected values not to be strictly equal: ${show(actual)}`, msg);
}

export function assertAlmostEquals(actual: number, expected: number, tolerance?: number, msg?: string): void {
  if (Object.is(actual, expected)) return;
  const allowed = tolerance ?? (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  if (Math.abs(expected - actual) <= allowed) return;
  raise(
    `Expected actual ${actual} to be close to ${expected}: difference ${
      Math.abs(expected - actual)
    } exceeds ${allowed}`,
    msg,
  );
}

export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual === undefined || actual === null) {
    raise(`Expected ${show(actual)} to be neither null nor undefined`, msg);
  }
}

export function assertInstanceOf<T extends AnyAbstractConstructor>(
  actual: unknown,
  expectedType: T,
  msg = "",
): asserts actual is InstanceType<T> {
  if (!(actual instanceof expectedType)) {
    raise(
      `Expected an instance of ${expectedType.name || "an anonymous class"} but got ${show(actual)}`,
      msg,
    );
  }
}

export function assertNotInstanceOf<A, T>(
  actual: A,
  // deno-lint-ignore no-explicit-any -- as above
  unexpectedType: abstract new (...args: any[]) => T,
  msg?: string,
): asserts actual is Exclude<A, T> {
  if (actual instanceof unexpectedType) raise(`Expected no instance of ${unexpectedType.name}`, msg);
}

export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (!expected.test(actual)) raise(`Expected ${show(actual)} to match ${expected}`, msg);
}

export function assertNotMatch(actual: string, expected: RegExp, msg?: string): void {
  if (expected.test(actual)) raise(`Expected ${show(actual)} not to match ${expected}`, msg);
}

export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (!actual.includes(expected)) raise(`Expected ${show(actual)} to contain ${show(expected)}`, msg);
}

export function assertArrayIncludes<T>(actual: ArrayLike<T>, expected: ArrayLike<T>, msg?: string): void {
  const missing = Array.from(expected).filter((wanted) =>
    !Array.from(actual).some((have) => equal(have, wanted))
  );
  if (missing.length > 0) raise(`Expected ${show(actual)} to include ${show(missing)}`, msg);
}

export function assertObjectMatch(
  actual: Record<PropertyKey, unknown>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  if (!covers(actual, expected)) raise(`Expected ${show(actual)} to contain ${show(expected)}`, msg);
}

function covers(actual: unknown, expected: unknown): boolean {
  if (typeof expected !== "object" || expected === null) return equal(actual, expected);
  if (typeof actual !== "object" || actual === null) return false;
  return Reflect.ownKeys(expected).every((key) =>
    covers(Reflect.get(actual, key), Reflect.get(expected, key))
  );
}

export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) raise(`Expect ${show(actual)} > ${show(expected)}`, msg);
}

export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual >= expected)) raise(`Expect ${show(actual)} >= ${show(expected)}`, msg);
}

export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) raise(`Expect ${show(actual)} < ${show(expected)}`, msg);
}

export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual <= expected)) raise(`Expect ${show(actual)} <= ${show(expected)}`, msg);
}

export function assertIsError<E extends Error = Error>(
  error: unknown,
  ErrorClass?: ErrorConstructorLike<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  if (!(error instanceof Error)) raise(`Expected "error" to be an Error object but got ${show(error)}`, msg);
  if (ErrorClass && !(error instanceof ErrorClass)) {
    raise(
      `Expected error to be instance of "${ErrorClass.name}", but was "${error.constructor.name}": ${error.message}`,
      msg,
    );
  }
  if (msgMatches === undefined) return;
  const found = typeof msgMatches === "string"
    ? error.message.includes(msgMatches)
    : msgMatches.test(error.message);
  if (!found) {
    raise(`Expected error message to include ${show(msgMatches)}, but got ${show(error.message)}`, msg);
  }
}

export function assertThrows(fn: () => unknown, msg?: string): unknown;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorConstructorLike<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMsg?: ErrorConstructorLike<Error> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const ErrorClass = typeof classOrMsg === "function" ? classOrMsg : undefined;
  const suffix = typeof classOrMsg === "string" ? classOrMsg : msg;
  try {
    fn();
  } catch (error) {
    if (ErrorClass) assertIsError(error, ErrorClass, msgIncludes, suffix);
    return error;
  }
  raise("Expected function to throw", suffix);
}

export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorConstructorLike<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: ErrorConstructorLike<Error> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const ErrorClass = typeof classOrMsg === "function" ? classOrMsg : undefined;
  const suffix = typeof classOrMsg === "string" ? classOrMsg : msg;
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (error) {
    raise(`Function throws when expected to reject: ${show(error)}`, suffix);
  }
  try {
    await promise;
  } catch (error) {
    if (ErrorClass) assertIsError(error, ErrorClass, msgIncludes, suffix);
    return error;
  }
  raise("Expected function to reject", suffix);
}

export function fail(msg?: string): never {
  raise("Failed assertion", msg);
}

export function unreachable(reason?: string): never {
  raise("Unreachable", reason);
}

export function unimplemented(msg?: string): never {
  raise("Unimplemented", msg);
}
