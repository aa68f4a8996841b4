/** What must be the same bits everywhere, against Threefry in BigInt arithmetic. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { DamoError, DTypeError, jit, random, ShapeError, type Tensor, tensor } from "@damo/damo";
import { wide } from "../support/devices.ts";
import { numbers, testEverywhere } from "../support/operands.ts";

const WORD = 1n << 32n;

/** Threefry-2x32-20, written from the paper in arithmetic of any precision. */
function threefry([k0, k1]: [bigint, bigint], c0: bigint, c1: bigint): [bigint, bigint] {
  const keys = [k0, k1, 0x1BD11BDAn ^ k0 ^ k1];
  const rotations = [13n, 15n, 26n, 6n, 17n, 29n, 16n, 24n];
  let x = (c0 + k0) % WORD, y = (c1 + k1) % WORD;
  for (let round = 0; round < 20; round++) {
    const r = rotations[round % 8];
    x = (x + y) % WORD;
    y = ((y << r) % WORD | y >> (32n - r)) ^ x;
    if (round % 4 !== 3) continue;
    const s = (round + 1) / 4;
    x = (x + keys[s % 3]) % WORD;
    y = (y + keys[(s + 1) % 3] + BigInt(s)) % WORD;
  }
  return [x, y];
}

function pair(key: Tensor): [bigint, bigint] {
  const [k0, k1] = numbers(key);
  return [BigInt(k0), BigInt(k1)];
}

function draws(key: Tensor, count: number): [bigint, bigint][] {
  return Array.from({ length: count }, (_, i) => threefry(pair(key), BigInt(i), 1n));
}

testEverywhere("keys hold the words of the seed, and split and foldIn are threefry of a counter", () => {
  assertEquals(numbers(random.key(42)), [0, 42]);
  assertEquals(numbers(random.key(2 ** 40 + 5)), [256, 5]);
  assertEquals(numbers(random.key(-1)), [0xffffffff, 0xffffffff]);
  assertEquals(numbers(random.key(tensor(-1, { dtype: "int32" }))), [0, 0xffffffff]);
  const key = random.key(3);
  const expected = [0n, 1n, 2n].map((i) => threefry(pair(key), i, 0n).map(Number));
  assertEquals(random.split(key, 3).map(numbers), expected);
  assertEquals(numbers(random.foldIn(key, 9)), threefry(pair(key), 9n, WORD - 1n).map(Number));
  assertEquals(random.split(key, 0), []);
});

testEverywhere("uniform float32 takes 23 bits, float64 52 bits, in row-major order", () => {
  const key = random.key(17);
  const words = draws(key, 15);
  const single = words.map(([x]) => Number(x >> 9n) / 2 ** 23);
  const double = words.map(([x, y]) => Number((x >> 6n) * 2n ** 26n + (y >> 6n)) / 2 ** 52);
  assertEquals(numbers(random.uniform(key, [3, 5])), single);
  if (wide() === "float64") assertEquals(numbers(random.uniform(key, [15], { dtype: "float64" })), double);
  const half = words.map(([x]) => Number(x >> 21n) / 2 ** 11);
  assertEquals(numbers(random.uniform(key, [15], { dtype: "float16" })), half);
  assertEquals(numbers(jit(() => random.uniform(key, [3, 5]))()), single);
  const traced = jit((k: Tensor) => random.uniform(k, [3, 5]));
  assertEquals(numbers(traced(key)), single);
});

testEverywhere("uniform between bounds stays inside them, the upper one excluded", () => {
  const key = random.key(2);
  for (const [low, high] of [[-3, 5], [0.1, 0.3], [1, 1 + 2 ** -23], [-1e30, 1e30], [0, 1e-30]]) {
    const from = Math.fround(low), to = Math.fround(high);
    const x = numbers(random.uniform(key, [2000], { low, high }));
    assert(x.every((value) => value >= from && value < to), `${low} to ${high}`);
    const unit = numbers(random.uniform(key, [2000]));
    x.forEach((value, i) => {
      const exact = from + unit[i] * Math.fround(to - from);
      const near = Math.abs(value - exact) <= 2 ** -22 * Math.max(Math.abs(from), Math.abs(to));
      assert(near || value === from, `${value}, not ${exact}`);
    });
  }
  const bounds = { low: tensor([0, 10]), high: tensor([1, 20]) };
  const columns = numbers(random.uniform(key, [500, 2], bounds));
  assert(columns.every((value, i) => i % 2 === 0 ? value < 1 : value >= 10 && value < 20));
});

testEverywhere("randint is the high part of a 64-bit product", () => {
  const key = random.key(8);
  const words = draws(key, 40).map(([x, y]) => x * WORD + y);
  for (
    const [low, high] of [[0, 6], [-7, 7], [0, 1], [-(2 ** 31), 2 ** 31], [-(2 ** 31), 2 ** 31 - 1], [5, 2e9]]
  ) {
    const expected = words.map((w) => Number(w * BigInt(high - low) / (WORD * WORD)) + low);
    assertEquals(numbers(random.randint(key, [40], { low, high })), expected);
  }
  const wide = words.map((w) => Number(w * WORD / (WORD * WORD)));
  assertEquals(numbers(random.randint(key, [40], { high: 2 ** 32, dtype: "uint32" })), wide);
  const bytes = words.map((w) => Number(w * 256n / (WORD * WORD)) - 128);
  assertEquals(numbers(random.randint(key, [40], { low: -128, high: 128, dtype: "int8" })), bytes);
});

testEverywhere("randint takes tensors as bounds, and an empty interval gives low", () => {
  const high = tensor([1, 5, 3], { dtype: "int32" });
  const x = random.randint(random.key(1), [200, 3], { low: -1, high });
  assertEquals(x.dtype, "int32");
  const columns = numbers(x);
  assert(columns.every((value, i) => value >= -1 && value < [1, 5, 3][i % 3]));
  assertEquals(numbers(random.randint(random.key(1), [2], { low: 4, high: tensor(4, { dtype: "int32" }) })), [
    4,
    4,
  ]);
});

testEverywhere("bernoulli is uniform below p, with the ends exact", () => {
  const key = random.key(3);
  const unit = numbers(random.uniform(key, [300]));
  assertEquals(
    numbers(random.bernoulli(key, [300], { p: 0.3 })),
    unit.map((u) => u < Math.fround(0.3) ? 1 : 0),
  );
  assertEquals(random.bernoulli(key, [4]).dtype, "bool");
  assertEquals(numbers(random.bernoulli(key, [50], { p: 0 })).includes(1), false);
  assertEquals(numbers(random.bernoulli(key, [50], { p: 1 })).includes(0), false);
  assertEquals(numbers(random.bernoulli(key, [2, 2], { p: tensor([0, 1]) })), [0, 1, 0, 1]);
});

testEverywhere("a permutation sorts random words: one word up to 1024 elements, two beyond", () => {
  for (const n of [0, 1, 5, 1023, 1500]) {
    const key = random.key(n);
    const keys = draws(key, n).map(([x, y]) => n > 1024 ? x * WORD + y : x);
    const order = keys.map((_, i) => i).sort((a, b) =>
      keys[a] < keys[b] ? -1 : keys[a] > keys[b] ? 1 : a - b
    );
    assertEquals(numbers(random.permutation(key, n)), order);
  }
});

testEverywhere("draws are the same inside and outside jit", () => {
  const key = random.key(21);
  const all = (k: Tensor) => [
    random.randint(k, [7], { high: 100 }),
    random.bernoulli(k, [7], { p: 0.4 }),
    random.permutation(k, 7),
    random.uniform(k, [7], { low: -1, high: 2 }),
    random.split(k)[1],
    random.foldIn(k, 3),
    random.choice(k, 10, [4], { replace: false }),
  ];
  const inside = jit(all)(key);
  all(key).forEach((x, i) => assertEquals(numbers(inside[i]), numbers(x)));
});

Deno.test("bad keys, seeds and shapes are refused in words", () => {
  assertThrows(() => random.key(0.5), DTypeError, "the seed 0.5 is not an integer");
  assertThrows(() => random.uniform(tensor([1, 2]), [2]), DTypeError, "a key is uint32[2], got float32[2]");
  assertThrows(() => random.uniform(tensor(new Uint32Array(3)), [2]), ShapeError, "got uint32[3]");
  assertThrows(() => random.normal(random.key(0), [2, -1]), ShapeError, "has -1 at position 1");
  assertThrows(() => random.split(random.key(0), -1), ShapeError, "the number of keys is -1");
  const unknown = { men: 3 } as unknown as { mean: number };
  assertThrows(() => random.normal(random.key(0), [2], unknown), DamoError, 'unknown option "men"');
  assertThrows(
    () => random.uniform(random.key(0), [2], { dtype: "int32" }),
    DTypeError,
    "use random.randint",
  );
  assertThrows(
    () => random.normal(random.key(0), [2], { mean: tensor([1, 2, 3]) }),
    ShapeError,
    "float32[3]",
  );
  assertThrows(() => random.randint(random.key(0), [2], { low: 3, high: 3 }), DamoError, "up to and without");
  assertThrows(
    () => random.randint(random.key(0), [2], { high: 2 ** 31 + 1 }),
    DTypeError,
    "which is no int32",
  );
  assertThrows(
    () => random.bernoulli(random.key(0), [2], { p: 1.5 }),
    DamoError,
    "Pass a number from 0 to 1.",
  );
  assertThrows(() => random.permutation(random.key(0), -3), ShapeError, "n is -3");
});

testEverywhere("a size may be 0", () => {
  const key = random.key(0);
  for (const shape of [[0], [3, 0], [0, 2]]) {
    const all = [
      random.uniform(key, shape),
      random.normal(key, shape),
      random.truncatedNormal(key, shape),
      random.exponential(key, shape),
      random.gamma(key, shape),
      random.bernoulli(key, shape),
      random.randint(key, shape, { high: 3 }),
      random.poisson(key, shape),
      random.binomial(key, shape),
      random.choice(key, 3, shape),
      random.choice(key, 3, shape, { p: [0.5, 0.5, 0] }),
      random.categorical(key, tensor([0, 0]), { shape }),
    ];
    for (const x of all) assertEquals([...x.shape], shape);
  }
  assertEquals(random.choice(key, tensor([[1, 2]]), [0, 3]).shape, [0, 3, 2]);
  assertEquals(random.permutation(key, tensor([])).shape, [0]);
});
