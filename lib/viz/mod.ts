/**
 * Pictures as SVG and PNG: curves of training runs, digits, filters.
 *
 * @module
 */
export { display, type DisplayedPicture } from "./display.ts";
export { plot, type PlotOptions } from "./plot.ts";
export type { PlotInput, PlotSeries, PlotValues } from "./series.ts";
export { image, imagePng, type ImageSource } from "./image.ts";
export type { ImageOptions } from "./tiles.ts";
export type { ColorMap } from "./colors.ts";
