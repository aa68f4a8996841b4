import { assert, assertEquals, assertThrows } from "@std/assert";
import * as damo from "@damo/damo";
import {
  DamoError,
  grad,
  jit,
  NonFiniteError,
  scan,
  ShapeError,
  type Tensor,
  tensor,
  vmap,
  zeros,
} from "@damo/damo";
import { errorsPage } from "../../tools/errors_doc.ts";
import { SECTIONS } from "../../tools/errors_sections.ts";

Deno.test("docs/errors.md is what its snippets give: the golden messages of all classes", async () => {
  assertEquals(await Deno.readTextFile(new URL("../../docs/errors.md", import.meta.url)), errorsPage());
});

Deno.test("every class of errors has a section", () => {
  const classes = Object.entries(damo).filter(([, value]) =>
    typeof value === "function" && value.prototype instanceof DamoError
  ).map(([name]) => name);
  assertEquals(SECTIONS.map(({ name }) => name).toSorted(), classes.toSorted());
  assertEquals(classes.length, 14);
});

Deno.test("every message: what happened, the user's line, a remedy that is a sentence; the same as data", () => {
  for (const { name, run } of SECTIONS) {
    const error = assertThrows(run, DamoError);
    const lines = error.message.split("\n");
    assert(/[.)]$/.test(lines[0]), `${name}: ${lines[0]}`);
    assert(/^ {4}at .*errors_sections\.ts:\d+:\d+\)?$/.test(lines[1]), `${name}: ${lines[1]}`);
    assertEquals(lines.at(-1), error.detail.remedy, name);
    assert(/^[A-Z].*[.)]$/s.test(error.detail.remedy!), `${name}: ${error.detail.remedy}`);
    assert(error.detail.location?.frame?.file.endsWith("errors_sections.ts"), name);
    assertEquals(error.name, name);
  }
});

Deno.test("the stack begins with the user's frame and has none of the library's", () => {
  const error = assertThrows(() => tensor([1, 2]).add(tensor([1, 2, 3])), ShapeError);
  const frames = error.stack!.split("\n").filter((line) => line.startsWith("    at "));
  assert(frames[0].includes("messages_test.ts:"), error.stack);
  assert(frames.every((frame) => !frame.includes("/lib/")), error.stack);
  assertEquals(new Set(frames).size, frames.length);
  assert(Deno.inspect(error).startsWith(`ShapeError: ${error.message}`));
});

Deno.test("the functions being traced are named, innermost first", () => {
  function advance(h: Tensor, x: Tensor): [Tensor, Tensor] {
    const next = h.add(x.matmul(h));
    return [next, next];
  }
  function loss(xs: Tensor): Tensor {
    return scan(advance, zeros([3]), xs)[0].sum();
  }
  const train = jit((xs: Tensor) => grad(loss)(xs), { name: "train" });
  const error = assertThrows(() => train(zeros([4, 2])), ShapeError);
  assertEquals(error.detail.transforms, ["inside advance, inside loss, inside train"]);
  assert(error.message.includes("\n    at advance ("), error.message);
  const mapped = assertThrows(() => vmap((x: Tensor) => x.reshape([7]))(zeros([2, 3])), ShapeError);
  assert(mapped.message.includes("messages_test.ts:"), mapped.message);
});

Deno.test("what a gradient makes of an operation says so", () => {
  const root = (x: Tensor) => x.square().sum().sqrt();
  const error = assertThrows(() => jit(grad(root), { guard: { nan: true } })(zeros([2])), NonFiniteError);
  assert(error.detail.transforms!.some((text) => text.startsWith("in the backward pass (grad of root)")));
});

Deno.test("an uncaught error shows its message once", async () => {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(
    file,
    `import { tensor } from "@damo/damo";\nfunction broken() {\n  return tensor([1, 2]).add(tensor([1, 2, 3]));\n}\nbroken();\n`,
  );
  const { stderr, code } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      `--import-map=${new URL("../std/import_map.json", import.meta.url).pathname}`,
      file,
    ],
    env: { NO_COLOR: "1" },
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stderr);
  assertEquals(code, 1);
  assertEquals(text.split("shapes do not broadcast").length, 2, text);
  assertEquals(text.split("Sizes are compared").length, 2, text);
  assert(!text.includes("/lib/trace/"), text);
});
