/** Where the marks of an axis stand and what they say. */

/** An axis: its range, and how values become places between 0 and 1. */
export interface Scale {
  readonly kind: "linear" | "log";
  readonly low: number;
  readonly high: number;
}

/** A mark with its text; a minor mark has none. */
export interface Tick {
  readonly value: number;
  readonly label: string;
}

/** The place of a value on a scale, 0 at its low end and 1 at its high end. */
export function placeOn({ kind, low, high }: Scale, value: number): number {
  if (kind === "log") return Math.log(value / low) / Math.log(high / low);
  return (value - low) / (high - low);
}

/** A scale that holds the range of some values, with a margin where the caller did not fix the end. */
export function scaleFor(
  kind: "linear" | "log",
  [least, greatest]: readonly [number, number],
  [low, high]: readonly [number | undefined, number | undefined],
  margin: number,
): Scale {
  // A constant series gets a range around it.
  const share = greatest > least ? margin : Math.max(margin, 0.05);
  if (kind === "log") {
    const beyond = 10 ** (Math.max(Math.log10(greatest / least), 0.1) * share);
    return ordered({ kind, low: low ?? least / beyond, high: high ?? greatest * beyond }, low !== undefined);
  }
  const span = greatest > least ? greatest - least : Math.abs(greatest) || 1;
  return ordered(
    { kind, low: low ?? least - span * share, high: high ?? greatest + span * share },
    low !== undefined,
  );
}

/** Where one end is fixed beyond all values, the other end goes beyond it. */
function ordered({ kind, low, high }: Scale, lowFixed: boolean): Scale {
  if (high > low) return { kind, low, high };
  if (kind === "log") return lowFixed ? { kind, low, high: low * 10 } : { kind, low: high / 10, high };
  const span = Math.abs(lowFixed ? low : high) || 1;
  return lowFixed ? { kind, low, high: low + span } : { kind, low: high - span, high };
}

/** Marks for about `count` intervals, at round values; `leastStep` is 1 where only whole numbers have a meaning. */
export function ticksFor(scale: Scale, count: number, leastStep = 0): Tick[] {
  return scale.kind === "log" ? logTicks(scale, count) : linearTicks(scale, count, leastStep);
}

function linearTicks({ low, high }: Scale, count: number, leastStep: number): Tick[] {
  const step = Math.max(roundStep((high - low) / count), leastStep);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  // Multiples of the step, rounded to its decimals: 0.1 * 3 is not 0.3.
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9) + 1);
  const values = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => {
    const value = (first + i) * step;
    return decimals <= 20 ? Number(value.toFixed(decimals)) : value;
  });
  const greatest = Math.max(...values.map(Math.abs));
  return values.map((value) => ({ value, label: formatNumber(value, step, greatest) }));
}

/** The least of 1, 2, 2.5 and 5 times a power of ten that is not below `rough` (Heckbert's nice numbers). */
function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  for (const factor of [1, 2, 2.5, 5]) {
    if (factor * power >= rough * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

function logTicks(scale: Scale, count: number): Tick[] {
  const decades = Math.log10(scale.high / scale.low);
  if (decades < 0.6) return linearTicks(scale, count, 0).filter(({ value }) => value > 0);
  const from = Math.floor(Math.log10(scale.low));
  const to = Math.ceil(Math.log10(scale.high));
  const every = Math.max(1, Math.round(decades / count));
  const factors = decades >= 3 ? [1] : decades >= 1.5 ? [1, 3] : [1, 2, 5];
  const ticks: Tick[] = [];
  for (let exponent = from; exponent <= to; exponent++) {
    if (exponent % every !== 0) continue;
    for (const factor of factors) {
      const value = Number(`${factor}e${exponent}`);
      if (inside(scale, value)) ticks.push({ value, label: formatPower(factor, exponent) });
    }
  }
  return ticks;
}

/** The unlabelled marks at 2 to 9 times each power of ten of a logarithmic axis. */
export function minorTicks(scale: Scale): number[] {
  if (scale.kind !== "log") return [];
  const decades = Math.log10(scale.high / scale.low);
  if (decades > 8 || decades < 0.6) return [];
  const values: number[] = [];
  for (let exponent = Math.floor(Math.log10(scale.low)); exponent <= Math.log10(scale.high); exponent++) {
    for (let factor = 2; factor <= 9; factor++) {
      const value = Number(`${factor}e${exponent}`);
      if (inside(scale, value)) values.push(value);
    }
  }
  return values;
}

function inside({ low, high }: Scale, value: number): boolean {
  return value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9);
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

function superscript(exponent: number): string {
  const digits = [...String(Math.abs(exponent))].map((digit) => SUPERSCRIPTS[Number(digit)]).join("");
  return exponent < 0 ? `⁻${digits}` : digits;
}

function formatPower(factor: number, exponent: number): string {
  if (exponent >= -3 && exponent <= 4) return group(Number(`${factor}e${exponent}`), Math.max(0, -exponent));
  const power = `10${superscript(exponent)}`;
  return factor === 1 ? power : `${factor}×${power}`;
}

/** As many decimals as the step needs; powers of ten where the digits would not fit beside an axis. */
function formatNumber(value: number, step: number, greatest: number): string {
  if (value === 0) return "0";
  if (greatest >= 1e6 || greatest < 1e-3) {
    const exponent = Math.floor(Math.log10(greatest) + 1e-9);
    const digits = decimalsOf(step / 10 ** exponent);
    const mantissa = group(value / 10 ** exponent, digits);
    return mantissa === "1" ? `10${superscript(exponent)}` : `${mantissa}×10${superscript(exponent)}`;
  }
  return group(value, decimalsOf(step));
}

/** The decimals that a step of one or two significant digits has. */
function decimalsOf(step: number): number {
  for (let decimals = 0; decimals < 12; decimals++) {
    const scaled = step * 10 ** decimals;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return decimals;
  }
  return 12;
}

/** A true minus sign, and thin spaces between thousands from 10 000 on. */
function group(value: number, decimals: number): string {
  const [whole, fraction] = Math.abs(value).toFixed(decimals).split(".");
  const grouped = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, "\u2009") : whole;
  return `${value < 0 ? "−" : ""}${grouped}${fraction ? `.${fraction}` : ""}`;
}
