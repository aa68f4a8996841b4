import { assert } from "@std/assert";
import { guidePage, guidePageIsFresh } from "../../tools/guide_page.ts";

Deno.test("docs/guide.md is what the examples make of it", async () => {
  assert(await guidePageIsFresh(), "run tools/guide_page.ts");
  const page = await guidePage();
  for (const topic of ["First functions", "Loops", "Convolution and pooling", "New operations"]) {
    assert(page.includes(`\n## ${topic}\n`), topic);
  }
});
