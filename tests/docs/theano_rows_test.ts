/** Rows of docs/from_theano.md that no other test shows. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  arange,
  check,
  CheckError,
  clip,
  type DType,
  DTypeError,
  fft,
  grad,
  isFinite,
  jit,
  jvp,
  linalg,
  mod,
  nn,
  random,
  scaleGradient,
  shared,
  slice,
  take,
  type Tensor,
  tensor,
} from "@damo/damo";

Deno.test("a function compiled from the middle of a computation runs nothing before it", () => {
  let runs = 0;
  const encode = (x: Tensor): Tensor => (runs++, x.mul(2));
  const decode = (h: Tensor): Tensor => h.add(1);
  const whole = jit((x: Tensor) => decode(encode(x))), second = jit(decode);
  assertEquals(second(tensor([3])).arraySync(), [4]);
  assertEquals(runs, 0);
  assertEquals(whole(tensor([3])).arraySync(), [7]);
});

Deno.test("any intermediate can be returned", () => {
  const f = jit((x: Tensor) => {
    const hidden = x.mul(3), loss = hidden.square().sum();
    return { loss, hidden };
  });
  const { loss, hidden } = f(tensor([1, 2]));
  assertEquals([loss.arraySync(), hidden.arraySync()], [45, [3, 6]]);
});

Deno.test("shape, rank, size and dtype of a traced tensor are plain values", () => {
  const seen: unknown[] = [];
  const f = jit((x: Tensor) => {
    seen.push([...x.shape], x.ndim, x.size, x.dtype);
    return x.sum().div(x.shape[0]);
  });
  assertEquals(f(tensor([[1, 2], [3, 4]])).itemSync(), 5);
  assertEquals(seen, [[2, 2], 2, 4, "float32"]);
});

Deno.test("rows and columns are matrices with an axis of size 1", () => {
  const column = tensor([1, 2]).expandDims(1), row = tensor([[10, 20, 30]]);
  assertEquals([column.shape, row.shape], [[2, 1], [1, 3]]);
  assertEquals(column.add(row).arraySync(), [[11, 21, 31], [12, 22, 32]]);
});

Deno.test("rows of a table are updated in place by the gradient of what was read of it", () => {
  const W = shared(tensor([[1, 2], [3, 4], [5, 6]]));
  const step = jit((rows: Tensor) => {
    const read = W.value.at(rows);
    const g = grad(read.square().sum(), read);
    W.value = W.value.withAdded([rows], g.mul(-0.25));
  });
  step(tensor([2, 0, 2], { dtype: "int32" }));
  assertEquals(W.value.arraySync(), [[0.5, 1], [3, 4], [0, 0]]);
});

Deno.test("rounding half away from zero is three operations", () => {
  const halfAway = jit((x: Tensor) => x.sign().mul(x.abs().add(0.5).floor()));
  assertEquals(halfAway(tensor([-2.5, -0.5, 0.5, 1.4, 2.5])).arraySync(), [-3, -1, 1, 1, 3]);
  assertEquals(tensor([0.5, 1.5, 2.5]).round().arraySync(), [0, 2, 2]);
});

Deno.test("a separable convolution is a depthwise and a pointwise one", () => {
  const options = { dtype: "float64" } as const;
  const x = random.normal(random.key(1), [2, 3, 5, 7], options);
  const depthwise = random.normal(random.key(2), [6, 1, 3, 3], options);
  const pointwise = random.normal(random.key(3), [4, 6, 1, 1], options);
  const both = nn.conv2d(nn.conv2d(x, depthwise, { groups: 3 }), pointwise);
  assert(nn.separableConv2d(x, depthwise, pointwise).sub(both).abs().max().itemSync() < 1e-12);
});

Deno.test("a causal convolution sees nothing that comes later", () => {
  const x = tensor([[[1, 2, 3, 4, 5]]]), w = tensor([[[10, 1]]]);
  const y = nn.conv1d(x, w, { padding: "causal", dilation: 2 });
  assertEquals(y.arraySync(), [[[1, 2, 13, 24, 35]]]);
});

Deno.test("pooling has second derivatives and derivatives along a direction", () => {
  const f = (x: Tensor): Tensor => nn.maxPool2d(x, [2, 2]).pow(3).sum();
  const x = tensor([[[[1, 2], [4, 3]]]]), v = tensor([[[[1, 1], [0.5, 1]]]]);
  assertEquals(grad(f)(x).arraySync(), [[[[0, 0], [48, 0]]]]);
  assertEquals(grad((x: Tensor) => grad(f)(x).sum())(x).arraySync(), [[[[0, 0], [24, 0]]]]);
  assertEquals(jvp(f, [x], [v])[1].arraySync(), 24);
});

Deno.test("two compiled functions share a variable and see each other's updates", () => {
  const count = shared(0);
  const up = jit(() => {
    count.value = count.value.add(1);
  });
  const read = jit(() => count.value.mul(10));
  up();
  up();
  assertEquals(read().itemSync(), 20);
  count.value = 5;
  up();
  assertEquals(read().itemSync(), 60);
});

Deno.test("a whole data set is shared and each call takes its batch by number", () => {
  const X = shared(arange(12).reshape([6, 2]));
  const batchSum = jit((i: Tensor) => X.value.narrow(0, i.mul(2), 2).sum({ axis: 1 }));
  const sums = [0, 1, 2].map((i) => batchSum(tensor(i, { dtype: "int32" })).arraySync());
  assertEquals(sums, [[1, 5], [9, 13], [17, 21]]);
  assertEquals(batchSum.cacheSize, 1);
});

Deno.test("parameters may have default values", () => {
  const f = jit((x: Tensor, k: number = 2) => x.mul(k));
  assertEquals([f(tensor([1])).arraySync(), f(tensor([1]), 3).arraySync()], [[2], [3]]);
});

Deno.test("an argument that is not used is allowed, and the graph shows it", () => {
  const f = jit((x: Tensor, _unused: Tensor) => x.add(1));
  const one = tensor([1]), two = tensor([[2, 3]]);
  assertEquals(f(one, two).arraySync(), [2]);
  assertEquals(f.graph(one, two).inputs.length, 2);
  assert(f.graph(one, two).toString().includes("[1, 2]"));
});

Deno.test("a profile says how much memory a program needs", () => {
  const f = jit((x: Tensor) => x.matmul(x).sum(), { name: "product", profile: true });
  const x = tensor([[1, 2], [3, 4]]);
  f(x);
  assert(String(f.profile).includes("peak bytes"));
  assert(f.lower(x).memory.peak > 0);
});

Deno.test("a profile says what compiling took", () => {
  const f = jit((x: Tensor) => x.exp().sum(), { name: "summed", profile: true });
  assertAlmostEquals(f(tensor([0, 0])).itemSync(), 2, 1e-6);
  const text = String(f.profile);
  for (const phase of ["trace", "compile", "pass simplify"]) assert(text.includes(phase), phase);
});

Deno.test("a chain of elementwise operations is one kernel", () => {
  const f = jit((x: Tensor) => x.mul(2).add(1).sin().square());
  assertEquals(f.lower(tensor([1, 2, 3])).kernels.length, 1);
});

Deno.test("outer and inner products and the trace are sums of products", () => {
  const a = tensor([[1, 2], [3, 4]]), b = tensor([10, 100]);
  assertEquals(tensor([1, 2]).outer(b).arraySync(), [[10, 100], [20, 200]]);
  assertEquals(a.inner(b).arraySync(), [210, 430]);
  assertEquals([a.trace().itemSync(), a.trace({ offset: 1 }).itemSync()], [5, 2]);
});

Deno.test("cholesky of a matrix that is not positive definite is NaN, and check makes an error of it", () => {
  const factor = jit((a: Tensor) => {
    const l = linalg.cholesky(a);
    return check(isFinite(l).all(), "not positive definite", l);
  });
  assertEquals(factor(tensor([[4, 2], [2, 5]])).arraySync(), [[2, 0], [1, 2]]);
  assertEquals(linalg.cholesky([[1, 2], [2, 1]]).isFinite().all().arraySync(), false);
  assertThrows(() => factor(tensor([[1, 2], [2, 1]])), CheckError, "not positive definite");
});

Deno.test("transforms over two axes are two transforms", () => {
  const rows = 3, columns = 4;
  const x = random.normal(random.key(5), [rows, columns], { dtype: "float64" });
  const { re, im } = fft.rfft(x);
  const swapped = fft.fft({ re: re.swapAxes(0, 1), im: im.swapAxes(0, 1) });
  const at = x.arraySync() as number[][];
  for (let k = 0; k < rows; k++) {
    for (let l = 0; l <= columns / 2; l++) {
      let real = 0, imaginary = 0;
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          const angle = -2 * Math.PI * (k * i / rows + l * j / columns);
          real += at[i][j] * Math.cos(angle);
          imaginary += at[i][j] * Math.sin(angle);
        }
      }
      assertAlmostEquals(swapped.re.at(l, k).itemSync(), real, 1e-12);
      assertAlmostEquals(swapped.im.at(l, k).itemSync(), imaginary, 1e-12);
    }
  }
});

Deno.test("a gradient scaled by 0 is zero, and not an error as a disconnected one", () => {
  assertEquals(grad((x: Tensor) => scaleGradient(x, 0).square().sum())(tensor([1, 2])).arraySync(), [0, 0]);
});

Deno.test("a scaled product with a sum is one kernel", () => {
  const f = jit((a: Tensor, b: Tensor, c: Tensor) => a.matmul(b).mul(2).add(c.mul(3)));
  const x = random.normal(random.key(0), [8, 8]);
  assertEquals(f.lower(x, x, x).kernels.length, 1);
});

Deno.test("the result of a step lies in the donated buffer", () => {
  const step = jit((x: Tensor) => x.mul(2), { donate: [0] });
  assertEquals(step.lower(arange(1024)).memory.donated, 4096);
});

Deno.test("the generated code can be read", () => {
  const lowered = jit((x: Tensor) => x.exp().sum()).lower(tensor([1, 2]));
  assert(lowered.wat().includes("(module"));
  assert(lowered.wgsl().includes("@compute"));
});

Deno.test("slices of slices and transposes are read where they stand, in the kernel that uses them", () => {
  const f = jit((x: Tensor) => x.at(slice(1)).at(slice(undefined, undefined, 2)).T.mul(2).add(1));
  const x = arange(12).reshape([6, 2]);
  assertEquals(f(x).arraySync(), [[5, 13, 21], [7, 15, 23]]);
  assertEquals(f.lower(x).kernels.length, 1);
});

Deno.test("indices outside wrap by mod and are limited by clip", () => {
  const x = tensor([10, 20, 30]), indices = tensor([-4, 1, 5], { dtype: "int32" });
  assertEquals(take(x, mod(indices, 3), 0).arraySync(), [30, 20, 30]);
  assertEquals(take(x, clip(indices, 0, 2), 0).arraySync(), [10, 20, 30]);
});

Deno.test("dtypes that Theano has and tensors have not are refused in words", () => {
  for (const dtype of ["int64", "complex64"]) {
    assertThrows(() => tensor([1], { dtype: dtype as DType }), DTypeError, `"${dtype}" is not a dtype`);
  }
  assertEquals(tensor(new Int16Array([-5])).dtype, "int32");
});
