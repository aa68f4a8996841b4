import { assert, assertEquals } from "@std/assert";
import * as damo from "@damo/damo";

const JUNK: readonly unknown[] = [{}, "1", null, 1.5, NaN, -1, () => 1, [[0]]];

type AnyFunction = (...args: unknown[]) => unknown;

const x = damo.tensor([[4, 1], [1, 3]]), v = damo.tensor([1, 2, 3]), key = damo.random.key(0);
/** Arguments of which some fit most functions. */
const FITTING: readonly unknown[][] = [[x], [v], [x, x], [v, v], [x, 1], [x, [0]], [x, x, x], [[2, 2]]]
  .concat([
    [key, [2, 2]],
    [key],
  ]);

/** Those that change what other tests see, or print. The modules io and data, whose errors may be the system's, are left out. */
const LEFT_OUT = /^(init|set|profile|synchronize|dispose|print|install)/;

/** The functions of a module that are called by their names. */
function functionsOf(module: object): [string, AnyFunction][] {
  return Object.entries(module).filter(([name, value]) =>
    typeof value === "function" && !LEFT_OUT.test(name) && !/^[A-Z]/.test(name)
  );
}

/** What a call throws that is no error of the library's; null otherwise. */
async function untyped(fn: AnyFunction, args: readonly unknown[]): Promise<unknown> {
  try {
    await fn(...args);
  } catch (error) {
    return error instanceof damo.DamoError ? null : error;
  }
  return null;
}

async function fits(fn: AnyFunction, args: readonly unknown[]): Promise<boolean> {
  try {
    await fn(...args);
    return true;
  } catch {
    return false;
  }
}

Deno.test("nonsense as an argument is computed with or refused by a DamoError, in every function but those of files", async () => {
  const { nn, linalg, random, fft, optim, loop, viz, sparse } = damo;
  const modules = { damo, nn, linalg, random, fft, optim, loop, viz, sparse };
  const found: string[] = [];
  let calls = 0;
  for (const [module, functions] of Object.entries(modules)) {
    for (const [name, fn] of functionsOf(functions)) {
      const fitting: unknown[][] = [];
      for (const args of FITTING) if (await fits(fn, args)) fitting.push(args);
      for (const args of fitting.length > 0 ? fitting : FITTING) {
        for (let i = 0; i <= args.length; i++) {
          for (const junk of JUNK) {
            const error = await untyped(fn, Object.assign([...args], { [i]: junk }));
            calls++;
            if (error !== null) {
              found.push(`${module}.${name}, argument ${i} ${String(junk)}: ${String(error)}`);
            }
          }
        }
      }
    }
  }
  assertEquals(found, []);
  assert(calls > 10_000, `only ${calls} calls`);
});
