/** docs/from_theano.md: up to date, complete, and true to the API and to the tests that it names. */
import { assert, assertEquals } from "@std/assert";
import * as damo from "@damo/damo";
import { theanoData, theanoPageIsFresh, type TheanoRow } from "../../tools/theano_table.ts";

const data = theanoData();
const rows = data.sections.flatMap((section) => section.rows);
const root = new URL("../../", import.meta.url);

Deno.test("docs/from_theano.md is what docs/from_theano.json makes of it", () => {
  assert(theanoPageIsFresh(), "run deno task theano");
});

Deno.test("every capability of Theano has one row, in order, and every row an answer", () => {
  assertEquals(data.ids.length, 258);
  assertEquals(new Set(data.ids).size, data.ids.length);
  assertEquals(rows.map(({ id }) => id), [...data.ids]);
  for (const { id, theano, here, test, why, missing } of rows) {
    assert(theano !== "" && here !== "", id);
    assert((test === undefined) !== (why === undefined) || missing !== undefined, id);
  }
});

/** Tests are declared by Deno.test or a function that calls it; a template stands for the names made with it. */
function declaredNames(text: string): RegExp[] {
  const declaration =
    /(?:Deno\.test|\w*(?:Test|[eE]verywhere|onDevice))\(\s*(?:\{\s*name:\s*)?("(?:[^"\\]|\\.)*"|`[^`]*`),/g;
  return [...text.matchAll(declaration)].map(([, literal]) => {
    const parts = literal[0] === '"' ? [JSON.parse(literal)] : literal.slice(1, -1).split(/\$\{[^}]*\}/);
    return new RegExp(`^${parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".+")}$`);
  });
}

Deno.test("every test that a row names stands in the file that it names", () => {
  const declared = new Map<string, RegExp[]>();
  for (const { id, test } of rows) {
    if (!test) continue;
    const names = declared.get(test.file) ?? declaredNames(Deno.readTextFileSync(new URL(test.file, root)));
    declared.set(test.file, names);
    assert(names.some((name) => name.test(test.name)), `${id}: ${test.file} has no test "${test.name}"`);
  }
});

/** Names of functions that the rows' snippets are given, not exports. */
const PARAMETERS = ["fn", "f", "loss", "forward", "body"];

function calledNames({ here }: TheanoRow): { owner: string; name: string }[] {
  const code = [...here.matchAll(/`([^`]*)`/g)].map((match) => match[1]).join(" ; ");
  return [...code.matchAll(/(?:(\w+|\))\.)?(\b[a-zA-Z]\w*)\(/g)].map(([, owner = "", name]) => ({
    owner,
    name,
  }));
}

Deno.test("every function and method that a row says to write exists", () => {
  const exported = damo as unknown as Record<string, Record<string, unknown>>;
  const jitted = damo.jit((x: damo.Tensor) => x), one = damo.tensor([1]);
  const objects: object[] = [damo.Tensor, damo.Graph, damo.RandomStream, damo.nn.Module, damo.Shared]
    .map((type) => type.prototype);
  objects.push(jitted, jitted.lower(one), Math);
  for (const row of rows) {
    for (const { owner, name } of calledNames(row)) {
      const place = `${row.id}: ${owner && `${owner}.`}${name}`;
      if (owner === "") assert(PARAMETERS.includes(name) || name in exported || name === "String", place);
      else if (/^(nn|linalg|fft|random|optim|io|viz|data|loop|sparse)$/.test(owner)) {
        assert(name in exported[owner], place);
      } else assert(objects.some((object) => name in object), place);
    }
  }
});
