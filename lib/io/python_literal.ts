/** The Python literals that the header of a .npy file is made of, and nothing beyond them. */
import { refuse } from "./file_array.ts";

/** A literal: text, a number, a truth value, or a tuple or list of literals. */
export type PythonValue = string | number | boolean | null | PythonValue[];

/** Deeper nesting than any dtype has. */
const MAX_DEPTH = 16;

const TOKEN =
  /\s*(?:('(?:[^'\\\n]|\\[\\'"])*'|"(?:[^"\\\n]|\\[\\'"])*")|(-?\d+)L?|(True|False|None)|([{}()[\]:,]))/y;

interface Token {
  readonly kind: "text" | "number" | "word" | "mark";
  readonly value: string;
}

/** Reads a dict with names as keys; white space may follow it, nothing else. */
export function parsePythonDict(text: string, where: string): Map<string, PythonValue> {
  const tokens = tokenize(text, where);
  let next = 0;

  function at(mark: string): boolean {
    return tokens[next]?.kind === "mark" && tokens[next].value === mark;
  }

  function take(mark?: string): Token {
    const fits = mark === undefined ? next < tokens.length : at(mark);
    const token = tokens[next++];
    if (!fits) {
      refuse(
        `${where}: the header is not a Python dict (${mark ? `"${mark}" expected` : "it ends too early"}).`,
      );
    }
    return token;
  }

  function sequence(close: string, depth: number): PythonValue[] {
    const items: PythonValue[] = [];
    while (!at(close)) {
      items.push(value(depth + 1));
      if (!at(close)) take(",");
    }
    take(close);
    return items;
  }

  function value(depth: number): PythonValue {
    if (depth > MAX_DEPTH) refuse(`${where}: the header is nested too deeply.`);
    const token = take();
    switch (token.kind) {
      case "text":
        return token.value;
      case "number":
        return Number(token.value);
      case "word":
        return token.value === "None" ? null : token.value === "True";
      case "mark":
        if (token.value === "(") return sequence(")", depth);
        if (token.value === "[") return sequence("]", depth);
        refuse(`${where}: unexpected "${token.value}" in the header.`);
    }
  }

  const entries = new Map<string, PythonValue>();
  take("{");
  while (!at("}")) {
    const key = take();
    if (key.kind !== "text") refuse(`${where}: the header has a field whose name is not text.`);
    if (entries.has(key.value)) refuse(`${where}: the header has the field "${key.value}" twice.`);
    take(":");
    entries.set(key.value, value(0));
    if (!at("}")) take(",");
  }
  take("}");
  if (next !== tokens.length) refuse(`${where}: the header goes on after its dict.`);
  return entries;
}

function tokenize(text: string, where: string): Token[] {
  const source = text.trimEnd();
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (!match) {
      TOKEN.lastIndex = 0;
      refuse(`${where}: the header cannot be read at "${source.slice(at, at + 20)}".`);
    }
    const [, quoted, number, word, mark] = match;
    if (quoted !== undefined) {
      tokens.push({ kind: "text", value: quoted.slice(1, -1).replace(/\\(.)/g, "$1") });
    } else if (number !== undefined) tokens.push({ kind: "number", value: number });
    else if (word !== undefined) tokens.push({ kind: "word", value: word });
    else tokens.push({ kind: "mark", value: mark });
  }
  return tokens;
}
