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

/** Where the parameters of an arrow function end, for one that starts with them in parentheses; -1 for others. */
function endOfParameters(text: string, { start, end }: FunctionRange): number {
  let open = 0;
  for (let at = start; at < end; at++) {
    if (text[at] === "(") open++;
    if (text[at] === ")" && --open === 0) return at + 1;
  }
  return -1;
}

/** Whether a function is an expression, which may stand in parentheses where it is: `=>`, or `function` in a line. */
function isExpression(text: string, range: FunctionRange): boolean {
  const { start, end } = range;
  const whole = text.slice(start, end);
  if (/^(async )?[\w$]+ =>/.test(whole)) return true;
  if (text[start] === "(") {
    const after = endOfParameters(text, range);
    return after >= 0 && text.startsWith(" =>", after);
  }
  return /^function\b/.test(whole) && /[=(,:?] $|[(\[]$/.test(text.slice(Math.max(0, start - 2), start));
}

/**
 * The text with those of the functions in parentheses that are expressions or declared at the start of a line. The
 * latter come first, since a declaration counts from the beginning of its file on.
 */
export function makeEager(text: string, functions: readonly FunctionRange[]): string {
  const declared = functions.map(({ start, end }) =>
    start === 0 || text[start - 1] === "\n"
      ? /^function ([\w$]+)\(/.exec(text.slice(start, end))?.[1]
      : undefined
  );
  const marks: { readonly at: number; readonly mark: string }[] = [];
  functions.forEach((range, i) => {
    if (declared[i] !== undefined || !isExpression(text, range)) return;
    marks.push({ at: range.start, mark: "(" }, { at: range.end, mark: ")" });
  });
  marks.sort((a, b) => a.at - b.at);
  let next = 0;
  const marked = (from: number, to: number): string => {
    const parts: string[] = [];
    let done = from;
    for (; next < marks.length && marks[next].at < to; next++) {
      parts.push(text.slice(done, marks[next].at), marks[next].mark);
      done = marks[next].at;
    }
    return parts.join("") + text.slice(done, to);
  };
  const eager: string[] = [], rest: string[] = [];
  let done = 0;
  functions.forEach(({ start, end }, i) => {
    if (declared[i] === undefined || start < done) return;
    rest.push(marked(done, start));
    eager.push(`var ${declared[i]} = (${marked(start, end)});\n`);
    done = end;
  });
  return eager.join("") + rest.join("") + marked(done, text.length);
}
