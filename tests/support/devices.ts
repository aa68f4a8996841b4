/**
 * Tests that hold on every device: one body, registered once for each, with the device's name behind the promise.
 * `deno task test` counts them by these names. WebGPU has no float64, so bodies ask for the widest type with `wide`
 * and for a tolerance with `within`.
 */
import { assert } from "@std/assert";
import { defaultDevice, type Device, type DType, init, type Tensor, tensor, withDevice } from "@damo/damo";
import { isWebGpuRequired } from "./require_webgpu.ts";

async function findWebGpu(): Promise<string> {
  try {
    await init({ device: "webgpu" });
    return "";
  } catch (error) {
    if (isWebGpuRequired()) throw error;
    return (error as Error).message.split("\n")[0];
  } finally {
    await init({ device: "wasm" });
  }
}

/** Why there is no WebGPU here, or nothing. */
const missing = await findWebGpu();

/** Registers `promise` once for each device; for one alone where it is about float64, which only that one has. */
export function deviceTest(promise: string, body: (device: Device) => void | Promise<void>): void {
  if (promise.endsWith("float64")) {
    Deno.test(`${promise} (wasm alone)`, () => withDevice("wasm", () => body("wasm")));
    return;
  }
  Deno.test(`${promise} (wasm)`, () => withDevice("wasm", () => body("wasm")));
  Deno.test({
    name: `${promise} (webgpu)`,
    ignore: missing !== "",
    // The device lives as long as the process.
    sanitizeResources: false,
    sanitizeOps: false,
    fn: () => withDevice("webgpu", () => body("webgpu")),
  });
}

/** The widest float type of the device that a test runs on. */
export function wide(): DType {
  return defaultDevice() === "webgpu" ? "float32" : "float64";
}

/** A tolerance meant for float64, or what float32 allows. */
export function within(tolerance: number, single = 2e-5): number {
  return wide() === "float64" ? tolerance : Math.max(tolerance, single);
}

/** A tensor of the widest type. */
export function widest(data: ArrayLike<number> | number[][], shape?: readonly number[]): Tensor {
  const dtype = wide();
  const values = ArrayBuffer.isView(data) ? Array.from(data as unknown as number[]) : data as number[];
  return shape ? tensor(values, { dtype, shape: [...shape] }) : tensor(values, { dtype });
}

/** Equal up to a tolerance meant for float64, relative to the larger of 1 and what is expected. */
export function assertNear(actual: number, expected: number, tolerance: number, what = ""): void {
  const allowed = within(tolerance) * (wide() === "float64" ? 1 : Math.max(1, Math.abs(expected)));
  const same = Object.is(actual, expected) || Math.abs(actual - expected) <= allowed;
  assert(same, `${what} ${actual}, expected ${expected}, allowed ${allowed}`.trim());
}
