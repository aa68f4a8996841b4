/** Turns a convolution and the elementwise work behind it into a kernel. */
import type { Variable } from "../../trace/graph.ts";
import { buildEpilogue, CONVOLUTION_RANGES } from "./build_epilogue.ts";
import type { BuildContext, BuiltKernel } from "./build_nest.ts";
import type { Group } from "./group.ts";

/** The kernel of a group whose first member is a convolution; `base` gives the buffer that a variable is read from. */
export function buildConvolution(
  group: Group,
  context: BuildContext,
  base: (v: Variable) => Variable,
): BuiltKernel {
  const [node] = group.members;
  const { lowering } = context.classes.get(node)!;
  if (lowering.kind !== "convolve") throw new Error("Not a convolution.");
  const [x, filters] = node.inputs, [output] = node.outputs;
  let operands: [number, number] = [0, 0];
  const { epilogue, builder } = buildEpilogue(group, context, {
    ranges: CONVOLUTION_RANGES,
    before: (builder) => operands = [builder.read(base(x)), builder.read(base(filters))],
    storesSums: true,
  });
  return {
    kernel: {
      ...lowering,
      kind: "convolution",
      dtype: output.aval.dtype,
      input: operands[0],
      filters: operands[1],
      inputShape: x.aval.shape,
      kernelShape: filters.aval.shape,
      outputShape: output.aval.shape,
      operands: builder.operands,
      epilogue,
    },
    operands: builder.operandVariables.map((v) => v!),
    nodes: group.members,
    scratch: [],
  };
}
