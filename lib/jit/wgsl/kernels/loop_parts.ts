/** Which loops can be one shader, and what it is made of. */
import { sizeOf } from "../../../trace/shape.ts";
import type { Kernel, Nest, Operand } from "../../kernel/kernel.ts";
import type { Binding, BufferPlan, LoopStep, Step } from "../../kernel/program.ts";
import { contractionNest } from "../../kernel/contraction_nest.ts";
import { opIterations } from "../scalar_ops.ts";
import type { Tuning } from "../tuning.ts";
import { collapseAxes } from "./axes.ts";
import { copyNest } from "./copy.ts";
import { mayCollide } from "./ordered_stores.ts";

/** Scalar statements of all kernels of a loop together: shaders compile in quadratic time. */
const MAX_STATEMENTS = 250;

/** A kernel of a body, a number that is written, or a loop inside. */
export type Part =
  | { readonly kind: "nest"; readonly nest: Nest; readonly bindings: readonly Binding[] }
  | { readonly kind: "number"; readonly place: Binding }
  | { readonly kind: "loop"; readonly loop: LoopParts };

export interface LoopParts {
  readonly step: LoopStep;
  readonly condition: readonly Part[];
  readonly body: readonly Part[];
  /** What the shader binds, in the order of its operands: those of the parts, then the flags. */
  readonly operands: readonly Operand[];
  readonly bindings: readonly Binding[];
  /** Loop iterations of an invocation in one step, elements that a step computes, and statements. */
  readonly iterations: number;
  readonly work: number;
  readonly statements: number;
}

/** The parts of a loop that is small enough to be one shader, or null when the host must drive it. */
export function loopParts(
  step: LoopStep,
  buffers: readonly BufferPlan[],
  tuning: Tuning,
): LoopParts | null {
  const parts = partsOf(step, buffers, tuning, true);
  if (parts === null || parts.statements > MAX_STATEMENTS) return null;
  if (parts.iterations > tuning.maxIterations / 4) return null;
  return parts.work > tuning.loopWork * parts.body.length ? null : parts;
}

function partsOf(
  step: LoopStep,
  buffers: readonly BufferPlan[],
  tuning: Tuning,
  outermost: boolean,
): LoopParts | null {
  const isPlain = !step.condition && !step.count && !step.stop && !step.taken && step.tapes.length === 0;
  if (!outermost && !isPlain) return null;
  const condition = partsOfSteps(step.condition?.steps ?? [], buffers, tuning);
  const body = partsOfSteps(step.body, buffers, tuning);
  if (condition === null || body === null) return null;
  if (step.stepNumber !== null) body.unshift({ kind: "number", place: step.stepNumber });
  for (const { carry, next } of step.exchange) {
    const { dtype, length } = buffers[next.buffer];
    const operands: Operand[] = [{ dtype, access: "read" }, { dtype, access: "write" }];
    const nest = collapseAxes(copyNest({ kind: "copy", dtype, length, operands }));
    body.push({ kind: "nest", nest, bindings: [next, carry] });
  }
  const operands: Operand[] = [], bindings: Binding[] = [];
  let iterations = 8, work = 0, statements = 0;
  for (const part of [...condition, ...body]) {
    if (part.kind === "number") {
      operands.push({ dtype: "int32", access: "write" });
      bindings.push(part.place);
    } else if (part.kind === "loop") {
      const { loop } = part;
      operands.push(...loop.operands);
      bindings.push(...loop.bindings);
      iterations += loop.step.length * loop.iterations;
      work += loop.step.length * loop.work;
      statements += loop.statements;
    } else {
      const { domain, rowRank, passes } = part.nest;
      operands.push(...part.nest.operands);
      bindings.push(...part.bindings);
      const rows = sizeOf(domain.slice(0, rowRank)), columns = sizeOf(domain.slice(rowRank));
      const inner = part.nest.statements.reduce(
        (sum, s) => sum + (s.kind === "op" ? opIterations(s.op, s.dtype) : 0),
        0,
      );
      iterations += (Math.ceil(rows / tuning.loopThreads) + 1) * (passes * (columns + 4) * (1.1 + inner));
      work += rows * columns * passes;
      statements += part.nest.statements.length;
    }
  }
  for (const flag of [step.condition?.result, step.stop]) {
    if (!flag) continue;
    operands.push({ dtype: "bool", access: "read" });
    bindings.push(flag);
  }
  return { step, condition, body, operands, bindings, iterations, work, statements };
}

function partsOfSteps(
  steps: readonly Step[],
  buffers: readonly BufferPlan[],
  tuning: Tuning,
): Part[] | null {
  const parts: Part[] = [];
  for (const step of steps) {
    if (step.kind === "loop") {
      const loop = partsOf(step, buffers, tuning, false);
      if (loop === null) return null;
      parts.push({ kind: "loop", loop });
    } else if (step.kind === "kernel") {
      const nest = nestOf(step.kernel);
      if (nest === null) return null;
      parts.push({ kind: "nest", nest, bindings: step.bindings });
    } else return null;
  }
  return parts;
}

function nestOf(kernel: Kernel): Nest | null {
  if (kernel.kind !== "nest" && kernel.kind !== "copy" && kernel.kind !== "contraction") return null;
  const nest = kernel.kind === "nest"
    ? kernel
    : kernel.kind === "copy"
    ? copyNest(kernel)
    : contractionNest(kernel);
  const collapsed = collapseAxes(nest);
  return mayCollide(collapsed) ? null : collapsed;
}
