/**
 * checkpoint: trading computation for memory. Linearised, a checkpointed call keeps nothing but its inputs; the
 * backward pass computes the rest again, behind barriers, when the cotangent arrives (rematerialisation).
 *
 *     forward:   y = checkpoint(x)
 *     backward:  x' = recomputeBarrier(x, cotangent);  linearise fn at x';  pull the cotangent back
 *
 * The backward pass is itself a checkpointed call, so that derivatives of higher order save memory too.
 */
import type { Graph } from "../trace/graph.ts";
import { interpretGraph } from "../trace/interpret.ts";
import { checkFunction } from "../trace/ops/options.ts";
import { adoptNames } from "../trace/parameter_names.ts";
import { type MaybeTensor, NOT_LINEAR, type Primitive } from "../trace/primitive.ts";
import type { Aval } from "../trace/shape.ts";
import { Tensor } from "../trace/tensor.ts";
import { bind, bindOne, commitWrites, currentTrace, traceFunction } from "../trace/trace.ts";
import { unflatten } from "../trace/tree.ts";
import { traceCall } from "./custom_arguments.ts";
import { batchedCopy } from "./custom_call.ts";
import { graphInfluences } from "./influence.ts";
import { linearCallPrimitive, LinearRule } from "./linear_call.ts";
import { linearizeGraph } from "./linearize.ts";
import { pullBack } from "./pull_back.ts";
import { pushForward } from "./push_forward.ts";
import { recomputeBarrierPrimitive } from "./recompute_barrier.ts";
import { activeTrace, closedGraph } from "./replay.ts";
import type { AnyArguments } from "./types.ts";

export interface CheckpointParams {
  readonly graph: Graph;
}

const CONTEXT = "checkpoint";

export const checkpointPrimitive: Primitive<CheckpointParams> = {
  name: "checkpoint",
  infer(_inputs, { graph }) {
    return graph.outputs.map(({ aval: { shape, dtype } }) => ({ shape, dtype }));
  },
  derivative: {
    kind: "derivative",
    jvp({ primals, tangents, params: { graph } }) {
      return pushForward(graph, primals, tangents, CONTEXT).tangents;
    },
    linearize({ primals, tangents, params }) {
      const outputs = bind(checkpointPrimitive, primals, params);
      const active = primals.map((_, i) => i).filter((i) => tangents[i] !== null);
      const moving = active.map((i) => tangents[i]!);
      const rule = new RecomputeRule(
        params.graph,
        active,
        primals.map((x) => x.aval),
        moving.map((t) => t.aval),
      );
      return { outputs, tangents: bind(linearCallPrimitive, [...primals, ...moving], { rule }) };
    },
  },
  linear: NOT_LINEAR,
  batch({ inputs, batched, params: { graph }, size }) {
    return bind(checkpointPrimitive, inputs, { graph: batchedCopy(graph, inputs, batched, size) });
  },
  evaluate(inputs, { graph }) {
    return interpretGraph(graph, inputs);
  },
  lower(params) {
    return { kind: "call", graph: params.graph };
  },
  print() {
    return "";
  },
  influences({ graph }, wanted) {
    return graphInfluences(graph, wanted);
  },
  graphs({ graph }) {
    return [{ name: "body", graph }];
  },
};

/** The linear part of a checkpointed call, whose coefficients are computed when it is transposed. */
class RecomputeRule extends LinearRule {
  constructor(
    readonly body: Graph,
    readonly active: readonly number[],
    primals: readonly Aval[],
    tangents: readonly Aval[],
  ) {
    super(CONTEXT, primals, tangents, body.outputs.map(({ aval: { shape, dtype } }) => ({ shape, dtype })));
  }

  override apply(primals: readonly Tensor[], tangents: readonly Tensor[]): readonly MaybeTensor[] {
    const full = primals.map((_, i): MaybeTensor => tangents[this.active.indexOf(i)] ?? null);
    return pushForward(this.body, primals, full, CONTEXT).tangents;
  }

  override transpose(primals: readonly Tensor[], cotangents: readonly MaybeTensor[]): readonly MaybeTensor[] {
    const present = cotangents.filter((cotangent) => cotangent !== null);
    if (present.length === 0) return this.active.map(() => null);
    let exists: boolean[] = [];
    const traced = traceFunction(
      (own) => {
        const [token] = own.slice(primals.length);
        const again = own.slice(0, primals.length)
          .map((primal) => bindOne(recomputeBarrierPrimitive, [primal, token], {}));
        let next = primals.length;
        const pulled = this.#pull(again, cotangents.map((cotangent) => cotangent && own[next++]));
        exists = pulled.map((cotangent) => cotangent !== null);
        return pulled.filter((cotangent) => cotangent !== null);
      },
      [...primals, ...present].map((tensor) => tensor.aval),
      { name: `backward of ${this.body.name}` },
    );
    const results = bind(checkpointPrimitive, [...primals, ...present], { graph: closedGraph(traced) });
    let next = 0;
    return exists.map((present) => present ? results[next++] : null);
  }

  #pull(primals: readonly Tensor[], cotangents: readonly MaybeTensor[]): MaybeTensor[] {
    const trace = activeTrace();
    const { map } = linearizeGraph(this.body, primals, this.active, CONTEXT);
    return pullBack(map, cotangents, (v) => new Tensor(v.aval, null, trace, v), CONTEXT);
  }
}

/**
 * The same function, but reverse mode keeps only its arguments and computes its intermediate results again in the
 * backward pass: less memory for one more forward computation. Shared variables assigned inside are committed once;
 * a `print` inside shows again when its value is computed again.
 *
 * @example
 * ```ts
 * import { checkpoint, grad, tensor } from "@damo/damo";
 * const block = checkpoint((x) => x.sin().sin().sin());
 * const slope = grad((x) => block(block(x)).sum())(tensor([0.5]));
 * console.assert(slope.shape[0] === 1);
 * ```
 */
export function checkpoint<A extends AnyArguments, R>(fn: (...args: A) => R): (...args: A) => R {
  checkFunction("checkpoint", fn);
  const wrapped = (...args: A): R => {
    if (currentTrace() === null) return fn(...args);
    const { traced, spec, inputs } = traceCall(fn, args);
    const results = bind(checkpointPrimitive, inputs, { graph: traced.graph });
    return unflatten(spec, commitWrites(traced, results)) as R;
  };
  return adoptNames(wrapped, fn, "checkpoint");
}
