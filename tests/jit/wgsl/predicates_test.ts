/** Loops, branches and callbacks in steps of loops where the device decides whether dispatches happen. */
import { assert, assertEquals } from "@std/assert";
import {
  cond,
  forLoop,
  hostCallback,
  jit,
  scan,
  stack,
  switchCase,
  type Tensor,
  tensor,
  whileLoop,
} from "@damo/damo";
import { GPU, type Tuning } from "../../../lib/jit/wgsl/tuning.ts";
import { plainValue, randomProgram, tensorValue } from "../../loop/random_program.ts";
import { TestRandom } from "../../support/random.ts";
import { assertNear, COUNTS, onDevice, PREDICATED, watch } from "./predicated.ts";

onDevice("loops of known length in a step are predicated with it", (backend) => {
  const run = jit((limit: Tensor, x: Tensor) =>
    whileLoop(
      ([i]) => i.lt(limit),
      ([i, c]) => {
        const [inner] = scan(
          (a: Tensor, b: Tensor) => [a.flip().add(b), undefined],
          c,
          stack([c, c.mul(2), c]),
        );
        return [i.add(1), inner.mul(0.3)] as [Tensor, Tensor];
      },
      [tensor(0), x] as [Tensor, Tensor],
    )[1].mul(1)
  );
  for (const limit of COUNTS) {
    let c = [1, 2, -1];
    for (let i = 0; i < limit; i++) {
      let a = c;
      for (const factor of [1, 2, 1]) a = [...a].reverse().map((v, k) => v + factor * c[k]);
      c = a.map((v) => 0.3 * v);
    }
    const asked = watch(backend, () => assertNear(run(tensor(limit), tensor([1, 2, -1])).dataSync(), c));
    assert(asked.reads <= 6, `${asked.reads} readings for ${limit} steps`);
  }
});

onDevice("a while loop in a while loop, and a step on the host, are driven by the host", () => {
  const nested = jit((limit: Tensor, x: Tensor) =>
    whileLoop(
      ([i]) => i.lt(limit),
      ([i, c]) => {
        const [, inner] = whileLoop(
          ([k]) => k.lt(i),
          ([k, a]) => [k.add(1), a.flip().add(k)] as [Tensor, Tensor],
          [tensor(0), c] as [Tensor, Tensor],
        );
        return [i.add(1), inner.mul(0.5)] as [Tensor, Tensor];
      },
      [tensor(0), x] as [Tensor, Tensor],
    )[1]
  );
  for (const limit of [0, 1, 4, 12]) {
    let c = [1, 3];
    for (let i = 0; i < limit; i++) {
      let a = c;
      for (let k = 0; k < i; k++) a = [a[1] + k, a[0] + k];
      c = a.map((v) => v / 2);
    }
    assertNear(nested(tensor(limit), tensor([1, 3])).dataSync(), c, 1e-5);
  }
  const calls: number[] = [];
  const onHost = jit((limit: Tensor, x: Tensor) =>
    whileLoop(
      ([i]) => i.lt(limit),
      ([i, c]) => {
        const called = hostCallback(
          (c: Tensor) => {
            calls.push(c.at(0).itemSync());
            return c.dataSync().map((v) => v + 1 / v);
          },
          { shape: [2], dtype: "float32" },
          c,
        );
        return [i.add(1), called.flip()] as [Tensor, Tensor];
      },
      [tensor(0), x] as [Tensor, Tensor],
    )[1]
  );
  for (const limit of [0, 1, 2, 5]) {
    let c = [2, 4];
    calls.length = 0;
    for (let i = 0; i < limit; i++) c = [c[1] + 1 / c[1], c[0] + 1 / c[0]];
    assertNear(onHost(tensor(limit), tensor([2, 4])).dataSync(), c, 1e-5);
    assertEquals(calls.length, limit);
  }
});

onDevice("branches are taken without a reading, in steps of loops and in each other", (backend) => {
  const walk = jit((xs: Tensor, start: Tensor) =>
    scan(
      (c: Tensor, x: Tensor) => {
        const next = switchCase(x.cast("int32"), [
          (c: Tensor) => c.flip().add(1),
          (c: Tensor) =>
            cond(
              c.at(0).gt(0),
              () => forLoop(3, (_, a) => a.flip().mul(0.5).add(a), c),
              () => c.neg(),
            ),
          (c: Tensor) => c.mul(0.25),
        ], c);
        return [next, next.mul(2)];
      },
      start,
      xs,
    )
  );
  const indices = Array.from({ length: 90 }, (_, i) => (i * i + 3 * i) % 5 - 1);
  let c = [1, -2, 3];
  const rows = indices.map((index) => {
    if (index <= 0) c = [...c].reverse().map((v) => v + 1);
    else if (index >= 2) c = c.map((v) => v / 4);
    else if (c[0] > 0) {
      for (let k = 0; k < 3; k++) c = c.map((v, i) => v + c[2 - i] / 2);
    } else c = c.map((v) => -v);
    return c.map((v) => 2 * v);
  });
  const args = [tensor(indices), tensor([1, -2, 3])] as const;
  walk(...args);
  let results: Tensor[] = [];
  const asked = watch(backend, () => results = walk(...args) as Tensor[]);
  assertEquals(asked.reads, 0);
  assertNear(results[0].dataSync(), c);
  assertNear((results[1].arraySync() as number[][]).flat(), rows.flat());
});

onDevice("branches in a loop that ends early: both decide", (backend) => {
  const run = jit((limit: Tensor, x: Tensor) =>
    whileLoop(
      ([i]) => i.lt(limit),
      ([i, c]) =>
        [i.add(1), cond(c.at(0).gt(c.at(1)), () => c.flip(), () => c.add(tensor([3, 1])))] as [
          Tensor,
          Tensor,
        ],
      [tensor(0), x] as [Tensor, Tensor],
    )[1].mul(1)
  );
  for (const limit of COUNTS) {
    let c = [0.5, 4];
    for (let i = 0; i < limit; i++) c = c[0] > c[1] ? [c[1], c[0]] : [c[0] + 3, c[1] + 1];
    const asked = watch(backend, () => assertNear(run(tensor(limit), tensor([0.5, 4])).dataSync(), c));
    assert(asked.reads <= 6, `${asked.reads} readings for ${limit} steps`);
  }
});

const TABLES: readonly (readonly [string, Tuning])[] = [
  ["a software adapter", PREDICATED],
  ["a real GPU", { ...GPU, loopWork: 0, firstSteps: 1, sharedRowColumns: 4, threadsPerRow: 16 }],
];
TABLES.forEach(([table, tuning], i) => {
  onDevice(`random programs mean what they mean in plain TypeScript, with the table of ${table}`, () => {
    for (let seed = 101 + 8 * i; seed < 109 + 8 * i; seed++) {
      const random = new TestRandom(seed);
      const program = randomProgram(random, 3, ["x", "y"]);
      const [x, y] = [0, 1].map(() => [0, 1, 2].map(() => Math.fround(random.next() * 2 - 1)));
      const run = jit((x: Tensor, y: Tensor) => tensorValue(program, { x, y }, "float32"));
      assertNear(run(tensor(x), tensor(y)).dataSync(), plainValue(program, { x, y }), 1e-4);
    }
  }, tuning);
});

onDevice("conditions need no reading where a runtime cannot read at once", (backend) => {
  const run = jit((x: Tensor) => cond(x.sum().gt(0), () => x.mul(2), () => x.neg()));
  run(tensor([1, 2]));
  backend.gpu.canReadAtOnce = false;
  const results = [[1, 2], [1, -2]].map((x) => run(tensor(x)));
  backend.gpu.canReadAtOnce = true;
  assertEquals(results.map((result) => result.arraySync()), [[2, 4], [-1, 2]]);
}, { ...PREDICATED, predicatedDispatches: 0 });
