/** What is shown of a program's kernels. */
import type { Node } from "../../trace/graph.ts";
import type { KernelInfo } from "../backend.ts";
import type { HostStep, KernelStep } from "../kernel/program.ts";

/** What a nest does: map, reduce, or row when it goes over the columns more than once. */
function kindOf(step: KernelStep | HostStep): string {
  if (step.kind === "host") return "host";
  const { kernel } = step;
  if (kernel.kind !== "nest") return kernel.kind;
  return kernel.reductions.length === 0 ? "map" : kernel.passes === 1 ? "reduce" : "row";
}

/** Formatting where nodes were written takes 50 µs each: done when somebody looks. */
export class StepInfo implements KernelInfo {
  readonly name: string;
  readonly kind: string;
  readonly operations: readonly string[];
  readonly step: KernelStep | HostStep;
  readonly #nodes: readonly Node[];
  #locations: readonly string[] | null = null;

  /** What no node stands for, such as handing a carry on, belongs to the loop. */
  constructor(step: KernelStep | HostStep, loop: Node | undefined) {
    this.step = step;
    const nodes = step.kind === "host" ? [step.node] : step.nodes;
    this.#nodes = nodes.length === 0 && loop ? [loop] : nodes;
    this.operations = this.#nodes.map((node) => node.primitive.name);
    this.name = this.operations.join(" ");
    this.kind = kindOf(step);
  }

  get locations(): readonly string[] {
    return this.#locations ??= [
      ...new Set(this.#nodes.map((node) => node.location?.short() ?? "").filter((line) => line !== "")),
    ];
  }
}
