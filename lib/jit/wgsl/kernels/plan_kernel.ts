/** The dispatches of any kernel. */
import { DeviceError } from "../../../trace/errors.ts";
import type { Kernel, UserShader } from "../../kernel/kernel.ts";
import { contractionNest } from "../../kernel/contraction_nest.ts";
import { convolutionNest } from "../../kernel/convolution_nest.ts";
import { type Place, storedBits } from "../place.ts";
import type { KernelPlan } from "../plan.ts";
import { planRoutine } from "../routines/mod.ts";
import type { Tuning } from "../tuning.ts";
import { planContraction } from "./contraction.ts";
import { copyNest } from "./copy.ts";
import { planCumulative } from "./cumulative.ts";
import { planNest } from "./nest.ts";
import { planSort } from "./sort.ts";
import { planTopk } from "./topk.ts";

/** What a device limits. */
export interface ShaderLimits {
  readonly buffers: number;
}

export function planKernel(
  kernel: Kernel,
  places: readonly Place[],
  tuning: Tuning,
  limits: ShaderLimits,
): KernelPlan {
  const plan = planAny(kernel, places, tuning);
  for (const { bindings, label } of plan.dispatches) {
    if (bindings.length > limits.buffers) {
      throw new DeviceError(
        `A ${label} kernel binds ${bindings.length} buffers, and this WebGPU adapter allows ${limits.buffers}.`,
        { operation: "webgpu", remedy: "Split the function into several jitted ones." },
      );
    }
  }
  return plan;
}

function planAny(kernel: Kernel, places: readonly Place[], tuning: Tuning): KernelPlan {
  switch (kernel.kind) {
    case "nest":
      return planNest(kernel, places, tuning);
    case "copy":
      return planNest(copyNest(kernel), places, tuning);
    case "contraction":
      return planContraction(kernel, places, tuning) ?? planNest(contractionNest(kernel), places, tuning);
    case "convolution":
      return planNest(convolutionNest(kernel), places, tuning);
    case "cumulative":
      return planCumulative(kernel, places, tuning);
    case "sort":
      return planSort(kernel, places, tuning);
    case "topk":
      return planTopk(kernel, places, tuning);
    case "shader":
      return planShader(kernel, places);
    case "routine":
      return planRoutine({ kernel, places, tuning });
  }
}

/** The user's shader as it is, on buffers cut to the length of their operands. */
function planShader(kernel: UserShader, places: readonly Place[]): KernelPlan {
  const { code, entryPoint, workgroups, operands, lengths } = kernel;
  if (workgroups.includes(0)) return { dispatches: [], scratchBytes: 0 };
  return {
    dispatches: [{
      label: "user's",
      code,
      entryPoint,
      bindings: operands.map(({ dtype, access }, i) => ({
        slot: places[i].slot,
        write: access !== "read",
        texels: null,
        width: 0,
        bytes: Math.max(4, 4 * Math.ceil(lengths[i] * storedBits(dtype) / 32)),
      })),
      groups: workgroups,
      offsets: [],
      constants: [],
    }],
    scratchBytes: 0,
  };
}
