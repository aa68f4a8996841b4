/**
 * Where `@std` comes from. Users' machines reach JSR; one without it uses the stand-ins of
 * tests/std, which have the same functions. `DAMO_STD=stand-in` or `DAMO_STD=jsr` decides by hand.
 */

const root: string = new URL("..", import.meta.url).pathname;
const standIns: string = `${root}tests/std/import_map.json`;

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

/** The flags with which `deno test` and `deno check` find `@std`. */
export async function stdFlags(): Promise<string[]> {
  const chosen = Deno.env.get("DAMO_STD");
  if (chosen !== undefined && chosen !== "jsr" && chosen !== "stand-in") {
    throw new Error(`DAMO_STD is "${chosen}": use "stand-in" or "jsr"`);
  }
  const jsr = chosen ? chosen === "jsr" : await jsrAnswers();
  return jsr ? [] : [`--import-map=${standIns}`];
}

/** The repository's root folder. */
export { root };
