/** One size for each kind of kernel at which two threads should be at least 1.6 times faster than one. */
import {
  argsort,
  cumsum,
  exp,
  eye,
  fft,
  linalg,
  matmul,
  max,
  nn,
  sin,
  sort,
  sum,
  tanh,
  type Tensor,
  tensor,
  topk,
  transpose,
  valueAndGrad,
} from "../../mod.ts";
import { uniform } from "../noise.ts";

/** A kind of kernel at a named size. */
export interface Kind {
  readonly name: string;
  readonly inputs: () => Tensor[];
  readonly compute: (...inputs: Tensor[]) => Tensor[];
}

function noise(...shape: number[]): Tensor {
  return tensor(Float32Array.from(uniform(shape.reduce((size, extent) => size * extent, 1))), { shape });
}

/** Numbers below `count` in no order. */
function places(length: number, count: number): Tensor {
  return tensor(Int32Array.from({ length }, (_, i) => (Math.imul(i, 2654435761) >>> 8) % count));
}

/** Symmetric with eigenvalues above 0. */
function positive(n: number): Tensor {
  const a = noise(n, n);
  return matmul(a, a.transpose()).div(n).add(eye(n));
}

const M = 1 << 20;

export const kinds: readonly Kind[] = [
  { name: "matmul 512", inputs: () => [noise(512, 512), noise(512, 512)], compute: (a, b) => [matmul(a, b)] },
  {
    name: "matrix-vector 2048",
    inputs: () => [noise(2048, 2048), noise(2048)],
    compute: (a, b) => [matmul(a, b)],
  },
  {
    name: "products [8, 1M] x [1M, 8]",
    inputs: () => [noise(8, M), noise(M, 8)],
    compute: (a, b) => [matmul(a, b)],
  },
  {
    name: "chain of 1M",
    inputs: () => [noise(M)],
    compute: (x) => [tanh(x.mul(2).add(1)).mul(exp(x.mul(x).neg())).add(sin(x))],
  },
  { name: "softmax 1024x1024", inputs: () => [noise(1024, 1024)], compute: (x) => [nn.softmax(x)] },
  {
    name: "sum over axis 0, 2048x2048",
    inputs: () => [noise(2048, 2048)],
    compute: (x) => [sum(x, { axis: 0 })],
  },
  {
    name: "sum over axis 1, 2048x2048",
    inputs: () => [noise(2048, 2048)],
    compute: (x) => [sum(x, { axis: 1 })],
  },
  { name: "max of 4M", inputs: () => [noise(4 * M)], compute: (x) => [max(x)] },
  { name: "cumsum of 4M", inputs: () => [noise(4 * M)], compute: (x) => [cumsum(x)] },
  { name: "transpose 2048x2048", inputs: () => [noise(2048, 2048)], compute: (x) => [transpose(x).add(1)] },
  { name: "sort 1M", inputs: () => [noise(M)], compute: (x) => [sort(x)] },
  { name: "argsort 1M", inputs: () => [noise(M)], compute: (x) => [argsort(x)] },
  {
    name: "topk 100 of 4M",
    inputs: () => [noise(4 * M)],
    compute: (x) => {
      const { values, indices } = topk(x, 100);
      return [values, indices];
    },
  },
  {
    name: "convolution [32,16,32,32] * [32,16,5,5]",
    inputs: () => [noise(32, 16, 32, 32), noise(32, 16, 5, 5)],
    compute: (x, w) => [nn.conv2d(x, w)],
  },
  {
    name: "convolution along one axis [16,64,1024] * [64,64,9]",
    inputs: () => [noise(16, 64, 1024), noise(64, 64, 9)],
    compute: (x, w) => [nn.conv1d(x, w)],
  },
  {
    name: "convolution of one image [1,64,56,56] * [64,64,3,3]",
    inputs: () => [noise(1, 64, 56, 56), noise(64, 64, 3, 3)],
    compute: (x, w) => [nn.conv2d(x, w, { padding: 1 })],
  },
  {
    name: "convolution [32,16,32,32] * [32,16,5,5], both gradients",
    inputs: () => [noise(32, 16, 32, 32), noise(32, 16, 5, 5)],
    compute: (x, w) => {
      const [value, gradients] = valueAndGrad((x: Tensor, w: Tensor) => nn.conv2d(x, w).square().sum(), {
        argnums: [0, 1],
      })(x, w);
      return [value, ...gradients as unknown as Tensor[]];
    },
  },
  {
    name: "scatter of rows [4096, 512]",
    inputs: () => [noise(1000, 512), places(4096, 1000), noise(4096, 512)],
    compute: (table, index, rows) => [table.withAdded([index], rows)],
  },
  {
    name: "scatter of 4M into 1000",
    inputs: () => [noise(1000), places(4 * M, 1000), noise(4 * M)],
    compute: (table, index, values) => [table.withAdded([index], values)],
  },
  {
    name: "triangular 512, 512 right sides",
    inputs: () => [positive(512), noise(512, 512)],
    compute: (a, b) => [linalg.solveTriangular(a, b, { lower: true })],
  },
  {
    name: "solve 1024 (LU)",
    inputs: () => [noise(1024, 1024), noise(1024)],
    compute: (a, b) => [linalg.solve(a, b)],
  },
  { name: "inv 1024", inputs: () => [positive(1024)], compute: (a) => [linalg.inv(a)] },
  { name: "cholesky 1024", inputs: () => [positive(1024)], compute: (a) => [linalg.cholesky(a)] },
  {
    name: "qr 1024",
    inputs: () => [noise(1024, 1024)],
    compute: (a) => {
      const { q, r } = linalg.qr(a);
      return [q, r];
    },
  },
  {
    name: "eigh 1024",
    inputs: () => [positive(1024)],
    compute: (a) => {
      const { values, vectors } = linalg.eigh(a);
      return [values, vectors];
    },
  },
  {
    name: "svd 768",
    inputs: () => [noise(768, 768)],
    compute: (a) => {
      const { u, s, vt } = linalg.svd(a);
      return [u, s, vt];
    },
  },
  {
    name: "fft 1M",
    inputs: () => [noise(M), noise(M)],
    compute: (re, im) => {
      const y = fft.fft({ re, im });
      return [y.re, y.im];
    },
  },
  {
    name: "rfft 1M",
    inputs: () => [noise(M)],
    compute: (x) => {
      const y = fft.rfft(x);
      return [y.re, y.im];
    },
  },
];
