/** RandomStream: state that advances, is frozen, copied and set, inside and outside compiled functions. */
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import {
  DamoError,
  jit,
  loop,
  random,
  RandomStream,
  scan,
  type Tensor,
  tensor,
  vmap,
  zeros,
} from "@damo/damo";
import { numbers } from "../support/operands.ts";
import { deviceTest } from "../support/devices.ts";

deviceTest("a stream draws what functions of keys draw from the split of its state", () => {
  const stream = new RandomStream(5);
  const [next, own] = random.split(random.key(5));
  assertEquals(numbers(stream.normal([4])), numbers(random.normal(own, [4])));
  assertEquals(numbers(stream.state.value), numbers(next));
  const second = random.split(next)[1];
  assertEquals(
    numbers(stream.uniform([4], { low: 2, high: 3 })),
    numbers(random.uniform(second, [4], { low: 2, high: 3 })),
  );
});

deviceTest("every draw advances the state, in a compiled function at the end of the call", () => {
  const stream = new RandomStream(1), twin = new RandomStream(1);
  const draw = jit(() => [stream.uniform([3]), stream.uniform([3])]);
  const inside = [...draw(), ...draw()].map(numbers);
  const outside = [1, 2, 3, 4].map(() => numbers(twin.uniform([3])));
  assertEquals(inside, outside);
  assertEquals(draw.cacheSize, 1);
  assertEquals(numbers(stream.state.value), numbers(twin.state.value));
  assertEquals(new Set(inside.map(String)).size, 4);
});

deviceTest("one draw used twice is one value", () => {
  const stream = new RandomStream(2);
  const difference = jit(() => {
    const x = stream.normal([5]);
    return x.add(1).sub(x);
  });
  assert(numbers(difference()).every((value) => Math.abs(value - 1) < 1e-6));
});

deviceTest("frozen draws leave the state, and repeat the next draw", () => {
  const stream = new RandomStream(3);
  const before = numbers(stream.state.value);
  const frozen = numbers(stream.normal([3], { frozen: true }));
  assertEquals(numbers(stream.normal([3], { frozen: true })), frozen);
  assertEquals(numbers(stream.state.value), before);
  assertEquals(numbers(stream.normal([3])), frozen);
  assertNotEquals(numbers(stream.state.value), before);
});

deviceTest("the state can be read, set, copied and seeded", () => {
  const a = new RandomStream(4), b = new RandomStream(99);
  a.uniform([1]);
  b.state = a.state;
  const copy = a.copy();
  const kept = a.state.value;
  const drawn = numbers(a.uniform([3]));
  assertEquals(numbers(b.uniform([3])), drawn);
  assertEquals(numbers(copy.uniform([3])), drawn);
  a.state.value = kept;
  assertEquals(numbers(a.uniform([3])), drawn);
  a.seed(4);
  a.uniform([1]);
  assertEquals(numbers(a.uniform([3])), drawn);
  assertEquals(numbers(new RandomStream(kept).uniform([3])), drawn);
});

deviceTest("all distributions of the functions exist as draws", () => {
  const stream = new RandomStream(6);
  const own = (draw: (key: Tensor) => Tensor): number[] => numbers(draw(random.split(stream.state.value)[1]));
  const logits = tensor([[0, 1], [1, 0]]);
  assertEquals(own((k) => random.truncatedNormal(k, [3])), numbers(stream.truncatedNormal([3])));
  assertEquals(own((k) => random.bernoulli(k, [3], { p: 0.2 })), numbers(stream.bernoulli([3], { p: 0.2 })));
  assertEquals(own((k) => random.binomial(k, [3], { n: 9 })), numbers(stream.binomial([3], { n: 9 })));
  assertEquals(own((k) => random.categorical(k, logits)), numbers(stream.categorical(logits)));
  assertEquals(own((k) => random.randint(k, [3], { high: 9 })), numbers(stream.randint([3], { high: 9 })));
  assertEquals(own((k) => random.poisson(k, [3], { rate: 2 })), numbers(stream.poisson([3], { rate: 2 })));
  assertEquals(own((k) => random.exponential(k, [3])), numbers(stream.exponential([3])));
  assertEquals(own((k) => random.gamma(k, [3])), numbers(stream.gamma([3])));
  assertEquals(own((k) => random.choice(k, 9, [3])), numbers(stream.choice(9, [3])));
  assertEquals(own((k) => random.permutation(k, 9)), numbers(stream.permutation(9)));
  assertEquals(own((k) => k), numbers(stream.key()));
});

deviceTest("a copy of a compiled function draws from another stream", () => {
  const a = new RandomStream(7), b = new RandomStream(8), c = new RandomStream(8);
  const draw = jit(() => a.uniform([3]));
  const other = draw.copy({ swap: [[a.state, b.state]] });
  assertEquals(numbers(other()), numbers(c.uniform([3])));
  assertEquals(numbers(draw()), numbers(new RandomStream(7).uniform([3])));
});

deviceTest("unknown options are refused, and draws under vmap say why", () => {
  const stream = new RandomStream(9);
  const unknown = { froze: true } as unknown as { frozen: boolean };
  assertThrows(() => stream.normal([2], unknown), DamoError, '"froze"');
  assertThrows(() => stream.permutation(3, unknown), DamoError, '"froze"');
  assertThrows(() => vmap((x: Tensor) => x.add(stream.normal()))(tensor([1, 2])), DamoError, "vmap");
});

deviceTest("a stream draws fresh numbers at each step of a loop, and its state goes on after it", () => {
  const drawInLoop = (stream: RandomStream) => {
    const draws = loop.stack();
    for (const _ of loop.range(4)) draws.push(stream.uniform([2]));
    return draws.value;
  };
  const inLoop = new RandomStream(11), inScan = new RandomStream(11), plain = new RandomStream(11);
  const looped = numbers(jit(() => drawInLoop(inLoop))());
  const [, scanned] = jit(() =>
    scan((carry: Tensor) => [carry, inScan.uniform([2])] as [Tensor, Tensor], zeros([]), null, { length: 4 })
  )();
  const expected = [0, 1, 2, 3].flatMap(() => numbers(plain.uniform([2])));
  assertEquals(looped, expected);
  assertEquals(numbers(scanned), expected);
  assertEquals(numbers(inLoop.state.value), numbers(plain.state.value));
  assertEquals(numbers(inScan.state.value), numbers(plain.state.value));
});
