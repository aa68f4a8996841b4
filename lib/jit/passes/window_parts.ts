/** Elementwise work on sliding windows, written out for one place in the windows. */
import type { Variable } from "../../trace/graph.ts";
import { broadcastShape } from "../../trace/primitives/elementwise_rules.ts";
import { elementwise } from "../../trace/primitives/elementwise.ts";
import { reshapeTo } from "../../trace/primitives/move.ts";
import type { WindowsParams } from "../../trace/primitives/windows.ts";
import { asTensor } from "../../trace/rewrite.ts";
import type { ScalarOp } from "../../trace/scalar_op.ts";
import type { Shape } from "../../trace/shape.ts";
import type { Tensor } from "../../trace/tensor.ts";
import { bindOne } from "../../trace/trace.ts";

/** Of windows with more elements than this nothing is written out. */
export const MAX_ELEMENTS = 32;

/** More operations than this are not computed once for every element of a window. */
const MAX_OPERATIONS = 12;

const CHEAP: ReadonlySet<string> = new Set<ScalarOp>([
  "add",
  "sub",
  "mul",
  "neg",
  "abs",
  "square",
  "maximum",
  "minimum",
  "select",
  "eq",
  "ne",
  "lt",
  "le",
  "gt",
  "ge",
  "and",
  "or",
  "not",
]);

/** What the leaves of an expression over windows are at one place in the windows; null where that is not known. */
export interface Place {
  /** The element of the windows of `x`. */
  ofWindows(x: Tensor, params: WindowsParams): Tensor | null;
  /** What has one value for each window. */
  ofWhole(x: Tensor): Tensor | null;
}

/** Whether a variable has only 1 for the `k` axes of offsets, or lacks them. */
function isWhole({ aval: { shape } }: Variable, k: number): boolean {
  return shape.slice(Math.max(0, shape.length - k)).every((size) => size === 1);
}

/** The variables between the root and its leaves, inputs first; null for what should not be written out. */
function expressionOf(root: Variable, k: number): Variable[] | null {
  const order: Variable[] = [];
  const seen = new Set<Variable>();
  const stack: { readonly variable: Variable; readonly entered: boolean }[] = [{
    variable: root,
    entered: false,
  }];
  let operations = 0, windows = 0;
  while (stack.length > 0) {
    const { variable, entered } = stack.pop()!;
    if (entered) {
      order.push(variable);
      continue;
    }
    if (seen.has(variable)) continue;
    seen.add(variable);
    stack.push({ variable, entered: true });
    if (isWhole(variable, k)) continue;
    const name = variable.node?.primitive.name;
    if (name === "windows") windows++;
    else if (name !== "broadcastTo" && (name === undefined || !CHEAP.has(name))) return null;
    else {
      if (++operations > MAX_OPERATIONS) return null;
      for (const input of variable.node!.inputs) stack.push({ variable: input, entered: false });
    }
  }
  return windows > 0 ? order : null;
}

/** Whether the value of `root` can be written out: elementwise operations on windows over the last `k` axes. */
export function isOverWindows(root: Tensor, k: number): boolean {
  return root.variable !== null && expressionOf(root.variable, k) !== null;
}

/** The value of `root` at a place in the windows, whose axes it has no more; `shape` is that of the result. */
export function valueAt(root: Tensor, k: number, shape: Shape, place: Place): Tensor | null {
  const order = root.variable && expressionOf(root.variable, k);
  if (!order) return null;
  const values = new Map<Variable, Tensor>();
  for (const variable of order) {
    const tensor = asTensor(variable, root);
    const value = isWhole(variable, k) ? place.ofWhole(withoutOffsets(tensor, k)) : inside(variable);
    if (!value) return null;
    values.set(variable, value);
  }
  return broadcastShape(values.get(root.variable!)!, shape);

  function inside(variable: Variable): Tensor | null {
    const { primitive, params, inputs } = variable.node!;
    if (primitive.name === "windows") {
      return place.ofWindows(asTensor(inputs[0], root), params as unknown as WindowsParams);
    }
    const args = inputs.map((input) => values.get(input)!);
    if (primitive.name === "broadcastTo") return args[0];
    return bindOne(elementwise[primitive.name as ScalarOp], args, {});
  }
}

/** A value that is the same in all places of a window, without the axes of offsets. */
export function withoutOffsets(x: Tensor, k: number): Tensor {
  const { shape } = x.aval;
  const rest = shape.slice(0, Math.max(0, shape.length - k));
  return rest.length === shape.length ? x : reshapeTo(x, rest);
}

/** Every combination of one number below each size, the last running fastest. */
export function combinations(sizes: readonly number[]): number[][] {
  let all: number[][] = [[]];
  for (const size of sizes) {
    all = all.flatMap((head) => Array.from({ length: size }, (_, i) => [...head, i]));
  }
  return all;
}

/** Terms combined in pairs, as a tree. */
export function inPairs(terms: readonly Tensor[], combine: (a: Tensor, b: Tensor) => Tensor): Tensor {
  let level = [...terms];
  while (level.length > 1) {
    const next: Tensor[] = [];
    for (let i = 0; i < level.length; i += 2) {
      next.push(i + 1 < level.length ? combine(level[i], level[i + 1]) : level[i]);
    }
    level = next;
  }
  return level[0];
}
