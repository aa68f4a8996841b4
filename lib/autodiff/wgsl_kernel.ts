/** wgslKernel: an operation computed by a WebGPU shader of the user's own. */
import { checkDefinition } from "./definition.ts";
import { DeviceError, ShapeError } from "../trace/errors.ts";
import type { HostArray } from "../trace/primitive.ts";
import type { Tensor } from "../trace/tensor.ts";
import {
  type DefinedFunction,
  definePrimitive,
  type DerivativeRules,
  type ShaderDefinition,
} from "./define_primitive.ts";
import { checkKernelInputs, type KernelInput, type KernelType } from "./kernel_inputs.ts";

/** What {@link wgslKernel} takes. */
export interface WgslKernelOptions extends DerivativeRules {
  /** The WGSL module, or a function that writes it for the types of a call. */
  readonly code: string | ((inputs: readonly KernelType[], outputs: readonly KernelType[]) => string);
  /** The types of the results for those of the inputs: one, or an array of them. */
  readonly outputs: (...inputs: KernelType[]) => KernelType | readonly KernelType[];
  /** How many workgroups run, along one to three dimensions. */
  readonly workgroups: (
    inputs: readonly KernelType[],
    outputs: readonly KernelType[],
  ) => number | readonly number[];
  /** Which dtypes and shapes the kernel takes; without it, all that `outputs` does not refuse. */
  readonly inputs?: readonly KernelInput[];
  /** The name of the entry point; "main" when left out. */
  readonly entryPoint?: string;
  /** What devices without WebGPU compute instead, on row-major arrays; without it they refuse the operation. */
  readonly fallback?: (...inputs: HostArray[]) => ArrayLike<number> | readonly ArrayLike<number>[];
}

/** Workgroups along one dimension that every device runs. */
const MAX_WORKGROUPS = 65_535;

/**
 * An operation computed by a WebGPU compute shader of one's own. The shader finds the inputs, in order, and then the
 * results as storage buffers `@group(0) @binding(0)`, `@binding(1)` and so on: inputs `read`, results `read_write`, each
 * as long as its tensor (`arrayLength` may be asked). Elements are row-major; float32, int32 and uint32 take a word,
 * float16 half of one, and bool, int8 and uint8 a quarter (a bool is 0 or 1). It works outside and inside compiled
 * functions and loops, and under vmap example by example. A `jvp` or `vjp` rule makes it differentiable. Tensors on
 * other devices are refused, unless `fallback` says what is computed there.
 *
 * @throws {DeviceError} when it runs on a device without WebGPU and has no fallback, and, naming the kernel and the place,
 *   when the shader is refused.
 * @throws {ShapeError} when the workgroups are none that WebGPU can run.
 * @throws {GradientError} when both rules are given.
 * @example
 * ```ts
 * import { devices, init, jit, tensor, wgslKernel } from "@damo/damo";
 * const triple = wgslKernel({
 *   name: "triple",
 *   code: `
 * @group(0) @binding(0) var<storage, read> x: array<f32>;
 * @group(0) @binding(1) var<storage, read_write> y: array<f32>;
 * @compute @workgroup_size(64)
 * fn main(@builtin(global_invocation_id) id: vec3u) {
 *   if (id.x < arrayLength(&y)) { y[id.x] = 3 * x[id.x]; }
 * }`,
 *   inputs: [{ name: "x", dtype: "float32" }],
 *   outputs: (x) => x,
 *   workgroups: ([x]) => Math.ceil(x.shape.reduce((a, b) => a * b, 1) / 64),
 *   fallback: (x) => x.data.map((value) => 3 * value),
 *   vjp: (_inputs, _results, [cotangent]) => [cotangent.mul(3)],
 * });
 * // On a real GPU where there is one, and otherwise by the fallback.
 * await init({ device: "auto" });
 * console.assert(jit((x) => triple(x).sum())(tensor([1, 2])).itemSync() === 9, devices().join());
 * ```
 */
export function wgslKernel(
  options: WgslKernelOptions & { readonly outputs: (...inputs: KernelType[]) => KernelType },
): DefinedFunction<Tensor>;
/** A kernel of several results gives an array. */
export function wgslKernel(
  options: WgslKernelOptions & { readonly outputs: (...inputs: KernelType[]) => readonly KernelType[] },
): DefinedFunction<Tensor[]>;
export function wgslKernel(
  options: WgslKernelOptions,
): DefinedFunction<Tensor> | DefinedFunction<Tensor[]> {
  checkDefinition("wgslKernel", options, {
    required: ["outputs", "workgroups"],
    optional: ["fallback", "jvp", "vjp"],
  });
  const { name, code, inputs: declared, outputs, entryPoint = "main", fallback, jvp, vjp } = options;
  const infer = (...inputs: KernelType[]) => {
    if (declared) checkKernelInputs(name, declared, inputs);
    return outputs(...inputs.map(({ shape, dtype }) => ({ shape, dtype })));
  };
  const evaluate = (...inputs: HostArray[]) => {
    if (fallback) return fallback(...inputs);
    throw new DeviceError(`${name} is a WebGPU shader, and its inputs are not on a WebGPU device.`, {
      operation: name,
      arguments: inputs.map(({ shape, dtype }, i) => ({
        name: declared?.[i]?.name ?? `input ${i}`,
        shape,
        dtype,
      })),
      remedy: 'Prepare one with await init({ device: "webgpu" }) and move the inputs with .to("webgpu"), ' +
        "or give the kernel a { fallback }.",
    });
  };
  const definition: ShaderDefinition = {
    name,
    infer,
    evaluate,
    jvp,
    vjp,
    shader: (inputs, outputs) => ({
      kind: "shader",
      code: typeof code === "string" ? code : code(inputs, outputs),
      entryPoint,
      workgroups: checkWorkgroups(name, options.workgroups(inputs, outputs)),
    }),
  };
  return definePrimitive(definition) as DefinedFunction<Tensor>;
}

function checkWorkgroups(name: string, given: number | readonly number[]): [number, number, number] {
  const list = typeof given === "number" ? [given] : [...given];
  const fits = list.length >= 1 && list.length <= 3 &&
    list.every((n) => Number.isInteger(n) && n >= 0 && n <= MAX_WORKGROUPS);
  if (!fits) {
    throw new ShapeError(`${name}: workgroups is ${JSON.stringify(given)}.`, {
      operation: name,
      remedy: `Give one to three whole numbers from 0 to ${MAX_WORKGROUPS}; more work needs more dimensions.`,
    });
  }
  const [x, y = 1, z = 1] = list;
  return [x, y, z];
}
