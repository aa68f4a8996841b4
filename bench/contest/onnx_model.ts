/** ONNX models of a few nodes, written as protocol buffers (onnx.proto, opset 17). */

type Bytes = number[];

const encoder = new TextEncoder();

function varint(value: number): Bytes {
  const bytes: Bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

function integer(field: number, value: number): Bytes {
  return [...varint(field << 3), ...varint(value)];
}

function message(field: number, content: Bytes | Uint8Array | string): Bytes {
  const bytes = typeof content === "string" ? encoder.encode(content) : content;
  return [...varint(field << 3 | 2), ...varint(bytes.length), ...bytes];
}

/** A node's attribute: an integer or a list of them. */
function attribute(name: string, value: number | readonly number[]): Bytes {
  const content = typeof value === "number"
    ? [...integer(3, value), ...integer(20, 2)]
    : [...value.flatMap((item) => integer(8, item)), ...integer(20, 7)];
  return message(5, [...message(1, name), ...content]);
}

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: { readonly [name: string]: number | readonly number[] };
}

function encodeNode({ op, inputs, output, attributes = {} }: OnnxNode): Bytes {
  return message(1, [
    ...inputs.flatMap((input) => message(1, input)),
    ...message(2, output),
    ...message(4, op),
    ...Object.entries(attributes).flatMap(([name, value]) => attribute(name, value)),
  ]);
}

function valueInfo(field: number, name: string, shape: readonly number[]): Bytes {
  const dimensions = shape.flatMap((size) => message(1, integer(1, size)));
  return message(field, [
    ...message(1, name),
    ...message(2, message(1, [...integer(1, 1), ...message(2, dimensions)])),
  ]);
}

/** Scalars as float32, lists as int64. */
function constant(name: string, value: number | readonly number[]): Bytes {
  const scalar = typeof value === "number";
  const data = scalar ? new Float32Array([value]) : new BigInt64Array(value.map(BigInt));
  return message(5, [
    ...(scalar ? [] : integer(1, value.length)),
    ...integer(2, scalar ? 1 : 7),
    ...message(8, name),
    ...message(9, new Uint8Array(data.buffer)),
  ]);
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: { readonly [name: string]: readonly number[] };
  /** The shape of the output, which is named "out". */
  readonly output: readonly number[];
  readonly constants?: { readonly [name: string]: number | readonly number[] };
}

export function encodeModel({ nodes, inputs, output, constants = {} }: OnnxGraph): Uint8Array {
  const graph = [
    ...nodes.flatMap(encodeNode),
    ...message(2, "graph"),
    ...Object.entries(constants).flatMap(([name, value]) => constant(name, value)),
    ...Object.entries(inputs).flatMap(([name, shape]) => valueInfo(11, name, shape)),
    ...valueInfo(12, "out", output),
  ];
  const opset = [...message(1, ""), ...integer(2, 17)];
  return new Uint8Array([...integer(1, 8), ...message(8, opset), ...message(7, graph)]);
}
