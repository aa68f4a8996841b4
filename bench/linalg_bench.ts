/** `deno task bench linalg` and `deno task bench fft`: decompositions and transforms on the default device. */
import { eye, fft, linalg, matmul, type Tensor, tensor } from "../mod.ts";

type Dtype = "float32" | "float64";

/** Numbers between -1 and 1 from a fixed sequence. */
function noise(shape: readonly number[], dtype: Dtype): Tensor {
  let state = 20260723;
  const size = shape.reduce((product, extent) => product * extent, 1);
  const data = Float64Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
  return tensor(data, { shape: [...shape], dtype });
}

for (const dtype of ["float32", "float64"] as const) {
  const a = noise([512, 512], dtype);
  const positive = matmul(a, a.transpose()).add(eye(512, { dtype }));
  const b = noise([512], dtype), small = noise([256, 256], dtype);
  const bench = (name: string, fn: () => void): void =>
    Deno.bench(`${name}, ${dtype}`, { group: "linalg" }, fn);
  bench("linalg.cholesky 512", () => linalg.cholesky(positive).dispose());
  bench("linalg.solve 512", () => linalg.solve(a, b).dispose());
  bench("linalg.inv 512", () => linalg.inv(a).dispose());
  bench("linalg.qr 256", () => void linalg.qr(small));
  bench("linalg.svd 256", () => void linalg.svd(small));
  bench("linalg.eigh 256", () => void linalg.eigh(small));

  const signal = noise([2 ** 20], dtype), spectrum = fft.rfft(signal), prime = noise([100_003], dtype);
  const transform = (name: string, fn: () => void): void =>
    Deno.bench(`${name}, ${dtype}`, { group: "fft" }, fn);
  transform("fft.rfft 2^20", () => void fft.rfft(signal));
  transform("fft.irfft 2^20", () => fft.irfft(spectrum).dispose());
  transform("fft.rfft 100003 (prime)", () => void fft.rfft(prime));
}
