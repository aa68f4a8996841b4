/**
 * `deno task theano` writes docs/from_theano.md from docs/from_theano.json: for everything Theano has, what to write here
 * and the test that shows it. With `--check` it only compares.
 */
const root = new URL("../", import.meta.url);
const source = new URL("docs/from_theano.json", root);
const target = new URL("docs/from_theano.md", root);

/** A test by its file and by its name. */
export interface ShowingTest {
  readonly file: string;
  readonly name: string;
}

/** One capability of Theano; it has a test, a reason why it needs none, or says what is missing. */
export interface TheanoRow {
  readonly id: string;
  /** A: its guide shows it; B: practitioners use it. */
  readonly priority: "A" | "B";
  readonly theano: string;
  readonly here: string;
  readonly test?: ShowingTest;
  readonly why?: string;
  readonly missing?: string;
}

/** The data file. */
export interface TheanoData {
  readonly differences: readonly string[];
  /** All rows that there have to be, in order. */
  readonly ids: readonly string[];
  readonly sections: readonly { readonly title: string; readonly rows: readonly TheanoRow[] }[];
}

/** What docs/from_theano.json holds. */
export function theanoData(): TheanoData {
  return JSON.parse(Deno.readTextFileSync(source));
}

function shownBy({ test, why, missing }: TheanoRow): string {
  const parts = [
    test ? `[${test.file.replace(/^tests\/|_test\.ts$/g, "")}](../${test.file}): ${test.name}` : "",
    why ? `no meaning any more: ${why}` : "",
    missing ? `**missing:** ${missing}` : "",
  ];
  return parts.filter((part) => part !== "").join("; ");
}

function tableRow(row: TheanoRow): string {
  const cells = [row.id, row.theano, row.here, shownBy(row)];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

/** The page. */
export function theanoPage({ differences, sections }: TheanoData): string {
  const rows = sections.flatMap((section) => section.rows);
  const shown = rows.filter(({ test }) => test).length, meaningless = rows.filter(({ why }) => why).length;
  const missing = rows.filter((row) => row.missing);
  const parts = [
    "# From Theano",
    "",
    "What Theano has, and what to write here. `x.f(...)` and `f(x, ...)` are the same wherever both exist; everything is an " +
    "export of `@damo/damo`. Programs for each topic stand in [the guide](guide.md).",
    "",
    `Of ${rows.length} capabilities ${shown} are shown by a test, which the last column names; ${meaningless} have no meaning ` +
    `any more. ${missing.length} are missing or have a part that is: ${
      missing.map(({ id }) => id).join(", ") || "none"
    }.`,
    "",
    "## What is different",
    "",
    ...differences.map((difference) => `- ${difference}`),
  ];
  for (const { title, rows } of sections) {
    parts.push(
      "",
      `## ${title}`,
      "",
      "| | Theano | here | shown by |",
      "| - | - | - | - |",
      ...rows.map(tableRow),
    );
  }
  return `${parts.join("\n")}\n`;
}

/** True when the page is what the data make of it. */
export function theanoPageIsFresh(): boolean {
  return Deno.readTextFileSync(target) === theanoPage(theanoData());
}

if (import.meta.main) {
  if (!Deno.args.includes("--check")) Deno.writeTextFileSync(target, theanoPage(theanoData()));
  else if (!theanoPageIsFresh()) {
    console.error("docs/from_theano.md is out of date: run deno task theano.");
    Deno.exit(1);
  }
}
