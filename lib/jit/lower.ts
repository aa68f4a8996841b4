/** What `f.lower(...args)` shows: the graph and the compiled program, without running. */
import { DeviceError } from "../trace/errors.ts";
import type { Graph } from "../trace/graph.ts";
import type { Device } from "../trace/storage.ts";
import type { KernelInfo } from "./backend.ts";
import type { Entry } from "./entry.ts";
import { compilerFor, devices } from "./devices.ts";

/** A traced and compiled function, to look at. */
export interface Lowered {
  /** The traced graph. */
  readonly graph: Graph;
  /** The graph as text. */
  toString(): string;
  /** The program for WebGPU as WGSL; needs no adapter. */
  wgsl(): string;
  /** The program for WebAssembly as text. */
  wat(): string;
  /** The kernels of the compiled program. */
  readonly kernels: readonly KernelInfo[];
  /** Bytes: the most taken at once by temporaries and results, and results that lie in donated buffers. */
  readonly memory: { readonly peak: number; readonly donated: number };
}

/** Compiles the entry and describes it. */
export function lowerEntry(entry: Entry): Lowered {
  const executable = entry.executable();
  return {
    graph: entry.graph,
    toString: () => entry.graph.toString(),
    wgsl: () => textFor(entry, "webgpu", "WGSL"),
    wat: () => textFor(entry, "wasm", "WAT"),
    kernels: executable.kernels,
    memory: executable.memory,
  };
}

function textFor(entry: Entry, device: Device, language: string): string {
  if (entry.backend.device === device) return entry.executable().text();
  const backend = compilerFor(device);
  if (!backend) {
    throw new DeviceError(
      `lower: there is no ${language}, because the device "${device}" is not available here.`,
      {
        operation: "lower",
        remedy: `Available: ${devices().join(", ")}.`,
      },
    );
  }
  return entry.compileFor(backend).text();
}
