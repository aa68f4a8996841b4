/** The text of an einsum as lists of labels. */
import { ShapeError } from "../errors.ts";
import type { Tensor } from "../tensor.ts";

/** One label for each axis; axes that `...` stands for have labels `...0`, `...1`, counted from the last. */
export interface EinsumSpec {
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
}

function fail(spec: string, operands: readonly Tensor[], what: string, remedy: string): ShapeError {
  return new ShapeError(`einsum "${spec}": ${what}.`, {
    operation: "einsum",
    arguments: operands.map((x, i) => ({ name: `xs[${i}]`, shape: x.shape, dtype: x.dtype })),
    remedy,
  });
}

/** Reads `"ij,jk->ik"` against the operands. */
export function parseEinsum(spec: string, operands: readonly Tensor[]): EinsumSpec {
  const form = /^([A-Za-z.,\s]*)(?:->([A-Za-z.\s]*))?$/.exec(spec);
  if (!form) {
    throw fail(
      spec,
      operands,
      "it is not understood",
      `Write letters, commas, "..." and "->", as in "ij,jk->ik".`,
    );
  }
  const texts = form[1].split(",").map((text) => text.replace(/\s/g, ""));
  if (texts.length !== operands.length || operands.length === 0) {
    throw fail(
      spec,
      operands,
      `it names ${texts.length} operands and ${operands.length} were given`,
      "Separate the letters of the operands by commas.",
    );
  }
  let widest = 0;
  const inputs = texts.map((text, i) => {
    const letters = lettersOf(spec, operands, text);
    const rank = operands[i].ndim, named = letters.filter((letter) => letter !== "...").length;
    if (named > rank || (named < rank && !letters.includes("..."))) {
      throw fail(
        spec,
        operands,
        `operand ${i} has ${rank} axes and "${text}" names ${named}`,
        `Name every axis of an operand, or write "..." for those that are left.`,
      );
    }
    if (letters.includes("...")) widest = Math.max(widest, rank - named);
    return letters.flatMap((letter) => letter === "..." ? ellipsis(rank - named) : [letter]);
  });
  const output = form[2] === undefined
    ? [...ellipsis(widest), ...onceOnly(inputs)]
    : lettersOf(spec, operands, form[2].replace(/\s/g, "")).flatMap((letter) =>
      letter === "..." ? ellipsis(widest) : [letter]
    );
  checkOutput(spec, operands, inputs, output);
  return { inputs, output };
}

/** Labels for `count` axes, so that axes of different operands align from the last one. */
function ellipsis(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `...${count - 1 - i}`);
}

function lettersOf(spec: string, operands: readonly Tensor[], text: string): string[] {
  const letters = text.match(/\.\.\.|[A-Za-z]/g) ?? [];
  if (letters.join("") !== text || letters.filter((letter) => letter === "...").length > 1) {
    throw fail(spec, operands, `"${text}" is not understood`, `Write "..." at most once for each operand.`);
  }
  return letters;
}

/** The letters that occur once in all operands together, sorted. */
function onceOnly(inputs: readonly (readonly string[])[]): string[] {
  const counts = new Map<string, number>();
  for (const label of inputs.flat()) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].filter(([label, count]) => count === 1 && !label.startsWith("...")).map(([label]) =>
    label
  )
    .sort();
}

function checkOutput(
  spec: string,
  operands: readonly Tensor[],
  inputs: readonly (readonly string[])[],
  output: readonly string[],
): void {
  const known = new Set(inputs.flat());
  const unknown = output.find((label) => !known.has(label));
  if (unknown !== undefined) {
    throw fail(
      spec,
      operands,
      `the result names "${unknown}", which no operand has`,
      "Use letters of the operands.",
    );
  }
  if (new Set(output).size !== output.length) {
    throw fail(spec, operands, "the result names a letter twice", "Name each letter of the result once.");
  }
}
