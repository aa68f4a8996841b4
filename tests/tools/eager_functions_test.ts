import { assertEquals, assertStringIncludes } from "@std/assert";
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

const ARROWS = `const add = (a, b = (1 + 1)) => a + b;
const twice = x => y => x(x(y));
const named = { double: function(x) {
  return 2 * x;
}, async later() {} };
console.log(add(1), twice((x) => x + 1)(5), named.double(4), add.name, [3, 1, 2].sort((a, b) => a - b));
class Point {
  move(x) {
    return [x].map((y) => {
      return y + 1;
    })[0];
  }
}
console.log(new Point().move(1));
`;

/** Where all functions of the text lie, as an engine counts them. */
function arrows(): FunctionRange[] {
  const ranges = ["(a, b = (1 + 1)) => a + b", "x => y => x(x(y))", "y => x(x(y))", "(x) => x + 1"]
    .concat("function(x) {\n  return 2 * x;\n}", "() {}", "(a, b) => a - b")
    .concat("(x) {\n    return [x]", "(y) => {\n      return y + 1;\n    }")
    .map((part) => ({ start: ARROWS.indexOf(part), end: ARROWS.indexOf(part) + part.length }));
  return ranges.sort((a, b) => a.start - b.start);
}

Deno.test("functions that are expressions stand in parentheses where they are, and the file means the same", () => {
  const eager = makeEager(ARROWS, arrows());
  for (
    const part of [
      "= ((a, b = (1 + 1)) => a + b);",
      "= (x => (y => x(x(y))));",
      "twice(((x) => x + 1))",
      "double: (function(x) {\n  return 2 * x;\n}),",
      "sort(((a, b) => a - b))",
      "map(((y) => {\n      return y + 1;\n    }))",
      "  move(x) {",
      "later() {}",
    ]
  ) assertStringIncludes(eager, part);
  assertEquals(run(eager), ["3 7 8 add 1,2,3", "2"]);
  assertEquals(run(eager), run(ARROWS));
});
