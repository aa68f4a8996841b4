/** API.md, section 7: random numbers. */
import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import {
  DamoError,
  grad,
  jit,
  random,
  RandomStream,
  ShapeError,
  type Tensor,
  tensor,
  vmap,
} from "@damo/damo";
import { list, message } from "./support.ts";

const key = random.key(0);
const N = 20000;
type Draw = (k: Tensor, shape: number[]) => Tensor;

Deno.test("key, split, foldIn", () => {
  const k = random.key(42);
  assertEquals([k.shape, k.dtype], [[2], "uint32"]);
  assertEquals(list(random.key(42)), list(k));
  assertNotEquals(list(random.key(43)), list(k));
  const two = random.split(k), five = random.split(k, 5);
  assert(Array.isArray(two) && two.length === 2 && five.length === 5);
  assertEquals(new Set([...two, ...five, k].map((t) => String(list(t)))).size >= 6, true);
  const [a, b] = random.split(k);
  assertNotEquals(list(a), list(b));
  assertEquals(list(random.foldIn(k, 3)), list(random.foldIn(k, tensor(3, { dtype: "int32" }))));
  assertNotEquals(list(random.foldIn(k, 3)), list(random.foldIn(k, 4)));
  const inside = jit((t: Tensor) => random.split(t, 3).map((s) => random.foldIn(s, 7)))(k);
  assertEquals(inside.map(list), random.split(k, 3).map((s) => list(random.foldIn(s, 7))));
});

Deno.test("Threefry-2x32 with 20 rounds: the published vectors", () => {
  // Random123's known answers: split counts from (0, 0) on, foldIn uses the counter (data, all ones).
  const words = (t: Tensor) => (list(t) as number[]).map((v) => v.toString(16));
  assertEquals(words(random.split(tensor(Uint32Array.of(0, 0)))[0]), ["6b200159", "99ba4efe"]);
  const ones = 0xffffffff;
  const folded = random.foldIn(tensor(Uint32Array.of(ones, ones)), tensor(Uint32Array.of(ones)).at(0));
  assertEquals(words(folded), ["1cb996fc", "bb002be7"]);
});

const DISTRIBUTIONS: Record<
  string,
  { draw: Draw; mean: number; variance: number; low?: number; high?: number }
> = {
  uniform: { draw: (k, s) => random.uniform(k, s), mean: 0.5, variance: 1 / 12, low: 0, high: 1 },
  "uniform of low and high": {
    draw: (k, s) => random.uniform(k, s, { low: -2, high: 4 }),
    mean: 1,
    variance: 3,
    low: -2,
    high: 4,
  },
  normal: { draw: (k, s) => random.normal(k, s), mean: 0, variance: 1 },
  "normal of mean and std": {
    draw: (k, s) => random.normal(k, s, { mean: 5, std: 2 }),
    mean: 5,
    variance: 4,
  },
  truncatedNormal: {
    draw: (k, s) => random.truncatedNormal(k, s),
    mean: 0,
    variance: 0.7737,
    low: -2,
    high: 2,
  },
  bernoulli: {
    draw: (k, s) => random.bernoulli(k, s, { p: 0.3 }).cast("float32"),
    mean: 0.3,
    variance: 0.21,
  },
  binomial: {
    draw: (k, s) => random.binomial(k, s, { n: 10, p: 0.4 }),
    mean: 4,
    variance: 2.4,
    low: 0,
    high: 10,
  },
  randint: {
    draw: (k, s) => random.randint(k, s, { low: -3, high: 5 }),
    mean: 0.5,
    variance: 63 / 12,
    low: -3,
    high: 4,
  },
  poisson: { draw: (k, s) => random.poisson(k, s, { rate: 3 }), mean: 3, variance: 3, low: 0 },
  exponential: { draw: (k, s) => random.exponential(k, s), mean: 1, variance: 1, low: 0 },
  gamma: { draw: (k, s) => random.gamma(k, s, { alpha: 2.5 }), mean: 2.5, variance: 2.5, low: 0 },
};

Deno.test("distributions: shapes, moments, ranges; the same inside jit", () => {
  for (const [name, { draw, mean, variance, low, high }] of Object.entries(DISTRIBUTIONS)) {
    const x = draw(key, [N]);
    assertEquals([x.shape, draw(key, []).shape, draw(key, [0, 2]).shape, draw(key, [2, 3]).shape], [[N], [], [
      0,
      2,
    ], [2, 3]], name);
    const values = list(x) as number[];
    const m = values.reduce((s, v) => s + v, 0) / N;
    const v = values.reduce((s, w) => s + (w - m) ** 2, 0) / N;
    assertAlmostEquals(m, mean, 5 * Math.sqrt(variance / N), `${name}: mean`);
    assert(Math.abs(v / variance - 1) < 0.08, `${name}: variance ${v}`);
    if (low !== undefined) assert(Math.min(...values) >= low, name);
    if (high !== undefined) assert(Math.max(...values) <= high, name);
    const inside = list(jit((k: Tensor) => draw(k, [100]))(key)) as number[];
    const outside = list(draw(key, [100])) as number[];
    inside.forEach((value, i) =>
      assertAlmostEquals(value, outside[i], 4e-6 * Math.max(1, Math.abs(value)), name)
    );
    if (/uniform|bernoulli|randint/.test(name)) assertEquals(inside, outside, name);
    const pair = tensor(Uint32Array.of(1, 2, 3, 4), { shape: [2, 2] });
    assertEquals(vmap((k: Tensor) => draw(k, [3]))(pair).shape, [2, 3], name);
    message(() => draw(key, [-1]), ShapeError, "-1");
  }
  assertEquals(random.uniform(key, [2], { dtype: "float64" }).dtype, "float64");
  assertEquals([
    random.randint(key, [2], { low: 0, high: 2 }).dtype,
    random.bernoulli(key, [2], { p: 0.5 }).dtype,
  ], ["int32", "bool"]);
  message(() => random.uniform(key, [2], { lo: 0 } as never), DamoError, "lo");
  message(() => random.uniform(tensor([1, 2]), [2]), DamoError, "key");
});

Deno.test("categorical, choice, permutation", () => {
  const logits = tensor([0, Math.log(3), -Infinity]);
  const draws = list(random.categorical(key, logits, { shape: [N] } as never)) as number[];
  assertAlmostEquals(draws.filter((d) => d === 1).length / N, 0.75, 0.02);
  assert(!draws.includes(2));
  const one = random.categorical(key, tensor([[0, 1], [2, 3], [4, 5]]));
  assertEquals([one.shape, one.dtype], [[3], "int32"]);
  const picked = list(random.choice(key, tensor([10, 20, 30]), [1000])) as number[];
  assertEquals([...new Set(picked)].sort(), [10, 20, 30]);
  const without = list(random.choice(key, 6, [6], { replace: false })) as number[];
  assertEquals(without.toSorted(), [0, 1, 2, 3, 4, 5]);
  message(() => random.choice(key, 3, [4], { replace: false }), DamoError, "choice");
  const weighted = list(random.choice(key, 2, [N], { p: [0.9, 0.1] })) as number[];
  assertAlmostEquals(weighted.filter((d) => d === 0).length / N, 0.9, 0.015);
  assertEquals((list(random.permutation(key, 10)) as number[]).toSorted((a, b) => a - b), [
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
  ]);
  assertNotEquals(list(random.permutation(key, 10)), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const rows = random.permutation(key, tensor([[1, 2], [3, 4], [5, 6]]));
  assertEquals((list(rows) as number[][]).toSorted((a, b) => a[0] - b[0]), [[1, 2], [3, 4], [5, 6]]);
  assertEquals(list(jit((k: Tensor) => random.permutation(k, 10))(key)), list(random.permutation(key, 10)));
  assertEquals(random.permutation(key, 0).shape, [0]);
});

Deno.test("RandomStream: state that advances, frozen, read, set and copied", () => {
  const stream = new RandomStream(1);
  assert(random.RandomStream === RandomStream);
  const a = stream.normal([3]), b = stream.normal([3]);
  assertNotEquals(list(a), list(b));
  assertEquals(list(new RandomStream(1).normal([3])), list(a));
  const saved = stream.state.value;
  const next = list(stream.uniform([4]));
  stream.state.value = saved;
  assertEquals(list(stream.uniform([4])), next);
  const other = new RandomStream(99);
  other.state.value = saved;
  assertEquals(list(other.uniform([4])), next);
  const frozen = [
    stream.uniform([2], { frozen: true } as never),
    stream.uniform([2], { frozen: true } as never),
  ];
  assertEquals(list(frozen[0]), list(frozen[1]));
  const f = jit(() => stream.uniform([2]));
  assertNotEquals(list(f()), list(f()));
  assertEquals(f.traces.length, 1);
  // The same draws inside and outside.
  const s1 = new RandomStream(5), s2 = new RandomStream(5);
  const inside = jit(() => s1.uniform([3]));
  assertEquals([list(inside()), list(inside())], [list(s2.uniform([3])), list(s2.uniform([3]))]);
  // One draw used twice is one value.
  const twice = jit(() => {
    const x = stream.normal([5]);
    return x.sub(x);
  });
  assertEquals(list(twice()), [0, 0, 0, 0, 0]);
  for (
    const name of [
      "truncatedNormal",
      "bernoulli",
      "binomial",
      "randint",
      "poisson",
      "exponential",
      "gamma",
    ] as const
  ) {
    const options = name === "randint" ? { low: 0, high: 9 } : name === "binomial" ? { n: 3, p: 0.5 } : {};
    assertEquals(
      (stream[name] as (s: number[], o: object) => Tensor).call(stream, [2], options).shape,
      [2],
      name,
    );
  }
  assertEquals(stream.categorical(tensor([[0, 1]])).shape, [1]);
  assertEquals(stream.choice(5, [2]).shape, [2]);
  assertEquals(stream.permutation(4).shape, [4]);
  assertEquals(stream.uniform([0]).shape, [0]);
  message(() => stream.uniform([-1]), ShapeError, "-1");
  // Gradients flow through what a draw is scaled by.
  assertEquals(list(grad((m: Tensor) => random.normal(key, [4], { std: 0 }).add(m).sum())(tensor(2))), 4);
  grad((m: Tensor) => random.normal(key, [4], { mean: m }).sum())(tensor(2));
});
