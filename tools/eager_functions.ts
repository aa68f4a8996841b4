/**
 * Which functions of the bundle the engine should compile while it loads the file. It compiles others when they are
 * called, which takes half of the time of a first call; what it compiles with the file Deno keeps in its cache of code.
 * V8 and others take parentheses around a function for a sign that it is called soon.
 */

/** What `deno run --coverage` writes of a script. */
interface ScriptCoverage {
  readonly url: string;
  readonly functions: readonly {
    readonly ranges: readonly {
      readonly startOffset: number;
      readonly endOffset: number;
      readonly count: number;
    }[];
  }[];
}

/** Where a function lies in a text. */
export interface FunctionRange {
  readonly start: number;
  readonly end: number;
}

/** The functions of a script that ran, from the coverage in a folder. */
async function functionsThatRan(folder: string, url: string): Promise<FunctionRange[]> {
  const found: FunctionRange[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".json")) continue;
    const coverage: ScriptCoverage = JSON.parse(await Deno.readTextFile(`${folder}/${name}`));
    if (coverage.url !== url) continue;
    for (const { ranges: [whole] } of coverage.functions) {
      if (whole.count > 0) found.push({ start: whole.startOffset, end: whole.endOffset });
    }
  }
  return found.sort((a, b) => a.start - b.start);
}

/** The functions of a script that run when a program does which loads it; `folder` is a place for the coverage. */
export async function functionsRunBy(
  program: string,
  script: string,
  folder: string,
): Promise<FunctionRange[]> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--quiet", `--coverage=${folder}`, program],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`${program} failed.\n${new TextDecoder().decode(stderr)}`);
  return await functionsThatRan(folder, new URL(script, "file://").href);
}

/**
 * The text with those of the functions that are declared at the start of a line, in parentheses. They come first, since
 * a declaration counts from the beginning of its file on.
 */
export function makeEager(text: string, functions: readonly FunctionRange[]): string {
  const eager: string[] = [], rest: string[] = [];
  let done = 0;
  for (const { start, end } of functions) {
    const name = /^function ([\w$]+)\(/.exec(text.slice(start, end))?.[1];
    if (name === undefined || start < done || (start > 0 && text[start - 1] !== "\n")) continue;
    eager.push(`var ${name} = (${text.slice(start, end)});\n`);
    rest.push(text.slice(done, start));
    done = end;
  }
  return eager.join("") + rest.join("") + text.slice(done);
}
