import { assertEquals } from "@std/assert";
import { toFileUrl } from "@std/path";
import { markdown, type Row } from "../../bench/gradbench/table.ts";
import { writeSection } from "../../bench/results_page.ts";

const rows: Row[] = [
  {
    module: "gmm",
    size: "d 2",
    own: { primal: 1, derivative: 2.5 },
    native: { primal: 2, derivative: 50 },
    error: 3e-16,
  },
  { module: "saddle", size: "ff", own: { derivative: 4.0001 }, error: 0 },
];

Deno.test("the table has ratios, and factors where there is something to compare with", () => {
  const [head, , gmm, saddle] = markdown(rows).split("\n");
  assertEquals(head.split(" | ").length, 10);
  assertEquals(gmm, "| gmm | d 2 | 1.00 | 2.50 | 2.50 | 3e-16 | 2.00 | 50.0 | 0.50 | 0.05 |");
  assertEquals(saddle, "| saddle | ff |  | 4.00 |  | 0e+0 |  |  |  |  |");
  assertEquals(markdown(rows.slice(1)).split("\n")[0].split(" | ").length, 6);
});

Deno.test("a section is added to a page once, and replaced after that; other sections stay", async () => {
  const folder = await Deno.makeTempDir();
  const page = toFileUrl(`${folder}/RESULTS.md`);
  await Deno.writeTextFile(page, "# Results\n");
  await writeSection("own", "first", page);
  const created = await Deno.readTextFile(page);
  assertEquals(created, "# Results\n\n<!-- own: begin -->\n\nfirst\n\n<!-- own: end -->\n");
  await Deno.writeTextFile(page, created + "\n## Of others\n\ntext\n");
  await writeSection("own", "second", page);
  assertEquals(
    await Deno.readTextFile(page),
    created.replace("first", "second") + "\n## Of others\n\ntext\n",
  );
  await Deno.remove(folder, { recursive: true });
});
