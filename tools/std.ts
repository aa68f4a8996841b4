/**
 * Where tests find their imports: `@damo/damo` in the sources rather than in the bundle, so that a change is tested
 * at once and a test may import what lies inside; `@std` on JSR, and on a machine that cannot reach it in tests/std,
 * stand-ins with the same functions. `DAMO_STD=stand-in` or `DAMO_STD=jsr` decides by hand.
 */

const root: string = new URL("..", import.meta.url).pathname;

/** Milliseconds after which JSR counts as out of reach. */
const PATIENCE = 2000;

async function jsrAnswers(): Promise<boolean> {
  try {
    const response = await fetch("https://jsr.io/@std/assert/meta.json", {
      signal: AbortSignal.timeout(PATIENCE),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/** The flags with which `deno test` and `deno check` find what tests import. */
export async function stdFlags(): Promise<string[]> {
  const chosen = Deno.env.get("DAMO_STD");
  if (chosen !== undefined && chosen !== "jsr" && chosen !== "stand-in") {
    throw new Error(`DAMO_STD is "${chosen}": use "stand-in" or "jsr"`);
  }
  const jsr = chosen ? chosen === "jsr" : await jsrAnswers();
  return [`--import-map=${root}tests/std/${jsr ? "jsr_import_map" : "import_map"}.json`];
}

/** The repository's root folder. */
export { root };
