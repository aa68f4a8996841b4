import { assert, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { jit, Profile, type Tensor, tensor } from "@damo/damo";
import { kernelCost } from "../../lib/jit/kernel/cost.ts";
import { attentionStep, logisticStep, mnistStep, pendulum, rnnStep } from "../support/example_programs.ts";

/** The rows of a table of the text, as cells. */
function table(text: string, title: string): string[][] {
  const part = text.split("\n\n").find((section) => section.startsWith(`${title}\n`));
  if (!part) throw new Error(`no table ${title} in\n${text}`);
  return part.split("\n").slice(3).map((line) => line.trim().split(/ {2,}/));
}

Deno.test("a profile counts calls, traces and kernels, and sorts by time", () => {
  const f = jit((x: Tensor) => x.sin().sum(), { name: "wave", profile: true });
  for (let i = 0; i < 3; i++) f(tensor([1, 2, 3]));
  f(tensor([1, 2]));
  const text = f.profile.toString();
  const sections = text.split("\n\n").map((part) => part.split("\n")[0]);
  assertEquals(sections, [
    "Functions",
    "Classes",
    "Operations",
    "Nodes",
    "Memory",
    "Largest buffers",
    "Compile phases",
  ]);
  assertMatch(text, /% time {2}cumulative % {2}total ms {2}per call µs {2}calls {2}traces {2}function\n/);
  assertMatch(text, /100\.0\s+100\.0\s+\S+\s+\S+\s+4\s+2 {2}wave\n/);
  assert(text.includes("tables_test.ts:"), text);
  assert(text.includes("wave(x: float32[3])") && text.includes("wave(x: float32[2])"), text);
});

Deno.test("functions can share a profile; without one nothing is measured", () => {
  const profile = new Profile();
  const f = jit((x: Tensor) => x.add(1), { name: "f", profile });
  const g = jit((x: Tensor) => x.mul(2), { name: "g", profile });
  const plain = jit((x: Tensor) => x.mul(2), { name: "plain" });
  f(tensor(1));
  g(tensor(1));
  plain(tensor(1));
  assertEquals(f.profile, g.profile);
  assertMatch(String(profile), / {2}f\n/);
  assertMatch(String(profile), / {2}g\n/);
  assertEquals(String(plain.profile), "");
  profile.clear();
  assertEquals(String(profile), "");
});

Deno.test("the rows of the MNIST step add up to the time it was measured to take, within 10 %", () => {
  const profile = new Profile();
  const { run, args } = mnistStep({ profile });
  run(...args);
  // The first call makes the module; from here on time is measured outside as well. Both clocks run over the
  // same calls; of several rounds the one that was interrupted least between two kernels counts.
  const shares: number[] = [];
  for (let round = 0; round < 8; round++) {
    const before = kernelMilliseconds(profile);
    const started = performance.now();
    for (let i = 0; i < 5; i++) run(...args);
    shares.push((kernelMilliseconds(profile) - before) / (performance.now() - started));
  }
  const share = Math.max(...shares);
  console.log(`rows are ${(100 * share).toFixed(1)} % of the measured time`);
  assertGreater(share, 0.9);
  assertLess(share, 1.1);
  // With the row for what lies outside kernels, classes sum to functions.
  const text = String(profile);
  const total = (title: string) => table(text, title).reduce((sum, row) => sum + Number(row[2]), 0);
  assertLess(Math.abs(total("Classes") - total("Functions")), 0.01 * total("Functions") + 0.1);
});

/** The sum over the rows of kernels. */
function kernelMilliseconds(profile: Profile): number {
  return table(String(profile), "Operations").reduce((sum, row) => sum + Number(row[2]), 0);
}

Deno.test("work is counted: a product of 64 x 32 and 32 x 16 is 65,536 operations", () => {
  const f = jit((a: Tensor, b: Tensor) => a.matmul(b), { profile: true });
  const a = tensor(new Float32Array(64 * 32), { shape: [64, 32] });
  const b = tensor(new Float32Array(32 * 16), { shape: [32, 16] });
  f(a, b);
  const { kernels } = f.lower(a, b);
  const step = kernels[0].step!;
  assert(step.kind === "kernel");
  assertEquals(kernelCost(step.kernel), { flop: 65_536, bytes: 4 * (64 * 32 + 32 * 16 + 64 * 16) });
  const g = jit((x: Tensor) => x.mul(2).add(1));
  const x = tensor(new Float32Array(1000));
  const [map] = g.lower(x).kernels;
  assert(map.step?.kind === "kernel");
  assertEquals(kernelCost(map.step.kernel), { flop: 2000, bytes: 8000 });
});

Deno.test("transfers are rows of their own: typed arrays in, results out", () => {
  const f = jit((x: Tensor) => x.add(1), { name: "shift", profile: true });
  const y = f(new Float32Array(1000) as unknown as Tensor);
  y.dataSync();
  y.dataSync();
  const rows = table(String(f.profile), "Transfers").map((row) => [row[4], row[5], row.at(-1)]);
  assertEquals(rows.toSorted((a, b) => a[2]! < b[2]! ? -1 : 1), [
    ["2", "8.00 KB", "from the device: shift"],
    ["1", "4.00 KB", "to the device: shift"],
  ]);
});

Deno.test("loops show the share of their bodies, forwards and backwards", () => {
  const profile = new Profile();
  const { run, args } = rnnStep({ profile });
  run(...args);
  const bodies = table(String(profile), "Loops").map((row) => row.at(-1)!);
  assertEquals(bodies.length, 2);
  assert(bodies.some((text) => /^loop example_programs\.ts:\d+, 12 steps$/.test(text)), bodies.join("; "));
  assert(bodies.some((text) => text.includes("backwards, 12 steps")), bodies.join("; "));
});

Deno.test("the trace for viewers has calls, kernels, compile phases, in order, kernels inside their calls", () => {
  const profile = new Profile();
  const { run, args } = logisticStep({ profile });
  for (let i = 0; i < 3; i++) run(...args);
  const { traceEvents } = JSON.parse(JSON.stringify(profile.toTrace()));
  const complete = traceEvents.filter((event: { ph: string }) => event.ph === "X");
  for (const event of complete) {
    assert(typeof event.name === "string" && event.ts >= 0 && event.dur >= 0);
    assertEquals(event.pid, 1);
  }
  for (let i = 1; i < complete.length; i++) assert(complete[i - 1].ts <= complete[i].ts);
  const calls = complete.filter((event: { cat: string }) => event.cat === "call");
  const kernels = complete.filter((event: { cat: string }) => event.cat === "kernel");
  assertEquals(calls.length, 3);
  assert(kernels.length >= 3);
  for (const kernel of kernels) {
    assert(
      calls.some((call: typeof kernel) =>
        call.ts - 1 <= kernel.ts && kernel.ts + kernel.dur <= call.ts + call.dur + 1
      ),
    );
  }
  const phases = complete.filter((event: { cat: string }) => event.cat === "compile")
    .map(({ name }: { name: string }) => name);
  for (const phase of ["trace", "pass simplify", "schedule", "assemble"]) {
    assert(phases.includes(`${phase}: logisticStep`), phase);
  }
});

Deno.test("measuring leaves the MNIST step as it is: the same kernels in the same order, the same bits", () => {
  const plain = mnistStep({}), measured = mnistStep({ profile: true });
  const kernels = ({ run, args }: typeof plain): string[] =>
    run.lower(...args).kernels.map(({ name }) => name);
  assertEquals(kernels(measured), kernels(plain));
  for (let step = 0; step < 3; step++) {
    const losses = [plain, measured].map(({ run, args }) => (run(...args) as Tensor).itemSync());
    assertEquals(losses[1], losses[0]);
  }
});

Deno.test("the graph of a profiled function knows the time of its operations", () => {
  const profile = new Profile();
  const { run, args } = attentionStep({ profile });
  run(...args);
  const graph = run.graph(...args);
  const known = graph.nodes.filter((node) => (profile.timeOf(node) ?? 0) > 0);
  assert(known.some((node) => node.primitive.name === "contract"));
  assert(graph.toHtml({ profile }).includes('"milliseconds":'));
});

Deno.test("at least 95 % of the kernels of five programs name a right line of the user", async () => {
  const source = (await Deno.readTextFile(new URL("../support/example_programs.ts", import.meta.url))).split(
    "\n",
  );
  // What a line must say when a kernel claims to come from it.
  const words: [string, RegExp][] = [
    ["contract", /dot|matmul|forward/],
    ["tanh", /tanh/],
    ["sin", /sin\(/],
    ["sqrt", /step\(|sqrt/],
  ];
  let kernels = 0, right = 0;
  for (const make of [mnistStep, rnnStep, logisticStep, attentionStep, pendulum]) {
    const { name, run, args } = make();
    const start = source.findIndex((line) => line.includes(`export function ${make.name}(`)) + 1;
    const end = source.findIndex((line, i) => i >= start && line === "}") + 1;
    const wrong: string[] = [];
    for (const kernel of run.lower(...args).kernels) {
      kernels++;
      const lines = kernel.locations.map((place) => /^example_programs\.ts:(\d+)$/.exec(place)?.[1]).map(
        Number,
      );
      const text = lines.map((line) => source[line - 1]).join("\n");
      const fits = words.every(([operation, word]) =>
        !kernel.operations.includes(operation) || word.test(text)
      );
      if (lines.length > 0 && lines.every((line) => line > start && line < end) && fits) right++;
      else wrong.push(`${kernel.name} [${kernel.locations.join(", ")}]`);
    }
    console.log(`${name}: ${wrong.length === 0 ? "all right" : `wrong: ${wrong.join("; ")}`}`);
  }
  console.log(`${right} of ${kernels} kernels`);
  assertGreater(right, 0.95 * kernels);
});
