/**
 * Writes docs/errors.md: one section for each class of errors, with a snippet that was run and the message it gave.
 * `deno run --allow-read --allow-write=docs tools/errors_doc.ts`; with `--check` it only compares.
 */
import { DamoError } from "../mod.ts";
import { SECTIONS } from "./errors_sections.ts";

const target = new URL("../docs/errors.md", import.meta.url);
const source = new URL("./errors_sections.ts", import.meta.url);

/** Paths of this machine become the name of the file; lines and columns that of the snippet. */
function general(message: string, firstLine: number): string {
  return message
    .replace(
      /(?:[\w.<>]+ \()?file:\/\/[^\s]*?errors_sections\.ts:(\d+):(\d+)\)?/g,
      (_, line) => `example.ts:${Number(line) - firstLine + 1}`,
    )
    .replace(/errors_sections\.ts:(\d+)/g, (_, line) => `example.ts:${Number(line) - firstLine + 1}`);
}

/** The body of the `run` of each section as it stands in the source, and the line it begins on. */
function snippets(text: string): { lines: string[]; first: number }[] {
  const lines = text.split("\n");
  return lines.flatMap((line, start) => {
    if (!/^ {4}run\(\)/.test(line)) return [];
    const end = lines.findIndex((other, i) => i > start && other === "    },");
    return [{ lines: lines.slice(start + 1, end).map((inner) => inner.slice(6)), first: start + 2 }];
  });
}

/** Prose in lines as wide as the formatter makes them. */
function wrapped(text: string): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.length - 1;
    if (lines[last] === "") lines[last] = word;
    else if (lines[last].length + 1 + word.length <= 110) lines[last] += ` ${word}`;
    else lines.push(word);
  }
  return lines.join("\n");
}

/** The page. */
export function errorsPage(): string {
  const parts = [
    "# Errors",
    "",
    wrapped(
      "Every error that Damo throws on purpose is a `DamoError`. Its message says what happened, with the operation, the " +
        "arguments, shapes and dtypes; then where you wrote the operation (also for what a gradient or a loop made of it), " +
        "then what to do. `error.detail` has the same as data: `operation`, `arguments`, `location`, `transforms`, `remedy`. " +
        "The stack begins with your own frame.",
    ),
    "",
    "Each snippet below was run to write this page: `tools/errors_doc.ts`.",
  ];
  const codes = snippets(Deno.readTextFileSync(source));
  SECTIONS.forEach(({ name, text, run }, i) => {
    let message: string | undefined;
    try {
      run();
    } catch (error) {
      if (!(error instanceof DamoError) || error.name !== name) throw error;
      message = general(error.message, codes[i].first);
    }
    if (message === undefined) throw new Error(`The snippet of ${name} threw nothing.`);
    parts.push(
      "",
      `## ${name}`,
      "",
      wrapped(text),
      "",
      "```ts",
      ...codes[i].lines,
      "```",
      "",
      "```text",
      message,
      "```",
    );
  });
  return `${parts.join("\n")}\n`;
}

if (import.meta.main) {
  const page = errorsPage();
  if (!Deno.args.includes("--check")) Deno.writeTextFileSync(target, page);
  else if (Deno.readTextFileSync(target) !== page) {
    console.error("docs/errors.md is out of date: run tools/errors_doc.ts.");
    Deno.exit(1);
  }
}
