/** Which loop a step of a program lies in. */
import type { LoopStep, Step } from "./program.ts";

/** The innermost loop around each step that lies in one. */
export function enclosingLoops(steps: readonly Step[]): Map<Step, LoopStep> {
  const loops = new Map<Step, LoopStep>();
  const work: { step: Step; loop: LoopStep | null }[] = steps.map((step) => ({ step, loop: null }));
  while (work.length > 0) {
    const { step, loop } = work.pop()!;
    if (loop) loops.set(step, loop);
    if (step.kind === "loop") {
      for (const inner of [...step.body, ...(step.condition?.steps ?? [])]) {
        work.push({ step: inner, loop: step });
      }
    } else if (step.kind === "switch") {
      for (const branch of step.branches) for (const inner of branch) work.push({ step: inner, loop });
    }
  }
  return loops;
}
