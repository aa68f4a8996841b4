/** Curves as SVG paths that stay small however many values there are. */
import { coordinate } from "./svg.ts";

/** From a value to pixels. */
type Place = (value: number) => number;

/**
 * A line through the points, with gaps at values that cannot be drawn. While points fall into one column of half a pixel,
 * only the first, the least, the greatest and the last of them are drawn: the picture is the same.
 */
export function curvePath(xs: ArrayLike<number>, ys: ArrayLike<number>, x: Place, y: Place): string {
  let path = "";
  let pen: "M" | "L" = "M";
  let column = NaN;
  // The first, least, greatest and last point of the column, by their number.
  let first = -1, least = -1, greatest = -1, last = -1;

  function flush(): void {
    if (first < 0) return;
    const kept = [...new Set([first, ...(least < greatest ? [least, greatest] : [greatest, least]), last])];
    for (const i of kept) {
      path += `${pen}${coordinate(x(xs[i]))} ${coordinate(y(ys[i]))}`;
      pen = "L";
    }
    first = -1;
  }

  for (let i = 0; i < xs.length; i++) {
    const px = x(xs[i]), py = y(ys[i]);
    if (!Number.isFinite(px) || !Number.isFinite(py)) {
      flush();
      pen = "M";
      continue;
    }
    const here = Math.floor(px * 2);
    if (first >= 0 && here === column) {
      if (ys[i] < ys[least]) least = i;
      if (ys[i] > ys[greatest]) greatest = i;
      last = i;
      continue;
    }
    flush();
    column = here;
    first =
      least =
      greatest =
      last =
        i;
  }
  flush();
  return lonePointsVisible(path);
}

/** A point without neighbours needs a line of no length: round ends make it a dot. */
function lonePointsVisible(path: string): string {
  return path.replace(/M([^ML]+)(?=M|$)/g, "M$1h0");
}

/** A dot at each point, the same pixel once. */
export function curvePoints(xs: ArrayLike<number>, ys: ArrayLike<number>, x: Place, y: Place): string {
  const dots = new Set<string>();
  for (let i = 0; i < xs.length; i++) {
    const px = x(xs[i]), py = y(ys[i]);
    if (Number.isFinite(px) && Number.isFinite(py)) {
      dots.add(`M${coordinate(Math.round(px * 2) / 2)} ${coordinate(Math.round(py * 2) / 2)}h0`);
    }
  }
  return [...dots].join("");
}
