/** Loops that end early where the device decides whether dispatches happen. */
import { assert, assertEquals } from "@std/assert";
import { grad, jit, loop, scan, type Tensor, tensor, vmap, whileLoop } from "@damo/damo";
import { assertNear, COUNTS, onDevice, PREDICATED, watch } from "./predicated.ts";

/** Two vectors whose places are exchanged in every step, and are copied or swapped back at its end. */
function spiral(limit: Tensor, x: Tensor, y: Tensor): [Tensor, Tensor, Tensor] {
  return whileLoop(
    ([i]) => i.lt(limit),
    ([i, a, b]) => [i.add(1), b.add(a.sum()), a.sub(b.mul(0.5))] as [Tensor, Tensor, Tensor],
    [tensor(0), x, y] as [Tensor, Tensor, Tensor],
  );
}

function plainSpiral(limit: number, x: number[], y: number[]): number[][] {
  let [a, b] = [x, y];
  for (let i = 0; i < limit; i++) {
    const sum = a.reduce((s, v) => s + v, 0);
    [a, b] = [b.map((v) => v + sum), a.map((v, k) => v - 0.5 * b[k])];
  }
  return [a, b];
}

onDevice("a while loop ends at its step, wherever that is in a block", () => {
  const x = [0.25, -0.5, 0.125], y = [0.5, 0.125, -0.25];
  const results = jit(spiral);
  // Results that are used once more lie in places that are swapped, others in places that are copied to.
  const further = jit((limit: Tensor, x: Tensor, y: Tensor) => {
    const [, a, b] = spiral(limit, x, y);
    return [a.sub(b), a.mul(2).add(b)];
  });
  for (const limit of COUNTS) {
    const [a, b] = plainSpiral(limit, x, y);
    const [i, c, d] = results(tensor(limit), tensor(x), tensor(y));
    assertEquals(i.itemSync(), limit);
    assertNear(c.dataSync(), a);
    assertNear(d.dataSync(), b);
    const [e, f] = further(tensor(limit), tensor(x), tensor(y)) as [Tensor, Tensor];
    assertNear(e.dataSync(), a.map((v, k) => v - b[k]));
    assertNear(f.dataSync(), a.map((v, k) => 2 * v + b[k]));
  }
});

onDevice("a large state is read back rightly, and flags are read once for each block", (backend) => {
  const n = 5000;
  const shrink = jit((x: Tensor) =>
    whileLoop((c) => c.square().sum().gt(1), (c) => c.mul(0.5).add(c.flip().mul(0.25)), x).mul(1)
  );
  const x = tensor(new Float32Array(n).fill(1));
  const first = watch(backend, () => shrink(x));
  // Blocks of 3, 6 and 12, and the proof that each kernel ran: nothing else was compiled in the later ones.
  assert(first.reads >= 3 && first.reads <= 5, `${first.reads} readings`);
  let result = x;
  const asked = watch(backend, () => result = shrink(x));
  const steps = Math.ceil(Math.log(n) / 2 / -Math.log(0.75));
  assertEquals(steps, 15);
  assertNear(result.dataSync().subarray(0, 3), new Array(3).fill(0.75 ** steps), 1e-5);
  // A block as long as the last time.
  assertEquals(asked.reads, 1);
  assert(asked.indirect >= 16 * 2, `${asked.indirect} predicated dispatches`);
});

onDevice("copies into textures in steps that do not happen change nothing", () => {
  const n = 24;
  const power = jit((limit: Tensor, m: Tensor) => {
    const [i, p] = whileLoop(
      ([i]) => i.lt(limit),
      ([i, p]) => [i.add(1), p.matmul(m).add(p.T)] as [Tensor, Tensor],
      [tensor(0), m] as [Tensor, Tensor],
    );
    return [i, p.sub(m)];
  });
  const data = Array.from({ length: n * n }, (_, i) => Math.sin(3 * i) / 8);
  const m = tensor(data).reshape([n, n]);
  for (const limit of [0, 1, 2, 3, 5, 9, 10]) {
    let p = [...data];
    for (let step = 0; step < limit; step++) {
      p = p.map((_, at) => {
        const row = Math.floor(at / n), column = at % n;
        let sum = p[column * n + row];
        for (let k = 0; k < n; k++) sum += p[row * n + k] * data[k * n + column];
        return sum;
      });
    }
    const [i, difference] = power(tensor(limit), m) as [Tensor, Tensor];
    assertEquals(i.itemSync(), limit);
    assertNear(difference.flatten().dataSync(), p.map((v, k) => v - data[k]), 1e-5);
  }
}, { ...PREDICATED, textureBytes: 4 });

onDevice("tapes grow before a block, and end where the loop does", () => {
  const shrink = jit(grad((x: Tensor, limit: Tensor) =>
    whileLoop(
      ([i]) => i.lt(limit),
      ([i, c]) => [i.add(1), c.mul(0.9).add(c.square().mul(0.01))] as [Tensor, Tensor],
      [tensor(0), x] as [Tensor, Tensor],
    )[1].sum()
  ));
  for (const limit of COUNTS) {
    const expected = [0.5, 1, 1.5].map((x) => {
      let c = x, slope = 1;
      for (let i = 0; i < limit; i++) {
        slope *= 0.9 + 0.02 * c;
        c = 0.9 * c + 0.01 * c * c;
      }
      return slope;
    });
    assertNear(shrink(tensor([0.5, 1, 1.5]), tensor(limit)).dataSync(), expected, 1e-5);
  }
});

onDevice("the examples of a batch each end at their own step", () => {
  const steps = jit(vmap((limit: Tensor, x: Tensor) =>
    whileLoop(
      ([i]) => i.lt(limit),
      ([i, c]) => [i.add(1), c.mul(0.5)] as [Tensor, Tensor],
      [tensor(0), x] as [Tensor, Tensor],
    )
  ));
  const limits = [0, 1, 5, 22];
  const [i, c] = steps(tensor(limits), tensor([[1, 2], [1, 2], [1, 2], [1, 2]]));
  assertEquals(i.arraySync(), limits);
  assertNear(c.flatten().dataSync(), limits.flatMap((n) => [0.5 ** n, 2 * 0.5 ** n]), 1e-6);
});

onDevice("a scan leaves after the step that says so, and later rows are 0", () => {
  const n = 30;
  const run = jit((xs: Tensor, limit: Tensor) =>
    scan((c: Tensor, x: Tensor) => [c.add(x), c.add(x).mul(2)], tensor([0, 0]), xs, {
      until: (c) => c.at(0).ge(limit),
    })
  );
  const xs = tensor(Array.from({ length: n }, () => [1, 2]));
  for (const limit of [0, 1, 2, 3, 4, 9, 10, 29, 30, 99]) {
    const taken = Math.min(n, Math.max(1, limit));
    const [c, rows, count] = run(xs, tensor(limit)) as unknown as [Tensor, Tensor, Tensor];
    assertEquals([...c.arraySync() as number[], count.itemSync()], [taken, 2 * taken, taken]);
    const expected = Array.from({ length: n }, (_, t) => t < taken ? [2 * t + 2, 4 * t + 4] : [0, 0]);
    assertEquals(rows.arraySync(), expected);
  }
});

onDevice("a for statement is left by loop.until", () => {
  const run = jit((limit: Tensor, start: Tensor) => {
    const c = loop.state(start), other = loop.state(start), rows = loop.stack();
    for (const i of loop.range(40)) {
      const next = other.value.add(i.cast("float32"));
      other.value = c.value.add(1);
      c.value = next;
      rows.push(next);
      loop.until(i.ge(limit));
    }
    return [c.value, other.value, rows.value, rows.count];
  });
  for (const limit of [0, 1, 2, 3, 8, 39]) {
    let [c, other] = [0.5, 0.5];
    for (let i = 0; i <= limit; i++) [c, other] = [other + i, c + 1];
    const [a, b, rows, count] = run(tensor(limit, { dtype: "int32" }), tensor([0.5, 0.5])) as Tensor[];
    assertEquals([a.arraySync(), b.arraySync(), count.itemSync()], [[c, c], [other, other], limit + 1]);
    assertEquals((rows.arraySync() as number[][]).slice(limit), [
      [c, c],
      ...new Array(39 - limit).fill([0, 0]),
    ]);
  }
});

onDevice("with few dispatches allowed the host reads a flag for each step", (backend) => {
  const run = jit((limit: Tensor, x: Tensor) => spiral(limit, x, x)[1]);
  run(tensor(5), tensor([1, 2]));
  const asked = watch(backend, () => run(tensor(5), tensor([1, 2])));
  assertEquals([asked.reads, asked.indirect], [6, 0]);
}, { ...PREDICATED, predicatedDispatches: 0 });
