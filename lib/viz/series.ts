/** What users pass to `plot`, brought into one form. */
import { DTypeError, ShapeError } from "../trace/errors.ts";
import { Shared } from "../trace/shared.ts";

/** Numbers to draw: an array, a typed array, a tensor or a shared variable. */
export type PlotValues = ArrayLike<number> | Shared | { dataSync(): ArrayLike<number> };

/** One curve. */
export interface PlotSeries {
  /** The values. */
  y: PlotValues;
  /** The places of the values; 0, 1, 2 ... unless given. */
  x?: PlotValues;
  /** Its name in the legend. */
  label?: string;
  /** A CSS colour. */
  color?: string;
  /** How it is drawn: a line unless said. */
  style?: "line" | "dashed" | "points";
  /**
   * Smooths the curve by an exponential moving average with this weight of the past (0.9 averages about ten values), and
   * leaves the raw curve faint behind it.
   */
  smooth?: number;
}

/** What `plot` takes: one curve, several, or several by label. */
export type PlotInput =
  | PlotValues
  | PlotSeries
  | readonly (PlotValues | PlotSeries)[]
  | { readonly [label: string]: PlotValues | PlotSeries };

/** A curve as it is drawn. */
export interface Curve {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** The smoothed values, if asked for. */
  readonly smoothed: ArrayLike<number> | undefined;
  readonly label: string | undefined;
  readonly color: string;
  readonly style: "line" | "dashed" | "points";
}

/** Ten colours that stay apart, also for most colour-blind readers (Observable's categorical palette). */
const COLORS = [
  "#4269d0",
  "#ff725c",
  "#3ca951",
  "#efb118",
  "#a463f2",
  "#6cc5b0",
  "#ff8ab7",
  "#9c6b4e",
  "#97bbf5",
  "#9498a0",
];

/** Brings what the user passed into curves. */
export function curvesOf(input: PlotInput): Curve[] {
  return labelled(input).map(([label, item], position) => {
    const series = isSeries(item) ? item : { y: item };
    return curve(series, series.label ?? label, position);
  });
}

function labelled(input: PlotInput): [string | undefined, PlotValues | PlotSeries][] {
  if (isValues(input) || isSeries(input)) return [[undefined, input]];
  if (Array.isArray(input)) return input.map((item) => [undefined, item]);
  if (typeof input === "object" && input !== null) return Object.entries(input);
  throw new DTypeError(`viz.plot cannot draw ${String(input)}.`, {
    operation: "viz.plot",
    remedy: "Pass numbers, a tensor, { x, y, label }, or an array or object of these.",
  });
}

function isValues(input: unknown): input is PlotValues {
  if (typeof input !== "object" || input === null) return false;
  if (ArrayBuffer.isView(input) || input instanceof Shared) return true;
  if (Array.isArray(input)) return input.length === 0 || typeof input[0] === "number";
  return "dataSync" in input && typeof input.dataSync === "function";
}

function isSeries(input: unknown): input is PlotSeries {
  return typeof input === "object" && input !== null && "y" in input && isValues(input.y);
}

function curve(series: PlotSeries, label: string | undefined, position: number): Curve {
  const name = label === undefined ? `Series ${position}` : `Series "${label}"`;
  if (!isValues(series.y)) {
    throw new DTypeError(`viz.plot: ${name} has no numbers.`, {
      operation: "viz.plot",
      remedy: "Pass its values as y.",
    });
  }
  const y = read(series.y);
  const x = series.x === undefined ? Float64Array.from({ length: y.length }, (_, i) => i) : read(series.x);
  if (x.length !== y.length) {
    throw new ShapeError(`viz.plot: ${name} has ${x.length} places x and ${y.length} values y.`, {
      operation: "viz.plot",
      remedy: "Give every value its place, or leave x out.",
    });
  }
  const { smooth = 0, style = "line", color = COLORS[position % COLORS.length] } = series;
  if (!(smooth >= 0 && smooth < 1)) {
    throw new DTypeError(`viz.plot: ${name} has smooth = ${smooth}.`, {
      operation: "viz.plot",
      remedy: "Use 0 (not at all) to just below 1.",
    });
  }
  return { x, y, smoothed: smooth > 0 ? movingAverage(y, smooth) : undefined, label, color, style };
}

function read(values: PlotValues): ArrayLike<number> {
  if (values instanceof Shared) return values.current().dataSync();
  return "dataSync" in values ? values.dataSync() : values;
}

/** Exponential moving average without the pull towards 0 at its start (Kingma and Ba 2015, section 3). */
function movingAverage(values: ArrayLike<number>, weight: number): Float64Array {
  const out = new Float64Array(values.length);
  let sum = 0, weights = 0;
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) {
      sum = sum * weight + values[i];
      weights = weights * weight + 1;
      out[i] = sum / weights;
    } else out[i] = NaN;
  }
  return out;
}
