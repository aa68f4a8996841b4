/** Looking for a kernel among the steps of a program, those of loops and branches included. */
import type { Kernel } from "./kernel.ts";
import type { Step } from "./program.ts";

/** Whether `test` holds for any of them. */
export function anyKernel(steps: readonly Step[], test: (kernel: Kernel) => boolean): boolean {
  return steps.some((step) => {
    if (step.kind === "kernel") return test(step.kernel);
    if (step.kind === "switch") return step.branches.some((branch) => anyKernel(branch, test));
    return step.kind === "loop" &&
      (anyKernel(step.condition?.steps ?? [], test) || anyKernel(step.body, test));
  });
}
