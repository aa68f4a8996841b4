/** Arrays as one picture: a digit, a colour image, or a grid of filters. */
import { DTypeError, ShapeError } from "../trace/errors.ts";
import { checkOptions } from "../trace/ops/options.ts";
import type { FileArray } from "../io/file_array.ts";
import { COLOR_MAPS, type ColorMap, writeColor } from "./colors.ts";
import type { Raster } from "./png.ts";

/** How arrays become pictures. */
export interface ImageOptions {
  /** Pictures beside each other in a grid; about a square unless given. */
  columns?: number;
  /** Pixels of the picture for each element; the grid becomes about 480 wide unless given. */
  scale?: number;
  /** Pixels between the pictures of a grid: 4 unless given. */
  gap?: number;
  /** "gray" unless given; colour images need none. */
  colors?: ColorMap;
  /** The values of black and white; for bytes 0 and 255, else the extremes of all pictures unless given. */
  range?: [number, number];
  /** Take the extremes of each picture by itself. */
  each?: boolean;
  /** A line under each picture. */
  labels?: readonly string[];
}

const OPTIONS: readonly (keyof ImageOptions)[] = [
  "columns",
  "scale",
  "gap",
  "colors",
  "range",
  "each",
  "labels",
];

/** Pictures of one size in one array. */
export interface Pictures {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  /** 3 for colour images, 1 for all others. */
  readonly channels: 1 | 3;
  /** The element of picture `n` at a row, column and channel. */
  at(n: number, row: number, column: number, channel: number): number;
}

/** Where everything stands, in pixels. */
export interface Grid {
  readonly columns: number;
  readonly rows: number;
  readonly gap: number;
  readonly scale: number;
  /** Of one picture. */
  readonly cellWidth: number;
  readonly cellHeight: number;
  /** Of the whole grid. */
  readonly width: number;
  readonly height: number;
}

const USUAL_WIDTH = 480;

/** Refuses options that do not exist or have no meaning. */
export function checkImageOptions(options: ImageOptions): void {
  checkOptions("viz.image", options, OPTIONS);
  if (options.colors !== undefined && !COLOR_MAPS.includes(options.colors)) {
    throw new DTypeError(`viz.image: there are no colors "${options.colors}".`, {
      operation: "viz.image",
      remedy: `Use ${COLOR_MAPS.join(", ")}.`,
    });
  }
  const { columns = 1, scale = 1, gap = 0 } = options;
  for (
    const [name, value, least] of [["columns", columns, 1], ["scale", scale, 1], ["gap", gap, 0]] as const
  ) {
    if (!Number.isInteger(value) || value < least) {
      throw new ShapeError(`viz.image: ${name} is ${value}; it is a whole number from ${least} on.`, {
        operation: "viz.image",
      });
    }
  }
}

/**
 * Reads a shape as pictures: `[h, w]` one, `[n, h, w]` several, `[n, 1, h, w]` several, `[n, 3, h, w]` colour images,
 * `[n, c, h, w]` n * c pictures, `[h, w, 3]` and `[n, h, w, 3]` colour images with the channels last.
 */
export function picturesOf({ shape, data }: FileArray): Pictures {
  const rank = shape.length;
  if (rank < 2 || rank > 4) {
    throw new ShapeError(`viz.image: an array of shape [${shape.join(", ")}] is no picture.`, {
      operation: "viz.image",
      remedy: "Pass [h, w], [n, h, w] or [n, channels, h, w]; reshape a flat picture first.",
    });
  }
  if (data.length === 0) {
    throw new ShapeError(`viz.image: an array of shape [${shape.join(", ")}] has nothing to show.`, {
      operation: "viz.image",
    });
  }
  const colorLast = (rank === 3 && shape[2] === 3) || (rank === 4 && shape[3] === 3 && shape[1] > 3);
  if (colorLast) {
    const [height, width] = shape.slice(-3);
    return {
      count: rank === 4 ? shape[0] : 1,
      height,
      width,
      channels: 3,
      at: (n, row, column, channel) => data[((n * height + row) * width + column) * 3 + channel],
    };
  }
  const [height, width] = shape.slice(-2);
  const channels = rank === 4 && shape[1] === 3 ? 3 : 1;
  const count = data.length / (height * width * channels);
  return {
    count,
    height,
    width,
    channels,
    at: (n, row, column, channel) => data[((n * channels + channel) * height + row) * width + column],
  };
}

/** A grid for pictures, enlarged in whole pixels. */
export function gridFor({ count, height, width }: Pictures, options: ImageOptions): Grid {
  const columns = Math.min(count, options.columns ?? Math.ceil(Math.sqrt(count * height / width)));
  const rows = Math.ceil(count / columns);
  const { gap = 4, scale = Math.max(1, Math.round(USUAL_WIDTH / (columns * width))) } = options;
  const cellWidth = width * scale;
  const cellHeight = height * scale;
  return {
    columns,
    rows,
    gap,
    scale,
    cellWidth,
    cellHeight,
    width: columns * (cellWidth + gap) - gap,
    height: rows * (cellHeight + gap) - gap,
  };
}

/** Paints every picture, one pixel an element. */
export function paint(array: FileArray, pictures: Pictures, options: ImageOptions): Raster[] {
  const whole = options.range ?? rangeOfAll(array, options.colors);
  return Array.from({ length: pictures.count }, (_, n) => {
    const own = options.each && !options.range;
    return paintOne(
      pictures,
      n,
      own ? rangeOfOne(pictures, n, options.colors) : whole,
      options.colors ?? "gray",
    );
  });
}

function paintOne(
  { height, width, channels, at }: Pictures,
  n: number,
  [low, high]: readonly [number, number],
  colors: ColorMap,
): Raster {
  const pixels = new Uint8Array(width * height * 3);
  // A picture of one value is shown in the middle of the colours; infinities stay at the ends, NaN stays NaN.
  const normalise = (value: number): number =>
    high > low ? (value - low) / (high - low) : value === low ? 0.5 : value - low;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const place = (row * width + column) * 3;
      if (channels === 1) writeColor(colors, normalise(at(n, row, column, 0)), pixels, place);
      else {for (let channel = 0; channel < 3; channel++) {
          const value = normalise(at(n, row, column, channel));
          pixels[place + channel] = Math.round(Math.min(1, Math.max(0, value)) * 255);
        }}
    }
  }
  return { width, height, channels: 3, pixels };
}

function rangeOfAll({ dtype, data }: FileArray, colors: ColorMap | undefined): readonly [number, number] {
  if (dtype === "uint8") return [0, 255];
  if (dtype === "bool") return [0, 1];
  return extremes(data, colors);
}

function rangeOfOne(pictures: Pictures, n: number, colors: ColorMap | undefined): readonly [number, number] {
  const { height, width, channels } = pictures;
  const values = new Float64Array(height * width * channels);
  for (let i = 0; i < values.length; i++) {
    const place = Math.floor(i / channels);
    values[i] = pictures.at(n, Math.floor(place / width), place % width, i % channels);
  }
  return extremes(values, colors);
}

/** The least and greatest finite value; for diverging colours 0 stands in the middle. */
function extremes(values: ArrayLike<number>, colors: ColorMap | undefined): readonly [number, number] {
  let least = Infinity, greatest = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!Number.isFinite(value)) continue;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  if (colors !== "diverging") return [least, greatest];
  const size = Math.max(Math.abs(least), Math.abs(greatest));
  return [-size, size];
}

/** Puts the pictures, enlarged, into their places on white. */
export function compose(pictures: readonly Raster[], { width, height, columns, gap, scale }: Grid): Raster {
  const pixels = new Uint8Array(width * height * 3).fill(255);
  pictures.forEach((picture, n) => {
    const left = (n % columns) * (picture.width * scale + gap);
    const top = Math.floor(n / columns) * (picture.height * scale + gap);
    for (let row = 0; row < picture.height * scale; row++) {
      const source = Math.floor(row / scale) * picture.width;
      for (let column = 0; column < picture.width * scale; column++) {
        const from = (source + Math.floor(column / scale)) * 3;
        const to = ((top + row) * width + left + column) * 3;
        pixels[to] = picture.pixels[from];
        pixels[to + 1] = picture.pixels[from + 1];
        pixels[to + 2] = picture.pixels[from + 2];
      }
    }
  });
  return { width, height, channels: 3, pixels };
}
