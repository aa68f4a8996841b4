/** Random graphs over the primitives that the scheduler fuses, for tests that compare two ways to run a graph. */
import type { DType } from "../../lib/trace/dtype.ts";
import type { Graph } from "../../lib/trace/graph.ts";
import {
  broadcastToPrimitive,
  reshapePrimitive,
  transposePrimitive,
} from "../../lib/trace/primitives/move.ts";
import { concatPrimitive } from "../../lib/trace/primitives/move_concat.ts";
import { flipPrimitive, padPrimitive, slicePrimitive } from "../../lib/trace/primitives/move_slice.ts";
import { reductions } from "../../lib/trace/primitives/reduce.ts";
import { positions } from "../../lib/trace/primitives/reduce_position.ts";
import { contractPrimitive } from "../../lib/trace/primitives/contract.ts";
import { castPrimitive } from "../../lib/trace/primitives/cast.ts";
import { cumulatives } from "../../lib/trace/primitives/cumulative.ts";
import { elementwise } from "../../lib/trace/primitives/elementwise.ts";
import { gatherPrimitive, scatterPrimitive } from "../../lib/trace/primitives/index_gather.ts";
import { dynamicSlicePrimitive, dynamicUpdatePrimitive } from "../../lib/trace/primitives/index_dynamic.ts";
import { iotaPrimitive } from "../../lib/trace/primitives/iota.ts";
import type { BinaryOp, UnaryOp } from "../../lib/trace/scalar_op.ts";
import { type Aval, broadcastShapes, sizeOf } from "../../lib/trace/shape.ts";
import { Tensor } from "../../lib/trace/tensor.ts";
import { bindOne, traceFunction } from "../../lib/trace/trace.ts";
import { TestRandom } from "./random.ts";

export interface RandomGraph {
  readonly graph: Graph;
  readonly inputs: readonly Float64Array<ArrayBuffer>[];
}

const SMOOTH: readonly UnaryOp[] = [
  "neg",
  "abs",
  "tanh",
  "sin",
  "exp",
  "square",
  "sigmoid",
  "floor",
  "log1p",
  "sqrt",
];
const BINARY: readonly BinaryOp[] = ["add", "sub", "mul", "maximum", "minimum", "add", "mul"];

/** A graph of about `count` nodes on inputs of several shapes, with several outputs. Values stay small. */
export function randomGraph(seed: number, count: number, float: DType = "float64"): RandomGraph {
  const random = new TestRandom(seed);
  const sizes = [1, 2, 3, 4, 5, 17];
  const a = random.pick(sizes), b = random.pick(sizes), c = random.pick([1, 2, 3]);
  const avals: Aval[] = [[a, b], [b], [c, a, b], [b, a], [a, 1], []].map((shape) => ({
    shape,
    dtype: float,
  }));
  avals.push({ shape: [random.pick([1, 3, 7])], dtype: "int32" });
  const traced = traceFunction(
    (inputs) => {
      const pool = [...inputs];
      for (let i = 0; i < count; i++) {
        const next = randomNode(random, pool, float);
        if (next) pool.push(next);
      }
      const made = pool.slice(inputs.length).filter((t) => t.aval.dtype !== "bool");
      const outputs = [made[made.length - 1] ?? bindOne(elementwise.neg, [inputs[0]], {})];
      for (let i = 0; i < 3 && made.length > 0; i++) {
        const pick = random.pick(made);
        if (!outputs.some((o) => o.variable === pick.variable)) outputs.push(pick);
      }
      return outputs;
    },
    avals,
    { name: `random${seed}` },
  );
  const inputs = avals.map(({ shape, dtype }) =>
    Float64Array.from(
      { length: sizeOf(shape) },
      () => dtype === "int32" ? random.below(4) - 1 : Math.fround(random.normal()),
    )
  );
  return { graph: traced.graph, inputs };
}

function floats(pool: readonly Tensor[], float: DType): Tensor[] {
  return pool.filter((t) => t.aval.dtype === float);
}

function tame(x: Tensor): Tensor {
  return bindOne(elementwise.tanh, [x], {});
}

function randomNode(random: TestRandom, pool: readonly Tensor[], float: DType): Tensor | null {
  const candidates = floats(pool, float);
  // Prefer what was made lately, so that chains and fusions form.
  const recent = candidates.slice(-5);
  const x = random.pick(random.next() < 0.7 ? recent : candidates);
  const { shape } = x.aval;
  const rank = shape.length;
  const axis = rank > 0 ? random.below(rank) : -1;
  const params = {};
  switch (random.below(20)) {
    case 0:
    case 1:
    case 2: {
      const op = random.pick(SMOOTH);
      if (op === "exp") return bindOne(elementwise.exp, [tame(x)], params);
      if (op === "log1p" || op === "sqrt") {
        return bindOne(elementwise[op], [bindOne(elementwise.square, [x], params)], params);
      }
      return bindOne(elementwise[op], [x], params);
    }
    case 3:
    case 4:
    case 5:
    case 6: {
      const partners = candidates.filter((y) => {
        const joint = broadcastShapes(shape, y.aval.shape);
        return joint !== null && sizeOf(joint) <= 2000;
      });
      if (partners.length === 0) return null;
      const y = random.pick(partners);
      return tame(bindOne(elementwise[random.pick(BINARY)], [x, y], params));
    }
    case 7:
      return bindOne(elementwise.mul, [x, Tensor.literal(random.pick([0.5, -1, 2]), float)], params);
    case 8: {
      const condition = bindOne(elementwise.gt, [x, Tensor.literal(0, float)], params);
      return bindOne(elementwise.select, [condition, x, Tensor.literal(0.25, float)], params);
    }
    case 9: {
      if (rank === 0) return null;
      const axes = random.next() < 0.3 ? shape.map((_, i) => i) : [axis];
      const reduced = bindOne(reductions[random.pick(["sum", "sum", "max", "min", "prod"] as const)], [x], {
        axes,
      });
      return tame(reduced);
    }
    case 10: {
      // softmax over one axis: reduce, broadcast back
      if (rank === 0) return null;
      const kept = shape.map((size, i) => i === axis ? 1 : size);
      const keep = (t: Tensor) => bindOne(reshapePrimitive, [t], { shape: kept });
      const max = keep(bindOne(reductions.max, [x], { axes: [axis] }));
      const e = bindOne(elementwise.exp, [bindOne(elementwise.sub, [x, max], params)], params);
      const sum = keep(bindOne(reductions.sum, [e], { axes: [axis] }));
      return bindOne(elementwise.div, [e, sum], params);
    }
    case 11: {
      const permutation = shape.map((_, i) => i);
      for (let i = rank - 1; i > 0; i--) {
        const j = random.below(i + 1);
        [permutation[i], permutation[j]] = [permutation[j], permutation[i]];
      }
      return bindOne(transposePrimitive, [x], { permutation });
    }
    case 12: {
      if (rank === 0) return null;
      const start = shape.map((size) => random.below(size));
      const stop = shape.map((size, i) => start[i] + 1 + random.below(size - start[i]));
      return bindOne(slicePrimitive, [x], { start, stop, step: shape.map(() => 1 + random.below(2)) });
    }
    case 13: {
      const size = sizeOf(shape);
      const shapes = [
        [size],
        [1, size],
        [size, 1],
        ...(size % 2 === 0 ? [[2, size / 2], [size / 2, 2]] : []),
      ];
      return bindOne(reshapePrimitive, [x], { shape: random.pick(shapes) });
    }
    case 14:
      return sizeOf(shape) > 700
        ? null
        : bindOne(broadcastToPrimitive, [x], { shape: [random.pick([1, 2, 3]), ...shape] });
    case 15: {
      if (rank === 0) return null;
      const low = shape.map(() => random.below(3) - (random.next() < 0.2 ? 1 : 0));
      const high = shape.map((size, i) => Math.max(random.below(2), -(size + low[i])));
      const interior = shape.map(() => random.next() < 0.3 ? 1 : 0);
      if (sizeOf(shape) > 300 || shape.some((size, i) => size + low[i] + high[i] < 1)) return null;
      return bindOne(padPrimitive, [x], { low, high, interior, value: random.pick([0, 0.5]) });
    }
    case 16: {
      if (rank === 0) return null;
      if (random.next() < 0.3) return bindOne(flipPrimitive, [x], { axes: [axis] });
      if (random.next() < 0.3) {
        return bindOne(cumulatives[random.pick(["cumsum", "cummax"] as const)], [tame(x)], {
          axis,
          reverse: random.next() < 0.5,
        });
      }
      const y = random.pick(
        candidates.filter((t) =>
          t.aval.shape.length === rank && t.aval.shape.every((size, i) => i === axis || size === shape[i])
        ),
      );
      return bindOne(concatPrimitive, [x, y], { axis });
    }
    case 17: {
      const partners = candidates.filter((t) => t.aval.shape.length > 0 && rank > 0);
      for (const y of partners) {
        const contractB = y.aval.shape.findIndex((size) => size === shape[axis]);
        if (contractB < 0) continue;
        const total = sizeOf(shape) * sizeOf(y.aval.shape) / (shape[axis] * shape[axis]);
        if (total > 2000) continue;
        return tame(
          bindOne(contractPrimitive, [x, y], {
            batchA: [],
            batchB: [],
            contractA: [axis],
            contractB: [contractB],
          }),
        );
      }
      return null;
    }
    case 18: {
      const index = pool.find((t) => t.aval.dtype === "int32" && t.aval.shape.length === 1);
      if (!index || rank === 0) return null;
      if (random.next() < 0.5) return bindOne(gatherPrimitive, [x, index], { axes: [axis] });
      const rest = shape.filter((_, i) => i !== axis);
      const places = index.aval.shape[0];
      if (sizeOf(rest) * places > 2000) return null;
      const updates = bindOne(broadcastToPrimitive, [Tensor.literal(0.5, float)], {
        shape: [places, ...rest],
      });
      return bindOne(scatterPrimitive, [x, updates, index], { axes: [axis], combiner: "add" });
    }
    default: {
      if (rank === 0) {
        return bindOne(castPrimitive, [bindOne(iotaPrimitive, [], { shape: [3], dtype: "int32", axis: 0 })], {
          dtype: float,
        });
      }
      const sizes = shape.map((size) => Math.max(1, size - random.below(2)));
      const position = bindOne(
        positions.argmax,
        [bindOne(reshapePrimitive, [x], { shape: [sizeOf(shape)] })],
        { axis: 0 },
      );
      const starts = shape.map(() => position);
      const block = bindOne(dynamicSlicePrimitive, [x, ...starts], { sizes });
      return random.next() < 0.5 ? block : bindOne(dynamicUpdatePrimitive, [x, block, ...starts], {});
    }
  }
}
