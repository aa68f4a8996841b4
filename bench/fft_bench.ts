/** `deno task bench fft`: Fourier transforms on the default device. */
import { fft, type Tensor, tensor } from "../mod.ts";
import { uniform } from "./noise.ts";

for (const dtype of ["float32", "float64"] as const) {
  const noise = (size: number): Tensor => tensor(Float64Array.from(uniform(size)), { dtype });
  const signal = noise(2 ** 20), spectrum = fft.rfft(signal), prime = noise(100_003);
  const bench = (name: string, fn: () => void): void => Deno.bench(`${name}, ${dtype}`, { group: "fft" }, fn);
  bench("fft.rfft 2^20", () => void fft.rfft(signal));
  bench("fft.irfft 2^20", () => fft.irfft(spectrum).dispose());
  bench("fft.rfft 100003 (prime)", () => void fft.rfft(prime));
}
