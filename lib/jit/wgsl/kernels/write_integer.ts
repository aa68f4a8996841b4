/** Writes an int32 that is a parameter: step numbers and trip counts, in the order of the dispatches. */
import { Access } from "../access.ts";
import type { Place } from "../place.ts";
import type { KernelPlan } from "../plan.ts";
import { Shader } from "../shader.ts";

export function writeInteger(place: Place): KernelPlan {
  const shader = new Shader();
  const access = new Access(
    shader,
    [{ dtype: "int32", access: "write" }],
    [place],
    new Set([0]),
    () => ({ vector: false, atomic: false }),
  );
  access.declare(1);
  const { constant, term } = access.base(0);
  access.store(0, term === null ? `${constant}` : `${term} + ${constant}`, access.parameter(0, true));
  return {
    dispatches: [{
      label: "number",
      code: shader.text("@compute @workgroup_size(1)\nfn main()"),
      bindings: access.bindings,
      groups: [1, 1, 1],
      offsets: access.parameters,
      constants: [0],
    }],
    scratchBytes: 0,
  };
}
