/** What the showings of a run say: figures, ratios and the table of bench/RESULTS.md. */
import type { Showing } from "./measure.ts";
import { LIMIT } from "./process.ts";
import type { Workload } from "./workload.ts";

/** A contestant's figure of one workload. */
export interface Figure {
  readonly contestant: string;
  readonly version?: string;
  /** Milliseconds: the middle, the least, and the middle half of all computations. */
  readonly median?: number;
  readonly least?: number;
  readonly spread?: readonly [number, number];
  readonly first?: number;
  readonly computations?: number;
  readonly error?: number;
  readonly reason?: string;
}

export interface Result {
  readonly workload: string;
  readonly unit: Workload["unit"];
  readonly aim: number;
  readonly figures: readonly Figure[];
  /** The time of the fastest JavaScript peer over Damo's. */
  readonly overPeers?: number;
  /** NumPy's time over Damo's. */
  readonly overNumPy?: number;
  /** Damo's figure over the aim, as a speed: 1 and more means met. */
  readonly overAim?: number;
  /** The time that the workload's operations take at the least on this machine's vectors of 128 bits, over Damo's. */
  readonly overLimit?: number;
  /** The same ratios of the least times: what a machine that others use as well says least wrongly. */
  readonly least?: Ratios;
}

/** How Damo's time compares. */
export interface Ratios {
  readonly overPeers?: number;
  readonly overNumPy?: number;
  readonly overAim?: number;
  readonly overLimit?: number;
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

function figureOf(showing: Showing): Figure {
  const { times, empty = [0], ...rest } = showing;
  if (!times) return rest;
  const sorted = times.toSorted((a, b) => a - b), nothing = empty.toSorted((a, b) => a - b);
  const middle = quantile(nothing, 0.5);
  return {
    ...rest,
    median: quantile(sorted, 0.5) - middle,
    least: sorted[0] - nothing[0],
    spread: [quantile(sorted, 0.25) - middle, quantile(sorted, 0.75) - middle],
    computations: sorted.length,
  };
}

/** Milliseconds in the unit of the workload. */
function inUnit(milliseconds: number, { unit, billions = 1, repeats = 1 }: Workload): number {
  if (unit === "GFLOP/s") return billions / milliseconds * 1000;
  return (unit === "µs" ? milliseconds * 1000 : milliseconds) / repeats;
}

function ratiosOf(workload: Workload, figures: readonly Figure[], which: "median" | "least"): Ratios {
  const of = (name: string) => figures.find(({ contestant }) => contestant === name)?.[which];
  const peers = figures.filter(({ contestant }) => !/^(Damo|NumPy)/.test(contestant) && contestant !== LIMIT)
    .flatMap((figure) => figure[which] ?? []);
  const own = of("Damo"), native = of("NumPy"), limit = of(LIMIT);
  if (own === undefined) return {};
  const reached = inUnit(own, workload);
  return {
    overPeers: peers.length > 0 ? Math.min(...peers) / own : undefined,
    overNumPy: native === undefined ? undefined : native / own,
    overLimit: limit === undefined ? undefined : limit / own,
    overAim: workload.unit === "GFLOP/s" ? reached / workload.aim : workload.aim / reached,
  };
}

export function resultOf(workload: Workload, showings: readonly Showing[]): Result {
  const figures = showings.map(figureOf);
  return {
    workload: workload.name,
    unit: workload.unit,
    aim: workload.aim,
    figures: figures.map((figure) => ({ ...figure })),
    ...ratiosOf(workload, figures, "median"),
    least: ratiosOf(workload, figures, "least"),
  };
}

function rounded(value: number | undefined): string {
  return value === undefined ? "" : value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** A Markdown table: a row for each workload, a column for each contestant. */
export function tableOf(results: readonly Result[], workloads: readonly Workload[]): string {
  const contestants = [
    ...new Set(results.flatMap(({ figures }) => figures.map(({ contestant }) => contestant))),
  ];
  const head = [
    "workload",
    "unit",
    ...contestants,
    "over the best peer",
    "over NumPy",
    "aim",
    "over the aim",
    "of the limit",
  ];
  const rows = results.map((result) => {
    const workload = workloads.find(({ name }) => name === result.workload)!;
    const cells = contestants.map((name) => {
      const figure = result.figures.find(({ contestant }) => contestant === name);
      if (figure?.median === undefined) return figure?.reason?.startsWith("wrong") ? "wrong" : "-";
      const middle = inUnit(figure.median, workload);
      const half = (inUnit(figure.spread![1], workload) - inUnit(figure.spread![0], workload)) / 2;
      const least = rounded(inUnit(figure.least!, workload));
      return `${rounded(middle)} ± ${Math.round(Math.abs(half) / middle * 100)} %, ${least}`;
    });
    const { least = {} } = result;
    const both = (ratio: keyof Ratios): string =>
      result[ratio] === undefined ? "-" : `${rounded(result[ratio])}, ${rounded(least[ratio])}`;
    const end = [
      both("overPeers"),
      both("overNumPy"),
      String(result.aim),
      both("overAim"),
      both("overLimit"),
    ];
    return [result.workload, result.unit, ...cells, ...end];
  });
  return [head, head.map((_, i) => i < 2 ? "---" : "---:"), ...rows]
    .map((row) => `| ${row.join(" | ")} |`).join("\n");
}
