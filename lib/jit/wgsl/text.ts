/** A program as WGSL text, for people; it needs no adapter. */
import type { Program } from "../kernel/program.ts";
import { kernelInfo, kindOf, measuredSteps } from "./kernel_info.ts";
import { planKernel } from "./kernels/plan_kernel.ts";
import { placesOf, type ProgramLayout } from "./layout.ts";
import type { Tuning } from "./tuning.ts";

/** Every kernel with a comment that says what it computes and how it is dispatched. */
export function programText(program: Program, layout: ProgramLayout, tuning: Tuning): string {
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
    const places = placesOf(step, program, layout, slots);
    const { dispatches } = planKernel(step.kernel, places, tuning, { buffers: Infinity });
    for (const { code, groups, label } of dispatches) {
      const head = `// ${kindOf(step)}${label === kindOf(step) ? "" : `, ${label}`}: ${name || "copy"}\n` +
        `// workgroups: ${groups.join(" x ")}\n`;
      parts.push(seen.has(code) ? `${head}// the shader above\n` : head + code);
      seen.add(code);
    }
  }
  return parts.join("\n");
}
