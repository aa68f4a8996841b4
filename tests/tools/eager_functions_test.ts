import { assertEquals } from "@std/assert";
import { type FunctionRange, makeEager } from "../../tools/eager_functions.ts";

const TEXT = `console.log(first(3), third.name);
function first(x) {
  return second(x) + 1;
}
function second(x) {
  function inner() {
    return 2 * x;
  }
  return inner();
}
async function third() {}
class Fourth {
  method() {}
}
`;

/** Where the function with a beginning lies, which ends with the first end of a line and these characters. */
function rangeOf(start: string, end: string): FunctionRange {
  const at = TEXT.indexOf(start);
  return { start: at, end: TEXT.indexOf(end, at) + end.length };
}

/** What a text prints. */
function run(text: string): string[] {
  const printed: string[] = [];
  const log = (...values: unknown[]): void => void printed.push(values.join(" "));
  // The text is a program of this test alone.
  new Function("console", text)({ log });
  return printed;
}

Deno.test("functions that a file declares come first and in parentheses, and the file means the same", () => {
  const ranges = [rangeOf("function first", "\n}"), rangeOf("function second", "\n}")];
  const eager = makeEager(TEXT, ranges);
  assertEquals(eager.match(/^var \w+ = \(function \w+\(/gm), [
    "var first = (function first(",
    "var second = (function second(",
  ]);
  assertEquals(eager.match(/^function/gm), null);
  assertEquals(run(eager), ["7 third"]);
  assertEquals(run(eager), run(TEXT));
});

Deno.test("functions inside of others, methods and asynchronous functions stay where they are", () => {
  const ranges = [
    rangeOf("function inner", "\n  }"),
    rangeOf("async function third", "}"),
    rangeOf("method", "}"),
  ];
  assertEquals(makeEager(TEXT, ranges), TEXT);
  assertEquals(makeEager(TEXT, []), TEXT);
});
