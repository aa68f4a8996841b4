/** Checking of option objects: unknown names, dtypes and devices. */
import { type DType, DTYPES, isDType } from "../dtype.ts";
import { DamoError, DeviceError, DTypeError } from "../errors.ts";
import type { Device } from "../storage.ts";

/** Where and as what a new tensor is made. */
export interface CreationOptions {
  /** The element type; the default float where nothing else decides. */
  readonly dtype?: DType;
  /** The device; the default device where it is left out. */
  readonly device?: Device;
}

/** Refuses option names that the operation does not know. */
export function checkOptions(operation: string, options: object | undefined, known: readonly string[]): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new DamoError(`${operation}: options must be an object, got ${String(options)}.`, {
      operation,
      remedy: `Write them as { ${known.join(", ")} }.`,
    });
  }
  for (const name in options) {
    if (known.includes(name)) continue;
    throw new DamoError(`${operation}: unknown option ${JSON.stringify(name)}.`, {
      operation,
      arguments: [{ name, value: (options as Record<string, unknown>)[name] }],
      remedy: `It takes ${known.map((option) => JSON.stringify(option)).join(", ")}.`,
    });
  }
}

/** Refuses what is no function where one belongs; a forgotten argument reads as undefined. */
export function checkFunction(operation: string, fn: unknown, name = "fn"): void {
  if (typeof fn === "function") return;
  throw new DamoError(
    `${operation}: ${name} must be a function, got ${
      Array.isArray(fn) ? "an array" : fn !== null && typeof fn === "object" ? "an object" : String(fn)
    }.`,
    {
      operation,
      arguments: [{ name, value: fn }],
      remedy: "Pass the function itself, not its result.",
    },
  );
}

/** Refuses what is no text where one belongs: arguments in another order. */
export function checkText(operation: string, name: string, text: unknown, form: string): void {
  if (typeof text === "string") return;
  const shown = typeof text === "object" && text !== null ? "an object" : String(text);
  throw new DamoError(`${operation}: ${name} must be a text, got ${shown}.`, {
    operation,
    arguments: [{ name, value: text }],
    remedy: `Write ${form}.`,
  });
}

/** Refuses the result of an asynchronous function, which holds no tensors yet when the trace ends. */
export function checkNotAsync(name: string, result: unknown): void {
  if (!(result instanceof Promise)) return;
  // The error here is the one to see; what the promise meets later is a consequence.
  result.catch(() => {});
  throw new DamoError(`${name} is asynchronous: a traced function must build its result at once.`, {
    operation: name,
    remedy: "Await data before the call and pass it as an argument.",
  });
}

/** Refuses an option that is none of the words it may be. */
export function checkChoice(
  operation: string,
  name: string,
  value: unknown,
  choices: readonly string[],
): void {
  if (value === undefined || choices.includes(value as string)) return;
  throw new DamoError(`${operation}: ${name} is ${JSON.stringify(value) ?? String(value)}.`, {
    operation,
    arguments: [{ name, value }],
    remedy: `Use one of ${choices.map((choice) => JSON.stringify(choice)).join(", ")}.`,
  });
}

/** Checks a dtype that the user gave. */
export function checkDType(operation: string, dtype: unknown): DType {
  if (isDType(dtype)) return dtype;
  throw new DTypeError(`${operation}: ${JSON.stringify(dtype) ?? String(dtype)} is not a dtype.`, {
    operation,
    arguments: [{ name: "dtype", value: dtype }],
    remedy: `Use one of ${DTYPES.map((name) => JSON.stringify(name)).join(", ")}.`,
  });
}

/** Checks a device that the user gave. */
export function checkDevice(operation: string, device: unknown): Device {
  if (device === "wasm" || device === "webgpu") return device;
  throw new DeviceError(`${operation}: ${JSON.stringify(device) ?? String(device)} is not a device.`, {
    operation,
    arguments: [{ name: "device", value: device }],
    remedy: 'Use "wasm" or "webgpu".',
  });
}

/** Checks options of { dtype, device }. */
export function checkCreation(operation: string, options: CreationOptions): void {
  checkOptions(operation, options, ["dtype", "device"]);
  if (options.dtype !== undefined) checkDType(operation, options.dtype);
  if (options.device !== undefined) checkDevice(operation, options.device);
}
