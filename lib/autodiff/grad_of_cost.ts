/** Theano's form of grad: derivatives of a traced scalar with respect to what the trace already holds. */
import { isFloat } from "../trace/dtype.ts";
import { GradientError } from "../trace/errors.ts";
import type { Variable } from "../trace/graph.ts";
import { checkChoice, checkOptions } from "../trace/ops/options.ts";
import type { MaybeTensor } from "../trace/primitive.ts";
import { instantiate } from "../trace/primitives/zeros.ts";
import { type Aval, describe, sameAval } from "../trace/shape.ts";
import { Shared } from "../trace/shared.ts";
import { Tensor } from "../trace/tensor.ts";
import { currentTrace, type Trace } from "../trace/trace.ts";
import { flatten, leafPaths, unflatten } from "../trace/tree.ts";
import { checkFloat, floatTensor } from "./arguments.ts";
import { DISCONNECTED, type Disconnected, reportDisconnected } from "./disconnected.ts";
import { linearizeTrace } from "./linearize.ts";
import { pullBack } from "./pull_back.ts";

/** Options of the form of grad that takes a cost. */
export interface CostGradientOptions {
  /** Gradients of further tensors, which are taken as given; with them the cost may be null. */
  readonly knownGrads?: readonly (readonly [Tensor, Tensor | number])[];
  /** Tensors to treat as constants: derivatives do not pass beyond them. */
  readonly constants?: readonly (Tensor | Shared)[];
  /** What to do about tensors that the cost does not depend on; an error when absent. */
  readonly disconnected?: Disconnected;
}

const CONTEXT = "grad";

interface Target {
  readonly path: string;
  readonly aval: Aval;
  /** Null for a Shared that the trace never read. */
  readonly variable: Variable | null;
}

/** The gradient of `cost` with respect to `wrt`, a tensor, Shared or tree of them, as a tree like it. */
export function gradientOfCost(cost: Tensor | null, wrt: unknown, options: CostGradientOptions): unknown {
  const trace = currentTrace();
  if (!trace) {
    throw new GradientError("grad of a tensor was called outside a traced function.", {
      operation: CONTEXT,
      remedy: "Write grad(fn)(x), or call grad(cost, wrt) inside a function given to jit, grad or vmap.",
    });
  }
  checkOptions(CONTEXT, options, ["knownGrads", "constants", "disconnected"]);
  checkChoice(CONTEXT, "disconnected", options.disconnected, DISCONNECTED);
  const { leaves, spec } = flatten(wrt, isTarget);
  const paths = leafPaths(spec, "wrt");
  const targets = leaves.map((leaf, i) => targetOf(trace, leaf, paths[i]));
  if (targets.length === 0) {
    throw new GradientError("grad: wrt holds no tensor and no Shared.", {
      operation: CONTEXT,
      remedy: "Pass a tensor, a Shared, or a tree of them.",
    });
  }
  const ends: Variable[] = [];
  const seeds: Tensor[] = [];
  const known = options.knownGrads ?? [];
  for (const [tensor, gradient] of known) {
    ends.push(trace.lift(tensor));
    seeds.push(checkKnown(tensor, gradient));
  }
  if (cost !== null) {
    const variable = trace.lift(checkCost(cost, trace));
    if (!ends.includes(variable)) {
      ends.push(variable);
      seeds.push(Tensor.literal(1, variable.aval.dtype));
    }
  } else if (known.length === 0) {
    throw new GradientError("grad: the cost is null and no gradients are known.", {
      operation: CONTEXT,
      remedy: "Pass a scalar cost, or { knownGrads: [[tensor, gradient]] }.",
    });
  }
  const constants = new Set((options.constants ?? []).flatMap((tensor) => {
    const value = tensor instanceof Shared ? trace.sharedReads.get(tensor) : tensor;
    return value ? [trace.lift(value)] : [];
  }));
  const variables = [...new Set(targets.flatMap(({ variable }) => variable ?? []))];
  const { map, connected } = linearizeTrace(ends, variables, constants, CONTEXT);
  const slots = new Map(variables.map((variable, slot) => [variable, slot]));
  const isConnected = ({ variable }: Target) => variable !== null && connected[slots.get(variable)!];
  reportDisconnected(targets.filter((target) => !isConnected(target)), options.disconnected, CONTEXT);
  const pulled = pullBack(map, seeds, (v) => new Tensor(v.aval, null, trace, v), CONTEXT);
  const name = cost?.variable?.name ?? "cost";
  const gradients = targets.map(({ variable, aval, path }) => {
    const cotangent: MaybeTensor = variable ? pulled[slots.get(variable)!] : null;
    const gradient = instantiate(cotangent, aval);
    const made = gradient.variable;
    if (made?.node && made.name === undefined) made.name = `d${name}/d${variable?.name ?? path}`;
    return gradient;
  });
  return unflatten(spec, gradients);
}

function isTarget(value: unknown): value is Tensor | Shared {
  return value instanceof Tensor || value instanceof Shared;
}

function targetOf(trace: Trace, leaf: Tensor | Shared, path: string): Target {
  if (leaf instanceof Shared) {
    const aval = { shape: leaf.shape, dtype: leaf.dtype };
    checkFloat(leaf.name, aval, CONTEXT);
    // The value at the start of the call: what was read before any assignment.
    return { path: leaf.name, aval, variable: trace.sharedReads.get(leaf)?.variable ?? null };
  }
  const shown = leaf.variable?.name ?? path;
  const { shape, dtype } = leaf.aval;
  checkFloat(shown, leaf.aval, CONTEXT);
  const isLiteral = leaf.literal !== null;
  return { path: shown, aval: { shape, dtype }, variable: isLiteral ? null : trace.lift(leaf) };
}

function checkCost(cost: Tensor, trace: Trace): Tensor {
  const { shape, dtype } = cost.aval;
  const argument = { name: "cost", shape, dtype };
  if (cost.owner !== null && cost.owner !== trace) {
    throw new GradientError(
      `grad: the cost was computed in ${cost.owner.name}, and grad was called in ${trace.name} inside it.`,
      {
        operation: CONTEXT,
        arguments: [argument],
        remedy: "Call grad in the function that computes the cost, or compute the cost in this one.",
      },
    );
  }
  if (shape.length > 0) {
    throw new GradientError(`grad: the cost must be a scalar, got ${describe(cost.aval)}.`, {
      operation: CONTEXT,
      arguments: [argument],
      remedy: "Reduce it with sum() or mean(), or give the gradient of the tensor in { knownGrads }.",
    });
  }
  if (!isFloat(dtype)) {
    throw new GradientError(`grad: the cost must be of a float dtype, got ${describe(cost.aval)}.`, {
      operation: CONTEXT,
      arguments: [argument],
      remedy: "Cast what the cost is computed from to a float dtype.",
    });
  }
  return cost;
}

function checkKnown(tensor: Tensor, gradient: Tensor | number): Tensor {
  const { shape, dtype } = tensor.aval;
  const given = typeof gradient === "number" && shape.length === 0
    ? Tensor.literal(gradient, dtype)
    : floatTensor(gradient);
  if (!sameAval(given.aval, tensor.aval)) {
    throw new GradientError(
      `grad: knownGrads gives ${describe(given.aval)} as the gradient of ${describe(tensor.aval)}.`,
      {
        operation: CONTEXT,
        arguments: [{ name: "tensor", shape, dtype }, {
          name: "gradient",
          shape: given.shape,
          dtype: given.aval.dtype,
        }],
        remedy: "A gradient has the shape and dtype of its tensor.",
      },
    );
  }
  return given;
}
