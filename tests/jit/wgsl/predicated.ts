/** A device with predicates wherever they are possible, and what is asked of it. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { withDevice } from "@damo/damo";
import { installBackend } from "../../../lib/jit/devices.ts";
import type { WgslBackend } from "../../../lib/jit/wgsl/backend.ts";
import { SOFTWARE, type Tuning } from "../../../lib/jit/wgsl/tuning.ts";
import "./default_device.ts";
import { backendWith, gpuTest } from "./support.ts";

/** No loop is one shader, everything is predicated that can be, and blocks are short. */
export const PREDICATED: Tuning = {
  ...SOFTWARE,
  loopWork: 0,
  predicatedDispatches: 1000,
  firstSteps: 3,
  stepsGrowth: 2,
};

/** What the device was asked during `body`. */
export interface Asked {
  readonly reads: number;
  readonly dispatches: number;
  readonly indirect: number;
}

/** Counts of what happens on a backend. */
export function watch(backend: WgslBackend, body: () => void): Asked {
  const { readback, predicates } = backend.heap;
  const read = readback.read.bind(readback), record = predicates.record.bind(predicates);
  const pass = GPUComputePassEncoder.prototype;
  const direct = pass.dispatchWorkgroups;
  let reads = 0, dispatches = 0, indirect = 0;
  readback.read = (...args) => (reads++, read(...args));
  predicates.record = (...args) => (indirect++, record(...args));
  pass.dispatchWorkgroups = function (this: GPUComputePassEncoder, ...args) {
    dispatches++;
    return direct.apply(this, args);
  };
  try {
    body();
  } finally {
    pass.dispatchWorkgroups = direct;
    readback.read = read;
    predicates.record = record;
  }
  return { reads, dispatches, indirect };
}

export function onDevice(
  name: string,
  body: (backend: WgslBackend) => void,
  tuning: Tuning = PREDICATED,
): void {
  gpuTest(name, async () => {
    const backend = await backendWith(tuning);
    const undo = installBackend("webgpu", () => backend);
    try {
      withDevice("webgpu", () => body(backend));
    } finally {
      undo();
    }
  });
}

/** A block is first one step longer than the count before: the next larger number ends with a block. */
export const COUNTS: readonly number[] = [0, 1, 2, 3, 4, 8, 9, 10, 21, 22, 46];

export function assertNear(actual: ArrayLike<number>, expected: readonly number[], tolerance = 1e-4): void {
  assertEquals(actual.length, expected.length);
  const scale = expected.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-3);
  expected.forEach((v, i) => assertAlmostEquals(actual[i], v, tolerance * scale));
}
