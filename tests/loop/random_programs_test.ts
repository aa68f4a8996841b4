import { assert } from "@std/assert";
import { grad, jit, jvp, type Tensor, tensor, vmap, withDevice } from "@damo/damo";
import { TestRandom } from "../support/random.ts";
import { f64, values } from "./both_executors.ts";
import { type Expression, plainValue, randomProgram, tensorValue } from "./random_program.ts";

const SEEDS = 30, DEPTH = 3;

interface Sample {
  readonly program: Expression;
  readonly x: number[];
  readonly y: number[];
  readonly f: (x: Tensor, y: Tensor) => Tensor;
  /** A scalar that tells the results apart. */
  readonly cost: (x: Tensor, y: Tensor) => Tensor;
}

function sampleOf(seed: number): Sample {
  const random = new TestRandom(seed);
  const program = randomProgram(random, DEPTH, ["x", "y"]);
  const [x, y] = [0, 1].map(() => [0, 1, 2].map(() => random.next() * 2 - 1));
  const f = (x: Tensor, y: Tensor): Tensor => tensorValue(program, { x, y });
  return { program, x, y, f, cost: (x, y) => f(x, y).mul(tensor([1, 2, 3], { dtype: "float64" })).sum() };
}

function assertNear(actual: unknown, expected: unknown, tolerance: number, what: string): void {
  const [a, e] = [actual, expected].map((tree) => [values(tree)].flat(9) as number[]);
  const near = a.length === e.length &&
    a.every((x, i) => Math.abs(x - e[i]) <= tolerance * Math.max(1, Math.abs(e[i])));
  assert(near, `${what}: ${a.join(", ")}, expected ${e.join(", ")}`);
}

function plainCost({ program }: Sample, v: readonly number[]): number {
  return plainValue(program, { x: v.slice(0, 3), y: v.slice(3) }).reduce((s, a, i) => s + a * (i + 1), 0);
}

function differences(fn: (v: readonly number[]) => number, v: readonly number[], step: number): number[] {
  return v.map((_, i) => {
    const moved = (by: number): number => fn(v.map((a, k) => k === i ? a + by : a));
    return (moved(step) - moved(-step)) / (2 * step);
  });
}

function forEachSample(test: (sample: Sample, what: string) => void): void {
  withDevice("wasm", () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const sample = sampleOf(seed);
      test(sample, `seed ${seed}, ${JSON.stringify(sample.program)}`);
    }
  });
}

Deno.test("random programs of nested loops mean what they mean in plain TypeScript", () => {
  forEachSample(({ program, x, y, f }, what) => {
    const expected = plainValue(program, { x, y });
    assertNear(f(f64(x), f64(y)), expected, 1e-10, `${what}, outside a trace`);
    assertNear(jit(f)(f64(x), f64(y)), expected, 1e-10, `${what}, compiled`);
    assertNear(jit(f, { mode: "reference" })(f64(x), f64(y)), expected, 1e-10, `${what}, reference`);
  });
});

Deno.test("vmap of random programs is each example by itself", () => {
  forEachSample(({ program, x, y, f }, what) => {
    const xs = [x, y, x.map((a) => -a)], ys = [y, x, y];
    const expected = xs.map((a, i) => plainValue(program, { x: a, y: ys[i] }));
    assertNear(jit(vmap(f))(f64(xs), f64(ys)), expected, 1e-10, what);
  });
});

Deno.test("derivatives of random programs, in reverse, forward, batched and of second order", () => {
  let smooth = 0;
  forEachSample((sample, what) => {
    const { x, y, cost } = sample, v = [...x, ...y];
    const gradient = grad(cost, { argnums: [0, 1], disconnected: "zero" });
    const reverse = (values(jit(gradient)(f64(x), f64(y))) as number[][]).flat();
    const slopes = [1e-5, 1e-6].map((step) => differences((u) => plainCost(sample, u), v, step));
    // A program may stand at a place where a step more or less is taken.
    if (
      slopes[0].every((slope, i) => Math.abs(slope - slopes[1][i]) <= 1e-5 * Math.max(1, Math.abs(slope)))
    ) {
      smooth++;
      assertNear(reverse, slopes[0], 1e-5, `${what}, against differences`);
    }
    const directions = [[0.3, -0.7, 0.5], [0.2, 0.4, -0.6]];
    const along = directions.flat().reduce((s, d, i) => s + d * reverse[i], 0);
    const [a, b] = directions.map((d) => f64(d));
    assertNear(jvp(cost, [f64(x), f64(y)], [a, b])[1], along, 1e-9, `${what}, forward`);
    const slope = (x: Tensor, y: Tensor): Tensor => {
      const [p, q] = gradient(x, y) as [Tensor, Tensor];
      return p.mul(f64(directions[0])).sum().add(q.mul(f64(directions[1])).sum());
    };
    const second = values(grad(slope, { argnums: [0, 1], disconnected: "zero" })(f64(x), f64(y)));
    const forward = values(jvp(gradient, [f64(x), f64(y)], [a, b])[1]);
    assertNear(second, forward, 1e-8, `${what}, second order both ways`);
    const xs = f64([x, y]), ys = f64([y, x]);
    const each = values([gradient(f64(x), f64(y)), gradient(f64(y), f64(x))]) as number[][][];
    const batched = values(vmap(gradient)(xs, ys)) as number[][][];
    assertNear(batched, [0, 1].map((k) => each.map((g) => g[k])), 1e-9, `${what}, vmap of the gradient`);
    const total = (xs: Tensor, ys: Tensor): Tensor => vmap(cost)(xs, ys).sum();
    const ofBatch = grad(total, { argnums: [0, 1], disconnected: "zero" })(xs, ys);
    assertNear(ofBatch, batched, 1e-9, `${what}, the gradient of vmap`);
  });
  assert(smooth >= 0.8 * SEEDS, `${smooth} of ${SEEDS} programs are smooth where they were compared`);
});
