/** What the passes make of loops that users write. */
import { assert, assertEquals } from "@std/assert";
import { forLoop, grad, recurrence, scan, type Tensor, whileLoop, zeros } from "@damo/damo";
import { isLoop } from "../../../lib/jit/passes/loop_draft.ts";
import { loopPrune } from "../../../lib/jit/passes/loop_prune.ts";
import { loopShift } from "../../../lib/jit/passes/loop_shift.ts";
import { LOOP_PASSES, optimise } from "../../../lib/jit/passes/pipeline.ts";
import type { LoopParams } from "../../../lib/loop/loop_params.ts";
import type { Graph } from "../../../lib/trace/graph.ts";
import { interpretGraph } from "../../../lib/trace/interpret.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { prune } from "../../../lib/trace/prune.ts";
import type { Aval } from "../../../lib/trace/shape.ts";
import { traceFunction } from "../../../lib/trace/trace.ts";
import { verifyGraph } from "../../../lib/trace/verify.ts";
import { assertSame, avalsOf, hostInputs } from "./loop_inputs.ts";

function afterPasses(fn: (...inputs: Tensor[]) => readonly Tensor[], ...shapes: number[][]): Graph {
  const { graph } = traceFunction((inputs) => fn(...inputs), avalsOf(...shapes));
  return LOOP_PASSES.reduce((current, pass) => prune(pass.run(current)), prune(graph));
}

const loopsOf = (graph: Graph): LoopParams[] =>
  graph.nodes.filter(isLoop).map((node) => node.params as LoopParams);
const namesOf = (graph: Graph): string[] => graph.nodes.map((node) => node.primitive.name);

Deno.test("the input product of a recurrent network is one product over all steps", () => {
  const graph = afterPasses(
    (xs, w, u, h) => [scan((h: Tensor, x) => [x.dot(w).add(h.dot(u)).tanh(), null], h, xs)[0]],
    [7, 2, 3],
    [3, 3],
    [3, 3],
    [2, 3],
  );
  assertEquals(namesOf(graph).filter((name) => name === "contract").length, 1);
  assertEquals(namesOf(loopsOf(graph)[0].body).filter((name) => name === "contract").length, 1);
});

Deno.test("with a traced number of steps the input product still is one product", () => {
  const f = (n: Tensor, xs: Tensor, w: Tensor, reverse: boolean): Tensor =>
    recurrence({ sequences: xs, outputs: zeros([3], { dtype: "float64" }), steps: n, reverse }, (x, h) => {
      return x.dot(w).add(h.mul(0.5)).tanh();
    });
  const avals: Aval[] = [{ shape: [], dtype: "int32" }, ...avalsOf([5, 3], [3, 3])];
  for (const reverse of [false, true]) {
    const { graph } = traceFunction(([n, xs, w]) => [f(n, xs, w, reverse)], avals);
    const rewritten = LOOP_PASSES.reduce((current, pass) => prune(pass.run(current)), prune(graph));
    assert(namesOf(rewritten).includes("contract"));
    assertEquals(namesOf(loopsOf(rewritten)[0].body).includes("contract"), false);
    for (const steps of [-1, 0, 1, 3, 5, 9]) {
      const count: HostArray = { shape: [], dtype: "int32", data: Float64Array.of(steps) };
      const inputs = [count, ...hostInputs(avals.slice(1), 7)];
      assertSame(interpretGraph(rewritten, inputs), interpretGraph(graph, inputs), `${steps} steps`);
    }
  }
});

Deno.test("with a traced number of steps gradients of weights are products, and rows not reached do not count", () => {
  const cost = (w: Tensor, u: Tensor, xs: Tensor, n: Tensor): Tensor =>
    recurrence({ sequences: xs, outputs: zeros([2, 3], { dtype: "float64" }), steps: n }, (x, h) => {
      return x.dot(w).add(h.dot(u)).tanh();
    }).square().sum();
  const types: Aval[] = [...avalsOf([3, 3], [3, 3], [5, 2, 3]), { shape: [], dtype: "int32" }];
  const gradients = grad(cost, { argnums: [0, 1] }) as (...inputs: Tensor[]) => Tensor[];
  const { graph } = traceFunction((inputs) => gradients(...inputs), types);
  const rewritten = LOOP_PASSES.reduce((current, pass) => prune(pass.run(current)), prune(graph));
  assertEquals(namesOf(rewritten).filter((name) => name === "contract").length, 3);
  for (const steps of [0, 1, 3, 5]) {
    const inputs = [...hostInputs(types.slice(0, 3), 3), { ...types[3], data: Float64Array.of(steps) }];
    inputs[2].data.fill(NaN, 6 * steps);
    const expected = interpretGraph(graph, inputs);
    assert(expected.every(({ data }) => data.every(Number.isFinite)));
    assertSame(interpretGraph(rewritten, inputs), expected, `${steps} steps`);
  }
});

Deno.test("the gradient of a weight is one product behind the loop", () => {
  const cost = (u: Tensor, xs: Tensor, h: Tensor): Tensor =>
    scan((h: Tensor, x) => [x.add(h.dot(u)).tanh(), null], h, xs)[0].sum();
  const graph = afterPasses((u, xs, h) => [grad(cost)(u, xs, h)], [3, 3], [7, 2, 3], [2, 3]);
  const [forward, backward] = loopsOf(graph);
  assertEquals([forward.results, backward.sequences], [1, 1], "the state is stored and nothing else");
  assertEquals(backward.carries, 2, "the cotangent of the state and the state after a step are carried");
  assertEquals(namesOf(backward.body).filter((name) => name === "contract").length, 1);
});

Deno.test("a carry that is stacked before and after each step is stacked once", () => {
  const run = (u: Tensor, xs: Tensor, h: Tensor, n: Tensor, form: string): Tensor => {
    const step = (h: Tensor, x: Tensor): Tensor => x.add(h.dot(u)).tanh();
    if (form === "while") {
      const body = ([k, h]: [Tensor, Tensor]): [Tensor, Tensor] => [k.add(1), step(h, xs.at(0))];
      return whileLoop(([k]: [Tensor, Tensor]) => k.lt(n), body, [n.mul(0), h])[1];
    }
    if (form === "steps") return forLoop(n, (_, h: Tensor) => step(h, xs.at(1)), h);
    const until = form === "until" ? (c: Tensor) => c.sum().gt(1) : undefined;
    // deno-lint-ignore no-explicit-any -- with and without until
    return scan((h: Tensor, x) => [step(h, x), h], h, xs, { reverse: form === "reverse", until } as any)[0];
  };
  const avals = avalsOf([3, 3], [7, 2, 3], [2, 3]);
  for (const form of ["scan", "reverse", "until", "steps", "while"]) {
    const count: Aval = { shape: [], dtype: "int32" };
    const { graph } = traceFunction(([u, xs, h, n]) => {
      const slope = grad((u: Tensor) => run(u, xs, h, n, form).square().sum());
      return [slope(u), ...(form === "scan" ? [run(u, xs, h, n, form)] : [])];
    }, [...avals, count]);
    const before = loopPrune.run(prune(graph)), after = loopPrune.run(loopShift.run(before));
    verifyGraph(after);
    const stacks = (graph: Graph): number => loopsOf(graph).reduce((sum, { results }) => sum + results, 0);
    assertEquals(stacks(before) - stacks(after), 1, form);
    for (const steps of [0, 1, 4, 7, 9]) {
      const inputs = [...hostInputs(avals, steps + 1), { ...count, data: Float64Array.of(steps) }];
      assertSame(interpretGraph(after, inputs), interpretGraph(before, inputs), `${form}, ${steps} steps`);
    }
  }
});

Deno.test("two stacks of a carry stay where the values after each step are wanted, or the walk goes the same way", () => {
  const stacks = (fn: (xs: Tensor, h: Tensor) => Tensor[]): number => {
    const { graph } = traceFunction(([xs, h]) => fn(xs, h), avalsOf([7, 3], [3]));
    return loopsOf(loopPrune.run(loopShift.run(prune(graph))))[0].results;
  };
  const both = (xs: Tensor, h: Tensor): Tensor[] =>
    scan(
      (h: Tensor, x) => {
        const next = x.add(h).tanh();
        return [next, [h, next]];
      },
      h,
      xs,
    )[1] as Tensor[];
  const walk = (rows: Tensor[], reverse: boolean): Tensor =>
    scan(
      (c: Tensor, [a, b]: [Tensor, Tensor]) => [c.mul(a).add(b), undefined],
      rows[0].at(0),
      rows as [Tensor, Tensor],
      {
        reverse,
      },
    )[0];
  assertEquals(stacks((xs, h) => [walk(both(xs, h), true)]), 1);
  assertEquals(stacks((xs, h) => [walk(both(xs, h), false)]), 2);
  assertEquals(
    stacks((xs, h) => {
      const rows = both(xs, h);
      return [walk(rows, true), rows[1]];
    }),
    2,
  );
});

Deno.test("an operand that is the same in every step is transposed once, before the loop", () => {
  const transposed = (graph: Graph): string =>
    [graph, ...loopsOf(graph).map(({ body }) => body)].map((inner) => {
      const at = inner.nodes.find(({ primitive }) => primitive.name === "contract");
      return `${namesOf(inner).filter((name) => name === "transpose").length}:${
        at ? (at.params as { contractB: number[] }).contractB.join() : ""
      }`;
    }).join(" ");
  const run = (rows: number[]): Graph => {
    const step = (u: Tensor, h: Tensor): Tensor => h.dot(u.transpose()).dot(u).dot(u.transpose());
    const { graph } = traceFunction(
      ([u, h]) => [scan((h: Tensor) => [step(u, h), null], h, undefined, { length: 3 })[0]],
      avalsOf([3, 3], [...rows, 3]),
    );
    return optimise(graph, { verify: true });
  };
  assertEquals(transposed(run([4])), "1: 0:0", "both products read one transposed copy");
  assertEquals(transposed(run([2, 2])), "1: 0:0", "rows of several axes");
  assertEquals(transposed(run([1])), "0: 0:1", "one row is multiplied by rows of the matrix");
  assertEquals(transposed(run([97])), "0: 0:1", "a product of many rows brings it into order itself");
  const chain = run([4]), inputs = hostInputs(avalsOf([3, 3], [4, 3]), 1);
  const { graph } = traceFunction(
    (
      [u, h],
    ) => [Array.from({ length: 9 }, (_, i) => i % 3 === 1 ? u : u.transpose()).reduce((x, m) => x.dot(m), h)],
    avalsOf([3, 3], [4, 3]),
  );
  assertSame(interpretGraph(chain, inputs), interpretGraph(graph, inputs), "three steps");
});

Deno.test("an output product goes behind the loop, and what nobody reads goes away", () => {
  const graph = afterPasses(
    (xs, w, h) => [
      scan(
        (c: { h: Tensor; unused: Tensor }, x) => {
          const h = c.h.mul(0.5).add(x);
          return [{ h, unused: c.unused.add(h.dot(w)) }, { y: h.dot(w), z: h.tanh() }];
        },
        { h, unused: h },
        xs,
      )[1].y,
    ],
    [7, 2, 3],
    [3, 3],
    [2, 3],
  );
  const [loop] = loopsOf(graph);
  assertEquals([loop.carries, loop.results, loop.constants], [1, 1, 0]);
  assertEquals(namesOf(loop.body).includes("contract"), false);
  assertEquals(namesOf(loop.body).includes("tanh"), false);
});

Deno.test("what is the same in every step is computed once", () => {
  const graph = afterPasses(
    (xs, w, h) => [scan((h: Tensor, x) => [h.add(x.mul(w.exp().sum())), null], h, xs)[0]],
    [7, 2, 3],
    [3, 3],
    [2, 3],
  );
  assert(namesOf(graph).includes("exp"));
  assertEquals(namesOf(loopsOf(graph)[0].body).includes("exp"), false);
});

Deno.test("rows of which only the last is read are not stacked", () => {
  const graph = afterPasses(
    (xs, h) => {
      const [, rows] = scan((h: Tensor, x) => [h.mul(0.5).add(x), { h: h.mul(2), x: x.exp() }], h, xs);
      return [rows.h.at(-1), rows.x.at(-1).sum()];
    },
    [7, 2, 3],
    [2, 3],
  );
  assertEquals(loopsOf(graph)[0].results, 0);
  assertEquals(namesOf(graph).includes("pad"), false);
});

Deno.test("a value and its gradient share one forward loop", () => {
  const cost = (u: Tensor, xs: Tensor, h: Tensor): Tensor =>
    scan(
      ([h, c]: [Tensor, Tensor], x) => [[x.add(h.dot(u)).tanh(), c.mul(0.5).add(h)], null],
      [h, h],
      xs,
    )[0][1].sum();
  const both = (u: Tensor, xs: Tensor, h: Tensor) => [cost(u, xs, h), grad(cost)(u, xs, h)];
  const graph = afterPasses(both, [3, 3], [7, 2, 3], [2, 3]);
  assertEquals(loopsOf(graph).map((loop) => [loop.reverse, loop.carries]), [[false, 2], [true, 2]]);
});
