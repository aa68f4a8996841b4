/** Pictures of tensors: digits, filters, feature maps. */
import type { DType, TypedArray } from "../trace/dtype.ts";
import { DTypeError } from "../trace/errors.ts";
import { Shared } from "../trace/shared.ts";
import type { FileArray } from "../io/file_array.ts";
import { encodePng } from "./png.ts";
import { element, escapeXml } from "./svg.ts";
import { checkImageOptions, compose, gridFor, type ImageOptions, paint, picturesOf } from "./tiles.ts";

/** A tensor, a shared variable, or anything that has a shape, a dtype and values. */
export type ImageSource = Shared | {
  readonly shape: readonly number[];
  readonly dtype: DType;
  dataSync(): TypedArray;
};

const LABEL_SIZE = 12;
const LABEL_HEIGHT = 18;

function fileArrayOf(source: ImageSource): FileArray {
  if (typeof (source as { dataSync?: unknown } | null)?.dataSync !== "function") {
    throw new DTypeError(`viz.image cannot draw ${nameOf(source)}.`, {
      operation: "viz.image",
      arguments: [{ name: "source", value: source }],
      remedy: "Pass a tensor: viz.image(tensor(rows)) for nested arrays of numbers.",
    });
  }
  const { dtype, shape } = source;
  return { dtype, shape, data: (source instanceof Shared ? source.current() : source).dataSync() };
}

function nameOf(value: unknown): string {
  return Array.isArray(value)
    ? "an array"
    : typeof value === "object"
    ? "an object that is no tensor"
    : String(value);
}

/**
 * Shows a tensor as an SVG picture: `[h, w]` as one picture, `[n, h, w]` and `[n, channels, h, w]` as a grid, three
 * channels as colours. Floats are shown from their least to their greatest value, bytes from 0 to 255, NaN in magenta.
 *
 * @param source The tensor.
 * @param options Grid, colours, range and labels.
 * @returns The text of an SVG file.
 * @throws {ShapeError} if the shape is that of no picture, or there are no elements.
 * @throws {DTypeError} if there are no such colours.
 * @throws {DamoError} if an option does not exist.
 * @example
 * ```ts
 * import { tensor, viz } from "@damo/damo";
 * const filters = tensor([[[1, 0, -1], [2, 0, -2], [1, 0, -1]], [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]]);
 * const svg = viz.image(filters, { colors: "diverging", labels: ["vertical", "horizontal"] });
 * console.assert(svg.startsWith("<svg"));
 * ```
 */
export function image(source: ImageSource, options: ImageOptions = {}): string {
  checkImageOptions(options);
  const array = fileArrayOf(source);
  const pictures = picturesOf(array);
  const { labels = [] } = options;
  const { columns, rows, gap, cellWidth, cellHeight, width } = gridFor(pictures, options);
  const rowStep = cellHeight + gap + (labels.length > 0 ? LABEL_HEIGHT : 0);
  const height = rows * rowStep - gap;
  const parts = paint(array, pictures, options).map((picture, n) => {
    const x = (n % columns) * (cellWidth + gap);
    const y = Math.floor(n / columns) * rowStep;
    const shown = element("image", {
      x,
      y,
      width: cellWidth,
      height: cellHeight,
      preserveAspectRatio: "none",
      style: "image-rendering:pixelated",
      href: `data:image/png;base64,${base64(encodePng(picture))}`,
    });
    if (labels[n] === undefined) return shown;
    return shown + element("text", { x: x + cellWidth / 2, y: y + cellHeight + 13 }, escapeXml(labels[n]));
  });
  return element("svg", {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: "img",
    "font-family": "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif",
    "font-size": LABEL_SIZE,
    "text-anchor": "middle",
    fill: "#1f2733",
  }, `\n${parts.join("\n")}\n`);
}

/**
 * The same picture as the bytes of a PNG file; labels need {@link image}.
 *
 * @param source The tensor.
 * @param options Grid, colours, range and scale.
 * @returns The bytes of a PNG file.
 * @throws {ShapeError} if the shape is that of no picture, or there are no elements.
 * @throws {DTypeError} if there are no such colours.
 * @throws {DamoError} if an option does not exist.
 * @example
 * ```ts
 * import { eye, viz } from "@damo/damo";
 * const png = viz.imagePng(eye(8), { scale: 4 });
 * console.assert(png[1] === "P".charCodeAt(0));
 * ```
 */
export function imagePng(source: ImageSource, options: ImageOptions = {}): Uint8Array<ArrayBuffer> {
  checkImageOptions(options);
  const array = fileArrayOf(source);
  const pictures = picturesOf(array);
  return encodePng(compose(paint(array, pictures, options), gridFor(pictures, options)));
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length; start += 8192) {
    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  }
  return btoa(text);
}
