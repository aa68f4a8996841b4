/** A close look at the arguments of a call: leaves, devices, and what has no buffer yet. */
import type { DType, TypedArray } from "../trace/dtype.ts";
import { DamoError, DeviceError } from "../trace/errors.ts";
import { parameterName } from "../trace/parameter_names.ts";
import { castPrimitive } from "../trace/primitives/cast.ts";
import { describe } from "../trace/shape.ts";
import type { Device } from "../trace/storage.ts";
import { Tensor } from "../trace/tensor.ts";
import { bindOne } from "../trace/trace.ts";
import { countLeaves, flatten, type TreeSpec, unflatten } from "../trace/tree.ts";
import { defaultDevice, uploadTo, withDevice } from "./devices.ts";
import { type ArgumentLeaf, type Arguments, flattenArguments } from "./signature.ts";

/** The arguments of a call, fit for a program: every leaf is a number or a tensor with a buffer on `device`. */
export interface Prepared {
  readonly flat: Arguments;
  readonly names: readonly string[];
  readonly device: Device;
  /** Whether the options or a tensor among the arguments say so: otherwise what the function captures decides. */
  readonly decided: boolean;
}

/** How a function wants its arguments looked at. */
export interface PrepareOptions {
  readonly name: string;
  readonly static: readonly number[];
  readonly device: Device | undefined;
  /** Where to run when neither the options nor the arguments say so; else the default device. */
  readonly presumed?: Device;
}

/**
 * Takes the arguments apart and gives buffers to what has none: literals and typed arrays.
 *
 * @throws {DeviceError} for tensors elsewhere, and what using a donated, disposed or traced tensor throws.
 */
export function prepare(
  fn: (...args: never[]) => unknown,
  args: readonly unknown[],
  options: PrepareOptions,
): Prepared {
  return prepareNamed(args.map((_, i) => parameterName(fn, i)), args, options);
}

/** The same for arguments of the names given. */
export function prepareNamed(
  names: readonly string[],
  args: readonly unknown[],
  options: PrepareOptions,
): Prepared {
  const given = options.device ?? deviceOf(args, options.static);
  const device = given ?? options.presumed ?? defaultDevice();
  const upload = (data: TypedArray) => {
    const [dtype, values] = elementsOf(data);
    return new Tensor({ shape: [values.length], dtype }, uploadTo(device, values, dtype));
  };
  const flat = flattenArguments(args, names, options.static, upload);
  const leaves = flat.leaves.map((leaf, i) => checkLeaf(leaf, flat.paths[i], options.name, device));
  return { flat: { ...flat, leaves }, names, device, decided: given !== undefined };
}

/** The arguments again, from their structures and leaves. */
export function rebuild(specs: readonly TreeSpec[], leaves: readonly unknown[]): unknown[] {
  let next = 0;
  return specs.map((spec) => {
    const count = countLeaves(spec);
    const value = unflatten(spec, leaves.slice(next, next + count));
    next += count;
    return value;
  });
}

function checkLeaf(leaf: ArgumentLeaf, path: string, name: string, device: Device): ArgumentLeaf {
  if (typeof leaf === "number") return leaf;
  if (leaf.owner !== null) throw leakedArgument(name, path, leaf);
  if (leaf.literal !== null) return materialize(leaf, device);
  leaf.storage();
  if (leaf.device !== device) throw otherDevice(name, path, leaf, device);
  return leaf;
}

function deviceOf(args: readonly unknown[], statics: readonly number[]): Device | undefined {
  for (let i = 0; i < args.length; i++) {
    if (statics.includes(i)) continue;
    for (const leaf of flatten(args[i], (value) => value instanceof Tensor).leaves) {
      const storage = leaf.rawStorage();
      if (storage !== null) return storage.device;
    }
  }
  return undefined;
}

function materialize(literal: Tensor, device: Device): Tensor {
  return withDevice(device, () => bindOne(castPrimitive, [literal], { dtype: literal.dtype }));
}

function elementsOf(data: TypedArray): [DType, TypedArray] {
  if (data instanceof Float32Array) return ["float32", data];
  if (data instanceof Float64Array) return ["float64", data];
  if (data instanceof Int32Array) return ["int32", data];
  if (data instanceof Uint32Array) return ["uint32", data];
  if (data instanceof Int8Array) return ["int8", data];
  if (data instanceof Uint8Array) return ["uint8", data];
  if (typeof Float16Array !== "undefined" && data instanceof Float16Array) return ["float16", data];
  return ["int32", Int32Array.from(data as ArrayLike<number>)];
}

function leakedArgument(name: string, path: string, tensor: Tensor): DamoError {
  const trace = tensor.owner!;
  const why = trace.ended ? "whose trace has ended" : "which has no value while it is traced";
  return new DamoError(
    `${name}: argument ${path} is a traced tensor ${describe(tensor.aval)} of ${trace.name}, ${why}.`,
    {
      operation: name,
      arguments: [{ name: path, shape: tensor.shape, dtype: tensor.dtype }],
      remedy: trace.ended
        ? "Return it from the traced function instead of storing it outside."
        : "Call the function on it, which inlines it, or pass a concrete tensor.",
    },
  );
}

function otherDevice(name: string, path: string, tensor: Tensor, device: Device): DeviceError {
  return new DeviceError(
    `${name} runs on ${device}, and argument ${path} is ${describe(tensor.aval)} on ${tensor.device}.`,
    {
      operation: name,
      arguments: [{ name: path, shape: tensor.shape, dtype: tensor.dtype }],
      remedy: `Pass ${path}.to("${device}").`,
    },
  );
}
