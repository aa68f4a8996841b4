/**
 * Graphs as JSON. A file has a list of graphs, the sub-graphs of each before it and the function itself last. A graph is
 * `{ inputs, nodes, outputs }`: inputs are types, a node is `[primitive, inputs, params?, location?]`, and values are
 * numbered: the inputs, then the results of the nodes in order. Types of results are inferred, never read.
 */
import { isDType } from "../trace/dtype.ts";
import { Graph, Node, Variable } from "../trace/graph.ts";
import { Location } from "../trace/location.ts";
import type { Params } from "../trace/primitive.ts";
import { type Aval, describe } from "../trace/shape.ts";
import { DYNAMIC } from "../loop/loop_params.ts";
import { elementCount, refuse } from "./file_array.ts";
import type { Json, ParamReader } from "./function_params.ts";
import { type PrimitiveForm, primitiveForm } from "./function_primitives.ts";

/** All graphs of a file and the places they name. */
export interface WrittenGraphs {
  readonly graphs: readonly Json[];
  /** Each `[file, line, column, function]`. */
  readonly locations: readonly Json[];
}

/** Writes a graph with everything inside it; the last of `graphs` is the graph itself. */
export function writeGraphs(graph: Graph, name: string): WrittenGraphs {
  const graphs: Json[] = [];
  const locations: Json[] = [];
  const known = new Map<string, number>();

  function location(place: Location | null): Json {
    const frame = place?.frame;
    if (!frame) return null;
    // The name of the file only: where it lay is nobody's business.
    const file = frame.file.slice(frame.file.lastIndexOf("/") + 1);
    const key = `${file}:${frame.line}:${frame.column}:${frame.functionName}`;
    let index = known.get(key);
    if (index === undefined) {
      known.set(key, index = locations.length);
      locations.push([file, frame.line, frame.column, frame.functionName]);
    }
    return index;
  }

  function write(graph: Graph): number {
    const numbers = new Map<Variable, number>();
    for (const input of graph.inputs) numbers.set(input, numbers.size);
    const nodes = graph.nodes.map((node): Json => {
      const form = formOf(node, name);
      const params: { [key: string]: Json } = {};
      for (const [key, kind] of Object.entries(form.params)) {
        const value = (node.params as Record<string, unknown>)[key];
        params[key] = kind.write(value, { graph: write, location });
      }
      const parts: Json[] = [node.primitive.name, node.inputs.map((input) => numbers.get(input)!)];
      for (const output of node.outputs) numbers.set(output, numbers.size);
      const place = location(node.location);
      if (Object.keys(params).length > 0 || place !== null) parts.push(params);
      if (place !== null) parts.push(place);
      return parts;
    });
    return graphs.push({
      name: graph.name,
      inputs: graph.inputs.map((input) => writeType(input.aval)),
      nodes,
      outputs: graph.outputs.map((output) => numbers.get(output)!),
    }) - 1;
  }

  write(graph);
  return { graphs, locations };
}

function formOf(node: Node, name: string): PrimitiveForm {
  const { primitive } = node;
  const form = primitiveForm(primitive.name);
  if (form?.primitive === primitive) return form;
  const place = node.location?.describe();
  refuse(
    `exportFunction: ${name} uses ${primitive.name}${
      place ? ` (at ${place})` : ""
    }, which runs JavaScript of this program and cannot go into a file.`,
    "Leave the callback out, or give its result to the function as an argument.",
  );
}

/** A type: `["float32", [2, 3]]`, with `true` behind it for a plain number. */
export function writeType({ dtype, shape, weak }: Aval): Json {
  return weak ? [dtype, shape, true] : [dtype, shape];
}

/** Checks a type. */
export function readType(value: unknown, where: string): Aval {
  if (!Array.isArray(value) || value.length < 2 || value.length > 3 || !Array.isArray(value[1])) {
    refuse(`${where}: ${JSON.stringify(value)} is not a type.`);
  }
  const [dtype, shape, weak = false] = value;
  if (!isDType(dtype)) refuse(`${where}: ${JSON.stringify(dtype)} is not a dtype.`);
  if (typeof weak !== "boolean") refuse(`${where}: ${JSON.stringify(value)} is not a type.`);
  checkSizes(shape, where);
  return weak ? { dtype, shape, weak } : { dtype, shape };
}

/** Sizes whose product is exact; the leading size of a loop's tape may be unknown. */
function checkSizes(shape: readonly unknown[], where: string): void {
  elementCount(shape[0] === DYNAMIC ? shape.slice(1) : shape, where);
}

/** Reads the graphs of a file; the last one is the function. */
export function readGraphs(values: unknown, places: unknown): Graph {
  if (!Array.isArray(values) || values.length === 0) refuse("The file of the function has no graphs.");
  const locations = readLocations(places);
  const graphs: Graph[] = [];
  // A graph that could be used twice could be used twice by each of two, and so on: 2^n nodes from n lines.
  const used = new Set<number>();
  function subGraph(index: unknown): Graph {
    if (typeof index !== "number" || !(index in graphs)) {
      refuse(`A node uses graph ${JSON.stringify(index)}, and ${graphs.length} stand before it.`);
    }
    if (used.has(index)) refuse(`Graph ${index} is used twice.`);
    used.add(index);
    return graphs[index];
  }
  values.forEach((value, i) => graphs.push(readGraph(value, `Graph ${i}`, subGraph, locations)));
  if (used.size !== graphs.length - 1) refuse("A graph of the file is used by no other.");
  return graphs[graphs.length - 1];
}

function readGraph(
  value: unknown,
  where: string,
  graph: (index: unknown) => Graph,
  locations: readonly Location[],
): Graph {
  const { name, inputs, nodes, outputs } = (value ?? {}) as Record<string, unknown>;
  if (!Array.isArray(inputs) || !Array.isArray(nodes) || !Array.isArray(outputs)) {
    refuse(`${where} is not a graph of inputs, nodes and outputs.`);
  }
  const given = inputs.map((type, i) => new Variable(readType(type, `${where}, input ${i}`)));
  const variables = [...given];
  const pick = (index: unknown, place: string): Variable => {
    if (typeof index === "number" && index in variables) return variables[index];
    refuse(`${place} reads value ${JSON.stringify(index)}, which is not computed before it.`);
  };
  const location = (index: unknown): Location | null => {
    if (index === null || index === undefined) return null;
    if (typeof index === "number" && index in locations) return locations[index];
    refuse(`${where} names place ${JSON.stringify(index)} of ${locations.length}.`);
  };
  const made = nodes.map((node, i) => {
    const place = `${where}, node ${i}`;
    if (!Array.isArray(node) || node.length < 2 || node.length > 4 || !Array.isArray(node[1])) {
      refuse(`${place} is not [primitive, inputs, parameters, place].`);
    }
    const [primitive, from, params = {}, at] = node;
    const sources = from.map((index: unknown) => pick(index, place));
    const result = readNode(primitive, sources, params, { where: place, graph, location }, location(at));
    for (const output of result.outputs) variables.push(output);
    return result;
  });
  return new Graph(
    given,
    outputs.map((index) => pick(index, `An output of ${where}`)),
    made,
    typeof name === "string" ? name : "",
  );
}

function readNode(
  name: unknown,
  sources: readonly Variable[],
  stored: unknown,
  reading: Omit<ParamReader, "inputs">,
  location: Location | null,
): Node {
  const { where } = reading;
  const form = typeof name === "string" ? primitiveForm(name) : undefined;
  if (!form) {
    refuse(
      `${where}: there is no primitive ${JSON.stringify(name)}.`,
      "Import the function with the Damo that wrote it, or a newer one.",
    );
  }
  const { primitive, inputs: [fewest, most], params: forms, fits } = form;
  if (sources.length < fewest || sources.length > most) {
    refuse(`${where}: ${primitive.name} does not take ${sources.length} inputs.`);
  }
  const inputs = sources.map((source) => source.aval);
  // What has a size only when it runs passes from loop to loop, and no other operation can take it.
  const tape = primitive.graphs ? undefined : inputs.find(({ shape }) => shape[0] === DYNAMIC);
  if (tape) refuse(`${where}: ${primitive.name} does not take a tape, ${describe(tape)}.`);
  const params = readParams(stored, forms, { ...reading, inputs });
  let outputs: readonly Aval[];
  try {
    if (fits && !fits(inputs, params)) throw new Error("they do not fit together");
    outputs = primitive.infer(inputs, params);
  } catch (error) {
    refuse(
      `${where}: ${primitive.name} does not take ${inputs.map(describe).join(", ")}: ${
        error instanceof Error ? error.message.split("\n")[0] : String(error)
      }`,
    );
  }
  for (const { shape } of outputs) checkSizes(shape, where);
  return new Node(primitive, sources, params, outputs, location);
}

function readParams(
  stored: unknown,
  forms: PrimitiveForm["params"],
  reader: ParamReader,
): Params & Record<string, unknown> {
  if (typeof stored !== "object" || stored === null || Array.isArray(stored)) {
    refuse(`${reader.where}: its parameters are not an object.`);
  }
  const unknown = Object.keys(stored).find((key) => !Object.hasOwn(forms, key));
  if (unknown !== undefined) refuse(`${reader.where}: it has no parameter ${JSON.stringify(unknown)}.`);
  return Object.fromEntries(
    Object.entries(forms).map(([key, form]) => {
      const value = (stored as Record<string, unknown>)[key];
      if (value === undefined) refuse(`${reader.where}: its parameter ${key} is missing.`);
      return [key, form.read(value, reader)];
    }),
  );
}

function readLocations(places: unknown): Location[] {
  if (!Array.isArray(places)) refuse("The file of the function has no list of places.");
  return places.map((place) => {
    const [file, line, column, functionName] = Array.isArray(place) ? place : [];
    if (
      typeof file !== "string" || !Number.isSafeInteger(line) || !Number.isSafeInteger(column) ||
      typeof functionName !== "string"
    ) {
      refuse(`${JSON.stringify(place)} is not a place [file, line, column, function].`);
    }
    return new Location(null, { file, line, column, functionName });
  });
}
