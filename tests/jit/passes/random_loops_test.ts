/** Random loops mean the same after every pass, and compiled. */
import { assert } from "@std/assert";
import { grad, scan, Tensor, tensor } from "@damo/damo";
import { loopBlocks } from "../../../lib/jit/passes/loop_blocks.ts";
import { isLoop, setStackLimits } from "../../../lib/jit/passes/loop_draft.ts";
import { LOOP_PASSES } from "../../../lib/jit/passes/pipeline.ts";
import type { LoopParams } from "../../../lib/loop/loop_params.ts";
import { loopPrimitive } from "../../../lib/loop/loop_primitive.ts";
import type { Graph } from "../../../lib/trace/graph.ts";
import { interpretGraph } from "../../../lib/trace/interpret.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { prune } from "../../../lib/trace/prune.ts";
import { rewriteGraph } from "../../../lib/trace/rewrite.ts";
import type { Aval } from "../../../lib/trace/shape.ts";
import { executor } from "../../../lib/trace/storage.ts";
import { bind, traceFunction } from "../../../lib/trace/trace.ts";
import { verifyGraph } from "../../../lib/trace/verify.ts";
import { TestRandom } from "../../support/random.ts";
import { assertSame, avalsOf, hostInputs } from "./loop_inputs.ts";

/** A random body over matrices of 3 columns: products, elementwise work, sums over steps, unused and repeated parts. */
function randomLoop(seed: number, longest = 5): { graph: Graph; avals: Aval[] } {
  const random = new TestRandom(seed);
  const below = (n: number): number => random.below(n);
  const length = 1 + below(longest);
  const avals = avalsOf([length, 2, 3], [length, 2, 3], [3, 3], [2, 3], [2, 3], [3, 3]);
  const differentiated = below(3) === 0;
  const traced = traceFunction((inputs) => {
    const run = (xs: Tensor, ys: Tensor, w: Tensor, v: Tensor, h0: Tensor, s0: Tensor): Tensor[] => {
      const until = below(4) === 0 ? (c: { h: Tensor }) => c.h.sum().gt(2) : undefined;
      const [carry, rows, count] = scan(
        ({ h, s, k }: { h: Tensor; s: Tensor; k: Tensor }, [x, y]: [Tensor, Tensor]) => {
          const pool = [x, y, v, h, v.mul(2), x.dot(w)];
          const pick = (): Tensor => pool[below(pool.length)];
          for (let i = 0; i < 3 + below(6); i++) {
            const choice = below(6);
            pool.push(
              choice === 0
                ? pick().dot(w)
                : choice === 1
                ? pick().add(pick())
                : choice === 2
                ? pick().mul(pick())
                : choice === 3
                ? pick().tanh()
                : choice === 4
                ? pick().sub(w.at(0))
                : pick().mul(0.5),
            );
          }
          const outs = [pick(), pick().dot(w.transpose()), x, v, pick().dot(w)].filter(() => below(3) > 0);
          const next = {
            h: below(2) ? pick().mul(0.1) : h.dot(w).add(pick()).tanh(),
            s: s.add(pick().transpose().dot(pick())),
            k: below(2) ? k : k.add(h),
          };
          return [next, [...outs, outs[0] ?? h]];
        },
        { h: h0, s: s0, k: v },
        [xs, ys] as [Tensor, Tensor],
        // deno-lint-ignore no-explicit-any -- with and without until
        { reverse: below(2) === 0, until } as any,
      ) as unknown as [{ h: Tensor; s: Tensor; k: Tensor }, Tensor[], Tensor | undefined];
      const row = (x: Tensor): Tensor => below(3) === 0 ? x.at(below(2) - 1) : x;
      const all = [carry.h, carry.s, carry.k, ...rows.map(row)].filter(() => below(4) > 0);
      return [carry.h, ...all, ...(count ? [count.cast("float64")] : [])];
    };
    const six = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
    if (!differentiated) return below(2) ? run(...six) : [...run(...six), ...run(...six)];
    const cost = (...args: Tensor[]): Tensor => {
      const all = run(...args as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]);
      return all.reduce((sum, x) => sum.add(x.mul(x).sum()), all[0].sum());
    };
    return grad(cost, { argnums: [0, 2, 4], disconnected: "zero" })(...inputs) as Tensor[];
  }, avals);
  return { graph: prune(traced.graph), avals };
}

/** The graph with loops that take at most `steps` steps, a number that they are given when they run. */
function counted(graph: Graph, steps: number): Graph {
  return rewriteGraph(graph, (node, inputs) => {
    if (!isLoop(node)) return null;
    const params = node.params as LoopParams;
    if (params.condition || params.stops || params.counted) return null;
    return bind(loopPrimitive, [Tensor.literal(steps, "int32"), ...inputs], { ...params, counted: true });
  });
}

/** Runs `test` with limits so low that loops of a few steps go in blocks. */
function withBlocks(test: () => void): void {
  const previous = setStackLimits({ whole: 100, undivided: 200, block: 200 });
  try {
    test();
  } finally {
    setStackLimits(previous);
  }
}

/** How often each pass changed something. */
function checkPasses(seeds: number, longest: number, isCounted = false): Map<string, number> {
  const changed = new Map<string, number>();
  for (let seed = 1; seed <= seeds; seed++) {
    const { graph: fixed, avals } = randomLoop(seed, longest);
    const graph = isCounted ? counted(fixed, seed % (longest + 2) - 1) : fixed;
    const inputs = hostInputs(avals, seed);
    const expected = interpretGraph(graph, inputs);
    let together = graph;
    for (const pass of LOOP_PASSES) {
      const alone = pass.run(graph);
      verifyGraph(alone);
      assertSame(interpretGraph(alone, inputs), expected, `seed ${seed}, ${pass.name}`);
      const next = prune(pass.run(together));
      verifyGraph(next);
      assertSame(interpretGraph(next, inputs), expected, `seed ${seed}, passes up to ${pass.name}`);
      if (next !== together) changed.set(pass.name, (changed.get(pass.name) ?? 0) + 1);
      together = next;
    }
  }
  return changed;
}

Deno.test("every rewriting of random loops keeps their meaning", () => {
  const changed = checkPasses(150, 5);
  for (const pass of LOOP_PASSES) {
    if (pass !== loopBlocks) assert((changed.get(pass.name) ?? 0) >= 5, `${pass.name} did nothing`);
  }
});

Deno.test("random loops with a number of steps known only when they run keep their meaning", () => {
  const changed = checkPasses(100, 5, true);
  for (const name of ["loop merge", "loop shift", "loop front", "loop sums", "loop behind"]) {
    assert((changed.get(name) ?? 0) >= 3, `${name} did nothing`);
  }
});

Deno.test("random loops in blocks keep their meaning", () => {
  withBlocks(() => assert(checkPasses(60, 12).get(loopBlocks.name)! >= 15));
});

function checkCompiled(seeds: number, longest: number): void {
  for (let seed = 1; seed <= seeds; seed++) {
    const { graph, avals } = randomLoop(seed, longest);
    const inputs = hostInputs(avals, seed);
    const tensors = inputs.map(({ data, shape }) => tensor(data, { shape: [...shape] }));
    const actual = executor().run(graph, tensors).map((x): HostArray => ({
      shape: x.shape,
      dtype: x.dtype,
      data: Float64Array.from(x.dataSync()),
    }));
    assertSame(actual, interpretGraph(graph, inputs), `seed ${seed}`);
  }
}

Deno.test("compiled programs of random loops mean what their graphs mean", () => checkCompiled(60, 5));
Deno.test("compiled programs of random loops in blocks mean what their graphs mean", () => {
  withBlocks(() => checkCompiled(30, 12));
});
