/** Derivatives through matrix routines and Fourier transforms on WebGPU, against the same graphs in float64. */
import { assertEquals } from "@std/assert";
import { fft, grad, linalg, matmul, type Tensor, vmap } from "@damo/damo";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { faults, noise, solid } from "./routine_support.ts";
import { gpuTest } from "./support.ts";

/** Sums of squares weigh all results, and make second derivatives of what is linear. */
const squares = (...tensors: Tensor[]): Tensor =>
  tensors.map((x) => x.square().sum()).reduce((a, b) => a.add(b));

const square = (): HostArray => solid([4, 4], 41, 5);
const batch = (): HostArray => solid([2, 3, 3], 42, 4);
const symmetric = (): HostArray => {
  const a = solid([4, 4], 43, 0, true);
  // Values that lie well apart.
  for (let i = 0; i < 4; i++) a.data[5 * i] = 4 + 3 * i;
  return a;
};
const tall = (): HostArray => solid([5, 3], 44, 0);
const signal = (): HostArray => noise([2, 10], 45);

const CASES: readonly (readonly [string, (x: Tensor) => Tensor, () => HostArray])[] = [
  ["inv", (a) => squares(linalg.inv(a)), square],
  ["solve", (a) => squares(linalg.solve(a, a.square())), batch],
  ["cholesky", (a) => squares(linalg.cholesky(a).sin()), symmetric],
  ["qr", (a) => squares(...Object.values(linalg.qr(a)).map((x) => x.sin())), tall],
  ["eigh", (a) => squares(...Object.values(linalg.eigh(a)).map((x) => x.sin())), symmetric],
  ["svd", (a) => squares(...Object.values(linalg.svd(a, { fullMatrices: false })).map((x) => x.sin())), tall],
  ["pinv", (a) => squares(linalg.pinv(a)), tall],
  ["fft", (x) => squares(...Object.values(fft.fft({ re: x, im: x.sin() })).map((x) => x.sin())), signal],
  ["rfft and irfft", (x) => {
    const { re, im } = fft.rfft(x);
    return squares(fft.irfft({ re: re.square(), im }, { n: 9 }));
  }, signal],
];

gpuTest("gradients through every routine are those of float64", (backend) => {
  const wrong = CASES.flatMap(([name, cost, input]) => {
    const body = (x: Tensor) => [grad(cost)(x)];
    return faults(backend, `gradient of ${name}`, body, [input()], 200);
  });
  assertEquals(wrong, []);
});

gpuTest("so are second derivatives, and gradients of mapped functions", (backend) => {
  const twice = (cost: (x: Tensor) => Tensor) => (x: Tensor) => [grad((x: Tensor) => grad(cost)(x).sum())(x)];
  const [, solve, cholesky] = CASES;
  const wrong = [solve, cholesky].flatMap(([name, cost, input]) =>
    faults(backend, `second derivative of ${name}`, twice(cost), [input()], 400)
  );
  const mapped = (a: Tensor, x: Tensor) => [
    vmap((a: Tensor, x: Tensor) => grad((a: Tensor) => squares(matmul(linalg.inv(a), x)))(a))(a, x),
  ];
  wrong.push(...faults(backend, "mapped", mapped, [batch(), noise([2, 3], 46)], 200));
  assertEquals(wrong, []);
});
