/** wasmKernel: an operation computed by a WebAssembly function of the user's own. */
import { checkDefinition } from "./definition.ts";
import { byteSize, newTypedArray, type TypedArray, viewTypedArray } from "../trace/dtype.ts";
import { DamoError, FormatError, ShapeError } from "../trace/errors.ts";
import type { HostArray } from "../trace/primitive.ts";
import type { Tensor } from "../trace/tensor.ts";
import { describe, sizeOf } from "../trace/shape.ts";
import { type DefinedFunction, definePrimitive, type DerivativeRules } from "./define_primitive.ts";
import { checkKernelInputs, type KernelInput, type KernelType } from "./kernel_inputs.ts";
import { KernelMemory } from "./kernel_memory.ts";

/** What {@link wasmKernel} takes. */
export interface WasmKernelOptions extends DerivativeRules {
  /** The WebAssembly module: its bytes, or compiled. */
  readonly module: BufferSource | WebAssembly.Module;
  /** The exported function that computes; the kernel's name when left out. */
  readonly export?: string;
  /** The types of the results for those of the inputs: one, or an array of them. */
  readonly outputs: (...inputs: KernelType[]) => KernelType | readonly KernelType[];
  /** Which dtypes and shapes the kernel takes; without it, all that `outputs` does not refuse. */
  readonly inputs?: readonly KernelInput[];
  /** What is passed after the addresses: the element count of the first result when left out. */
  readonly parameters?: (
    inputs: readonly KernelType[],
    outputs: readonly KernelType[],
  ) => readonly (number | bigint)[];
  /** What the module imports. */
  readonly imports?: WebAssembly.Imports;
  /** The memory that the function works in; the one that the module exports, or that it imports, when left out. */
  readonly memory?: WebAssembly.Memory;
}

/**
 * An operation computed by a WebAssembly function of one's own, for algorithms that are no composition of tensor
 * operations. The function is called once per example with byte addresses in its module's memory: those of the inputs,
 * in order, then those of the results, then `parameters` (the element count of the first result unless said
 * otherwise). Arrays are row-major in the tensors' own dtypes (bool one byte, float16 two), each aligned to 16 bytes,
 * results zeroed; they are copied in and out, so the function may write where it likes among them. It works outside
 * and inside compiled functions and on every device (data of other devices passes through the host), and under vmap
 * example by example. A `jvp` or `vjp` rule makes it differentiable.
 *
 * @throws {FormatError} when the module is no WebAssembly, lacks the function or a memory, or cannot be linked.
 * @throws {GradientError} when both rules are given.
 * @example
 * ```ts
 * import { grad, jit, tensor, wasmKernel } from "@damo/damo";
 * // (func (export "triple") (param $x i32) (param $y i32) (param $n i32) ... y[i] = 3 * x[i])
 * const module = Uint8Array.fromBase64(
 *   "AGFzbQEAAAABBwFgA39/fwADAgEABQMBAAEHEwIGbWVtb3J5AgAGdHJpcGxlAAAKMwExAANAIAIEQCABQwAAQEAgACoC" +
 *     "AJQ4AgAgAEEEaiEAIAFBBGohASACQQFrIQIMAQsLCw==",
 * );
 * const triple = wasmKernel({
 *   name: "triple",
 *   module,
 *   inputs: [{ name: "x", dtype: "float32" }],
 *   outputs: (x) => x,
 *   vjp: (_inputs, _results, [cotangent]) => [cotangent.mul(3)],
 * });
 * console.assert(jit((x) => triple(x).sum())(tensor([1, 2])).itemSync() === 9);
 * console.assert(grad((x) => triple(x).sum())(tensor([1, 2])).arraySync()[1] === 3);
 * ```
 */
export function wasmKernel(
  options: WasmKernelOptions & { readonly outputs: (...inputs: KernelType[]) => KernelType },
): DefinedFunction<Tensor>;
/** A kernel of several results gives an array. */
export function wasmKernel(
  options: WasmKernelOptions & { readonly outputs: (...inputs: KernelType[]) => readonly KernelType[] },
): DefinedFunction<Tensor[]>;
export function wasmKernel(
  options: WasmKernelOptions,
): DefinedFunction<Tensor> | DefinedFunction<Tensor[]> {
  checkDefinition("wasmKernel", options, { required: ["outputs"], optional: ["parameters", "jvp", "vjp"] });
  const { name, inputs: declared, outputs, jvp, vjp } = options;
  const run = linkKernel(options);
  const infer = (...inputs: KernelType[]) => {
    if (declared) checkKernelInputs(name, declared, inputs);
    return outputs(...inputs.map(({ shape, dtype }) => ({ shape, dtype })));
  };
  const evaluate = (...inputs: HostArray[]) => {
    const result = infer(...inputs);
    const types = Array.isArray(result) ? result as KernelType[] : [result as KernelType];
    return run(inputs, types);
  };
  return definePrimitive({ name, infer, evaluate, jvp, vjp }) as DefinedFunction<Tensor>;
}

type RunKernel = (inputs: readonly HostArray[], outputs: readonly KernelType[]) => TypedArray[];

function linkKernel(options: WasmKernelOptions): RunKernel {
  const { name, parameters = (_inputs, outputs) => [sizeOf(outputs[0]?.shape ?? [])] } = options;
  const exported = options.export ?? name;
  const instance = instantiate(options);
  const run = instance.exports[exported];
  if (typeof run !== "function") {
    const functions = Object.entries(instance.exports).filter(([, value]) => typeof value === "function");
    throw refused(
      name,
      `the module exports no function "${exported}"`,
      functions.length > 0
        ? `Name one of its functions in { export }: ${functions.map(([key]) => key).join(", ")}.`
        : "Export the function from the module.",
    );
  }
  const memory = new KernelMemory(memoryOf(options, instance), name);
  return (inputs, outputs) => {
    const avals = [...inputs, ...outputs];
    const addresses = memory.place(avals.map(({ shape, dtype }) => sizeOf(shape) * byteSize(dtype)));
    const views = () =>
      avals.map(({ shape, dtype }, i) =>
        viewTypedArray(dtype, memory.memory.buffer, addresses[i], sizeOf(shape))
      );
    views().forEach((view, i) => i < inputs.length ? view.set(inputs[i].data) : view.fill(0));
    const numbers = [...addresses, ...parameters(inputs.map(typeOf), outputs)];
    checkArity(name, exported, run, numbers.length, inputs.length, outputs.length);
    try {
      run(...numbers);
    } catch (cause) {
      throw trapped(name, cause, inputs);
    }
    // The function may have grown the memory, which replaces its buffer.
    return views().slice(inputs.length).map((view, i) => {
      const result = newTypedArray(outputs[i].dtype, view.length);
      result.set(view);
      return outputs[i].dtype === "bool" ? result.map((value) => value === 0 ? 0 : 1) : result;
    });
  };
}

function typeOf({ shape, dtype }: KernelType): KernelType {
  return { shape, dtype };
}

function instantiate({ name, module, imports }: WasmKernelOptions): WebAssembly.Instance {
  try {
    const compiled = module instanceof WebAssembly.Module ? module : new WebAssembly.Module(module);
    return new WebAssembly.Instance(compiled, imports);
  } catch (error) {
    const linking = error instanceof WebAssembly.LinkError ||
      (error instanceof TypeError && module instanceof WebAssembly.Module);
    const what = `the module cannot be ${linking ? "linked" : "compiled"}: ${(error as Error).message}`;
    throw refused(
      name,
      what,
      linking || imports === undefined && /import/i.test((error as Error).message)
        ? "Pass what the module imports as { imports: { module: { name: value } } }."
        : "Pass the bytes of a WebAssembly module, or a WebAssembly.Module.",
    );
  }
}

function memoryOf(options: WasmKernelOptions, instance: WebAssembly.Instance): WebAssembly.Memory {
  const imported = Object.values(options.imports ?? {}).flatMap((names) => Object.values(names));
  const found = [options.memory, ...Object.values(instance.exports), ...imported]
    .find((value) => value instanceof WebAssembly.Memory);
  if (found) return found as WebAssembly.Memory;
  throw refused(
    options.name,
    "the module exports no memory, and none was passed",
    "Export the module's memory, or import one and pass it: { imports: { env: { memory } } }.",
  );
}

function refused(kernel: string, what: string, remedy: string): FormatError {
  return new FormatError(`wasmKernel: ${kernel}: ${what.replace(/[.\s]+$/, "")}.`, {
    operation: "wasmKernel",
    remedy,
  });
}

function checkArity(
  kernel: string,
  exported: string,
  // deno-lint-ignore ban-types -- what WebAssembly.Exports gives
  run: Function,
  given: number,
  inputs: number,
  outputs: number,
): void {
  if (run.length === given) return;
  const others = given - inputs - outputs;
  throw new ShapeError(
    `${kernel}: the function "${exported}" of the module has ${run.length} parameters, and would be called with ` +
      `${given}: ${inputs} addresses of inputs, ${outputs} of results, ${others} others.`,
    {
      operation: kernel,
      remedy:
        "Call the kernel with as many inputs as it reads, or say in { parameters } what follows the addresses.",
    },
  );
}

function trapped(kernel: string, cause: unknown, inputs: readonly KernelType[]): DamoError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new DamoError(
    `${kernel}: the kernel stopped with "${message}" on ${inputs.map(describe).join(", ")}.`,
    {
      operation: kernel,
      arguments: inputs.map(({ shape, dtype }, i) => ({ name: `input ${i}`, shape, dtype })),
      cause,
      remedy:
        "Look at what the function reads and writes: addresses are in bytes, results follow the inputs.",
    },
  );
}
