/** What a profile knows of each kernel of a program: its times, its work, where it was written and in which loop. */
import type { Location } from "../trace/location.ts";
import type { Node } from "../trace/graph.ts";
import { describe, sizeOf } from "../trace/shape.ts";
import { byteSize } from "../trace/dtype.ts";
import type { KernelInfo, KernelTiming } from "./backend.ts";
import { kernelCost } from "./kernel/cost.ts";
import { enclosingLoops } from "./kernel/enclosing.ts";
import type { HostStep, KernelStep, LoopStep, Program } from "./kernel/program.ts";

/** What a profile asks a compiled program. */
export interface MeasuredProgram {
  /** Its kernels. */
  readonly kernels: readonly KernelInfo[];
  /** Bytes taken at once, and bytes that donation saved. */
  readonly memory: { readonly peak: number; readonly donated: number };
  /**
   * The plan it runs by; the interpreter has none.
   *
   * @internal
   */
  readonly program?: Program;
  /** One per kernel, or null when they were not measured. */
  timings(): readonly KernelTiming[] | null;
}

/** One kernel as the tables show it. */
export interface KernelRow {
  readonly milliseconds: number;
  readonly calls: number;
  readonly info: KernelInfo;
  /** wasm, wgsl or host. */
  readonly where: string;
  /** Of all calls together. */
  readonly flop: number;
  readonly bytes: number;
  /** The type of its result. */
  readonly shape: string;
  /** The user's line of the innermost loop around it. */
  readonly loop: string;
}

/** The rows of one program. */
export function kernelRows(program: MeasuredProgram, device: string): KernelRow[] {
  const timings = program.timings();
  if (!timings) return [];
  const loops = program.program ? enclosingLoops(program.program.steps) : null;
  return program.kernels.map((info, i): KernelRow => {
    const { milliseconds, calls } = timings[i];
    const { step } = info;
    const cost = step ? stepCost(step) : { flop: 0, bytes: 0 };
    const nodes = step ? nodesOf(step) : [];
    const last = nodes[nodes.length - 1];
    const loop = step && loops?.get(step);
    return {
      milliseconds,
      calls,
      info,
      where: info.kind === "host" || !step ? "host" : device === "webgpu" ? "wgsl" : "wasm",
      flop: cost.flop * calls,
      bytes: cost.bytes * calls,
      shape: last ? describe(last.outputs[0].aval) : "",
      loop: loop ? loopText(loop) : "",
    };
  });
}

/** The nodes that a step computes. */
function nodesOf(step: KernelStep | HostStep): readonly Node[] {
  return step.kind === "host" ? [step.node] : step.nodes;
}

function stepCost(step: KernelStep | HostStep): { flop: number; bytes: number } {
  if (step.kind === "kernel") return kernelCost(step.kernel);
  const values = [...step.node.inputs, ...step.node.outputs];
  return {
    flop: 0,
    bytes: values.reduce((sum, { aval }) => sum + sizeOf(aval.shape) * byteSize(aval.dtype), 0),
  };
}

function loopText({ node, length, reverse }: LoopStep): string {
  const trips = length >= 0 ? `${length} steps` : "steps known at run time";
  return `${`loop ${node.location?.short() ?? ""}`.trim()}${reverse ? ", backwards" : ""}, ${trips}`;
}

/** The largest buffers of a program, and how much sharing places saved. */
export function bufferUse(program: Program): {
  readonly biggest: readonly { readonly bytes: number; readonly text: string }[];
  readonly temporaries: number;
  readonly arena: number;
} {
  let temporaries = 0;
  for (const buffer of program.buffers) if (buffer.kind === "temporary") temporaries += buffer.bytes;
  const biggest = program.buffers.toSorted((a, b) => b.bytes - a.bytes).slice(0, 8).map((buffer) => ({
    bytes: buffer.bytes,
    text: `${buffer.kind} ${buffer.dtype}[${buffer.length}]${
      buffer.reuses >= 0 ? `, in place of input ${buffer.reuses}` : ""
    }${buffer.kind === "input" ? ` ${program.graph.inputs[buffer.position]?.name ?? ""}` : ""}`.trimEnd(),
  }));
  return { biggest, temporaries, arena: program.arenaBytes };
}

/** Milliseconds per call by node, and by place and primitive: passes make new nodes and keep where they were written. */
export class NodeTimes {
  readonly #nodes: Map<Node, number> = new Map();
  readonly #places: Map<Location, Map<string, number>> = new Map();

  /** Shares the time of a kernel among its nodes; a product or convolution takes it all. */
  add(step: KernelStep | HostStep, milliseconds: number): void {
    const all = nodesOf(step);
    const heavy = all.filter((node) => /^contract|^convolve/.test(node.primitive.name));
    const nodes = heavy.length > 0 ? heavy : all;
    const share = milliseconds / nodes.length;
    for (const node of nodes) {
      this.#nodes.set(node, (this.#nodes.get(node) ?? 0) + share);
      if (!node.location) continue;
      let names = this.#places.get(node.location);
      if (!names) this.#places.set(node.location, names = new Map());
      names.set(node.primitive.name, (names.get(node.primitive.name) ?? 0) + share);
    }
  }

  of(node: Node): number | undefined {
    const known = this.#nodes.get(node);
    if (known !== undefined) return known;
    return node.location ? this.#places.get(node.location)?.get(node.primitive.name) : undefined;
  }
}
