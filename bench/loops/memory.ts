/** What loops need in memory, as rows of a table: JSON. Plans say it exactly; the chain is watched while it runs. */
import { grad, init, jit, memory, scan, type Tensor, zeros } from "@damo/damo";
import { compileChain, DIMENSIONS } from "./monte_carlo.ts";
import { BATCH, recurrent, STATE } from "./recurrent.ts";

await init({ threads: 1 });
const rows: { name: string; value: string; aim: string }[] = [];
const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KB`;

const SIZE = 256;
const last = (length: number): number =>
  jit((h: Tensor) => scan((h: Tensor) => [h.mul(1.1).sin(), h], h, undefined, { length })[1].at(-1))
    .lower(zeros([SIZE])).memory.peak;
const net = (length: number): number =>
  jit(recurrent).lower(zeros([length, BATCH, STATE]), zeros([STATE, STATE]), zeros([STATE, STATE])).memory
    .peak;
for (
  const [what, peakOf, lengths] of [
    ["a scan's last value", last, [10, 1000, 100_000]],
    ["RNN 32x128, forward", net, [1000, 10_000]],
  ] as const
) {
  const peaks = lengths.map((length) => peakOf(length));
  const same = peaks.every((peak) => peak === peaks[0]);
  peaks.forEach((peak, i) =>
    rows.push({
      name: `peak of ${what}, T = ${lengths[i]}`,
      value: kilobytes(peak),
      aim: i === 0 ? "" : `independent of T: ${same ? "met" : "missed"}`,
    })
  );
}

for (const length of [1000, 10_000]) {
  const weights = zeros([STATE, STATE]);
  const { peak } = jit(grad(recurrent, { argnums: [1, 2] }) as (...inputs: Tensor[]) => Tensor[])
    .lower(zeros([length, BATCH, STATE]), weights, weights).memory;
  const states = peak / (4 * BATCH * STATE * length);
  rows.push({
    name: `peak of RNN 32x128, with backward, T = ${length}`,
    value: `${kilobytes(peak)}, ${states.toFixed(2)} states a step`,
    aim: `one state a step: ${states <= 1.1 ? "met" : "missed"}`,
  });
}

const n = 4096;
for (const every of [undefined, 16, 64, 256]) {
  const cost = (h: Tensor): Tensor =>
    scan((h: Tensor) => [h.mul(1.1).sin(), undefined], h, undefined, { length: n, checkpointEvery: every })[0]
      .sum();
  const peak = jit(grad(cost)).lower(zeros([SIZE])).memory.peak;
  const records = every === undefined ? n : n / every + every;
  rows.push({
    name: `peak of a gradient of ${n} steps, checkpointEvery ${every ?? "not given"}`,
    value: kilobytes(peak),
    aim: `${kilobytes(4 * SIZE * records)} of ${records} records: ${
      peak <= 4 * SIZE * (records + 8) ? "met" : "missed"
    }`,
  });
}

const chain = compileChain(5000), origin = zeros([DIMENSIONS]);
chain(origin).dataSync();
const before = memory().wasm.live;
for (let i = 0; i < 10; i++) chain(origin).dispose();
const grown = memory().wasm.live - before;
rows.push({
  name: "growth over 10 chains of 5,000 iterations",
  value: kilobytes(grown),
  aim: `flat: ${grown <= 0 ? "met" : "missed"}`,
});
console.log(JSON.stringify(rows));
