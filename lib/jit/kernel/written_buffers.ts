/** Which buffers some steps write. */
import type { LoopStep, Step } from "./program.ts";

/** The buffers that the steps write, also inside loops and branches; step numbers apart, which loops count themselves. */
export function writtenBuffers(steps: readonly Step[]): Set<number> {
  const written = new Set<number>();
  const stack: Step[] = [...steps];
  while (stack.length > 0) {
    const step = stack.pop()!;
    if (step.kind === "kernel") {
      step.kernel.operands.forEach(({ access }, i) => {
        if (access !== "read") written.add(step.bindings[i].buffer);
      });
    } else if (step.kind === "host") { for (const { buffer } of step.outputs) written.add(buffer); }
    else if (step.kind === "switch") {
      for (const branch of step.branches) for (const s of branch) stack.push(s);
    } else {
      for (const s of step.body) stack.push(s);
      for (const s of step.condition?.steps ?? []) stack.push(s);
      for (const { carry } of step.exchange) written.add(carry.buffer);
      if (step.taken !== null) written.add(step.taken.buffer);
    }
  }
  return written;
}

/** The tapes that the body of a loop writes. */
export function writtenTapes(loop: LoopStep): number[] {
  const written = writtenBuffers(loop.body);
  return loop.tapes.filter((tape) => written.has(tape));
}
