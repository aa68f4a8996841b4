/** The intermediate representation: a graph of nodes over typed variables, in topological order. */
import { Location } from "./location.ts";
import type { PictureOptions } from "./picture/model.ts";
import { graphPage } from "./picture/page.ts";
import type { Params, Primitive } from "./primitive.ts";
import { type GraphTextOptions, printDot, printGraph } from "./print_graph.ts";
import type { Aval } from "./shape.ts";

let nextId = 0;

/** A value of a graph: an input, or one output of a node. Single assignment. */
export class Variable {
  /** Different for every variable of the process. */
  readonly id: number = nextId++;
  /** @internal The type: shape and dtype. */
  readonly aval: Aval;
  /** The node that computes it; null for an input of the graph. Changes only when another node takes its place. */
  node: Node | null;
  /** Which output of the node. */
  readonly index: number;
  /** The user's name for it: a parameter, an object path, a shared variable. */
  name: string | undefined;

  /** @internal */
  constructor(aval: Aval, node: Node | null = null, index = 0, name?: string) {
    this.aval = aval;
    this.node = node;
    this.index = index;
    this.name = name;
  }
}

/** One application of a primitive. */
export class Node {
  /** @internal The operation. */
  readonly primitive: Primitive;
  /** What it reads. */
  readonly inputs: readonly Variable[];
  /** @internal The parameters of the operation. */
  readonly params: Params;
  /** What it computes. */
  readonly outputs: readonly Variable[];
  /** @internal Where the user wrote it. */
  readonly location: Location | null;

  /** @internal */
  constructor(
    primitive: Primitive,
    inputs: readonly Variable[],
    params: Params,
    avals: readonly Aval[],
    location: Location | null,
    outputs?: readonly Variable[],
  ) {
    this.primitive = primitive;
    this.inputs = inputs;
    this.params = params;
    this.location = location;
    this.outputs = outputs ?? avals.map((aval, i) => new Variable(aval, this, i));
  }

  /** @internal A node that from now on computes `variable`, which was the only output looked at of another node. */
  static redefine(
    variable: Variable,
    primitive: Primitive,
    inputs: readonly Variable[],
    params: Params,
    location: Location | null,
  ): Node {
    const node = new Node(primitive, inputs, params, [], location, [variable]);
    variable.node = node;
    return node;
  }
}

/**
 * A closed function on tensors: everything it needs is an input. Nodes stand in topological order, and every
 * variable a node reads is an input or an output of an earlier node.
 */
export class Graph {
  /** @internal What must be given to compute it. */
  readonly inputs: readonly Variable[];
  /** @internal What it computes: inputs, or outputs of nodes. */
  readonly outputs: readonly Variable[];
  /** @internal The operations in topological order. */
  readonly nodes: readonly Node[];
  /** The function it came from, for printing. */
  readonly name: string;
  #key: string | undefined;

  /** @internal A graph of nodes that stand in topological order already. */
  constructor(inputs: readonly Variable[], outputs: readonly Variable[], nodes: readonly Node[], name = "") {
    this.inputs = inputs;
    this.outputs = outputs;
    this.nodes = nodes;
    this.name = name;
  }

  /** A text that is equal for graphs that compute the same in the same way (names and locations apart). */
  get key(): string {
    return this.#key ??= graphKey(this, byIdentity);
  }

  /** The graph as text, one line per node; with `{ locations: true }` each with the user's line. */
  toString(options?: GraphTextOptions): string {
    return printGraph(this, options);
  }

  /** The graph in the language of Graphviz. */
  toDot(): string {
    return printDot(this);
  }

  /** What Deno's notebooks show: the page, in a frame of its own. */
  [Symbol.for("Jupyter.display")](): Record<string, string> {
    const page = this.toHtml().replaceAll("&", "&amp;").replaceAll('"', "&quot;");
    const frame = `<iframe style="width:100%;height:600px;border:1px solid #ccc" srcdoc="${page}"></iframe>`;
    return { "text/plain": this.toString(), "text/html": frame };
  }

  /**
   * One self-contained page that shows the graph: pan, zoom, search, fold loops and calls, point at a box for its type
   * and the user's line. With a profile of the compiled function the boxes are coloured by time.
   */
  toHtml(options?: PictureOptions): string {
    return graphPage(this, options);
  }
}

/** How a key names a function or another opaque object. */
type Naming = (value: object) => string;

/** Places are captured anew each time a line runs; what is written there is the same. */
const byIdentity: Naming = (value) =>
  `@${(value instanceof Location ? value.describe() : undefined) ?? identityOf(value)}`;

/** Functions by what they say: those that a body makes anew each time it runs are the same. */
const byText: Naming = (value) =>
  typeof value === "function" || ArrayBuffer.isView(value) ? String(value) : value.constructor?.name ?? "";

/** Structural key: variables numbered by first appearance. */
function graphKey(graph: Graph, naming: Naming): string {
  const numbers = new Map<Variable, number>();
  const parts: string[] = [];
  const typeOf = (a: Aval) => `${a.dtype}${a.weak ? "~" : ""}[${a.shape.join()}]`;
  for (const input of graph.inputs) {
    numbers.set(input, numbers.size);
    parts.push(typeOf(input.aval));
  }
  for (const node of graph.nodes) {
    parts.push(
      `${node.primitive.name}(${node.inputs.map((v) => numbers.get(v)).join()})${
        namedKey(node.params, naming)
      }` +
        (node.outputs.length === 1 ? "" : `*${node.outputs.length}`),
    );
    for (const output of node.outputs) numbers.set(output, numbers.size);
  }
  parts.push(`->${graph.outputs.map((v) => numbers.get(v)).join()}`);
  return parts.join(";");
}

const identities = new WeakMap<object, number>();
let nextIdentity = 0;

/** A number that stands for the identity of a function or other opaque object in a key. */
export function identityOf(value: object): number {
  let id = identities.get(value);
  if (id === undefined) identities.set(value, id = nextIdentity++);
  return id;
}

/** A text that is equal for equal parameters. Graphs enter by structure, places by what they say, functions by identity. */
export function paramsKey(params: Params): string {
  return namedKey(params, byIdentity);
}

/** A text that is equal for parameters that say the same, although they hold functions or places made anew. */
export function textKey(params: Params): string {
  return namedKey(params, byText);
}

function namedKey(params: Params, naming: Naming): string {
  let text = "";
  for (const key in params) text += `${key}=${valueKey((params as Record<string, unknown>)[key], naming)} `;
  return text;
}

function valueKey(value: unknown, naming: Naming): string {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => valueKey(item, naming)).join()}]`;
  if (value instanceof Graph) return `<${naming === byIdentity ? value.key : graphKey(value, naming)}>`;
  if (typeof value === "function") return naming(value);
  if (typeof value === "object" && value !== null) {
    const prototype = Object.getPrototypeOf(value);
    return prototype === Object.prototype ? `{${namedKey(value as Params, naming)}}` : naming(value);
  }
  return String(value);
}

/** How often each variable is used: by nodes and as an output. */
export function countUses(graph: Graph): Map<Variable, number> {
  const uses = new Map<Variable, number>();
  const use = (v: Variable) => uses.set(v, (uses.get(v) ?? 0) + 1);
  for (const node of graph.nodes) node.inputs.forEach(use);
  graph.outputs.forEach(use);
  return uses;
}
