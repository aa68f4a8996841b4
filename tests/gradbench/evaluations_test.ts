import { assert, assertEquals } from "@std/assert";
import { evaluations } from "../../bench/gradbench/evaluations/mod.ts";
import { largeCases, largeError, outputError, session } from "../../bench/gradbench/golden.ts";
import { inputOfSize } from "../../bench/gradbench/inputs.ts";
import { evaluate, respond } from "../../bench/gradbench/protocol.ts";

for (const module of Object.keys(evaluations)) {
  Deno.test(`${module} answers its recorded session as NumPy does`, () => {
    for (const { message, response } of session(module)) {
      const { id, success, output, error } = respond(message);
      assertEquals({ id, success, error }, { id: response.id, success: response.success, error: undefined });
      if (message.kind !== "evaluate") continue;
      const difference = outputError(output, response.output);
      assert(difference <= 1e-12, `${message.function} of message ${id}: relative error ${difference}`);
    }
  });
}

for (const { module, size, expected } of largeCases()) {
  // The larger ones are run by `deno task gradbench`.
  if (!(module === "det" || String(size) === "10,25,1000" || String(size) === "2,1024")) continue;
  Deno.test(`${module} of size ${size}`, () => {
    const input = inputOfSize[module](...size as never[]);
    for (const name of Object.keys(expected)) {
      const { output, timings } = evaluate(evaluations[module][name], input);
      const error = largeError(module, name, output, expected[name]);
      assert(error <= 1e-12, `${name}: relative error ${error}`);
      assertEquals(timings.map((timing) => timing.name), ["prepare", "compile", "evaluate"]);
    }
  });
}

Deno.test("what is not known is refused, and what fails says why", () => {
  assertEquals(respond({ id: 7, kind: "analysis" }), { id: 7 });
  assertEquals(respond({ id: 8, kind: "define", module: "none" }), { id: 8, success: false });
  const none = respond({ id: 9, kind: "evaluate", module: "hello", function: "cube", input: 1 });
  assertEquals([none.success, none.error], [false, "There is no hello.cube."]);
  const wrong = respond({ id: 10, kind: "evaluate", module: "gmm", function: "objective", input: {} });
  assertEquals(wrong.success, false);
  assert(wrong.error!.length > 0);
});

Deno.test("min_runs is how many evaluations are timed at least", () => {
  const { timings } = evaluate(evaluations.lse.primal, { x: [1, 2], min_runs: 4, min_seconds: 0 });
  assertEquals(timings.filter((timing) => timing.name === "evaluate").length, 4);
});
