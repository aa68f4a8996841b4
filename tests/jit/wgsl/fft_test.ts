/** Fourier transforms as shaders, on both tuning tables. */
import { assert, assertEquals } from "@std/assert";
import { fft, type Tensor } from "@damo/damo";
import type { WgslBackend } from "../../../lib/jit/wgsl/backend.ts";
import { GPU } from "../../../lib/jit/wgsl/tuning.ts";
import { faults, graphOf, noise } from "./routine_support.ts";
import { backendWith, gpuTest } from "./support.ts";
import { runGraph } from "../../support/run_graph.ts";

/** Several passes, several lines, and factors that need a convolution; tests/fft has every short length. */
const SIGNALS: readonly (readonly number[])[] = [[65], [130], [2, 64], [3, 2, 7], [2, 420]];

function compareTransforms(backend: WgslBackend, signals = SIGNALS): void {
  const wrong: string[] = [];
  for (const shape of signals) {
    const n = shape[shape.length - 1], half = [...shape.slice(0, -1), Math.floor(n / 2) + 1];
    // Rounding grows with the number of passes.
    const allowed = 2 + 2 * Math.log2(n);
    const re = noise(shape, 1), im = noise(shape, 2);
    wrong.push(
      ...faults(backend, `fft [${shape}]`, (re, im) => parts(fft.fft({ re, im })), [re, im], allowed),
      ...faults(backend, `ifft [${shape}]`, (re, im) => parts(fft.ifft({ re, im })), [re, im], allowed),
      ...faults(backend, `rfft [${shape}]`, (x) => parts(fft.rfft(x)), [re], allowed),
      ...faults(backend, `irfft [${shape}]`, (re, im) => [fft.irfft({ re, im }, { n })], [
        noise(half, 3),
        noise(half, 4),
      ], allowed),
    );
  }
  assertEquals(wrong, []);
}

function parts({ re, im }: { re: Tensor; im: Tensor }): Tensor[] {
  return [re, im];
}

gpuTest(
  "fft, rfft and irfft are shaders, and right in every length",
  (backend) => compareTransforms(backend),
);

gpuTest("transforms mean the same with the table of a real GPU", async () => {
  compareTransforms(await backendWith(GPU), [[2, 96], [3, 13]]);
});

gpuTest("the transform of a unit vector is a circle of roots, for long lengths of any kind", (backend) => {
  for (const n of [65536, 30030, 65537, 90011]) {
    const x = { ...noise([n], 1), data: new Float64Array(n) };
    x.data[1] = 1;
    const graph = graphOf((x) => parts(fft.rfft(x)), [x]);
    const [re, im] = runGraph(backend, graph, [x]);
    let worst = 0;
    for (let k = 0; k < re.data.length; k++) {
      const angle = -2 * Math.PI * k / n;
      worst = Math.max(worst, Math.abs(re.data[k] - Math.cos(angle)), Math.abs(im.data[k] - Math.sin(angle)));
    }
    // Convolutions add up all elements of their filters.
    assert(worst < (n === 65536 ? 3e-7 : 2e-6), `${n}: ${worst}`);
  }
});
