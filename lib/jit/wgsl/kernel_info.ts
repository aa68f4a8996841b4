/** Kernels as the profile and `f.lower` show them. */
import type { KernelInfo } from "../backend.ts";
import type { HostStep, KernelStep, Step } from "../kernel/program.ts";

/** Kernels and calls of the host, in order, also inside loops and branches. */
export function measuredSteps(steps: readonly Step[]): (KernelStep | HostStep)[] {
  const result: (KernelStep | HostStep)[] = [];
  const visit = (list: readonly Step[]): void => {
    for (const step of list) {
      if (step.kind === "kernel" || step.kind === "host") result.push(step);
      else if (step.kind === "switch") step.branches.forEach(visit);
      else {
        if (step.condition) visit(step.condition.steps);
        visit(step.body);
      }
    }
  };
  visit(steps);
  return result;
}

/** What a nest does: map, reduce, or row when it goes over the columns more than once. */
export function kindOf(step: KernelStep | HostStep): string {
  if (step.kind === "host") return "host";
  const { kernel } = step;
  if (kernel.kind !== "nest") return kernel.kind;
  return kernel.reductions.length === 0 ? "map" : kernel.passes === 1 ? "reduce" : "row";
}

export function kernelInfo(step: KernelStep | HostStep): KernelInfo {
  const nodes = step.kind === "host" ? [step.node] : step.nodes;
  const operations = nodes.map((node) => node.primitive.name);
  const locations = new Set<string>();
  for (const node of nodes) {
    const line = node.location?.short();
    if (line) locations.add(line);
  }
  return { name: operations.join(" "), kind: kindOf(step), operations, locations: [...locations], step };
}
