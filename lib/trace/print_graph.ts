/** Graphs as text and as Graphviz input. */
import type { Graph, Node, Variable } from "./graph.ts";
import { pictureKind } from "./picture/model.ts";
import { type Aval, describe } from "./shape.ts";

/** How a graph is written as text. */
export interface GraphTextOptions {
  /** Adds the user's line to each node. */
  readonly locations?: boolean;
}

function typeOf(aval: Aval): string {
  return `${describe(aval)}${aval.weak ? " weak" : ""}`;
}

/** Short names: the user's where there is one and it is still free, otherwise `%0`, `%1` in order. */
class Names {
  readonly #names: Map<Variable, string> = new Map();
  readonly #taken: Set<string> = new Set();
  #next = 0;

  define(variable: Variable): string {
    let name = variable.name;
    if (!name || this.#taken.has(name)) name = `%${this.#next++}`;
    this.#taken.add(name);
    this.#names.set(variable, name);
    return name;
  }

  of(variable: Variable): string {
    return this.#names.get(variable) ?? "?";
  }
}

/**
 * `name(x: float32[3]) {`, one line per node in order, sub-graphs indented below theirs, and `return`. Constants
 * stand where they are used.
 */
export function printGraph(graph: Graph, options: GraphTextOptions = {}): string {
  const lines: string[] = [];
  printInto(lines, graph, graph.name || "graph", "", options);
  return lines.join("\n");
}

function printInto(
  lines: string[],
  graph: Graph,
  title: string,
  indent: string,
  options: GraphTextOptions,
): void {
  const names = new Names();
  const constants = new Map<Variable, string>();
  const inputs = graph.inputs.map((input) => `${names.define(input)}: ${typeOf(input.aval)}`);
  lines.push(`${indent}${title}(${inputs.join(", ")}) {`);
  const nameOf = (variable: Variable) => constants.get(variable) ?? names.of(variable);
  for (const node of graph.nodes) {
    if (node.primitive.name === "constant") {
      constants.set(node.outputs[0], node.primitive.print(node.params));
    } else printNode(lines, node, names, nameOf, `${indent}  `, options);
  }
  lines.push(`${indent}  return ${graph.outputs.map(nameOf).join(", ")}`, `${indent}}`);
}

function printNode(
  lines: string[],
  node: Node,
  names: Names,
  nameOf: (variable: Variable) => string,
  indent: string,
  options: GraphTextOptions,
): void {
  const operands = node.inputs.map(nameOf).join(" ");
  const params = node.primitive.print(node.params);
  const results = node.outputs.map((output) => `${names.define(output)}: ${typeOf(output.aval)}`).join(", ");
  const place = options.locations ? node.location?.short() : "";
  const parts = [node.primitive.name, operands, params && `{${params}}`].filter((part) => part !== "");
  lines.push(`${indent}${results} = ${parts.join(" ")}${place ? `    # ${place}` : ""}`);
  for (const { name, graph } of node.primitive.graphs?.(node.params) ?? []) {
    printInto(lines, graph, name, `${indent}  `, options);
  }
}

function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

/** Fill colours by the sort of operation, readable under black text. */
const COLORS: Readonly<Record<string, string>> = {
  input: "#d7ebff",
  output: "#ffe2b8",
  map: "#dff3df",
  reduce: "#f9e0ee",
  move: "#eceae4",
  contract: "#ffd6cf",
  index: "#e7e0fa",
  control: "#f5f1d7",
  host: "#cfeef0",
  other: "#ffffff",
};

/** Nodes as boxes coloured by what they do, values as labelled edges, sub-graphs as clusters, constants in the labels. */
export function printDot(graph: Graph): string {
  const lines = [
    `digraph ${quote(graph.name || "graph")} {`,
    '  graph [fontname="Helvetica", fontsize=11];',
    '  node [shape=box, style="filled,rounded", fontname="Courier", fontsize=10];',
    '  edge [fontname="Courier", fontsize=8, color="#777777", fontcolor="#555555"];',
  ];
  const counter = { next: 0 };
  dotInto(lines, graph, "  ", counter);
  lines.push("}");
  return lines.join("\n");
}

function dotInto(
  lines: string[],
  graph: Graph,
  indent: string,
  counter: { next: number },
): { inputs: string[]; outputs: string[] } {
  const source = new Map<Variable, string>();
  const constants = new Map<Variable, string>();
  const box = (label: string, kind: string, shape = "") => {
    const id = `n${counter.next++}`;
    lines.push(
      `${indent}${id} [label=${quote(label)}, fillcolor="${COLORS[kind]}"${shape && `, shape=${shape}`}];`,
    );
    return id;
  };
  const edge = (variable: Variable, to: string) => {
    const from = source.get(variable);
    if (from) lines.push(`${indent}${from} -> ${to} [label=${quote(typeOf(variable.aval))}];`);
  };
  const inputs = graph.inputs.map((input, i) => {
    const id = box(input.name ?? `input ${i}`, "input", "ellipse");
    source.set(input, id);
    return id;
  });
  for (const node of graph.nodes) {
    const params = node.primitive.print(node.params);
    if (node.primitive.name === "constant") {
      constants.set(node.outputs[0], params);
      continue;
    }
    const literals = node.inputs.flatMap((variable) => constants.get(variable) ?? []).join(", ");
    const title = [node.primitive.name, literals && `(${literals})`].filter(Boolean).join(" ");
    const label = [title, params, node.location?.short() ?? ""].filter(Boolean).join("\n");
    const id = box(label, pictureKind(node));
    for (const variable of node.inputs) edge(variable, id);
    for (const output of node.outputs) source.set(output, id);
    for (const { name, graph: inner } of node.primitive.graphs?.(node.params) ?? []) {
      lines.push(
        `${indent}subgraph cluster_${counter.next++} {`,
        `${indent}  label=${quote(`${name} of ${node.primitive.name}`)};`,
        `${indent}  style="rounded,dashed";`,
      );
      const ends = dotInto(lines, inner, `${indent}  `, counter);
      lines.push(`${indent}}`);
      // Holds a cluster below the node it belongs to.
      if (ends.inputs.length > 0) {
        lines.push(`${indent}${id} -> ${ends.inputs[0]} [style=dotted, arrowhead=none];`);
      }
    }
  }
  const outputs = graph.outputs.map((output, i) => {
    const constant = constants.get(output);
    const id = box(`output ${i}${constant === undefined ? "" : `: ${constant}`}`, "output", "ellipse");
    edge(output, id);
    return id;
  });
  return { inputs, outputs };
}
