/**
 * Layered drawing (Sugiyama, Tagawa and Toda 1981): layers by longest paths, order within layers by barycentres.
 * The function goes into the page as text, so it stands alone: it uses nothing of this module.
 */

/** Where boxes are, and how much room they take together. */
export interface Placement {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly width: number;
  readonly height: number;
}

/**
 * Places boxes of the given sizes; edges are pairs of numbers of boxes. Boxes come in topological order. Time grows
 * with boxes and edges, times the logarithm of the widest layer.
 */
export function layOutGraph(
  widths: ArrayLike<number>,
  heights: ArrayLike<number>,
  edges: readonly (readonly [number, number, ...unknown[]])[],
): Placement {
  const gapX = 18, gapY = 42, sweeps = 6;
  const count = widths.length;
  const before: number[][] = [], after: number[][] = [];
  for (let i = 0; i < count; i++) {
    before.push([]);
    after.push([]);
  }
  for (const [from, to] of edges) {
    before[to].push(from);
    after[from].push(to);
  }
  // Longest paths from the top; then what has more readers than operands moves down to its first reader.
  const layer = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    for (const from of before[i]) layer[i] = Math.max(layer[i], layer[from] + 1);
  }
  for (let i = count - 1; i >= 0; i--) {
    if (after[i].length === 0 || before[i].length > after[i].length) continue;
    let first = Infinity;
    for (const to of after[i]) first = Math.min(first, layer[to]);
    layer[i] = Math.max(layer[i], first - 1);
  }
  let depth = 0;
  for (let i = 0; i < count; i++) depth = Math.max(depth, layer[i] + 1);
  const layers: number[][] = [];
  for (let k = 0; k < depth; k++) layers.push([]);
  for (let i = 0; i < count; i++) layers[layer[i]].push(i);
  // Barycentres, in fractions of a layer, so that layers of different width compare.
  const rank = new Float64Array(count);
  const setRanks = (row: number[]): void => row.forEach((box, i) => rank[box] = (i + 0.5) / row.length);
  layers.forEach(setRanks);
  const weight = new Float64Array(count);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const down = sweep % 2 === 0;
    for (let step = 0; step < depth; step++) {
      const row = layers[down ? step : depth - 1 - step];
      for (const box of row) {
        const near = down ? before[box] : after[box];
        let sum = 0;
        for (const other of near) sum += rank[other];
        weight[box] = near.length > 0 ? sum / near.length : rank[box];
      }
      row.sort((a, b) => weight[a] - weight[b]);
      setRanks(row);
    }
  }
  // Heights of layers, then places: each box under the mean of its neighbours as far as its row leaves room.
  const x = new Float64Array(count), y = new Float64Array(count);
  let height = 0;
  for (const row of layers) {
    let tallest = 0;
    for (const box of row) tallest = Math.max(tallest, heights[box]);
    for (const box of row) y[box] = height + (tallest - heights[box]) / 2;
    height += tallest + gapY;
  }
  height = Math.max(0, height - gapY);
  for (const row of layers) {
    let total = -gapX;
    for (const box of row) total += widths[box] + gapX;
    let left = -total / 2;
    for (const box of row) {
      x[box] = left;
      left += widths[box] + gapX;
    }
  }
  const wish = new Float64Array(count);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const down = sweep % 2 === 0;
    for (let step = 0; step < depth; step++) {
      const row = layers[down ? step : depth - 1 - step];
      for (const box of row) {
        const near = down ? before[box] : after[box];
        let sum = 0;
        for (const other of near) sum += x[other] + widths[other] / 2;
        wish[box] = near.length > 0 ? sum / near.length - widths[box] / 2 : x[box];
      }
      // Blocks of boxes that touch share one shift: the mean of what their members wish (pool adjacent violators).
      const starts: number[] = [], sums: number[] = [], sizes: number[] = [];
      let offset = 0;
      const offsets: number[] = [];
      row.forEach((box, i) => {
        offsets.push(offset);
        starts.push(i);
        sums.push(wish[box] - offset);
        sizes.push(1);
        offset += widths[box] + gapX;
        while (starts.length > 1) {
          const last = starts.length - 1;
          if (sums[last - 1] / sizes[last - 1] <= sums[last] / sizes[last]) break;
          sums[last - 1] += sums[last];
          sizes[last - 1] += sizes[last];
          starts.pop();
          sums.pop();
          sizes.pop();
        }
      });
      starts.forEach((start, k) => {
        const shift = sums[k] / sizes[k];
        for (let i = start; i < start + sizes[k]; i++) x[row[i]] = shift + offsets[i];
      });
    }
  }
  let low = Infinity, high = -Infinity;
  for (let i = 0; i < count; i++) {
    low = Math.min(low, x[i]);
    high = Math.max(high, x[i] + widths[i]);
  }
  if (count === 0) low = high = 0;
  for (let i = 0; i < count; i++) x[i] -= low;
  return { x, y, width: high - low, height };
}
