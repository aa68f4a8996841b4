/** Distributions against their formulas: Kolmogorov-Smirnov, chi-square, moments and independence, with fixed seeds. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  DamoError,
  DTypeError,
  grad,
  random,
  setDefaultFloat,
  ShapeError,
  type Tensor,
  tensor,
  vmap,
} from "@damo/damo";
import { numbers } from "../support/operands.ts";
import {
  assertContinuous,
  assertCounts,
  countClasses,
  gammaCdf,
  logFactorial,
  moments,
  normalCdf,
} from "./statistics.ts";
import { deviceTest, wide } from "../support/devices.ts";

const N = 20_000;

deviceTest("continuous draws follow their distribution functions", () => {
  const key = random.key(100);
  const uniformCdf = (x: number) => x;
  assertContinuous(numbers(random.uniform(key, [N])), uniformCdf, "uniform");
  assertContinuous(
    numbers(random.uniform(key, [N], { dtype: wide() })),
    uniformCdf,
    "uniform in the widest type",
  );
  const scaled = numbers(random.normal(key, [N], { mean: -2, std: 3 }));
  assertContinuous(scaled, (x) => normalCdf((x + 2) / 3), "normal");
  assertContinuous(
    numbers(random.normal(key, [N], { dtype: wide() })),
    normalCdf,
    "normal in the widest type",
  );
  const low = normalCdf(-1), width = normalCdf(2.5) - low;
  const cut = numbers(random.truncatedNormal(key, [N], { low: -1, high: 2.5 }));
  assert(cut.every((x) => x >= -1 && x <= 2.5));
  assertContinuous(cut, (x) => (normalCdf(x) - low) / width, "truncatedNormal");
  assertContinuous(numbers(random.exponential(key, [N])), (x) => 1 - Math.exp(-x), "exponential");
  const rated = numbers(random.exponential(key, [N], { rate: 4 }));
  assertContinuous(rated, (x) => 1 - Math.exp(-4 * x), "exponential of rate 4");
});

deviceTest("gamma follows its distribution function from small to large alpha", () => {
  for (const alpha of [0.1, 0.5, 1, 1.5, 7, 100]) {
    const sample = numbers(random.gamma(random.key(7), [N], { alpha, scale: 2 }));
    assertContinuous(sample, (x) => gammaCdf(alpha, x / 2), `gamma of ${alpha}`);
  }
  const columns = random.gamma(random.key(8), [N, 2], { alpha: tensor([0.5, 4]) });
  assertContinuous(numbers(columns.at("...", 0)), (x) => gammaCdf(0.5, x), "gamma of a tensor");
  assertContinuous(numbers(columns.at("...", 1)), (x) => gammaCdf(4, x), "gamma of a tensor");
});

function poissonTable(rate: number, length: number): number[] {
  return Array.from({ length }, (_, k) => Math.exp(k * Math.log(rate) - rate - logFactorial(k)));
}

deviceTest("poisson follows its probabilities by inversion and by rejection", () => {
  for (const rate of [0.3, 4, 29.99, 30, 55, 200]) {
    const sample = numbers(random.poisson(random.key(11), [N], { rate }));
    const length = Math.ceil(rate + 12 * Math.sqrt(rate) + 12);
    assertCounts(countClasses(sample, length), poissonTable(rate, length), `poisson of ${rate}`);
  }
  const mixed = random.poisson(random.key(12), [N, 2], { rate: tensor([2, 40]) });
  assertCounts(countClasses(numbers(mixed.at("...", 0)), 30), poissonTable(2, 30), "poisson of tensor 2");
  assertCounts(countClasses(numbers(mixed.at("...", 1)), 90), poissonTable(40, 90), "poisson of tensor 40");
});

deviceTest("poisson of large rates has the moments it should have, and odd rates are clear", () => {
  for (const rate of [1e4, 1e6]) {
    const { mean, variance } = moments(numbers(random.poisson(random.key(13), [N], { rate })));
    assert(Math.abs(mean - rate) < 4 * Math.sqrt(rate / N), `mean ${mean} of rate ${rate}`);
    assert(Math.abs(variance / rate - 1) < 4 * Math.sqrt(2 / N), `variance ${variance} of rate ${rate}`);
  }
  assertEquals(numbers(random.poisson(random.key(0), [3], { rate: 0 })), [0, 0, 0]);
  assertEquals(numbers(random.poisson(random.key(0), [3], { rate: tensor([0, -1, NaN]) })), [0, -1, -1]);
  assertThrows(() => random.poisson(random.key(0), [3], { rate: -1 }), DamoError, "rate is -1");
});

function binomialTable(n: number, p: number): number[] {
  const log = (k: number) => logFactorial(n) - logFactorial(k) - logFactorial(n - k);
  return Array.from(
    { length: n + 1 },
    (_, k) => Math.exp(log(k) + k * Math.log(p) + (n - k) * Math.log1p(-p)),
  );
}

deviceTest("binomial follows its probabilities by inversion and by rejection, on both sides of 1/2", () => {
  for (
    const [n, p] of [[1, 0.3], [7, 0.5], [30, 0.9], [40, 0.25], [100, 0.5], [300, 0.8], [61, 0.5], [
      2000,
      0.002,
    ]]
  ) {
    const sample = numbers(random.binomial(random.key(15), [N], { n, p }));
    assertCounts(countClasses(sample, n + 1), binomialTable(n, p), `binomial of ${n}, ${p}`);
  }
  const n = tensor([5, 90], { dtype: "int32" });
  const mixed = random.binomial(random.key(16), [N, 2], { n, p: tensor([0.4, 0.6]) });
  assertCounts(countClasses(numbers(mixed.at("...", 0)), 6), binomialTable(5, 0.4), "binomial of tensor 5");
  assertCounts(
    countClasses(numbers(mixed.at("...", 1)), 91),
    binomialTable(90, 0.6),
    "binomial of tensor 90",
  );
});

deviceTest("binomial of many trials has the moments it should have, and odd parameters are clear", () => {
  const [n, p] = [1_000_000, 0.3];
  const { mean, variance } = moments(numbers(random.binomial(random.key(17), [N], { n, p })));
  assert(Math.abs(mean - n * p) < 4 * Math.sqrt(n * p * (1 - p) / N), `mean ${mean}`);
  assert(Math.abs(variance / (n * p * (1 - p)) - 1) < 4 * Math.sqrt(2 / N), `variance ${variance}`);
  const key = random.key(0);
  assertEquals(numbers(random.binomial(key, [2], { n: 9, p: 0 })), [0, 0]);
  assertEquals(numbers(random.binomial(key, [2], { n: 9, p: 1 })), [9, 9]);
  assertEquals(numbers(random.binomial(key, [2], { n: 0, p: 0.5 })), [0, 0]);
  assertEquals(numbers(random.binomial(key, [4], { n: 90, p: tensor([0, 1, 2, NaN]) })), [0, 90, -1, -1]);
  assertThrows(() => random.binomial(key, [2], { n: 1.5 }), DamoError, "Pass an integer from 0");
});

deviceTest("counts follow their probabilities too in float64", () => {
  setDefaultFloat("float64");
  try {
    const poisson = numbers(random.poisson(random.key(18), [N], { rate: 42 }));
    assertCounts(countClasses(poisson, 120), poissonTable(42, 120), "poisson");
    const binomial = numbers(random.binomial(random.key(18), [N], { n: 100, p: 0.4 }));
    assertCounts(countClasses(binomial, 101), binomialTable(100, 0.4), "binomial");
  } finally {
    setDefaultFloat("float32");
  }
});

deviceTest("categorical draws with softmax probabilities along its axis", () => {
  const logits = [0.5, -1, 2, -Infinity, 0];
  const total = logits.reduce((sum, x) => sum + Math.exp(x), 0);
  const probabilities = logits.map((x) => Math.exp(x) / total);
  const flat = random.categorical(random.key(19), tensor(logits), { shape: [N] });
  assertEquals(flat.dtype, "int32");
  assertCounts(countClasses(numbers(flat), 5), probabilities, "categorical");
  const columns = tensor(logits).expandDims(1).broadcastTo([5, N]);
  const along = random.categorical(random.key(20), columns, { axis: 0 });
  assertCounts(countClasses(numbers(along), 5), probabilities, "categorical along axis 0");
  const key = random.key(0);
  assertThrows(() => random.categorical(key, tensor([1, 2], { dtype: "int32" })), DTypeError, "float logits");
  assertThrows(() => random.categorical(key, tensor([])), ShapeError, "no classes");
  assertThrows(
    () => random.categorical(key, tensor([[0, 0], [0, 0]]), { shape: [4, 3] }),
    ShapeError,
    "do not broadcast",
  );
  assertEquals(random.categorical(key, tensor([[0, 0]]), { shape: [4, 1] }).shape, [4, 1]);
});

deviceTest("choice draws with and without replacement, alike or with probabilities", () => {
  const p = [0.1, 0.4, 0, 0.5];
  const alike = random.choice(random.key(21), 4, [N]);
  assertCounts(countClasses(numbers(alike), 4), [0.25, 0.25, 0.25, 0.25], "choice");
  const weighted = random.choice(random.key(22), 4, [N], { p });
  assertCounts(countClasses(numbers(weighted), 4), p, "choice with p");
  const scaled = random.choice(random.key(22), 4, [N], { p: p.map((x) => 20 * x) });
  assertEquals(numbers(scaled), numbers(weighted));
  // The first two of three without replacement: the probability of an ordered pair is p_i p_j / (1 - p_i).
  const three = [0.2, 0.3, 0.5];
  const pairs = vmap((k: Tensor) => random.choice(k, 3, [2], { replace: false, p: three }));
  const keys = random.randint(random.key(23), [N, 2], { low: 0, high: 2 ** 32, dtype: "uint32" });
  const codes = numbers(pairs(keys).mul(tensor([3, 1], { dtype: "int32" })).sum({ axis: 1 }));
  const table = Array.from({ length: 9 }, (_, code) => {
    const i = Math.floor(code / 3), j = code % 3;
    return i === j ? 0 : three[i] * three[j] / (1 - three[i]);
  });
  assertCounts(countClasses(codes, 9), table, "pairs without replacement");
  const rows = random.choice(random.key(24), tensor([[1, 2], [3, 4], [5, 6]]), [2, 2]);
  assertEquals(rows.shape, [2, 2, 2]);
  assert((rows.arraySync() as number[][][]).flat().every(([a, b]) => b === a + 1));
  assertThrows(
    () => random.choice(random.key(0), 3, [4], { replace: false }),
    ShapeError,
    "4 elements are asked",
  );
  assertThrows(() => random.choice(random.key(0), 3, [1], { p: [1, 2] }), ShapeError, "for 3 elements");
  assertThrows(() => random.choice(random.key(0), 0, [1]), ShapeError, "at least one");
});

deviceTest("every place of a permutation is taken by every element equally often", () => {
  const keys = random.randint(random.key(25), [6000, 2], { low: 0, high: 2 ** 32, dtype: "uint32" });
  const orders = numbers(vmap((k: Tensor) => random.permutation(k, 3))(keys));
  const codes: number[] = [];
  for (let i = 0; i < orders.length; i += 3) codes.push(orders[i] * 3 + orders[i + 1]);
  const table = Array.from({ length: 9 }, (_, code) => code % 4 === 0 ? 0 : 1 / 6);
  assertCounts(countClasses(codes, 9), table, "orders of three");
  const rows = tensor([[1, 10], [2, 20], [3, 30]]);
  const shuffled = random.permutation(random.key(26), rows).arraySync() as number[][];
  assertEquals(shuffled.map(([a]) => a).sort(), [1, 2, 3]);
  assert(shuffled.every(([a, b]) => b === 10 * a));
});

/** Counts of pairs of unit numbers in a grid of 8 by 8 cells. */
function pairCounts(a: readonly number[], b: readonly number[]): number[] {
  return countClasses(a.map((x, i) => Math.floor(x * 8) * 8 + Math.floor(b[i] * 8)), 64);
}

deviceTest("neighbours, split keys, folded keys and streams are independent", () => {
  const alike = new Array<number>(64).fill(1 / 64);
  const key = random.key(27);
  const base = numbers(random.uniform(key, [N]));
  assertCounts(pairCounts(base, [...base.slice(1), base[0]]), alike, "neighbours");
  const [left, right] = random.split(key).map((k) => numbers(random.uniform(k, [N])));
  assertCounts(pairCounts(left, right), alike, "two keys of one split");
  assertCounts(pairCounts(base, left), alike, "a key and its first part");
  const folded = [1, 2].map((i) => numbers(random.uniform(random.foldIn(key, i), [N])));
  assertCounts(pairCounts(folded[0], folded[1]), alike, "two folded keys");
  const next = numbers(random.uniform(random.key(28), [N]));
  assertCounts(pairCounts(base, next), alike, "two seeds next to each other");
  const stream = new random.RandomStream(27);
  assertCounts(
    pairCounts(numbers(stream.uniform([N])), numbers(stream.uniform([N]))),
    alike,
    "two draws of a stream",
  );
  const u = fractions(numbers(random.gamma(key, [N], { alpha: 2 })).map((x) => gammaCdf(2, x)));
  assertCounts(pairCounts(u, [...u.slice(1), u[0]]), alike, "neighbours of gamma");
});

/** Numbers below 1, so that each falls into a cell. */
function fractions(values: readonly number[]): number[] {
  return values.map((x) => Math.min(x, 1 - 1e-12));
}

deviceTest("draws are differentiable in parameters that move and scale them", () => {
  const key = random.key(29);
  const unit = numbers(random.uniform(key, [5]));
  const low = grad((a: Tensor) => random.uniform(key, [5], { low: a, high: 3 }).sum())(tensor(1));
  const sum = unit.reduce((total, u) => total + 1 - u, 0);
  assert(Math.abs(low.itemSync() - sum) < 1e-5);
  const z = numbers(random.normal(key, [5])).reduce((total, value) => total + value, 0);
  const std = grad((s: Tensor) => random.normal(key, [5], { mean: 1, std: s }).sum())(tensor(2));
  assert(Math.abs(std.itemSync() - z) < 1e-5);
  const e = numbers(random.exponential(key, [5])).reduce((total, value) => total + value, 0);
  const rate = grad((r: Tensor) => random.exponential(key, [5], { rate: r }).sum())(tensor(2));
  assert(Math.abs(rate.itemSync() + e / 4) < 1e-5);
  const scale = grad((s: Tensor) => random.gamma(key, [5], { alpha: 2, scale: s }).sum())(tensor(2));
  assert(
    Math.abs(scale.itemSync() - numbers(random.gamma(key, [5], { alpha: 2 })).reduce((a, b) => a + b)) < 1e-4,
  );
  assertThrows(() => grad((a: Tensor) => random.gamma(key, [5], { alpha: a }).sum())(tensor(2)), DamoError);
});

deviceTest("truncated normal and exponential refuse what makes no sense", () => {
  const key = random.key(0);
  assertThrows(() => random.exponential(key, [2], { scale: 1, rate: 2 }), DamoError, "both given");
  assertThrows(() => random.exponential(key, [2], { rate: 0 }), DamoError, "above 0");
  assertThrows(() => random.normal(key, [2], { std: -1 }), DamoError, "std is -1");
  assertThrows(() => random.gamma(key, [2], { alpha: 0 }), DamoError, "alpha is 0");
  assertEquals(random.normal(key, [2], { dtype: "float16" }).dtype, "float16");
});

Deno.test("parameters that plain numbers show to be impossible are refused", () => {
  const key = random.key(1);
  const loose = random as unknown as Readonly<Record<string, (...args: unknown[]) => unknown>>;
  const message = (act: () => unknown): string => assertThrows(act, DamoError).message;
  assertStringIncludes(
    message(() => random.uniform(key, [2], { low: 3, high: 1 })),
    "low is 3 and high is 1",
  );
  assertStringIncludes(message(() => random.truncatedNormal(key, [2], { low: 3 })), "low is 3 and high is 2");
  assertStringIncludes(message(() => random.uniform(key, [2], { low: NaN })), "low is NaN");
  assertStringIncludes(message(() => random.foldIn(key, 1.5)), "told apart by integers");
  assertStringIncludes(message(() => random.foldIn(key, tensor([1.5]))), "data is float32[1]");
  for (const p of [[-0.5, 1.5], [NaN, 1], new Float32Array([Infinity, 1]), [0, 0]]) {
    assertStringIncludes(message(() => loose.choice(key, tensor([1, 2]), [3], { p })), "random.choice: ");
  }
});
