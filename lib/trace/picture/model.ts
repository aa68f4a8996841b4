/** A graph as plain data for a picture: boxes, the boxes inside them, and what flows between. */
import type { Graph, Node, Variable } from "../graph.ts";
import type { Lowering } from "../lowering.ts";
import { type Aval, describe } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** A few numbers about the elements of a value. */
export interface ValueStatistics {
  /** The mean of the elements. */
  readonly mean: number;
  /** The least element that is not NaN. */
  readonly min: number;
  /** The largest element that is not NaN. */
  readonly max: number;
  /** How many are NaN. */
  readonly nan: number;
  /** How many are infinite. */
  readonly inf: number;
}

/** What a picture shows beside the graph itself. */
export interface PictureOptions {
  /** Milliseconds spent on a node, where they were measured: boxes can then be coloured by time. A `Profile` is one. */
  readonly profile?: { timeOf(node: Node): number | undefined };
  /** Numbers about values, shown when the pointer is on a box. */
  readonly statistics?: ReadonlyMap<Variable, ValueStatistics>;
  /** A value for each input of the graph: it is then interpreted once, and every box shows numbers about its values. */
  readonly inputs?: readonly Tensor[];
}

/** One box. */
export interface PictureBox {
  /** What stands in its first line. */
  readonly name: string;
  /** What colours it: input, output, map, reduce, move, contract, index, control, host, other. */
  readonly kind: string;
  readonly params: string;
  /** What it reads, in order: names or constants, with types. */
  readonly reads: readonly string[];
  readonly types: readonly string[];
  /** `file.ts:12`, and the full address. */
  readonly line: string;
  readonly place: string;
  readonly milliseconds?: number;
  readonly statistics?: readonly string[];
  /** Graphs inside it. */
  readonly inside?: readonly PictureLevel[];
}

/** The boxes of one graph in topological order, and edges as pairs of their numbers with the type that flows. */
export interface PictureLevel {
  readonly title: string;
  readonly boxes: readonly PictureBox[];
  readonly edges: readonly (readonly [from: number, to: number, type: string])[];
}

const KINDS: { readonly [K in Lowering["kind"]]?: string } = {
  map: "map",
  cast: "map",
  bitcast: "map",
  reduce: "reduce",
  cumulative: "reduce",
  contract: "contract",
  convolve: "contract",
  gather: "index",
  scatter: "index",
  dynamicSlice: "index",
  dynamicUpdate: "index",
  sort: "index",
  index: "move",
  reshape: "move",
  concat: "move",
  barrier: "move",
  call: "control",
  loop: "control",
  switch: "control",
  host: "host",
};

/** What sort of operation a node is, for colours. */
export function pictureKind(node: Node): string {
  const { primitive, params, inputs, outputs } = node;
  return KINDS[primitive.lower(params, inputs.map(avalOf), outputs.map(avalOf)).kind] ?? "other";
}

function avalOf(variable: Variable): Aval {
  return variable.aval;
}

function number(value: number): string {
  return String(Number(value.toPrecision(5)));
}

function statisticsText(
  variables: readonly Variable[],
  statistics: PictureOptions["statistics"],
): string[] | undefined {
  if (!statistics) return undefined;
  return variables.flatMap((variable) => {
    const known = statistics.get(variable);
    if (!known) return [];
    const { mean, min, max, nan, inf } = known;
    const bad = `${nan > 0 ? `, ${nan} NaN` : ""}${inf > 0 ? `, ${inf} infinite` : ""}`;
    return [`mean ${number(mean)}, min ${number(min)}, max ${number(max)}${bad}`];
  });
}

/** What a loop or branch took: the sum over its boxes. */
function timeInside(levels: readonly PictureLevel[] | undefined): number | undefined {
  let sum: number | undefined;
  for (const { boxes } of levels ?? []) {
    for (const { milliseconds } of boxes) if (milliseconds !== undefined) sum = (sum ?? 0) + milliseconds;
  }
  return sum;
}

/** A graph as data. Constants stand where they are read. */
export function pictureOf(graph: Graph, options: PictureOptions = {}, title = graph.name): PictureLevel {
  const boxes: PictureBox[] = [];
  const edges: [number, number, string][] = [];
  const source = new Map<Variable, number>();
  const constants = new Map<Variable, string>();
  const names = new Map<Variable, string>();
  const plain = { params: "", reads: [], line: "", place: "" };
  graph.inputs.forEach((input, i) => {
    const name = input.name ?? `input ${i}`;
    names.set(input, name);
    source.set(input, boxes.length);
    const types = [describe(input.aval)];
    boxes.push({
      ...plain,
      name,
      kind: "input",
      types,
      statistics: statisticsText([input], options.statistics),
    });
  });
  const connect = (variable: Variable, to: number): void => {
    const from = source.get(variable);
    if (from !== undefined) edges.push([from, to, describe(variable.aval)]);
  };
  for (const node of graph.nodes) {
    const { primitive, params, location } = node;
    if (primitive.name === "constant") {
      constants.set(node.outputs[0], primitive.print(params));
      continue;
    }
    const at = boxes.length;
    const inside = primitive.graphs?.(params).map((inner) => pictureOf(inner.graph, options, inner.name));
    boxes.push({
      name: primitive.name,
      kind: pictureKind(node),
      params: primitive.print(params),
      reads: node.inputs.map((variable) =>
        constants.get(variable) ?? `${names.get(variable) ?? "?"}: ${describe(variable.aval)}`
      ),
      types: node.outputs.map((output) => describe(output.aval)),
      line: location?.short() ?? "",
      place: location?.describe() ?? "",
      milliseconds: options.profile?.timeOf(node) ?? timeInside(inside),
      statistics: statisticsText(node.outputs, options.statistics),
      inside,
    });
    for (const variable of node.inputs) connect(variable, at);
    for (const output of node.outputs) {
      source.set(output, at);
      names.set(output, output.name ?? primitive.name);
    }
  }
  graph.outputs.forEach((output, i) => {
    const constant = constants.get(output);
    boxes.push({
      ...plain,
      name: constant === undefined ? `output ${i}` : `output ${i}: ${constant}`,
      kind: "output",
      types: [describe(output.aval)],
    });
    connect(output, boxes.length - 1);
  });
  return { title: title || "graph", boxes, edges };
}
