/** From a value between 0 and 1 to a colour. */

/** Grey; viridis (van der Walt and Smith, for matplotlib), even in lightness; or blue over white to red. */
export type ColorMap = "gray" | "viridis" | "diverging";

/** Colours at equal distances, between which is interpolated. */
const STOPS: { readonly [C in Exclude<ColorMap, "gray">]: readonly (readonly [number, number, number])[] } = {
  viridis: [
    [68, 1, 84],
    [71, 44, 122],
    [59, 81, 139],
    [44, 113, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
  ],
  diverging: [
    [5, 48, 97],
    [33, 102, 172],
    [67, 147, 195],
    [146, 197, 222],
    [209, 229, 240],
    [247, 247, 247],
    [253, 219, 199],
    [244, 165, 130],
    [214, 96, 77],
    [178, 24, 43],
    [103, 0, 31],
  ],
};

/** All maps, for messages and checks. */
export const COLOR_MAPS: readonly ColorMap[] = ["gray", "viridis", "diverging"];

/** Writes the colour of `value` into three bytes; what is outside 0 to 1 gets the colour of the nearer end, NaN magenta. */
export function writeColor(map: ColorMap, value: number, pixels: Uint8Array, at: number): void {
  if (Number.isNaN(value)) {
    pixels[at] = pixels[at + 2] = 255;
    pixels[at + 1] = 0;
    return;
  }
  const place = Math.min(1, Math.max(0, value));
  if (map === "gray") {
    pixels[at] = pixels[at + 1] = pixels[at + 2] = Math.round(place * 255);
    return;
  }
  const stops = STOPS[map];
  const position = place * (stops.length - 1);
  const below = Math.min(Math.floor(position), stops.length - 2);
  const part = position - below;
  for (let channel = 0; channel < 3; channel++) {
    pixels[at + channel] = Math.round(stops[below][channel] * (1 - part) + stops[below + 1][channel] * part);
  }
}
