/** Rows of the primitive table: the primitives of lib/loop. */
import { forLoop, scan, switchCase, type Tensor, whileLoop } from "@damo/damo";
import { loopPrimitive } from "../../lib/loop/loop_primitive.ts";
import { stackLimit } from "../../lib/loop/stack_limit.ts";
import { switchPrimitive } from "../../lib/loop/switch_primitive.ts";
import type { DType } from "../../lib/trace/dtype.ts";
import type { HostArray, Params, Primitive } from "../../lib/trace/primitive.ts";
import type { Aval, Shape } from "../../lib/trace/shape.ts";
import { traceFunction } from "../../lib/trace/trace.ts";
import { TestRandom } from "../support/random.ts";
import { type PrimitiveCase, reals, sampleArray } from "./primitive_case.ts";

type Body = (...inputs: Tensor[]) => unknown;

/** The parameters of the only node of a primitive in a function whose arguments are its inputs, in order. */
function paramsOf(primitive: Primitive, fn: Body, avals: readonly Aval[]): Params {
  const { graph } = traceFunction((inputs) => {
    const results = [fn(...inputs)].flat(3);
    return results.filter((value): value is Tensor => value !== undefined && value !== null);
  }, avals);
  const node = graph.nodes.find((node) => node.primitive === primitive);
  if (!node || node.inputs.some((input, i) => input !== graph.inputs[i])) {
    throw new Error("The arguments are not the inputs of the node.");
  }
  return node.params;
}

function row(
  primitive: unknown,
  name: string,
  fn: Body,
  shapes: readonly Shape[],
  options: { integers?: readonly number[]; linear?: readonly number[] } = {},
): PrimitiveCase {
  const { integers = [], linear } = options;
  return {
    primitive: primitive as Primitive,
    name,
    dtypes: ["float32", "float64"],
    linear,
    differentiable: shapes.map((_, i) => i + integers.length),
    make(seed: number, dtype: DType) {
      const random = new TestRandom(seed);
      const inputs: HostArray[] = [
        ...integers.map((value): HostArray => ({
          shape: [],
          dtype: "int32",
          data: Float64Array.of(value),
        })),
        // Positive throughout, so that nothing cancels on the way.
        ...shapes.map((shape) => sampleArray(random, shape, dtype, reals(0.2, 1.2))),
      ];
      const avals = inputs.map(({ shape, dtype }): Aval => ({ shape, dtype }));
      return { inputs, params: paramsOf(primitive as Primitive, fn, avals) };
    },
  };
}

/** h h w / 2 + x. */
function next(h: Tensor, w: Tensor, x: Tensor): Tensor {
  return h.mul(h).mul(w).mul(0.5).add(x);
}

function steps(w: Tensor, h: Tensor, xs: Tensor, reverse = false): unknown {
  return scan((h: Tensor, x) => [next(h, w, x), h.mul(x)], h, xs, { reverse });
}

function linearSteps(w: Tensor, h: Tensor, xs: Tensor, reverse = false): unknown {
  return scan((h: Tensor, x) => [h.mul(w).add(x), h.mul(w)], h, xs, { reverse });
}

function reverseLinearSteps(w: Tensor, h: Tensor, xs: Tensor): unknown {
  return linearSteps(w, h, xs, true);
}

function untilThree(k: Tensor, h: Tensor, xs: Tensor): unknown {
  const step = ([k, h]: [Tensor, Tensor], x: Tensor): [[Tensor, Tensor], Tensor] => {
    return [[k.add(1), next(h, x, x)], h.mul(x)];
  };
  return scan(step, [k, h] as [Tensor, Tensor], xs, { until: ([k]) => k.ge(3) });
}

function whileBelow(k: Tensor, h: Tensor): unknown {
  return whileLoop(([k]) => k.lt(3), ([k, h]) => [k.add(1), next(h, h, h)], [k, h] as [Tensor, Tensor]);
}

function branches(index: Tensor, a: Tensor, b: Tensor): unknown {
  return switchCase(
    index,
    [
      (a: Tensor, b: Tensor) => [a.mul(b), a.mul(a)],
      (a: Tensor, b: Tensor) => [next(a, b, b), a.add(1)],
    ],
    a,
    b,
  );
}

const STEPS: readonly Shape[] = [[2], [3, 2], [4, 3, 2]];

export const LOOP_ROWS: readonly PrimitiveCase[] = [
  row(loopPrimitive, "scan of 4", (w, h, xs) => steps(w, h, xs), STEPS),
  row(loopPrimitive, "scan of 4, reverse", (w, h, xs) => steps(w, h, xs, true), STEPS),
  row(loopPrimitive, "scan of 4, linear", (w, h, xs) => linearSteps(w, h, xs), STEPS, { linear: [1, 2] }),
  row(loopPrimitive, "scan of 4, linear, reverse", reverseLinearSteps, STEPS, { linear: [1, 2] }),
  row(loopPrimitive, "scan of none", (w, h, xs) => steps(w, h, xs), [[2], [3, 2], [0, 3, 2]]),
  row(loopPrimitive, "scan until step 3 of 5", untilThree, [[3, 2], [5, 3, 2]], { integers: [0] }),
  row(loopPrimitive, "while, 3 steps", whileBelow, [[3, 2]], { integers: [0] }),
  row(loopPrimitive, "while, no step", whileBelow, [[3, 2]], { integers: [7] }),
  row(
    loopPrimitive,
    "for loop, counted",
    (n, w, h) => forLoop(n, (_, c) => next(c, w, w), h),
    [[2], [3, 2]],
    { integers: [3] },
  ),
  row(
    loopPrimitive,
    "for loop, no step",
    (n, w, h) => forLoop(n, (_, c) => next(c, w, w), h),
    [[2], [3, 2]],
    { integers: [0] },
  ),
  row(switchPrimitive, "branch 0 of 2", branches, [[3, 2], [2]], { integers: [0] }),
  row(switchPrimitive, "branch 1 of 2", branches, [[3, 2], [2]], { integers: [1] }),
  row(
    switchPrimitive,
    "linear branches",
    (index, a, b) => switchCase(index, [(a: Tensor, b: Tensor) => a.mul(b), (a: Tensor) => a.mul(3)], a, b),
    [[3, 2], [3, 2]],
    { integers: [0], linear: [1] },
  ),
  row(switchPrimitive, "an index beyond the last", branches, [[3, 2], [2]], { integers: [9] }),
  {
    primitive: stackLimit as unknown as Primitive,
    name: "[]",
    dtypes: ["int32"],
    differentiable: [],
    make: () => ({
      inputs: [{ shape: [], dtype: "int32", data: Float64Array.of(5) }],
      params: { max: 5, location: null },
    }),
  },
];
