/** A program as WGSL text, for people; it needs no adapter. */
import type { LoopStep, Program, Step } from "../kernel/program.ts";
import { kernelInfo, kindOf, measuredSteps } from "./kernel_info.ts";
import { loopParts } from "./kernels/loop_parts.ts";
import { loopsInside, planLoop } from "./kernels/loop_shader.ts";
import { planKernel } from "./kernels/plan_kernel.ts";
import { type PlaceOptions, placesOf, type ProgramLayout } from "./layout.ts";
import type { Dispatch } from "./plan.ts";
import type { Tuning } from "./tuning.ts";

/** Dispatches of a kernel that are shown one by one; of more, each shader once. */
const MOST_SHOWN = 64;

function timesOf(code: string, dispatches: readonly Dispatch[]): string {
  const times = dispatches.filter((dispatch) => dispatch.code === code).length;
  return times === 1 ? "" : `, and ${times - 1} dispatches more`;
}

/** Every kernel with a comment that says what it computes and how it is dispatched. */
export function programText(
  program: Program,
  layout: ProgramLayout,
  tuning: Tuning,
  options: PlaceOptions = {},
): string {
  const parts: string[] = [];
  const seen = new Set<string>();
  for (const step of measuredSteps(program.steps)) {
    const { name } = kernelInfo(step);
    if (step.kind === "host") {
      parts.push(`// host: ${name}\n`);
      continue;
    }
    const ids: number[] = [];
    const slots = step.bindings.map(({ buffer }) => {
      const place = layout.slotOf[buffer] >= 0
        ? -1 - layout.slotOf[buffer]
        : layout.scalarWord[buffer] >= 0
        ? Infinity
        : buffer;
      const known = ids.indexOf(place);
      return known >= 0 ? known : ids.push(place) - 1;
    });
    const places = placesOf(step, program, layout, slots, options);
    const { dispatches } = planKernel(step.kernel, places, tuning, { buffers: Infinity });
    const long = dispatches.length > MOST_SHOWN;
    for (const [i, { code, groups, label }] of dispatches.entries()) {
      if (long && dispatches.findIndex((other) => other.code === code) < i) continue;
      const head = `// ${kindOf(step)}${label === kindOf(step) ? "" : `, ${label}`}: ${name || "copy"}\n` +
        `// workgroups: ${groups.join(" x ")}${long ? timesOf(code, dispatches) : ""}\n`;
      parts.push(seen.has(code) ? `${head}// the shader above\n` : head + code);
      seen.add(code);
    }
  }
  for (const loop of outermostLoops(program.steps)) {
    const loopText = textOfLoop(loop, program, layout, tuning, options);
    if (loopText !== null) parts.push(loopText);
  }
  return parts.join("\n");
}

function outermostLoops(steps: readonly Step[]): LoopStep[] {
  return steps.flatMap((step) =>
    step.kind === "loop" ? [step] : step.kind === "switch" ? step.branches.flatMap(outermostLoops) : []
  );
}

/** A loop as the one shader that it is where its state is small; the kernels of its body are shown before. */
function textOfLoop(
  loop: LoopStep,
  program: Program,
  layout: ProgramLayout,
  tuning: Tuning,
  options: PlaceOptions,
): string | null {
  const parts = loopParts(loop, program.buffers, tuning);
  if (parts === null) return null;
  const inside = loopsInside(parts);
  const bindings = parts.bindings.map((binding) => ({
    ...binding,
    steps: binding.steps.filter(({ loop }) => !inside.has(loop)),
  }));
  const buffers = bindings.map(({ buffer }) => buffer);
  const slots = buffers.map((buffer) => buffers.indexOf(buffer));
  const places = placesOf({ bindings }, program, layout, slots, options);
  const [{ code }] = planLoop(parts, places, tuning).dispatches;
  return `// the steps of ${loop.length < 0 ? "a loop" : `a loop of ${loop.length}`} in one shader\n${code}`;
}
