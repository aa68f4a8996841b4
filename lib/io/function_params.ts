/** How parameters of primitives are written in a file and checked when they are read back. */
import { type DType, isDType } from "../trace/dtype.ts";
import type { Graph } from "../trace/graph.ts";
import { Location } from "../trace/location.ts";
import type { Aval } from "../trace/shape.ts";
import { refuse } from "./file_array.ts";

/** JSON values. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Where sub-graphs go while a graph is written. */
export interface ParamWriter {
  /** The number under which the file has the graph. */
  graph(graph: Graph): number;
  location(location: Location | null): Json;
}

/** What a parameter is checked against. */
export interface ParamReader {
  /** The node in messages. */
  readonly where: string;
  readonly inputs: readonly Aval[];
  graph(index: unknown): Graph;
  location(value: unknown): Location | null;
}

/** One kind of parameter. */
export interface ParamForm {
  write(value: unknown, writer: ParamWriter): Json;
  read(value: unknown, reader: ParamReader): unknown;
}

function plain(read: (value: unknown, reader: ParamReader) => unknown): ParamForm {
  return { write: (value) => value as Json, read };
}

function bad(reader: ParamReader, what: string, value: unknown): never {
  refuse(`${reader.where}: ${JSON.stringify(value) ?? String(value)} is not ${what}.`);
}

function isIntegerFrom(value: unknown, low: number): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= low;
}

function list(what: string, fits: (item: unknown) => boolean): ParamForm {
  return plain((value, reader) =>
    Array.isArray(value) && value.every(fits) ? value : bad(reader, what, value)
  );
}

const SPECIAL: { readonly [text: string]: number } = {
  NaN: NaN,
  Infinity: Infinity,
  "-Infinity": -Infinity,
  "-0": -0,
};

/** Any number; those that JSON does not have are written as text. */
export const numberForm: ParamForm = {
  write(value) {
    const number = value as number;
    return Object.is(number, -0) ? "-0" : Number.isFinite(number) ? number : String(number);
  },
  read(value, reader) {
    if (typeof value === "number") return value;
    if (typeof value === "string" && Object.hasOwn(SPECIAL, value)) return SPECIAL[value];
    bad(reader, "a number", value);
  },
};

export const booleanForm: ParamForm = plain((value, reader) =>
  typeof value === "boolean" ? value : bad(reader, "true or false", value)
);

export const textForm: ParamForm = plain((value, reader) =>
  typeof value === "string" ? value : bad(reader, "a text", value)
);

export const dtypeForm: ParamForm = plain((value, reader): DType =>
  isDType(value) ? value : bad(reader, "a dtype", value)
);

/** An integer from `low` on. */
export function integerForm(low: number): ParamForm {
  return plain((value, reader) =>
    isIntegerFrom(value, low) ? value : bad(reader, `an integer from ${low} on`, value)
  );
}

/** Integers from `low` on. */
export function integersForm(low: number): ParamForm {
  return list(`a list of integers from ${low} on`, (item) => isIntegerFrom(item, low));
}

/** Integers of either sign. */
export const signedForm: ParamForm = integersForm(-Number.MAX_SAFE_INTEGER);

/** Pairs of integers of either sign. */
export const pairsForm: ParamForm = list(
  "a list of pairs of integers",
  (item) => Array.isArray(item) && item.length === 2 && item.every(Number.isSafeInteger),
);

/** One of several texts. */
export function choiceForm(...choices: readonly string[]): ParamForm {
  return plain((value, reader) =>
    choices.includes(value as string) ? value : bad(reader, `one of ${choices.join(", ")}`, value)
  );
}

/** A list of some of several texts. */
export function choicesForm(...choices: readonly string[]): ParamForm {
  return list(`a list of ${choices.join(", ")}`, (item) => choices.includes(item as string));
}

/** An axis of an input. */
export const axisForm: ParamForm = plain((value, reader) =>
  isIntegerFrom(value, 0) && value < reader.inputs[0].shape.length ? value : bad(reader, "an axis", value)
);

/** Different axes of input `index`. */
export function axesForm(index = 0): ParamForm {
  return plain((value, reader) => {
    const rank = reader.inputs[index].shape.length;
    const fits = Array.isArray(value) && new Set(value).size === value.length &&
      value.every((axis) => isIntegerFrom(axis, 0) && axis < rank);
    return fits ? value : bad(reader, `a list of axes of an input of ${rank}`, value);
  });
}

/** A sub-graph, written before the graph that uses it. */
export const graphForm: ParamForm = {
  write: (value, writer) => writer.graph(value as Graph),
  read: (value, reader) => reader.graph(value),
};

/** A sub-graph or null. */
export const optionalGraphForm: ParamForm = {
  write: (value, writer) => value === null ? null : writer.graph(value as Graph),
  read: (value, reader) => value === null ? null : reader.graph(value),
};

/** One or more sub-graphs. */
export const graphsForm: ParamForm = {
  write: (value, writer) => (value as readonly Graph[]).map((graph) => writer.graph(graph)),
  read: (value, reader) =>
    Array.isArray(value) && value.length > 0
      ? value.map((index) => reader.graph(index))
      : bad(reader, "a list of graphs", value),
};

/** A place in the user's code, or null. */
export const optionalLocationForm: ParamForm = {
  write: (value, writer) => writer.location(value as Location | null),
  read: (value, reader) => reader.location(value),
};

/** A place in the user's code; one without a frame where the file has none. */
export const locationForm: ParamForm = {
  write: (value, writer) => writer.location(value as Location | null),
  read: (value, reader) => reader.location(value) ?? new Location(null),
};
