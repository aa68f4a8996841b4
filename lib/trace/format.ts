/** Tensors as text, in the manner of NumPy, and as nested arrays. */
import { castValue, type DType, type TypedArray } from "./dtype.ts";
import { describe, type Shape } from "./shape.ts";
import type { Nested, Tensor } from "./tensor.ts";

/** Flat data as nested arrays; a bare number or boolean for a scalar. */
export function nestedArray(data: TypedArray, dtype: DType, shape: Shape): Nested {
  const truth = dtype === "bool";
  if (shape.length === 0) return truth ? data[0] !== 0 : data[0];
  let offset = 0;
  function build(axis: number): Nested[] {
    const size = shape[axis];
    const row = new Array<Nested>(size);
    if (axis < shape.length - 1) { for (let i = 0; i < size; i++) row[i] = build(axis + 1); }
    else if (truth) { for (let i = 0; i < size; i++) row[i] = data[offset++] !== 0; }
    else for (let i = 0; i < size; i++) row[i] = data[offset++];
    return row;
  }
  return build(0);
}

/** A traced tensor: its type and name, never a value. */
export function formatTraced(tensor: Tensor): string {
  const name = tensor.variable?.name;
  return `Traced(${name ? `${name}: ` : ""}${describe(tensor.aval)})`;
}

/** More elements than this are elided, three at each end of an axis. */
const ELIDE_ABOVE = 1000;
const EDGE = 3;
/** Rows longer than this go on in the next line. */
const LINE = 80;

/** A concrete tensor: `tensor([[1, 2], [3, 4]], float32[2, 2])`. A tensor on a GPU shows its type only. */
export function formatTensor(tensor: Tensor): string {
  const type = describe(tensor.aval);
  if (tensor.disposed) return `Tensor(${type}, disposed)`;
  if (tensor.rawStorage()?.donation) return `Tensor(${type}, donated)`;
  if (tensor.device !== "wasm" && tensor.literal === null) return `Tensor(${type}, on ${tensor.device})`;
  const data = tensor.dataSync();
  return `tensor(${formatData(data, tensor.dtype, tensor.shape, "tensor(".length)}, ${type})`;
}

/** What a notebook shows: a table for one or two axes, otherwise the text. */
export function displayTensor(tensor: Tensor): Record<string, string> {
  const text = tensor.owner ? formatTraced(tensor) : formatTensor(tensor);
  const here = !tensor.owner && !tensor.disposed && !tensor.rawStorage()?.donation &&
    tensor.device === "wasm";
  const { shape, dtype } = tensor;
  if (!here || shape.length < 1 || shape.length > 2 || shape.includes(0)) return { "text/plain": text };
  const [rows, columns] = shape.length === 2 ? shape : [1, shape[0]];
  const data = tensor.dataSync();
  const visible = (size: number): (number | null)[] =>
    size <= 4 * EDGE
      ? Array.from({ length: size }, (_, i) => i)
      : [0, 1, 2, 3, 4, 5, null, size - 3, size - 2, size - 1];
  const body = visible(rows).map((i) =>
    `<tr>${
      visible(columns).map((j) =>
        `<td style="text-align:right">${
          i === null || j === null ? "…" : formatElement(data[i * columns + j], dtype)
        }</td>`
      ).join("")
    }</tr>`
  ).join("");
  return {
    "text/plain": text,
    "text/html": `<table><caption>${describe(tensor.aval)}</caption><tbody>${body}</tbody></table>`,
  };
}

/** The nested, aligned and elided text of flat data. */
export function formatData(data: TypedArray, dtype: DType, shape: Shape, indent = 0): string {
  const elide = data.length > ELIDE_ABOVE;
  const cells = visibleOffsets(shape, elide).map((i) => formatElement(data[i], dtype));
  const width = shape.length === 0 ? 0 : cells.reduce((w, c) => Math.max(w, c.length), 0);
  let next = 0;
  function build(axis: number, depth: number): string {
    if (axis === shape.length) return cells[next++].padStart(width);
    const size = shape[axis];
    const parts: string[] = [];
    const cut = elide && size > 2 * EDGE;
    const count = cut ? 2 * EDGE : size;
    for (let i = 0; i < count; i++) {
      if (cut && i === EDGE) parts.push("...");
      parts.push(build(axis + 1, depth + 1));
    }
    const margin = " ".repeat(indent + depth + 1);
    if (axis === shape.length - 1) return `[${wrapped(parts, margin)}]`;
    return `[${parts.join(`,${"\n".repeat(shape.length - 1 - axis)}${margin}`)}]`;
  }
  return build(0, 0);
}

/** Elements with commas between them, in lines of LINE characters. */
function wrapped(parts: readonly string[], margin: string): string {
  let text = "", column = margin.length;
  parts.forEach((part, i) => {
    const length = part.length + 1;
    if (i > 0) {
      const fits = column + 1 + length <= LINE;
      text += fits ? ", " : `,\n${margin}`;
      column = fits ? column + 1 : margin.length;
    }
    text += part;
    column += length;
  });
  return text;
}

function visibleOffsets(shape: Shape, elide: boolean): number[] {
  let offsets = [0];
  for (const size of shape) {
    const next: number[] = [];
    for (const base of offsets) {
      for (let i = 0; i < size; i++) {
        if (elide && size > 2 * EDGE && i === EDGE) i = size - EDGE;
        next.push(base * size + i);
      }
    }
    offsets = next;
  }
  return offsets;
}

/** Significant digits shown, and the integers below which every one is exact and is shown in full. */
const PRECISION: { readonly [d: string]: { readonly digits: number; readonly exact: number } } = {
  float16: { digits: 4, exact: 2 ** 11 },
  float32: { digits: 7, exact: 2 ** 24 },
  float64: { digits: 15, exact: 2 ** 53 },
};

function formatElement(value: number, dtype: DType): string {
  if (dtype === "bool") return value ? "true" : "false";
  const precision = PRECISION[dtype];
  if (
    !precision || !Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) <= precision.exact)
  ) {
    return Object.is(value, -0) ? "-0" : String(value);
  }
  // The shortest text that reads back as the same number, or as many digits as are worth showing.
  for (let digits = 1; digits < precision.digits; digits++) {
    const short = Number(value.toPrecision(digits));
    if (castValue(short, "float64", dtype) === value) return String(short);
  }
  return String(Number(value.toPrecision(precision.digits)));
}
