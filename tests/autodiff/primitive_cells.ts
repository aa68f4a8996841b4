/** The cells of the derivative table: one primitive, one argument, one transform, against finite differences. */
import { assert, assertEquals } from "@std/assert";
import { jvp, vjp, vmap } from "../../lib/autodiff/mod.ts";
import { type DType, isFloat } from "../../lib/trace/dtype.ts";
import type { Graph } from "../../lib/trace/graph.ts";
import { interpretGraph } from "../../lib/trace/interpret.ts";
import type { HostArray } from "../../lib/trace/primitive.ts";
import { prune } from "../../lib/trace/prune.ts";
import { type Aval, describe, sameAval, sizeOf, stridesOf } from "../../lib/trace/shape.ts";
import type { Tensor } from "../../lib/trace/tensor.ts";
import { bind, traceFunction } from "../../lib/trace/trace.ts";
import type { PrimitiveCase } from "../trace/primitive_case.ts";
import { TestRandom } from "../support/random.ts";

export type Mode = "jvp" | "vjp";

/** A function of one float argument with float results, the other arguments being fixed inputs. */
type OneArgument = (x: Tensor) => Tensor[];

const avalOf = ({ shape, dtype }: HostArray): Aval => ({ shape, dtype });

/** A graph of `inputs` built by `build`, closed and pruned. */
export function graphOf(build: (inputs: Tensor[]) => readonly Tensor[], inputs: readonly HostArray[]): Graph {
  const traced = traceFunction(build, inputs.map(avalOf));
  assertEquals(traced.captured.length, 0);
  return prune(traced.graph);
}

export function randomArray(random: TestRandom, { shape, dtype }: Aval): HostArray {
  return { shape, dtype, data: Float64Array.from({ length: sizeOf(shape) }, () => random.normal()) };
}

function moved(a: HostArray, step: number, b: HostArray): HostArray {
  return { ...a, data: a.data.map((x, i) => x + step * b.data[i]) };
}

function dot(a: readonly HostArray[], b: readonly HostArray[]): number {
  let sum = 0;
  a.forEach((x, k) => x.data.forEach((value, i) => sum += value * b[k].data[i]));
  return sum;
}

/** The primitive of a row as a function of its argument at `position`. */
function withParams(
  row: PrimitiveCase,
  position: number,
  others: readonly Tensor[],
  params: object,
): OneArgument {
  return (x) => {
    const inputs = others.map((other, i) => i === position ? x : other);
    return bind(row.primitive, inputs, params).filter((output) => isFloat(output.dtype));
  };
}

/** The first derivative of `fn` as a function: along fixed tangents, or for fixed cotangents. */
function derive(fn: OneArgument, mode: Mode, direction: readonly Tensor[]): OneArgument {
  if (mode === "jvp") return (x) => jvp(fn, [x], [direction[0]])[1] as Tensor[];
  return (x) => [vjp(fn, x)[1](direction as Tensor[])[0] as Tensor];
}

export interface Cell {
  readonly row: PrimitiveCase;
  readonly position: number;
  /** Innermost first: ["vjp", "jvp"] is jvp of vjp. */
  readonly modes: readonly Mode[];
}

export const cellName = ({ row, position, modes }: Cell): string =>
  `${row.primitive.name} ${row.name} argument ${position} ${[...modes].reverse().join(" of ")}`;

/** Directions for each level of derivatives, and the graph of each level as a function of all of them. */
function levels(cell: Cell, dtype: DType, seed: number) {
  const { row, position, modes } = cell;
  const random = new TestRandom(seed);
  const { inputs, params } = row.make(seed, dtype);
  const point = inputs[position];
  const directions: HostArray[][] = [];
  const graphs: Graph[] = [];
  for (let level = 0; level <= modes.length; level++) {
    const flat = directions.flat();
    graphs.push(graphOf((traced) => {
      const others = traced.slice(0, inputs.length);
      let fn = withParams(row, position, others, params);
      let next = inputs.length;
      for (let k = 0; k < level; k++) {
        fn = derive(fn, modes[k], traced.slice(next, next + directions[k].length));
        next += directions[k].length;
      }
      return fn(others[position]);
    }, [...inputs, ...flat]));
    if (level === modes.length) break;
    const results = graphs[level].outputs.map((output) => output.aval);
    const like = modes[level] === "jvp" ? [avalOf(point)] : results;
    directions.push(like.map((aval) => randomArray(random, aval)));
  }
  return { inputs, directions, graphs, random };
}

/**
 * Compares the last derivative of the cell with the difference quotient of the one before, along random directions, in
 * float64. Returns the error relative to 1 + the size of the derivative.
 */
export function differenceError(cell: Cell, seed: number): number {
  const { inputs, directions, graphs, random } = levels(cell, "float64", seed);
  const { position, modes } = cell;
  const last = modes.length - 1;
  const before = directions.slice(0, last).flat();
  const own = directions[last];
  const value = interpretGraph(graphs[last + 1], [...inputs, ...directions.flat()]);
  const outer = modes[last] === "jvp";
  // <u, d F(x) v>: forward mode has v inside, reverse mode has u.
  const tangent = outer ? own[0] : randomArray(random, avalOf(inputs[position]));
  const cotangents = outer ? graphs[last].outputs.map((output) => randomArray(random, output.aval)) : own;
  const actual = outer ? dot(value, cotangents) : dot(value, [tangent]);
  const at = (step: number): number => {
    const there = inputs.map((x, i) => i === position ? moved(x, step, tangent) : x);
    return dot(interpretGraph(graphs[last], [...there, ...before]), cotangents);
  };
  const h = 1e-4;
  const coarse = (at(2 * h) - at(-2 * h)) / (4 * h), fine = (at(h) - at(-h)) / (2 * h);
  const expected = (4 * fine - coarse) / 3;
  return Math.abs(actual - expected) / (1 + Math.max(Math.abs(actual), Math.abs(expected)));
}

type Evaluate = (graph: Graph, inputs: readonly HostArray[]) => readonly HostArray[];

/**
 * The derivative of the cell in a narrower dtype against the same in float64 at the same point; `evaluate` runs it, the
 * reference interpreter if nothing else is said.
 */
export function precisionError(
  cell: Cell,
  dtype: DType,
  seed: number,
  evaluate: Evaluate = interpretGraph,
): number {
  const { inputs, directions, graphs } = levels(cell, dtype, seed);
  const narrow = [...inputs, ...directions.flat()].map((array): HostArray =>
    array.dtype === dtype
      ? { ...array, data: array.data.map((x) => dtype === "float32" ? Math.fround(x) : Math.f16round(x)) }
      : array
  );
  const level = cell.modes.length;
  const wide = narrow.map((array): HostArray =>
    array.dtype === dtype ? { ...array, dtype: "float64" } : array
  );
  const { graphs: wideGraphs } = levels(cell, "float64", seed);
  const actual = evaluate(graphs[level], narrow);
  const expected = interpretGraph(wideGraphs[level], wide);
  let worst = 0;
  actual.forEach((array, k) => {
    assert(sameAval(array, graphs[level].outputs[k].aval), `${cellName(cell)}: ${describe(array)}`);
    const size = array.data.reduce((largest, x) => Math.max(largest, Math.abs(x)), 1);
    array.data.forEach((x, i) => {
      const error = Object.is(x, expected[k].data[i]) ? 0 : Math.abs(x - expected[k].data[i]) / size;
      if (!(error <= worst)) worst = error;
    });
  });
  return worst;
}

/** `parts` stacked along a new axis at `axis`. */
export function stackAt(parts: readonly HostArray[], axis: number): HostArray {
  const [{ shape, dtype }] = parts;
  const outer = sizeOf(shape.slice(0, axis)), inner = sizeOf(shape.slice(axis));
  const data = new Float64Array(parts.length * sizeOf(shape));
  parts.forEach((part, b) => {
    for (let i = 0; i < outer; i++) {
      data.set(part.data.subarray(i * inner, (i + 1) * inner), (i * parts.length + b) * inner);
    }
  });
  return { shape: [...shape.slice(0, axis), parts.length, ...shape.slice(axis)], dtype, data };
}

/** Element b along `axis`. */
export function takeAt(array: HostArray, axis: number, b: number): HostArray {
  const shape = [...array.shape];
  const [size] = shape.splice(axis, 1);
  const inner = stridesOf(array.shape)[axis], outer = sizeOf(array.shape.slice(0, axis));
  const data = new Float64Array(sizeOf(shape));
  for (let i = 0; i < outer; i++) {
    const from = (i * size + b) * inner;
    data.set(array.data.subarray(from, from + inner), i * inner);
  }
  return { shape, dtype: array.dtype, data };
}

/** vmap of the primitive over `axis` of one argument (or of its vjp) against one application per example. */
export function checkBatch(
  row: PrimitiveCase,
  position: number,
  axis: number,
  dtype: DType,
  seed: number,
  derivative: boolean,
): void {
  const size = 3;
  const random = new TestRandom(seed);
  const samples = Array.from({ length: size }, (_, b) => row.make(seed + b, dtype));
  const { inputs, params } = samples[0];
  const single = graphOf((traced) => bind(row.primitive, traced.slice(0, inputs.length), params), inputs);
  const floats = single.outputs.map((output) => output.aval).filter((aval) => isFloat(aval.dtype));
  const cotangents = derivative ? floats.map((aval) => randomArray(random, aval)) : [];
  const apply = (x: Tensor, traced: readonly Tensor[]): Tensor[] => {
    const others = traced.slice(0, inputs.length);
    if (!derivative) {
      return [...bind(row.primitive, others.map((other, i) => i === position ? x : other), params)];
    }
    return [vjp(withParams(row, position, others, params), x)[1](traced.slice(inputs.length))[0] as Tensor];
  };
  const build = (traced: Tensor[]): readonly Tensor[] => apply(traced[position], traced);
  const one = graphOf(build, [...inputs, ...cotangents]);
  const stacked = stackAt(samples.map((sample) => sample.inputs[position]), axis);
  const all = inputs.map((x, i) => i === position ? stacked : x);
  const outAxes = derivative ? axis : 0;
  const many = graphOf(
    (traced) => vmap((x: Tensor) => apply(x, traced), { inAxes: axis, outAxes })(traced[position]),
    [...all, ...cotangents],
  );
  const actual = interpretGraph(many, [...all, ...cotangents]);
  for (let b = 0; b < size; b++) {
    const here = inputs.map((x, i) => i === position ? samples[b].inputs[position] : x);
    interpretGraph(one, [...here, ...cotangents]).forEach((expected, k) => {
      const part = takeAt(actual[k], outAxes, b);
      assertEquals(part.shape, expected.shape);
      expected.data.forEach((value, i) => {
        const near = Object.is(value, part.data[i]) ||
          Math.abs(value - part.data[i]) <= 1e-9 * Math.max(1, Math.abs(value));
        const what = `${row.primitive.name} ${row.name} argument ${position} axis ${axis} ${dtype}`;
        assert(near, `vmap${derivative ? " of vjp" : ""} ${what}: ${part.data[i]}, expected ${value}`);
      });
    });
  }
}
