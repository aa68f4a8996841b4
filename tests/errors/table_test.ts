/** The messages of the mistakes that users make, word by word, and their form. */
import { assert, assertEquals } from "@std/assert";
import { DamoError } from "@damo/damo";
import { LIBRARIES } from "./libraries_messages_table.ts";
import { FUNCTIONS, TENSORS, TRACED_NUMBERS } from "./messages_table.ts";
import { LOOPS, NETWORKS, RULES } from "./rules_messages_table.ts";

const SECTIONS = { TENSORS, FUNCTIONS, TRACED_NUMBERS, LIBRARIES, RULES, LOOPS, NETWORKS };

async function thrownBy(run: () => unknown): Promise<unknown> {
  try {
    await run();
  } catch (error) {
    return error;
  }
  return undefined;
}

for (const [section, mistakes] of Object.entries(SECTIONS)) {
  Deno.test(`mistakes of ${section.toLowerCase()}: class, what happened, the user's line, the remedy`, async (t) => {
    const messages: string[] = [], failures: string[] = [];
    for (const [name, [kind, run]] of Object.entries(mistakes)) {
      const error = await thrownBy(run);
      if (!(error instanceof DamoError)) {
        failures.push(`${name}: ${error === undefined ? "no error" : String(error)}`);
        continue;
      }
      const lines = error.message.split("\n");
      const { remedy } = error.detail;
      if (error.name !== kind) failures.push(`${name}: ${error.name} in the place of ${kind}`);
      if (!/[.)]$/.test(lines[0])) failures.push(`${name}: what happened is no sentence: ${lines[0]}`);
      if (!lines.some((line) => /^ {4}at .*messages_table\.ts:\d+:\d+\)?$/.test(line))) {
        failures.push(`${name}: no line of the user's: ${error.message}`);
      }
      if (remedy === undefined || lines.at(-1) !== remedy || !/^[A-Z`].*[.)]$/.test(remedy)) {
        failures.push(`${name}: no remedy at the end: ${error.message}`);
      }
      const placed = error.message.replace(/\S*messages_table\.ts:\d+:\d+/g, "messages_table.ts")
        .replace(/messages_table\.ts:\d+/g, "messages_table.ts");
      messages.push(`${name}\n${error.name}: ${placed}`);
    }
    assert(failures.length === 0, failures.join("\n"));
    assertEquals(messages.length, Object.keys(mistakes).length);
    await t.assertSnapshot(messages.join("\n\n"));
  });
}
