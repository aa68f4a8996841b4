/** print: shows a value when it is computed. */
import { formatData } from "../../trace/format.ts";
import { DamoError } from "../../trace/errors.ts";
import { checkOptions, checkText } from "../../trace/ops/options.ts";
import { strong, type TensorLike, upload } from "../../trace/ops/convert.ts";
import { type HostArray, NOT_LINEAR, type Primitive } from "../../trace/primitive.ts";
import { describe } from "../../trace/shape.ts";
import type { Tensor } from "../../trace/tensor.ts";
import { bindOne, withoutTrace } from "../../trace/trace.ts";
import { toTypedArray } from "../reference/host_storage.ts";

/** What {@link print} can show. */
export type PrintItem = "value" | "shape" | "dtype" | "mean" | "min" | "max" | "nan";

/** Options of {@link print}. */
export interface PrintOptions {
  /** What to show, in this order; the value by default. */
  readonly show?: readonly PrintItem[];
  /** Makes the text of the value in place of `show`. */
  readonly format?: (value: Tensor) => string;
}

interface PrintParams {
  readonly label: string;
  readonly show: readonly PrintItem[];
  readonly format: ((value: Tensor) => string) | undefined;
}

const ITEMS: { readonly [K in PrintItem]: (x: HostArray) => string } = {
  value: (x) => `${formatValue(x)} ${describe(x)}`,
  shape: (x) => `shape ${describe(x)}`,
  dtype: ({ dtype }) => dtype,
  mean: ({ data }) => `mean ${round(data.reduce((sum, value) => sum + value, 0) / data.length)}`,
  min: ({ data }) => `min ${round(data.reduce((a, b) => Math.min(a, b), Infinity))}`,
  max: ({ data }) => `max ${round(data.reduce((a, b) => Math.max(a, b), -Infinity))}`,
  nan: ({ data }) => `${data.reduce((count, value) => count + Number(value !== value), 0)} NaN`,
};

function formatValue(x: HostArray): string {
  return formatData(toTypedArray(x), x.dtype, x.shape);
}

function round(value: number): string {
  return String(Number(value.toPrecision(7)));
}

let quiet = false;

/** Runs `body` with every `print` silent: when values that were printed already are computed again. */
export function withoutPrinting<T>(body: () => T): T {
  const previous = quiet;
  quiet = true;
  try {
    return body();
  } finally {
    quiet = previous;
  }
}

/** The identity. Tangents pass through unprinted, so that a differentiated function prints its values once. */
export const printPrimitive: Primitive<PrintParams> = {
  name: "print",
  effect: true,
  infer([x]) {
    return [{ shape: x.shape, dtype: x.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ tangents }) {
      return tangents;
    },
  },
  linear: NOT_LINEAR,
  batch({ inputs, params }) {
    return [bindOne(printPrimitive, inputs, params)];
  },
  evaluate([x], { label, show, format }) {
    if (quiet) return [x];
    const text = format
      ? withoutTrace(() => format(upload(toTypedArray(x), x.dtype, x.shape)))
      : show.map((item) => ITEMS[item](x)).join(", ");
    console.log(`${label ? `${label}: ` : ""}${text}`);
    return [x];
  },
  lower() {
    return { kind: "host" };
  },
  print({ label, show, format }) {
    return `${JSON.stringify(label)} ${format ? "format" : `show=[${show.join(", ")}]`}`;
  },
};

/**
 * Gives `x` back and prints it, after `label`, whenever the value is computed: also inside compiled functions, where
 * `console.log` would show the traced tensor once. `show` chooses among value, shape, dtype, mean, min, max and the
 * number of NaNs; `format` makes the text itself. Under vmap the whole batch is printed at once.
 *
 * @throws {DamoError} for an unknown item.
 * @example
 * ```ts
 * import { jit, print, tensor } from "@damo/damo";
 * const f = jit((x) => print(x.mul(2), "doubled", { show: ["mean", "max"] }).sum());
 * f(tensor([1, 2, 3])); // doubled: mean 4, max 6
 * ```
 */
export function print(x: TensorLike, label: string = "", options: PrintOptions = {}): Tensor {
  checkOptions("print", options, ["show", "format"]);
  checkText("print", "label", label, 'print(x, "label", { show })');
  const { show = ["value"], format } = options;
  for (const item of show) {
    if (Object.hasOwn(ITEMS, item)) continue;
    throw new DamoError(`print: ${JSON.stringify(item)} cannot be shown.`, {
      operation: "print",
      remedy: `Choose among ${Object.keys(ITEMS).map((name) => JSON.stringify(name)).join(", ")}.`,
    });
  }
  return bindOne(printPrimitive, [strong(x, "print")], { label, show, format });
}
