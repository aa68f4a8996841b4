import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Record } from "../../bench/contest/main.ts";
import { LIMIT } from "../../bench/contest/process.ts";
import { resultOf, tableOf } from "../../bench/contest/results.ts";
import { losses } from "../../bench/contest/track.ts";
import { makeValues, type Workload, workloads } from "../../bench/contest/workload.ts";

const product = workloads[0];

/** A record in which Damo and NumPy needed these milliseconds, each within 2 %. */
function record(own: number, native: number): Record {
  const around = (middle: number) => [0.99, 0.995, 1, 1.005, 1.01].map((factor) => factor * middle);
  const showings = [
    { contestant: "Damo", times: around(own) },
    { contestant: "jax-js", times: around(2 * native) },
    { contestant: "onnxruntime-web", reason: "not available" },
    { contestant: "NumPy", times: around(native) },
  ];
  return { date: "2026-01-01", machine: "", versions: [], results: [resultOf(product, showings)] };
}

Deno.test("a result has the middle, the ratio to the fastest peer and to NumPy, and the share of the aim", () => {
  const [result] = record(2, 1).results;
  assertEquals(result.figures[0].median, 2);
  assertEquals([result.overPeers, result.overNumPy], [1, 0.5]);
  // 2 * 512^3 operations in 2 ms are 134.2 GFLOP/s.
  assertEquals(result.overAim?.toFixed(3), (134.217728 / 95).toFixed(3));
  const row = tableOf([result], workloads).split("\n").at(-1)!;
  assertMatch(
    row,
    /^\| matmul 512x512x512 NN \| GFLOP\/s \| 134 ± \d+ %, \d+ \| 134 ± \d+ %, \d+ \| - \| 268 ± /,
  );
});

Deno.test("a ratio that was lost beyond the noise is named, on a slower machine as on a faster one", () => {
  assertEquals(losses(record(1, 1), record(1.1, 1)), []);
  assertEquals(losses(record(1, 1), record(3, 3)), []);
  const lost = losses(record(1, 1), record(3, 2));
  assertEquals(lost.length, 2);
  assertMatch(
    lost[0],
    /^matmul 512x512x512 NN: 0\.750 of the time of jax-js, recorded 0\.500, allowed 0\.575$/,
  );
});

Deno.test("of processes that read a first result what empty ones take is subtracted", () => {
  const row = workloads.find(({ fresh }) => fresh === "first result") as Workload;
  const result = resultOf(row, [
    { contestant: "Damo", times: [70, 80, 110], empty: [22, 20, 30] },
    { contestant: "jax-js", times: [150, 140, 160], empty: [20, 21, 40] },
  ]);
  const [own, peer] = result.figures;
  assertEquals([own.median, own.least, own.spread], [58, 50, [48, 88]]);
  assertEquals([peer.median, peer.least], [129, 120]);
  assertEquals([result.overPeers, result.least?.overPeers], [129 / 58, 120 / 50]);
  assertMatch(tableOf([result], workloads).split("\n").at(-1)!, / \| - \| 60 \| 1\.03, 1\.20 \| - \|$/);
});

Deno.test("the limit of the machine is no peer: it says which share of it Damo reaches", () => {
  const result = resultOf(product, [
    { contestant: "Damo", times: [4, 5, 6] },
    { contestant: "jax-js", times: [9, 10, 11] },
    { contestant: LIMIT, times: [3, 3, 3] },
  ]);
  assertEquals([result.overPeers, result.overLimit, result.least?.overLimit], [2, 3 / 5, 3 / 4]);
  assertMatch(tableOf([result], workloads).split("\n").at(-1)!, / \| 0\.600, 0\.750 \|$/);
});

Deno.test("a record that lacks a workload says nothing about it", () => {
  const before = record(1, 1);
  assertEquals(losses({ ...before, results: [] }, record(9, 1)), []);
});

Deno.test("plain loops agree with sums by hand, and values are the same in every process", () => {
  const sum = workloads.find(({ name }) => name === "z = x + y on 8 numbers") as Workload;
  const values = Object.fromEntries(
    Object.entries(sum.inputs).map(([name, spec], i) => [name, makeValues(spec, i)]),
  );
  const [{ values: expected }] = sum.expected(values);
  assertEquals(expected[3], Math.fround(values.x[3] + values.y[3]));
  assert(values.x.every((value) => Math.abs(value) <= 1));
  assertEquals(makeValues({ shape: [4], scale: 1 }, 7), makeValues({ shape: [4], scale: 1 }, 7));
});
