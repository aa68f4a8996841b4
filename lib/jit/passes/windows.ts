/**
 * Small windows written out, so that no tensor of all windows is made (it has as many times the elements of the image
 * as a window has):
 *
 * - reductions of windows: max over w of x[p * stride + w] is the maximum of as many shifted images;
 * - sums of what overlaps, gathered: each element of the image adds up the windows that lie over it. With a stride
 *   these are the same windows for every stride-th element, so each such phase is an expression of its own.
 */
import type { Graph, Node } from "../../trace/graph.ts";
import { castPrimitive } from "../../trace/primitives/cast.ts";
import { apply } from "../../trace/primitives/elementwise_rules.ts";
import { reshapeTo } from "../../trace/primitives/move.ts";
import { concatPrimitive } from "../../trace/primitives/move_concat.ts";
import { padPrimitive, slicePrimitive } from "../../trace/primitives/move_slice.ts";
import type { UnwindowParams, WindowsParams } from "../../trace/primitives/windows.ts";
import { filled } from "../../trace/primitives/zeros.ts";
import { asTensor, type Pass, producer, rewriteGraph, uniformValue } from "../../trace/rewrite.ts";
import type { ScalarOp } from "../../trace/scalar_op.ts";
import { sameShape, type Shape, sizeOf } from "../../trace/shape.ts";
import type { Tensor } from "../../trace/tensor.ts";
import { bindOne } from "../../trace/trace.ts";
import { mapSubgraphs } from "./loop_subgraphs.ts";
import {
  combinations,
  inPairs,
  isOverWindows,
  MAX_ELEMENTS,
  type Place,
  valueAt,
  withoutOffsets,
} from "./window_parts.ts";

/** More phases than this are not worth a kernel each. */
const MAX_PHASES = 9;

const REDUCTIONS: { readonly [name: string]: ScalarOp } = { sum: "add", max: "maximum", min: "minimum" };

export const windows: Pass = { name: "windows", run };

function run(graph: Graph): Graph {
  const inner = mapSubgraphs(graph, run);
  if (!inner.nodes.some(({ primitive: { name } }) => name === "windows" || name === "unwindow")) return inner;
  return rewriteGraph(inner, (node, inputs) => {
    if (node.primitive.name === "unwindow") return gathered(node, inputs[0]);
    return Object.hasOwn(REDUCTIONS, node.primitive.name) ? writtenOut(node, inputs[0]) : null;
  });
}

/** A reduction over all places of small windows, written out. */
function writtenOut(node: Node, x: Tensor): Tensor | null {
  const { axes } = node.params as { axes: readonly number[] };
  const { shape, dtype } = x.aval;
  const k = axes.length;
  const sizes = shape.slice(shape.length - k);
  if (![...axes].sort((a, b) => a - b).every((axis, i) => axis === shape.length - k + i)) return null;
  const count = sizeOf(sizes);
  if (count < 2 || count > MAX_ELEMENTS || dtype === "bool" || !isOverWindows(x, k)) return null;
  const kept = shape.slice(0, shape.length - k);
  const terms: Tensor[] = [];
  for (const at of combinations(sizes)) {
    const term = valueAt(x, k, kept, elementAt(at, kept.slice(kept.length - k)));
    if (!term) return null;
    terms.push(term);
  }
  const op = REDUCTIONS[node.primitive.name];
  const combine = (a: Tensor, b: Tensor): Tensor => apply(op, a, b);
  if (op !== "add" || dtype !== "float16") return inPairs(terms, combine);
  const wide = terms.map((term) => bindOne(castPrimitive, [term], { dtype: "float32" }));
  return bindOne(castPrimitive, [inPairs(wide, combine)], { dtype });
}

/** The element number `at` of each of `counts` windows along each axis. */
function elementAt(at: readonly number[], counts: readonly number[]): Place {
  return {
    ofWhole: (x) => x,
    ofWindows(x, { sizes, strides, dilations, padding, value }: WindowsParams) {
      if (sizes.length !== at.length) return null;
      const batch = x.ndim - at.length;
      const first = at.map((w, i) => w * dilations[i] - padding[i][0]);
      const end = first.map((from, i) => from + (counts[i] - 1) * strides[i] + 1);
      return part(x, { batch, first, end, step: strides, value });
    },
  };
}

interface Part {
  readonly batch: number;
  readonly first: readonly number[];
  readonly end: readonly number[];
  readonly step: readonly number[];
  readonly value: number;
}

/** Every step-th element of the last axes from `first` to before `end`, which may lie outside, where `value` is. */
function part(x: Tensor, { batch, first, end, step, value }: Part): Tensor {
  const own = x.shape.slice(batch);
  const low = first.map((from) => Math.max(0, -from));
  const high = end.map((to, i) => Math.max(0, to - own[i]));
  const head = (n: number): number[] => new Array<number>(batch).fill(n);
  const padded = [...low, ...high].every((n) => n === 0) ? x : bindOne(padPrimitive, [x], {
    low: [...head(0), ...low],
    high: [...head(0), ...high],
    interior: x.shape.map(() => 0),
    value,
  });
  return bindOne(slicePrimitive, [padded], {
    start: [...head(0), ...first.map((from, i) => from + low[i])],
    stop: [...x.shape.slice(0, batch), ...end.map((to, i) => to + low[i])],
    step: [...head(1), ...step],
  });
}

/** The sum of what overlaps, as what each element of the image gets from the windows over it. */
function gathered(node: Node, x: Tensor): Tensor | null {
  const params = node.params as unknown as UnwindowParams;
  const { shape, strides, dilations, padding } = params;
  const k = shape.length, batch = x.ndim - 2 * k;
  const sizes = x.shape.slice(batch + k), counts = x.shape.slice(batch, batch + k);
  if (sizeOf(sizes) > MAX_ELEMENTS || sizeOf(strides) > MAX_PHASES || sizeOf(x.shape) === 0) return null;
  const phaseSizes = shape.map((size, i) => Math.ceil(size / strides[i]));
  const whole = [...x.shape.slice(0, batch), ...phaseSizes];
  const phases: Tensor[] = [];
  for (const phase of combinations(strides)) {
    const terms: Tensor[] = [];
    for (const at of combinations(sizes)) {
      // Element q * stride + phase lies in window q + shift, at the place `at`.
      const shifts = at.map((w, i) => (phase[i] + padding[i][0] - w * dilations[i]) / strides[i]);
      if (!shifts.every(Number.isInteger)) continue;
      const reaches = shifts.every((shift, i) => shift < counts[i] && shift + phaseSizes[i] > 0);
      if (!reaches) continue;
      const term = contribution(x, whole, { batch, counts, phase, shifts, params });
      if (!term) return null;
      terms.push(term);
    }
    const [none] = node.outputs;
    phases.push(
      terms.length > 0
        ? inPairs(terms, (a, b) => apply("add", a, b))
        : filled(0, { ...none.aval, shape: whole }),
    );
  }
  return interleaved(phases, strides, [...x.shape.slice(0, batch), ...shape]);
}

interface Gathering {
  readonly batch: number;
  readonly counts: readonly number[];
  readonly phase: readonly number[];
  readonly shifts: readonly number[];
  readonly params: UnwindowParams;
}

/** What the elements of a phase get from the windows at some distance: cotangents, or those where a test holds. */
function contribution(x: Tensor, whole: Shape, gathering: Gathering): Tensor | null {
  const k = gathering.shifts.length;
  const place = gatheredAt(whole, gathering);
  const broadcast = spreadValue(x, k);
  if (broadcast) return place.ofWhole(broadcast);
  const select = producer(x, "select");
  if (!select) return null;
  const [test, value, other] = select.inputs.map((variable) => asTensor(variable, x));
  const taken = spreadValue(value, k);
  // Outside of all windows the shifted value is zero, whatever the test says there.
  if (!taken || uniformValue(other) !== 0 || !isOverWindows(test, k)) return null;
  const [holds, passed] = [valueAt(test, k, whole, place), place.ofWhole(taken)];
  return holds && passed && apply("select", holds, passed, other);
}

/** The one value that all places of a window have, without the axes of offsets; null where they differ. */
function spreadValue(x: Tensor, k: number): Tensor | null {
  const below = producer(x, "broadcastTo");
  if (!below) return null;
  const [input] = below.inputs;
  const { shape } = input.aval;
  const ones = shape.slice(Math.max(0, shape.length - k)).every((size) => size === 1);
  if (!ones) return null;
  const kept = withoutOffsets(asTensor(input, x), k);
  // With all axes, so that the last ones are those of the windows.
  return sameShape(kept.shape, x.shape.slice(0, x.ndim - k)) ? kept : null;
}

function gatheredAt(whole: Shape, { batch, counts, phase, shifts, params }: Gathering): Place {
  const k = shifts.length;
  return {
    ofWhole(y) {
      if (y.ndim === 0) return y;
      const lead = y.ndim - k, sizes = whole.slice(batch);
      if (lead < 0 || !sameShape(y.shape.slice(lead), counts)) return null;
      return bindOne(padPrimitive, [y], {
        low: [...new Array<number>(lead).fill(0), ...shifts.map((shift) => 0 - shift)],
        high: [...new Array<number>(lead).fill(0), ...shifts.map((s, i) => sizes[i] + s - y.shape[lead + i])],
        interior: y.shape.map(() => 0),
        value: 0,
      });
    },
    ofWindows(y, own) {
      const fits = sameShape(y.shape.slice(y.ndim - k), params.shape) &&
        sameShape(own.strides, params.strides) && sameShape(own.dilations, params.dilations) &&
        sameShape(own.padding.flat(), params.padding.flat());
      if (!fits) return null;
      const lead = y.ndim - k;
      const end = phase.map((from, i) => from + (whole[batch + i] - 1) * params.strides[i] + 1);
      return part(y, { batch: lead, first: phase, end, step: params.strides, value: 0 });
    },
  };
}

/** Puts phases side by side: element q of phase r is q * stride + r. */
function interleaved(phases: readonly Tensor[], strides: readonly number[], shape: Shape): Tensor {
  const k = strides.length, batch = shape.length - k;
  let parts = [...phases];
  for (let axis = k - 1; axis >= 0; axis--) {
    const stride = strides[axis], at = batch + axis;
    const joined: Tensor[] = [];
    for (let i = 0; i < parts.length; i += stride) {
      const own = parts.slice(i, i + stride);
      joined.push(stride === 1 ? own[0] : side(own, at, shape[at]));
    }
    parts = joined;
  }
  return parts[0];
}

/** Phases along one axis: a new axis behind it, taken into it. */
function side(phases: readonly Tensor[], axis: number, size: number): Tensor {
  const { shape } = phases[0];
  const cut = phases.map((x) => reshapeTo(x, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]));
  const both = bindOne(concatPrimitive, cut, { axis: axis + 1 });
  const long = shape[axis] * phases.length;
  const flat = reshapeTo(both, [...shape.slice(0, axis), long, ...shape.slice(axis + 1)]);
  return long === size ? flat : bindOne(slicePrimitive, [flat], {
    start: flat.shape.map(() => 0),
    stop: flat.shape.map((n, a) => a === axis ? size : n),
    step: flat.shape.map(() => 1),
  });
}
