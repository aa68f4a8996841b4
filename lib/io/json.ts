/** What `JSON.parse` does not say about JSON text. */

/** The first name that one object of valid JSON text has twice, if any. */
export function duplicateKey(text: string): string | undefined {
  // The names of every object that is open at this place; null stands for an array.
  const open: (Set<string> | null)[] = [];
  for (let i = 0; i < text.length; i++) {
    switch (text[i]) {
      case "{":
        open.push(new Set());
        break;
      case "[":
        open.push(null);
        break;
      case "}":
      case "]":
        open.pop();
        break;
      case '"': {
        const start = i;
        i = endOfString(text, start);
        const names = open.at(-1);
        if (!names || !isKey(text, i)) break;
        const name: string = JSON.parse(text.slice(start, i + 1));
        if (names.has(name)) return name;
        names.add(name);
      }
    }
  }
  return undefined;
}

/** The place of the quote that closes the string opened at `start`. */
function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
  return i;
}

/** Whether a colon follows the string that ends at `end`. */
function isKey(text: string, end: number): boolean {
  let i = end + 1;
  while (text[i] === " " || text[i] === "\n" || text[i] === "\r" || text[i] === "\t") i++;
  return text[i] === ":";
}
