/**
 * The bundle without comments, indentation and spaces beside signs; lines and names stay as they are. The time to load a
 * file grows with its size, by some 6 ms for each megabyte, cached code or not.
 */

/** After these a slash begins a regular expression; after names, numbers and closing brackets it divides. */
const BEFORE_EXPRESSION =
  /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|void|delete|throw|new|else|do))\s*$/;

/** What no space need stand beside. */
const CLOSED = new Set("(){}[]<>,;:=?&|!");

// What has no end, in a text that was misread, ends with the text.

/** Where what begins at `start` and ends with `mark` ends; a backslash takes the next character with it. */
function endOfQuoted(text: string, start: number, mark: string): number {
  let at = start + 1;
  for (; at < text.length && text[at] !== mark; at++) if (text[at] === "\\") at++;
  return at + 1;
}

/** Where a regular expression ends, in whose classes a slash is a character like others. */
function endOfExpression(text: string, start: number): number {
  let at = start + 1, inClass = false;
  for (; at < text.length && (inClass || text[at] !== "/"); at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "[") inClass = true;
    else if (text[at] === "]") inClass = false;
  }
  return at + 1;
}

/** Strips a script, whose templates keep every character. */
export function stripText(text: string): string {
  const out: string[] = [];
  /** For each open `${`, how many braces are open inside it. */
  const holes: number[] = [];
  let at = 0;
  while (at < text.length) {
    const character = text[at], start = at;
    if (character === "\n") {
      while (text[at] === "\n" || text[at] === " ") at++;
      // Of a line of comments nothing is left.
      if (out.at(-1) !== "\n") out.push("\n");
      continue;
    }
    if (character === "/" && text[at + 1] === "/") {
      const end = text.indexOf("\n", at);
      at = end < 0 ? text.length : end;
      continue;
    }
    if (character === "/" && text[at + 1] === "*") {
      const end = text.indexOf("*/", at + 2);
      at = end < 0 ? text.length : end + 2;
      if (text[at] !== "\n") out.push(" ");
      continue;
    }
    if (character === " " && (CLOSED.has(text[at + 1]) || CLOSED.has(text[at - 1]))) {
      at++;
      continue;
    }
    if (character === '"' || character === "'") at = endOfQuoted(text, at, character);
    else if (character === "/" && BEFORE_EXPRESSION.test(text.slice(Math.max(0, at - 12), at))) {
      at = endOfExpression(text, at);
    } else if (character === "`" || (character === "}" && holes.at(-1) === 0)) {
      if (character === "}") holes.pop();
      for (at++; at < text.length && text[at] !== "`" && !text.startsWith("${", at); at++) {
        if (text[at] === "\\") at++;
      }
      if (text[at] !== "$") at++;
      else {
        at += 2;
        holes.push(0);
      }
    } else {
      if (holes.length > 0 && character === "{") holes[holes.length - 1]++;
      if (holes.length > 0 && character === "}") holes[holes.length - 1]--;
      at++;
    }
    out.push(text.slice(start, at));
  }
  return out.join("").replace(/^\n+/, "");
}
