/** Curves as SVG. */
import { DTypeError } from "../trace/errors.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { curvePath, curvePoints } from "./curve_path.ts";
import { type Curve, curvesOf, type PlotInput } from "./series.ts";
import { coordinate, element, escapeXml, textWidth } from "./svg.ts";
import { minorTicks, placeOn, type Scale, scaleFor, type Tick, ticksFor } from "./ticks.ts";

/** How a plot looks. */
export interface PlotOptions {
  /** Stands above the plot. */
  title?: string;
  /** What the x axis shows. */
  xLabel?: string;
  /** What the y axis shows. */
  yLabel?: string;
  /** The x axis is linear unless said. */
  xScale?: "linear" | "log";
  /** The y axis is linear unless said. */
  yScale?: "linear" | "log";
  /** The ends of the x axis; an end left undefined follows the values. */
  xRange?: [number | undefined, number | undefined];
  /** The ends of the y axis; an end left undefined follows the values. */
  yRange?: [number | undefined, number | undefined];
  /** Pixels: 720 unless given. */
  width?: number;
  /** Pixels: 420 unless given. */
  height?: number;
  /** Shown where a curve has a label, unless false. */
  legend?: boolean;
}

const OPTIONS: readonly (keyof PlotOptions)[] = [
  "title",
  "xLabel",
  "yLabel",
  "xScale",
  "yScale",
  "xRange",
  "yRange",
  "width",
  "height",
  "legend",
];

const FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif";
const INK = "#1f2733";
const FADED_INK = "#5d6776";
const GRID = "#e8ebef";
const AXIS = "#a9b1bc";
const TICK_SIZE = 12;
const LABEL_SIZE = 12.5;
const TITLE_SIZE = 17;

/** The rectangle between the axes, in pixels. */
interface Frame {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/**
 * Draws curves, such as the losses of a training run, as an SVG picture. Values that are not finite, or not positive on a
 * logarithmic axis, leave a gap. Curves of any length make small files: what falls into one column of pixels is drawn as
 * its extremes.
 *
 * @param series Numbers, a tensor, `{ x, y, label, color, style, smooth }`, or an array or an object of these.
 * @param options Title, labels, scales and size.
 * @returns The text of an SVG file.
 * @throws {ShapeError} if a curve has more values than places, or fewer.
 * @throws {DTypeError} if there are no numbers, or a range cannot be drawn.
 * @throws {DamoError} if an option does not exist.
 * @example
 * ```ts
 * import { viz } from "@damo/damo";
 * const loss = Array.from({ length: 200 }, (_, i) => 2 * Math.exp(-i / 40) + 0.1);
 * const svg = viz.plot({ train: loss }, { title: "Loss", xLabel: "step", yScale: "log" });
 * console.assert(svg.startsWith("<svg"));
 * ```
 */
export function plot(series: PlotInput, options: PlotOptions = {}): string {
  checkOptions("viz.plot", options, OPTIONS);
  const { width = 720, height = 420, title, xLabel, yLabel } = options;
  const curves = curvesOf(series);
  const xScale = scaleOf(curves, "x", options.xScale ?? "linear", options.xRange ?? [undefined, undefined]);
  const yScale = scaleOf(curves, "y", options.yScale ?? "linear", options.yRange ?? [undefined, undefined]);
  const legend = options.legend === false ? [] : curves.filter((curve) => curve.label !== undefined);

  const head = (title ? 40 : 18) + (legend.length > 0 ? 24 : 0) + (yLabel ? 26 : 0);
  const foot = xLabel ? 58 : 36;
  const yTicks = ticksFor(yScale, Math.max(2, Math.round((height - head - foot) / 46)));
  const left = 26 + Math.max(...yTicks.map(({ label }) => textWidth(label, TICK_SIZE)), 12);
  const frame = { left, top: head, right: width - 26, bottom: height - foot };
  const xTicks = ticksFor(
    xScale,
    Math.max(2, Math.round((frame.right - left) / 90)),
    countsSteps(curves) ? 1 : 0,
  );

  const parts = [
    title ? `<title>${escapeXml(title)}</title>` : "",
    element("rect", { width, height, fill: "#fff" }),
    title ? text(title, 20, 29, { "font-size": TITLE_SIZE, "font-weight": "650", fill: INK }) : "",
    drawLegend(legend, title ? 53 : 29),
    yLabel ? text(yLabel, 20, frame.top - 14, { "font-size": LABEL_SIZE, fill: FADED_INK }) : "",
    xLabel
      ? text(xLabel, (frame.left + frame.right) / 2, height - 17, {
        "font-size": LABEL_SIZE,
        fill: FADED_INK,
        "text-anchor": "middle",
      })
      : "",
    drawGrid(frame, xScale, yScale, xTicks, yTicks),
    drawCurves(curves, frame, xScale, yScale),
  ];
  return element("svg", {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: "img",
    "font-family": FONT,
  }, `\n${parts.filter((part) => part !== "").join("\n")}\n`);
}

/** A scale over the values that can be drawn; one without any goes from 0 to 1, or 1 to 10. */
function scaleOf(
  curves: readonly Curve[],
  axis: "x" | "y",
  kind: "linear" | "log",
  range: readonly [number | undefined, number | undefined],
): Scale {
  let least = Infinity, greatest = -Infinity;
  const include = (values: ArrayLike<number>): void => {
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (!Number.isFinite(value) || (kind === "log" && value <= 0)) continue;
      if (value < least) least = value;
      if (value > greatest) greatest = value;
    }
  };
  for (const curve of curves) include(curve[axis]);
  if (least > greatest) [least, greatest] = kind === "log" ? [1, 10] : [0, 1];
  const [low, high] = range;
  if (low !== undefined && high !== undefined && !(high > low)) {
    throw new DTypeError(`viz.plot: ${axis}Range [${low}, ${high}] is empty.`, {
      operation: "viz.plot",
      remedy: "Give the lower end first.",
    });
  }
  if (kind === "log" && ((low ?? 1) <= 0 || (high ?? 1) <= 0)) {
    throw new DTypeError(
      `viz.plot: ${axis}Range [${low}, ${high}] is not positive, and the axis is logarithmic.`,
      {
        operation: "viz.plot",
        remedy: `Give it positive ends or use ${axis}Scale: "linear".`,
      },
    );
  }
  // Curves keep away from the upper and lower edge and go from side to side.
  return scaleFor(kind, [least, greatest], range, axis === "y" ? 0.05 : 0);
}

/** Whether the x axis counts something (steps, epochs), so that marks between its numbers would mean nothing. */
function countsSteps(curves: readonly Curve[]): boolean {
  return curves.every(({ x }) => Array.from(x).every((value) => Number.isInteger(value)));
}

function text(content: string, x: number, y: number, attributes: Record<string, string | number>): string {
  return element("text", { x, y, ...attributes }, escapeXml(content));
}

function drawLegend(curves: readonly Curve[], y: number): string {
  let x = 20;
  return curves.map(({ label = "", color, style }) => {
    const mark = style === "points"
      ? element("circle", { cx: x + 9, cy: y - 4, r: 3.5, fill: color })
      : element("line", {
        x1: x,
        x2: x + 18,
        y1: y - 4,
        y2: y - 4,
        stroke: color,
        "stroke-width": 2.5,
        "stroke-linecap": "round",
        "stroke-dasharray": style === "dashed" ? "5 5" : undefined,
      });
    const entry = mark + text(label, x + 25, y, { "font-size": LABEL_SIZE, fill: INK });
    x += 25 + textWidth(label, LABEL_SIZE) + 22;
    return entry;
  }).join("");
}

function drawGrid(
  frame: Frame,
  xScale: Scale,
  yScale: Scale,
  xTicks: readonly Tick[],
  yTicks: readonly Tick[],
): string {
  const { left, right, top, bottom } = frame;
  const x = (value: number): number => left + placeOn(xScale, value) * (right - left);
  const y = (value: number): number => bottom - placeOn(yScale, value) * (bottom - top);
  const horizontal = (value: number): string =>
    `M${coordinate(left)} ${coordinate(y(value))}H${coordinate(right)}`;
  const downwards = (value: number, length: number): string =>
    `M${coordinate(x(value))} ${coordinate(bottom)}v${length}`;
  const minor = minorTicks(yScale).map(horizontal).join("");
  return [
    minor && element("path", { d: minor, stroke: GRID, "stroke-width": 0.6, opacity: 0.8 }),
    element("path", { d: yTicks.map(({ value }) => horizontal(value)).join(""), stroke: GRID }),
    element("path", {
      d: `M${coordinate(left)} ${coordinate(bottom)}H${coordinate(right)}` +
        xTicks.map(({ value }) => downwards(value, 5)).join("") +
        minorTicks(xScale).map((value) => downwards(value, 3)).join(""),
      stroke: AXIS,
      fill: "none",
    }),
    element(
      "g",
      { "font-size": TICK_SIZE, fill: FADED_INK, "text-anchor": "end" },
      yTicks.map(({ value, label }) => text(label, left - 8, y(value) + 4, {})).join(""),
    ),
    element(
      "g",
      { "font-size": TICK_SIZE, fill: FADED_INK, "text-anchor": "middle" },
      xTicks.map(({ value, label }) => text(label, x(value), bottom + 19, {})).join(""),
    ),
  ].filter(Boolean).join("\n");
}

function drawCurves(
  curves: readonly Curve[],
  { left, right, top, bottom }: Frame,
  xScale: Scale,
  yScale: Scale,
): string {
  const x = (value: number): number => placeOn(xScale, value) * (right - left);
  const y = (value: number): number => (1 - placeOn(yScale, value)) * (bottom - top);
  const drawn = curves.map((curve) => {
    if (curve.style === "points") {
      return element("path", {
        d: curvePoints(curve.x, curve.y, x, y),
        stroke: curve.color,
        "stroke-width": 5,
        "stroke-linecap": "round",
      });
    }
    const line = (values: ArrayLike<number>, strokeWidth: number, opacity?: number): string =>
      element("path", {
        d: curvePath(curve.x, values, x, y),
        stroke: curve.color,
        "stroke-width": strokeWidth,
        "stroke-dasharray": curve.style === "dashed" ? "6 5" : undefined,
        opacity,
      });
    return curve.smoothed ? line(curve.y, 1, 0.3) + line(curve.smoothed, 2.25) : line(curve.y, 2.25);
  });
  // An inner picture clips its curves at the frame without needing a name that is unique in the page.
  return element("svg", {
    x: left,
    y: top - 3,
    width: right - left,
    height: bottom - top + 3,
    viewBox: `0 -3 ${coordinate(right - left)} ${coordinate(bottom - top + 3)}`,
    fill: "none",
    "stroke-linejoin": "round",
    "stroke-linecap": "round",
  }, drawn.join("\n"));
}
