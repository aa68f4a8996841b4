/** Programs for WebGPU as text, where there is no adapter to run them on. */
import type { DType, TypedArray } from "../../trace/dtype.ts";
import { DeviceError } from "../../trace/errors.ts";
import type { Graph } from "../../trace/graph.ts";
import type { Device, Storage } from "../../trace/storage.ts";
import type { Backend, CompileOptions, Executable, KernelInfo, MemoryUse } from "../backend.ts";
import { optimise } from "../passes/pipeline.ts";
import { schedule } from "../schedule/schedule.ts";
import { withOwnOutputs } from "../own_outputs.ts";
import { shaderLimits } from "./backend.ts";
import { kernelInfo, measuredSteps } from "./kernel_info.ts";
import { layoutOf, refuseFloat64 } from "./layout.ts";
import { programText } from "./text.ts";
import { SOFTWARE } from "./tuning.ts";

/** What every adapter binds at least. */
const BUFFERS = 8;

function noAdapter(): DeviceError {
  return new DeviceError("This program can be looked at, but not run: WebGPU was not initialised.", {
    operation: "webgpu",
    remedy: 'Call await init({ device: "webgpu" }) first.',
  });
}

class TextExecutable implements Executable {
  readonly memory: { readonly peak: number; readonly donated: number };
  readonly kernels: readonly KernelInfo[];
  readonly #text: () => string;

  constructor(graph: Graph, { scalars, donated, inPlace, optimised, exclude }: CompileOptions) {
    refuseFloat64(graph);
    const limits = shaderLimits(BUFFERS - 2, SOFTWARE);
    const program = schedule(withOwnOutputs(optimise(graph, { optimised, exclude })), {
      limits,
      donated,
      inPlace,
    });
    this.memory = { peak: program.peakBytes, donated: program.donatedBytes };
    this.kernels = measuredSteps(program.steps).map(kernelInfo);
    this.#text = () => programText(program, layoutOf(program, scalars), SOFTWARE);
  }

  run(): Storage[] {
    throw noAdapter();
  }

  timings(): null {
    return null;
  }

  text(): string {
    return this.#text();
  }

  dispose(): void {}
}

/** Compiles, and does nothing else. */
export class WgslTextBackend implements Backend {
  readonly device: Device = "webgpu";

  compile(graph: Graph, options: CompileOptions): Executable {
    return new TextExecutable(graph, options);
  }

  upload(_data: TypedArray, _dtype: DType): Storage {
    throw noAdapter();
  }

  transfer(_storage: Storage): Storage {
    throw noAdapter();
  }

  memory(): MemoryUse {
    return { live: 0, pool: 0, peak: 0 };
  }

  synchronize(): Promise<void> {
    return Promise.resolve();
  }
}
