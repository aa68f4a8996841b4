/**
 * The user's name for a value, read from the line it was written on: `h` of `const h = loop.state(h0)`. Errors alone ask
 * for it, and no permission is asked for: where the source must not be read there is no name.
 */
import type { Location } from "./location.ts";

interface DenoFiles {
  readonly permissions: {
    querySync(descriptor: { name: "read"; path: string | URL }): { readonly state: string };
  };
  readTextFileSync(path: string | URL): string;
}

interface NodeProcess {
  getBuiltinModule?(name: string): { readFileSync(path: string | URL, encoding: "utf8"): string };
}

function readSource(file: string): string | null {
  const runtime = globalThis as { Deno?: DenoFiles; process?: NodeProcess };
  const deno = runtime.Deno;
  try {
    const path = file.startsWith("file:") ? new URL(file) : file;
    if (deno) {
      const { state } = deno.permissions.querySync({ name: "read", path });
      return state === "granted" ? deno.readTextFileSync(path) : null;
    }
    // Not read before: in Deno the first look at `process` loads Node's modules, for tens of milliseconds.
    return runtime.process?.getBuiltinModule?.("node:fs").readFileSync(path, "utf8") ?? null;
  } catch {
    // The file may be gone, or never have been one.
    return null;
  }
}

/** `name =` or `name: type =`, but no comparison and no arrow. */
const ASSIGNMENT = /(?:^|[^\w$.])(?:this\.)?([A-Za-z_$][\w$]*)(?:\.value)?\s*(?::[^=;()]*)?=(?![=>])/g;
const PROPERTY = /([A-Za-z_$][\w$]*)\s*:\s*[\w$.]*$/;

/** The name that the code before a position on its line assigns to; undefined where none is found. */
function nameIn(before: string): string | undefined {
  let found: string | undefined;
  for (const match of before.matchAll(ASSIGNMENT)) {
    if (!/[=!<>]$/.test(before.slice(0, match.index + match[0].length - 1).trimEnd())) found = match[1];
  }
  return found ?? PROPERTY.exec(before)?.[1];
}

/** The line of the source at a place, and the one above it. */
function linesAt(
  location: Location | null | undefined,
): { readonly line: string; readonly above: string; readonly column: number } | undefined {
  const frame = location?.frame;
  const lines = frame && readSource(frame.file)?.split("\n");
  const line = lines?.[frame!.line - 1];
  if (!lines || line === undefined) return undefined;
  return { line, above: lines[frame!.line - 2] ?? "", column: frame!.column - 1 };
}

/** The name of the variable, or property, whose value is written at `location`. */
export function declaredName(location: Location | null | undefined): string | undefined {
  const lines = linesAt(location);
  if (!lines) return undefined;
  const before = lines.line.slice(0, lines.column);
  // The declaration may stand on the line above.
  const above = /^\s*[\w$.]*$/.test(before) ? lines.above : "";
  return nameIn(`${/=\s*[\w$.]*$/.test(above) ? above : ""} ${before}`);
}

const LOOP_HEAD = /\bfor\s*\(\s*(?:const|let|var)\s+([A-Za-z_$][\w$]*)\s+of\s/g;

/** The name of the variable of the `for...of` statement whose head is at `location`. */
export function loopVariableName(location: Location | null | undefined): string | undefined {
  const lines = linesAt(location);
  if (!lines) return undefined;
  const heads = [...lines.line.matchAll(LOOP_HEAD)];
  return heads.filter(({ index }) => index <= lines.column).at(-1)?.[1];
}
