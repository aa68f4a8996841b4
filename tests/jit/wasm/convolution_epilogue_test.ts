import { assert, assertEquals } from "@std/assert";
import { grad, jit, nn, type Tensor, tensor, where } from "@damo/damo";
import type { DType } from "../../../lib/trace/dtype.ts";
import { type ConvolveParams, convolvePrimitive } from "../../../lib/trace/primitives/convolve.ts";
import { bindOne } from "../../../lib/trace/trace.ts";
import { below, plain, quarters, randomCase } from "./convolution_cases.ts";

type Work = (...args: Tensor[]) => Tensor[];

function values(t: Tensor): number[] {
  // The sign of a sum that is zero is nobody's promise.
  return [...t.dataSync()].map((value) => Number(value) + 0);
}

/** The names of a function's kernels, after its results were found to be exactly those of the reference. */
function kernelsOf(work: Work, args: Tensor[], note = ""): string[] {
  const compiled = jit(work);
  const found = compiled(...args), wanted = jit(work, { mode: "reference" })(...args);
  found.forEach((result, i) => {
    assertEquals([result.shape, result.dtype], [wanted[i].shape, wanted[i].dtype]);
    assertEquals(values(result), values(wanted[i]), `result ${i} ${note}`);
  });
  return compiled.lower(...args).kernels.map(({ name }) => name);
}

function convolve(x: Tensor, w: Tensor, params: Partial<ConvolveParams> = {}): Tensor {
  return bindOne(convolvePrimitive, [x, w], { ...plain(x.ndim - 2), ...params });
}

const perFilter = (b: Tensor, rank: number): Tensor => b.reshape([1, b.size, ...new Array(rank - 2).fill(1)]);

Deno.test("bias and relu are part of a convolution's kernel, in every form", () => {
  const layer = (params: Partial<ConvolveParams>): Work => (x, w, b) => [
    nn.relu(convolve(x, w, params).add(perFilter(b, x.ndim))),
  ];
  const padded = { padding: [[1, 1], [1, 1]] as const };
  const cases: [string, number[], number[], Partial<ConvolveParams>][] = [
    ["windows", [2, 3, 11, 13], [7, 3, 3, 3], padded],
    ["in blocks of depth", [2, 150, 9, 11], [13, 150, 3, 3], padded],
    ["filters", [6, 9, 14, 13], [17, 9, 12, 11], {}],
    ["filters in groups", [6, 3, 13, 14], [10, 3, 11, 12], { batchGroups: 2 }],
    ["depthwise", [2, 7, 13, 17], [7, 1, 3, 3], { groups: 7, ...padded }],
    ["groups", [3, 6, 13, 17], [10, 3, 3, 3], { groups: 2, ...padded }],
    ["strided", [3, 3, 31, 33], [8, 3, 3, 3], { strides: [2, 2], ...padded }],
    ["one axis", [3, 4, 1023], [6, 4, 17], { strides: [3], kernelDilation: [2] }],
    ["three axes", [2, 3, 6, 7, 9], [5, 3, 2, 3, 2], { strides: [1, 2, 1] }],
    ["no kernel of its own", [1, 1, 8, 2], [2, 1, 3, 2], {}],
    ["one place", [2, 3, 3, 3], [4, 3, 3, 3], {}],
  ];
  for (const [name, x, w, params] of cases) {
    for (const dtype of ["float32", "float64", "int32"] as const) {
      const names = kernelsOf(
        layer(params),
        [quarters(x, dtype), quarters(w, dtype), quarters([w[0]], dtype)],
        name,
      );
      assertEquals(names.length, 1, `${name}: ${names}`);
    }
  }
});

Deno.test("a convolution's kernel writes several results, of other types too, and reads tensors of its size", () => {
  const args = [
    quarters([3, 2, 9, 10], "float32"),
    quarters([5, 2, 3, 3], "float32"),
    quarters([3, 5, 7, 8], "float32"),
    quarters([3, 1, 1, 1], "float32"),
  ];
  const cases: [string, number, Work][] = [
    ["all", 1, (x, w, r) => {
      const y = convolve(x, w), z = y.add(r);
      return [y, nn.relu(z), z.gt(0)];
    }],
    ["a mask alone", 1, (x, w) => [convolve(x, w).gt(0)]],
    ["halves", 1, (x, w, r) => [convolve(x, w).mul(r).cast("float16")]],
    ["whole numbers", 1, (x, w) => [convolve(x, w).cast("int32")]],
    ["of each image", 1, (x, w, r, s) => [where(r.gt(0), convolve(x, w).mul(s), s)]],
    // These take a kernel more: vectors of float32 hold no float64, and rows of images are no single index.
    ["wide", 2, (x, w) => [convolve(x, w).cast("float64").mul(0.5)]],
    ["of each row", 2, (x, w, r) => [convolve(x, w).add(r.at(0).at(0).narrow(1, 0, 1))]],
    ["of each column", 2, (x, w, r) => [convolve(x, w).add(r.at(0).at(0).at(0))]],
    ["turned around", 2, (x, w) => [convolve(x, w).flip(3)]],
  ];
  for (const [name, count, work] of cases) {
    const names = kernelsOf(work, args, name);
    assertEquals(names.length, count, `${name}: ${names}`);
  }
});

Deno.test("what is expensive is computed once: other values of the epilogue come from memory", () => {
  const work: Work = (x, w, r) => {
    const sums = r.sum({ axis: [0, 2, 3] }).round();
    return [convolve(x, w).add(perFilter(sums, 4))];
  };
  const args = [
    quarters([3, 2, 9, 10], "float32"),
    quarters([5, 2, 3, 3], "float32"),
    quarters([3, 5, 7, 8], "float32"),
  ];
  assertEquals(kernelsOf(work, args).length, 2);
});

Deno.test("a normalisation behind a convolution is part of its kernel: what is the same for a filter, and what is not", () => {
  const layer = (x: Tensor, w: Tensor, mean: Tensor, variance: Tensor, scale: Tensor, r: Tensor): Tensor => {
    const factor = variance.add(1e-5).rsqrt().mul(scale);
    return nn.relu(convolve(x, w).sub(perFilter(mean, 4)).mul(perFilter(factor, 4)).add(r));
  };
  for (const dtype of ["float32", "float64"] as const) {
    const of = (shape: number[]): Tensor => quarters(shape, dtype);
    const args: Parameters<typeof layer> = [
      of([3, 2, 9, 10]),
      of([5, 2, 3, 3]),
      of([5]),
      of([5]).square().add(0.25),
      of([5]),
      of([3, 5, 7, 8]),
    ];
    const compiled = jit(layer), found = compiled(...args).dataSync();
    const wanted = jit(layer, { mode: "reference" })(...args).dataSync();
    const unit = dtype === "float32" ? 2 ** -24 : 2 ** -53;
    wanted.forEach((value, i) =>
      assert(Math.abs(found[i] - value) <= 16 * unit * 100, `${found[i]}, not ${value}`)
    );
    assertEquals(compiled.lower(...args).kernels.length, 1);
  }
});

Deno.test("vectors computed behind a product or convolution, of inputs alone, come before it", () => {
  const normalise = (y: Tensor, mean: Tensor, variance: Tensor, rank: number): Tensor => {
    const factor = variance.mul(2).add(1), shift = mean.sub(mean.mul(factor));
    return nn.relu(
      y.mul(rank === 4 ? perFilter(factor, 4) : factor).add(rank === 4 ? perFilter(shift, 4) : shift),
    );
  };
  const [x, w] = [quarters([3, 2, 9, 10], "float32"), quarters([5, 2, 3, 3], "float32")];
  const [a, b] = [quarters([30, 20], "float32"), quarters([20, 5], "float32")];
  const vectors = [quarters([5], "float32"), quarters([5], "float32")];
  assertEquals(kernelsOf((x, w, m, v) => [normalise(convolve(x, w), m, v, 4)], [x, w, ...vectors]).length, 2);
  assertEquals(kernelsOf((a, b, m, v) => [normalise(a.matmul(b), m, v, 2)], [a, b, ...vectors]).length, 2);
  // One that something of its size reads too, and one that is a result.
  kernelsOf((x, w, m, v) => {
    const y = convolve(x, w), factor = m.mul(v).add(1);
    const own = factor.add(y.sum({ axis: [0, 2, 3] })), other = factor.mul(v);
    return [y.mul(perFilter(factor, 4)), own, y.add(perFilter(other, 4)), other];
  }, [x, w, ...vectors]);
});

Deno.test("a tensor given away is not overwritten before a convolution's epilogue has read it", () => {
  const params = plain(2);
  const work = (r: Tensor, x: Tensor, w: Tensor): Tensor => bindOne(convolvePrimitive, [x, w], params).add(r);
  const args = () =>
    [
      quarters([1, 200, 7, 8], "float32"),
      quarters([5, 200, 3, 3], "float32"),
    ] as const;
  const [x, w] = args(), r = quarters([1, 5, 5, 6], "float32");
  const wanted = values(jit(work, { mode: "reference" })(r, x, w));
  assertEquals(values(jit(work, { donate: [0] })(r, x, w)), wanted);
});

Deno.test("a convolution with itself, and of nothing", () => {
  const square = quarters([3, 3, 4, 5], "float32");
  kernelsOf((x) => [convolve(x, x, { padding: [[2, 2], [2, 3]] }).add(1)], [square]);
  for (
    const [x, w] of [
      [[0, 2, 5, 5], [3, 2, 3, 3]],
      [[2, 2, 5, 5], [0, 2, 3, 3]],
      [[2, 0, 5, 5], [3, 0, 3, 3]],
      [
        [2, 2, 2, 5],
        [3, 2, 3, 3],
      ],
    ]
  ) {
    kernelsOf((x, w) => [convolve(x, w).add(1), nn.relu(convolve(x, w))], [
      quarters(x, "float32"),
      quarters(w, "float32"),
    ]);
  }
});

/** A few steps of elementwise work, most of which read something else; each may be a result. */
function randomWork(shape: readonly number[], dtype: DType): { operands: Tensor[]; work: Work } {
  const operands: Tensor[] = [];
  const steps: ((y: Tensor, read: (i: number) => Tensor) => Tensor)[] = [];
  const results: boolean[] = [];
  const operand = (): number => {
    const sizes = shape.map((size, axis) => below(3) === 0 || (axis > 1 && below(3) === 0) ? 1 : size);
    return operands.push(quarters(below(2) === 0 ? shape : sizes, dtype)) - 1;
  };
  for (let i = 0; i < 1 + below(5); i++) {
    const at = operand(), which = below(7);
    steps.push((y, read) => {
      const mine = y.dtype === dtype;
      switch (which) {
        case 0:
          return mine ? y.add(read(at)) : y;
        case 1:
          return mine ? nn.relu(y) : y;
        case 2:
          return mine ? where(y.lt(read(at)), y, read(at)) : y;
        case 3:
          return mine ? read(at).sub(y) : y.cast(dtype);
        case 4:
          return mine ? y.abs() : y;
        case 5:
          return mine ? y.gt(read(at)) : y;
        default:
          return y.cast("int32");
      }
    });
    results.push(below(2) === 0);
  }
  results[results.length - 1] = true;
  return {
    operands,
    work: (x, ...rest) => {
      const found: Tensor[] = [];
      let y = x;
      steps.forEach((step, i) => {
        y = step(
          y.dtype === "bool" ? where(y, tensor(1, { dtype }), tensor(0, { dtype })) : y,
          (k) => rest[k],
        );
        if (results[i]) found.push(y);
      });
      return found;
    },
  };
}

Deno.test("random work on random convolutions is exactly what the reference computes", () => {
  let fused = 0;
  for (let i = 0; i < 120; i++) {
    const { x, kernel, params, dtype } = randomCase();
    const images = quarters(x, dtype), filters = quarters(kernel, dtype);
    const { shape } = jit((x: Tensor, w: Tensor) => bindOne(convolvePrimitive, [x, w], params))(
      images,
      filters,
    );
    const { operands, work } = randomWork(shape, dtype);
    const whole: Work = (x, w, ...rest) => work(bindOne(convolvePrimitive, [x, w], params), ...rest);
    const names = kernelsOf(
      whole,
      [images, filters, ...operands],
      JSON.stringify({ x, kernel, params, dtype }),
    );
    if (names.length === 1) fused++;
  }
  assert(fused > 20, `only ${fused} of them were one kernel`);
});

Deno.test("layers and their gradients, to second order, agree with the reference", () => {
  const x = quarters([3, 2, 8, 9], "float64"), w = quarters([4, 2, 3, 3], "float64");
  const b = quarters([4], "float64");
  const loss = (x: Tensor, w: Tensor, b: Tensor): Tensor =>
    nn.relu(nn.conv2d(x, w, { padding: 1 }).add(perFilter(b, 4))).mul(0.1).sin().sum();
  const first = grad(loss, { argnums: [0, 1, 2] });
  const second = grad(
    (x: Tensor, w: Tensor, b: Tensor) =>
      first(x, w, b).reduce((sum, g) => sum.add(g.square().sum()), tensor(0, { dtype: "float64" })),
    { argnums: [0, 1, 2] },
  );
  for (const derivative of [first, second]) {
    const found = jit(derivative)(x, w, b), wanted = jit(derivative, { mode: "reference" })(x, w, b);
    found.forEach((gradient, k) => {
      const a = gradient.dataSync(), c = wanted[k].dataSync();
      a.forEach((value, i) => assert(Math.abs(value - c[i]) <= 1e-11 * Math.max(1, Math.abs(c[i]))));
    });
  }
});
