import { assertEquals, assertThrows } from "@std/assert";
import { FormatError } from "../../lib/trace/errors.ts";
import { nameLeaves, nestLeaves } from "../../lib/io/tree_names.ts";

function isLeaf(value: unknown): value is number {
  return typeof value === "number";
}

function names(tree: unknown): string[] {
  return [...nameLeaves(tree, isLeaf).leaves.keys()];
}

/** Through names, JSON text and back. */
function roundTrip(tree: unknown): unknown {
  const { leaves, structure } = nameLeaves(tree, isLeaf);
  return nestLeaves(leaves, structure === undefined ? undefined : JSON.parse(JSON.stringify(structure)));
}

Deno.test("Leaves are named by their path", () => {
  assertEquals(names({ layers: [{ w: 1, b: 2 }, { w: 3 }], step: 4 }), [
    "layers.0.w",
    "layers.0.b",
    "layers.1.w",
    "step",
  ]);
  assertEquals(names([1, [2, 3]]), ["0", "1.0", "1.1"]);
  assertEquals(names(1), ["value"]);
});

Deno.test("Ordinary trees are told by their names alone", () => {
  const { leaves, structure } = nameLeaves({ layers: [{ w: 1 }, { w: 2, b: [3] }], step: 4 }, isLeaf);
  assertEquals(structure, undefined);
  assertEquals(nestLeaves(leaves), { layers: [{ w: 1 }, { w: 2, b: [3] }], step: 4 });
});

for (
  const tree of [
    { a: [1, { b: 2 }], c: 3 },
    1,
    { value: 1 },
    [],
    {},
    { a: {}, b: [], c: 1 },
    { "0": 1, "1": 2 },
    { "1": 1, "2": 2 },
    { "0.weight": 1, "0.bias": 2, "1.weight": 3 },
    { "a.b": 1, a: { c: 2 } },
    { "": 1, "a..b": 2, ".": 3 },
    JSON.parse(`{"__proto__": 1, "constructor": {"__proto__": [2]}}`),
    Array.from({ length: 12 }, (_, i) => i),
  ]
) {
  Deno.test(`${JSON.stringify(tree)} comes back as it was, keys in their order`, () => {
    assertEquals(roundTrip(tree), tree);
    assertEquals(JSON.stringify(roundTrip(tree)), JSON.stringify(tree));
  });
}

Deno.test("Names of other programs nest where they can and stay flat where they clash", () => {
  const of = (...list: string[]): unknown => nestLeaves(new Map(list.map((name, i) => [name, i])));
  assertEquals(of("h.1.w", "h.0.w", "wte"), { h: [{ w: 1 }, { w: 0 }], wte: 2 });
  assertEquals(of("h.1", "h.2"), { h: { 1: 0, 2: 1 } });
  assertEquals(of("h.00", "h.1"), { h: { "00": 0, 1: 1 } });
  assertEquals(of("a", "a.b"), { a: 0, "a.b": 1 });
  assertEquals(of("a.b", "a"), { "a.b": 0, a: 1 });
  const deep = new Array(5000).fill("a").join(".");
  assertEquals(of(deep), { [deep]: 0 });
});

Deno.test("What is no tree of leaves is refused with its place", () => {
  assertThrows(() => names({ a: [1, null] }), FormatError, `"a.1" in the tree is null`);
  assertThrows(() => names({ a: undefined }), FormatError, `"a" in the tree is undefined`);
  assertThrows(() => names({ a: new Map() }), FormatError, `"a" in the tree is a Map`);
  assertThrows(() => names("text"), FormatError, "The tree is text");
  assertThrows(
    () => names({ "a.b": 1, a: { b: 2 } }),
    FormatError,
    `Two leaves of the tree have the name "a.b"`,
  );
  const circle: unknown[] = [];
  circle.push(circle);
  assertThrows(() => names(circle), FormatError, "more than 100 deep");
});

Deno.test("A structure that does not fit the arrays is refused", () => {
  const leaves = new Map([["a", 1], ["b", 2]]);
  assertThrows(() => nestLeaves(leaves, ["a"]), FormatError, `leaves out the array "b"`);
  assertThrows(() => nestLeaves(leaves, ["a", "a"]), FormatError, `names "a" twice`);
  assertThrows(() => nestLeaves(leaves, ["a", "b", "c"]), FormatError, `names "c", which is no array`);
  assertThrows(() => nestLeaves(leaves, { x: 3 }), FormatError, "not a tree of names");
  const deep = JSON.parse("[".repeat(5000) + "]".repeat(5000));
  assertThrows(() => nestLeaves(leaves, deep), FormatError, "more than 100 deep");
});
