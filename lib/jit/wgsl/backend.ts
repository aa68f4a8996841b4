/** The WebGPU device behind the interface of all devices. */
import type { DType, TypedArray } from "../../trace/dtype.ts";
import { DTypeError } from "../../trace/errors.ts";
import type { Graph } from "../../trace/graph.ts";
import type { Device, Storage } from "../../trace/storage.ts";
import type { Backend, BackendSettings, CompileOptions, Executable, MemoryUse } from "../backend.ts";
import { optimise } from "../passes/pipeline.ts";
import type { GroupLimits } from "../schedule/group.ts";
import { schedule } from "../schedule/schedule.ts";
import { withOwnOutputs } from "../own_outputs.ts";
import type { GpuDevice } from "./device.ts";
import { WgslExecutable } from "./executable.ts";
import { GpuHeap } from "./heap.ts";
import { refuseFloat64 } from "./layout.ts";
import { knowsRoutine } from "./routines/mod.ts";
import { WgslStorage } from "./storage.ts";
import type { Tuning } from "./tuning.ts";

/** Shaders compile in quadratic time. */
const MAX_STATEMENTS = 400;

/** What a kernel may hold that reads and writes so many operands. */
export function shaderLimits(operands: number, { recomputeCost }: Tuning): GroupLimits {
  return { statements: MAX_STATEMENTS, operands, recomputeCost, knowsRoutine, shaders: true };
}

export class WgslBackend implements Backend {
  readonly device: Device = "webgpu";
  #heap: GpuHeap;

  constructor(gpu: GpuDevice, settings: BackendSettings = {}) {
    this.#heap = new GpuHeap(gpu, settings.memory);
  }

  get gpu(): GpuDevice {
    return this.#heap.device;
  }

  /** The memory of the present device; programs compiled before a device was lost move to the next one. */
  get heap(): GpuHeap {
    return this.#heap;
  }

  /** Goes on with another device after the first was lost. */
  revive(gpu: GpuDevice, settings: BackendSettings = {}): void {
    this.#heap = new GpuHeap(gpu, settings.memory);
  }

  get #limits(): GroupLimits {
    const buffers = this.gpu.device.limits.maxStorageBuffersPerShaderStage;
    // One is for the scratch buffer of reductions.
    return shaderLimits(buffers - 2, this.gpu.tuning);
  }

  compile(graph: Graph, options: CompileOptions): Executable {
    this.gpu.check();
    refuseFloat64(graph);
    const { donated, inPlace, onPhase } = options;
    const onPass = onPhase && ((name: string, milliseconds: number) => onPhase(`pass ${name}`, milliseconds));
    const optimised = withOwnOutputs(
      optimise(graph, { onPass, exclude: options.exclude, optimised: options.optimised }),
    );
    const started = performance.now();
    const program = schedule(optimised, { limits: this.#limits, donated, inPlace });
    onPhase?.("schedule", performance.now() - started);
    return new WgslExecutable(this, program, options);
  }

  upload(data: TypedArray, dtype: DType): Storage {
    this.gpu.check();
    if (dtype === "float64") {
      throw new DTypeError("A tensor of float64 cannot lie on the device webgpu.", {
        operation: "tensor",
        remedy: 'Make it float32 with cast("float32"), make float32 the default again with ' +
          'setDefaultFloat("float32"), or use the device "wasm".',
      });
    }
    const storage = new WgslStorage(this.#heap, dtype, data.length);
    storage.write(data);
    return storage;
  }

  transfer(storage: Storage): Storage {
    if (!(storage instanceof WgslStorage) || storage.heap !== this.#heap) {
      return this.upload(storage.read(), storage.dtype);
    }
    const taken = new WgslStorage(this.#heap, storage.dtype, storage.length);
    taken.block = storage.detach();
    this.#heap.cache.give(taken.block, taken);
    return taken;
  }

  memory(): MemoryUse {
    return this.#heap.buffers.use;
  }

  configure(settings: BackendSettings): void {
    if (settings.memory !== undefined) {
      this.#heap.cache.budget = settings.memory;
      this.#heap.cache.shrink(settings.memory);
    }
  }

  async synchronize(): Promise<void> {
    await this.gpu.device.queue.onSubmittedWorkDone();
    this.gpu.check();
  }
}
