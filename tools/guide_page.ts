/**
 * `deno run --allow-read --allow-write tools/guide_page.ts`: makes docs/guide.md of the files of examples/guide. The comment at the
 * top of each gives the title, before the first full stop or colon, and the text; the rest is shown as it is. `deno task guide` fails when
 * the page is older than the files.
 */
import { root } from "./std.ts";

const PAGE = `${root}docs/guide.md`;
const FOLDER = `${root}examples/guide`;

const INTRODUCTION = `# The guide

Every program here is a file of [examples/guide](../examples/guide/) that \`deno task guide\` runs; \`expect\` throws
unless the numbers are right. They follow the course of "Theano, a short practical guide", topic by topic; what Theano's
readers will find different stands before each. The convolutional network that learns MNIST is
[examples/lenet.ts](../examples/lenet.ts) (\`deno task lenet\`). This page is made of these files by
\`tools/guide_page.ts\`.
`;

interface Topic {
  readonly file: string;
  readonly title: string;
  readonly text: string;
  readonly code: string;
}

function readTopic(file: string, source: string): Topic {
  const match = /^\/\*\*\n([\s\S]*?)\n \*\/\n([\s\S]*)$/.exec(source);
  if (!match) throw new Error(`${file} does not begin with a comment`);
  const [summary, ...paragraphs] = match[1].replace(/^ \* ?/gm, "").split("\n\n");
  const title = /^[^:.,]+/.exec(summary)![0];
  return { file, title, text: [summary, ...paragraphs].join("\n\n"), code: match[2].trim() };
}

async function readTopics(): Promise<Topic[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(FOLDER)) if (name.endsWith(".ts")) names.push(name);
  return await Promise.all(
    names.sort().map(async (name) => readTopic(name, await Deno.readTextFile(`${FOLDER}/${name}`))),
  );
}

function anchor(title: string): string {
  return title.toLowerCase().replace(/[^a-z0-9 -]/g, "").replaceAll(" ", "-");
}

/** The page as it must be. */
export async function guidePage(): Promise<string> {
  const topics = await readTopics();
  const contents = topics.map(({ title }, i) => `${i + 1}. [${title}](#${anchor(title)})`).join("\n");
  const sections = topics.map(({ file, title, text, code }) =>
    `## ${title}\n\n${text}\n\n[${file}](../examples/guide/${file})\n\n\`\`\`ts ignore\n${code}\n\`\`\`\n`
  );
  return [INTRODUCTION, `${contents}\n`, ...sections].join("\n");
}

/** Whether docs/guide.md is what the examples make of it. */
export async function guidePageIsFresh(): Promise<boolean> {
  const present = await Deno.readTextFile(PAGE).catch(() => "");
  return present === await guidePage();
}

if (import.meta.main) await Deno.writeTextFile(PAGE, await guidePage());
