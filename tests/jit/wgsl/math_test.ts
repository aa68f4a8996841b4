import { assert } from "@std/assert";
import { Graph, Node, Variable } from "../../../lib/trace/graph.ts";
import { elementwise } from "../../../lib/trace/primitives/elementwise.ts";
import type { BinaryOp, UnaryOp } from "../../../lib/trace/scalar_op.ts";
import type { WgslBackend } from "../../../lib/jit/wgsl/backend.ts";
import { gpuTest } from "./support.ts";

const COUNT = 8192;

function linear(low: number, high: number): Float32Array {
  return Float32Array.from({ length: COUNT }, (_, i) => low + (high - low) * i / (COUNT - 1));
}

function geometric(low: number, high: number): Float32Array {
  const a = Math.log(low), b = Math.log(high);
  return Float32Array.from({ length: COUNT }, (_, i) => Math.exp(a + (b - a) * i / (COUNT - 1)));
}

function negated(x: Float32Array): Float32Array {
  return x.map((value) => -value);
}

/** Spacing of float32 numbers around a value. */
function unit(value: number): number {
  const magnitude = Math.abs(Math.fround(value));
  return magnitude < 2 ** -126 ? 2 ** -149 : 2 ** (Math.floor(Math.log2(magnitude)) - 23);
}

function run(backend: WgslBackend, op: UnaryOp | BinaryOp, inputs: readonly Float32Array[]): Float32Array {
  const avals = inputs.map(({ length }) => ({ shape: [length], dtype: "float32" as const }));
  const variables = avals.map((aval) => new Variable(aval));
  const node = new Node(elementwise[op], variables, {}, [avals[0]], null);
  const graph = new Graph(variables, node.outputs, [node]);
  const executable = backend.compile(graph, { name: op, scalars: [], donated: [], inPlace: [] });
  const storages = inputs.map((data) => backend.upload(data, "float32"));
  return executable.run(storages, null)[0].read() as Float32Array;
}

/** The largest error in units of the last place, and where. */
function largestError(backend: WgslBackend, op: UnaryOp | BinaryOp, inputs: readonly Float32Array[]) {
  const actual = run(backend, op, inputs);
  const avals = inputs.map(({ length }) => ({ shape: [length], dtype: "float64" as const }));
  const arrays = inputs.map((data, i) => ({ ...avals[i], data: Float64Array.from(data) }));
  const [{ data }] = elementwise[op].evaluate(arrays, {}, [avals[0]]);
  let most = 0, at = 0;
  data.forEach((expected, i) => {
    const rounded = Math.fround(expected);
    if (Object.is(actual[i], rounded) || (actual[i] !== actual[i] && rounded !== rounded)) return;
    const error = Math.abs(actual[i] - expected) / unit(expected);
    if (!(error <= most)) [most, at] = [error, i];
  });
  return { most, where: `${inputs.map((x) => x[at])} gave ${actual[at]}, not ${data[at]}` };
}

const SPECIAL = Float32Array.of(
  0,
  -0,
  1,
  -1,
  NaN,
  Infinity,
  -Infinity,
  1e-45,
  -1e-45,
  3.4e38,
  -3.4e38,
  0.5,
  2,
);

/** Ranges of each function, and the units in the last place that are allowed there. */
const RANGES: { readonly [op in UnaryOp]?: readonly (readonly [Float32Array, number])[] } = {
  exp: [[linear(-10, 10), 2], [linear(-87, 88.7), 2.5], [linear(-104, -87), 1]],
  exp2: [[linear(-126, 127.9), 2.5]],
  expm1: [[geometric(1e-7, 0.1), 2.5], [linear(-20, 20), 2.5]],
  log: [[geometric(1e-30, 1e30), 1.5], [linear(0.5, 2), 2], [geometric(1e-44, 1e-38), 1.5]],
  log2: [[geometric(1e-30, 1e30), 2.5], [linear(0.5, 2), 2.5]],
  log10: [[geometric(1e-30, 1e30), 2.5], [linear(0.5, 2), 3]],
  log1p: [[geometric(1e-7, 0.1), 2.5], [linear(-0.9, 10), 2.5]],
  sin: [[linear(-10, 10), 2.5], [linear(-8000, 8000), 2.5], [geometric(1e4, 1e38), 2.5]],
  cos: [[linear(-10, 10), 2.5], [linear(-8000, 8000), 2.5], [geometric(1e4, 1e38), 2.5]],
  tan: [[linear(-1.5, 1.5), 4], [linear(-1000, 1000), 4], [geometric(1e4, 1e38), 4]],
  asin: [[linear(-1, 1), 2.5]],
  acos: [[linear(-1, 1), 2.5]],
  atan: [[linear(-100, 100), 2.5], [linear(-1, 1), 2.5]],
  sinh: [[linear(-5, 5), 3], [linear(-89, 89), 3]],
  cosh: [[linear(-5, 5), 3], [linear(-89, 89), 3]],
  tanh: [[linear(-5, 5), 2.5], [linear(-0.01, 0.01), 2.5]],
  asinh: [[linear(-5, 5), 3.5], [geometric(1e-6, 1e30), 3.5]],
  acosh: [[linear(1, 5), 3.5], [geometric(1, 1e30), 3.5]],
  atanh: [[linear(-0.999, 0.999), 3.5]],
  sigmoid: [[linear(-20, 20), 3], [linear(-87, 87), 3]],
  erf: [[linear(-4, 4), 2], [linear(-0.1, 0.1), 2], [geometric(1e-30, 1), 2]],
  erfc: [[linear(-4, 0.5), 2], [linear(0.4, 1.1), 2], [linear(1, 10.1), 2], [geometric(1e-10, 1), 2]],
  erfinv: [[linear(-0.999, 0.999), 2], [linear(0.99, 0.9999999), 2], [geometric(1e-30, 1), 2]],
  erfcx: [[linear(-9.3, -0.4), 2], [linear(-0.6, 10), 2], [geometric(1, 3e38), 2], [geometric(1e-20, 1), 2]],
  i0: [[linear(-9, 9), 2], [linear(8, 91.9), 2], [geometric(1e-20, 10), 2]],
  i1: [[linear(-9, 9), 2], [linear(8, 91.9), 2], [geometric(1e-20, 10), 2]],
  sqrt: [[geometric(1e-30, 1e30), 1]],
  rsqrt: [[geometric(1e-30, 1e30), 2]],
  lgamma: [[linear(-0.999, -0.001), 2], [geometric(1e-30, 3), 2], [linear(0.1, 50), 2], [
    geometric(50, 1e36),
    2,
  ]],
  digamma: [
    [linear(-0.999, -0.52), 2],
    [linear(-0.49, -0.001), 2],
    [geometric(1e-30, 2), 2],
    [linear(0.1, 50), 2],
    [geometric(50, 3e38), 2],
  ],
};

for (const op of Object.keys(RANGES) as UnaryOp[]) {
  gpuTest(`${op} on WebGPU is right to a few units in the last place`, (backend) => {
    for (const [range, allowed] of RANGES[op]!) {
      const { most, where } = largestError(backend, op, [range]);
      assert(most <= allowed, `${op}: ${most} units in the last place at ${where}`);
    }
  });
}

gpuTest("functions of zeros, infinities, NaN and the smallest numbers on WebGPU", (backend) => {
  for (const op of Object.keys(RANGES) as UnaryOp[]) {
    const { most, where } = largestError(backend, op, [SPECIAL]);
    assert(most <= 4, `${op}: ${most} units in the last place at ${where}`);
  }
});

gpuTest(
  "lgamma and digamma on WebGPU below -1, where terms cancel, are right to a part of the terms",
  (backend) => {
    for (const [op, allowed] of [["lgamma", 10], ["digamma", 16]] as const) {
      for (const x of [linear(-19.99, -1.001), linear(-999.99, -900.01)]) {
        const actual = run(backend, op, [x]);
        const [{ data }] = elementwise[op].evaluate(
          [{ shape: [COUNT], dtype: "float64", data: Float64Array.from(x) }],
          {},
          [{ shape: [COUNT], dtype: "float64" }],
        );
        data.forEach((expected, i) => {
          const error = Math.abs(actual[i] - expected) / Math.max(unit(expected), unit(1));
          assert(error <= allowed, `${op}(${x[i]}) gave ${actual[i]}, not ${expected}: ${error}`);
        });
      }
    }
  },
);

gpuTest("powers and angles on WebGPU", (backend) => {
  const bases = geometric(0.01, 100),
    exponents = linear(-15, 15).map((y, i) => i % 3 === 0 ? Math.round(y) : y);
  const signed = bases.map((x, i) => i % 3 === 0 && i % 2 === 0 ? -x : x);
  const spread = bases.map((_, i) => exponents[(i * 7919) % COUNT]);
  for (const [x, y] of [[bases, spread], [signed.map((_, i) => signed[(i * 31) % COUNT]), linear(2, 2)]]) {
    const { most, where } = largestError(backend, "pow", [x, y]);
    assert(most <= 2.5, `pow: ${most} units in the last place at ${where}`);
  }
  const angle = largestError(backend, "atan2", [linear(-3, 3), negated(linear(-2, 5))]);
  assert(angle.most <= 2.5, `atan2: ${angle.most} units in the last place at ${angle.where}`);
  const pairs = SPECIAL.length ** 2;
  const first = Float32Array.from({ length: pairs }, (_, i) => SPECIAL[Math.floor(i / SPECIAL.length)]);
  const second = Float32Array.from({ length: pairs }, (_, i) => SPECIAL[i % SPECIAL.length]);
  for (const op of ["pow", "atan2", "mod", "floorDiv", "minimum", "maximum", "div", "mulNoNaN"] as const) {
    const { most, where } = largestError(backend, op, [first, second]);
    assert(most <= 2.5, `${op}: ${most} units in the last place at ${where}`);
  }
});
