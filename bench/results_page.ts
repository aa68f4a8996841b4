/** bench/RESULTS.md: a section for each task that measures, each written by its task alone. */

const PAGE = new URL("RESULTS.md", import.meta.url);

/** Replaces what stands between the marks of a section, or adds the section at the end of the page. */
export async function writeSection(name: string, text: string, file: URL = PAGE): Promise<void> {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const page = await Deno.readTextFile(file);
  const section = `${begin}\n\n${text.trim()}\n\n${end}`;
  const from = page.indexOf(begin), to = page.indexOf(end);
  const next = from >= 0 && to > from
    ? page.slice(0, from) + section + page.slice(to + end.length)
    : `${page.trimEnd()}\n\n${section}\n`;
  await Deno.writeTextFile(file, next);
}
