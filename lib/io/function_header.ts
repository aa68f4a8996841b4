/**
 * The header of an exported function, as JSON:
 *
 *     name        what the function is called
 *     arguments   [name, structure] of each
 *     leaves      what the leaves of the arguments are, in order: a type, or for a plain number
 *                 { "number": true | false | null }: integral, fractional, either
 *     result      the structure of the result
 *     captured    how many tensors it captured: the arrays "captured.0", ...
 *     state       the names of its shared variables, whose values are the arrays "state.0", ...
 *     reads       which of them it reads, and `writes` which it updates
 *     donated     the leaves whose buffers a call takes over
 *     ownRules    whether operations with derivative rules of the user's own were in it
 *     graphs      see function_graph.ts: the inputs of the last are leaves, captured, reads; its outputs results, writes
 *     locations   the places in the source that nodes name
 *
 * A structure is "*" for a leaf, { "array": [...] }, { "object": [[key, structure], ...] } or { "static": value }.
 */
import type { Graph } from "../trace/graph.ts";
import { type Aval, describe, sameAval } from "../trace/shape.ts";
import { countLeaves, type TreeSpec } from "../trace/tree.ts";
import { describeShape, type NamedArrays, refuse } from "./file_array.ts";
import { readGraphs, readType, writeGraphs, writeType } from "./function_graph.ts";
import { type Json, numberForm } from "./function_params.ts";

/** A leaf of the arguments. */
export type FunctionLeaf =
  | { readonly kind: "tensor"; readonly aval: Aval }
  | { readonly kind: "number"; readonly integral: boolean | null };

/** A function as a file has it, but for the values of its tensors. */
export interface FunctionDescription {
  readonly name: string;
  readonly arguments: readonly { readonly name: string; readonly spec: TreeSpec }[];
  readonly leaves: readonly FunctionLeaf[];
  readonly result: TreeSpec;
  readonly captured: number;
  readonly state: readonly string[];
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  readonly donated: readonly number[];
  readonly ownRules: boolean;
  readonly graph: Graph;
}

/** The header of a function. */
export function writeHeader(description: FunctionDescription): Json {
  const { name, captured, state, reads, writes, donated, ownRules } = description;
  return {
    name,
    arguments: description.arguments.map(({ name, spec }) => [name, writeSpec(spec, `argument ${name}`)]),
    leaves: description.leaves.map((leaf) =>
      leaf.kind === "tensor" ? writeType(leaf.aval) : { number: leaf.integral }
    ),
    result: writeSpec(description.result, "the result"),
    captured,
    state,
    reads,
    writes,
    donated,
    ownRules,
    ...writeGraphs(description.graph, name),
  };
}

/** Reads and checks a header against the arrays of its file. */
export function readHeader(header: unknown, arrays: NamedArrays): FunctionDescription {
  const fields = record(header, "The header");
  const { name, captured, ownRules } = fields;
  if (typeof name !== "string") refuse("The function in the file has no name.");
  if (!isCount(captured)) refuse(`The file names ${JSON.stringify(captured)} captured tensors.`);
  if (typeof ownRules !== "boolean") refuse("The file does not say whether derivative rules were in it.");
  const leaves = array(fields.leaves, "leaves").map((leaf, i) => readLeaf(leaf, `Leaf ${i}`));
  const state = array(fields.state, "state").map((item) =>
    typeof item === "string" ? item : refuse("A shared variable of the file has no name.")
  );
  const description: FunctionDescription = {
    name,
    arguments: array(fields.arguments, "arguments").map((argument) => {
      const [name, spec] = Array.isArray(argument) ? argument : [];
      if (typeof name !== "string") refuse("An argument in the file has no name.");
      return { name, spec: readSpec(spec, `Argument ${name}`) };
    }),
    leaves,
    result: readSpec(fields.result, "The result"),
    captured,
    state,
    reads: positions(fields.reads, "reads", state.length),
    writes: positions(fields.writes, "writes", state.length),
    donated: positions(fields.donated, "donated", leaves.length),
    ownRules,
    graph: readGraphs(fields.graphs, fields.locations),
  };
  checkInputs(description, arrays);
  checkOutputs(description, arrays);
  return description;
}

function checkInputs(description: FunctionDescription, arrays: NamedArrays): void {
  const { leaves, reads, captured, state, donated, graph } = description;
  const places = description.arguments.reduce((sum, { spec }) => sum + countLeaves(spec), 0);
  if (places !== leaves.length) refuse(`The arguments have ${places} leaves and the file ${leaves.length}.`);
  if (arrays.size !== captured + state.length) {
    refuse(`The file has ${arrays.size} arrays instead of ${captured + state.length}.`);
  }
  const wanted = leaves.length + captured + reads.length;
  if (graph.inputs.length !== wanted) {
    refuse(`The graph has ${graph.inputs.length} inputs instead of ${wanted}.`);
  }
  graph.inputs.forEach(({ aval }, i) => {
    const leaf = leaves[i];
    if (leaf?.kind === "number") {
      if (aval.weak && aval.shape.length === 0 && aval.dtype.startsWith("float")) return;
      refuse(`Input ${i} of the graph is ${describe(aval)} instead of a plain number.`);
    }
    const given = leaf
      ? leaf.aval
      : i < leaves.length + captured
      ? arrayType(arrays, `captured.${i - leaves.length}`)
      : arrayType(arrays, `state.${reads[i - leaves.length - captured]}`);
    if (aval.weak || !sameAval(aval, given)) {
      refuse(`Input ${i} of the graph is ${describe(aval)} and is given ${describe(given)}.`);
    }
  });
  if (donated.some((i) => leaves[i].kind === "number")) refuse("The file donates a plain number.");
}

function checkOutputs({ result, writes, graph }: FunctionDescription, arrays: NamedArrays): void {
  const results = countLeaves(result);
  if (graph.outputs.length !== results + writes.length) {
    refuse(`The graph has ${graph.outputs.length} outputs instead of ${results + writes.length}.`);
  }
  graph.outputs.forEach(({ aval }, i) => {
    if (aval.shape[0] < 0) refuse(`Output ${i} of the graph has no size.`);
    if (i < results) return;
    const given = arrayType(arrays, `state.${writes[i - results]}`);
    if (!sameAval(aval, given)) {
      refuse(`The state is ${describe(given)} and is assigned ${describe(aval)}.`);
    }
  });
}

function arrayType(arrays: NamedArrays, name: string): Aval {
  return arrays.get(name) ?? refuse(`The file has no array "${name}".`);
}

function readLeaf(value: unknown, where: string): FunctionLeaf {
  if (Array.isArray(value)) {
    const aval = readType(value, where);
    if (aval.weak || aval.shape[0] < 0) refuse(`${where}: ${describeShape(aval.shape)} is no argument.`);
    return { kind: "tensor", aval };
  }
  const { number } = record(value, where);
  if (number !== null && typeof number !== "boolean") refuse(`${where} is neither a type nor a number.`);
  return { kind: "number", integral: number };
}

function writeSpec(spec: TreeSpec, where: string): Json {
  switch (spec.kind) {
    case "leaf":
      return "*";
    case "static":
      return { static: writeStatic(spec.value, where) };
    case "array":
      return { array: spec.children.map((child) => writeSpec(child, where)) };
    case "object":
      return { object: spec.children.map((child, i) => [spec.keys[i], writeSpec(child, where)]) };
  }
}

function readSpec(value: unknown, where: string): TreeSpec {
  if (value === "*") return { kind: "leaf" };
  const fields = record(value, where);
  if (Object.keys(fields).length !== 1) refuse(`${where} has no structure.`);
  if ("static" in fields) return { kind: "static", value: readStatic(fields.static, where) };
  if (Array.isArray(fields.array)) {
    return { kind: "array", children: fields.array.map((child) => readSpec(child, where)) };
  }
  const entries = readEntries(fields.object, where);
  return {
    kind: "object",
    keys: entries.map(([key]) => key),
    children: entries.map(([, child]) => readSpec(child, where)),
  };
}

/** Plain values: texts, booleans and null as they are, the rest as objects that say what they are. */
function writeStatic(value: unknown, where: string): Json {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (value === undefined) return { undefined: true };
  if (typeof value === "number") {
    return { number: numberForm.write(value, { graph: never, location: never }) };
  }
  if (Array.isArray(value)) return { array: value.map((item) => writeStatic(item, where)) };
  if (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    return { object: Object.entries(value).map(([key, item]) => [key, writeStatic(item, where)]) };
  }
  const what = typeof value === "function"
    ? `the function ${value.name || "() => ..."}`
    : `a ${(value as object).constructor?.name ?? typeof value}`;
  refuse(
    `exportFunction: ${where} holds ${what}, which cannot go into a file.`,
    "Export a function that closes over it: exportFunction((x) => f(x, it), x).",
  );
}

function never(): never {
  throw new Error("Static values hold no graphs and no places.");
}

function readStatic(value: unknown, where: string): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  const fields = record(value, where);
  if (Object.keys(fields).length !== 1) refuse(`${where} has a static part of no kind.`);
  if ("undefined" in fields) return undefined;
  if ("number" in fields) {
    return numberForm.read(fields.number, { where, inputs: [], graph: never, location: never });
  }
  if (Array.isArray(fields.array)) return fields.array.map((item) => readStatic(item, where));
  // fromEntries defines keys such as "__proto__" as plain ones.
  return Object.fromEntries(
    readEntries(fields.object, where).map(([key, item]) => [key, readStatic(item, where)]),
  );
}

function readEntries(value: unknown, where: string): [string, unknown][] {
  const entries = array(value, where);
  const keys = new Set<unknown>();
  for (const entry of entries) {
    if (!Array.isArray(entry) || entry.length !== 2 || typeof entry[0] !== "string" || keys.has(entry[0])) {
      refuse(`${where} has a strange or repeated key.`);
    }
    keys.add(entry[0]);
  }
  return entries as [string, unknown][];
}

function record(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  refuse(`${where} is not an object.`);
}

function array(value: unknown, what: string): readonly unknown[] {
  return Array.isArray(value) ? value : refuse(`The file has no list of ${what}.`);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function positions(value: unknown, what: string, length: number): readonly number[] {
  const list = array(value, what);
  if (new Set(list).size !== list.length || !list.every((item) => isCount(item) && item < length)) {
    refuse(`The file's list of ${what} is not a list of positions below ${length}.`);
  }
  return list as number[];
}
