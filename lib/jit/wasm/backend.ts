/** The WebAssembly device behind the interface of all devices. */
import type { DType, TypedArray } from "../../trace/dtype.ts";
import type { Graph, Node } from "../../trace/graph.ts";
import type { ConvolveParams } from "../../trace/primitives/convolve.ts";
import type { Device, Storage } from "../../trace/storage.ts";
import { withOwnOutputs } from "../own_outputs.ts";
import type { Backend, CompileOptions, Executable, MemoryUse } from "../backend.ts";
import { optimise } from "../passes/pipeline.ts";
import { schedule, WASM_LIMITS } from "../schedule/schedule.ts";
import { isDirect } from "./convolve/mod.ts";
import { WasmExecutable } from "./executable.ts";
import { WasmHeap } from "./heap.ts";
import { WasmStorage } from "./storage.ts";

/** Settings of a {@linkcode WasmBackend}. */
export interface WasmSettings {
  /** Bytes that tensors may take in the memory before the least recently used are spilled. */
  readonly memory?: number;
  /** Threads that share large kernels, the main one included; as many as the machine has cores if not given. */
  readonly threads?: number;
}

/** Whether a convolution is computed without being made a product. */
function hasKernel(node: Node): boolean {
  const [x, kernel] = node.inputs;
  return isDirect({
    ...node.params as ConvolveParams,
    dtype: x.aval.dtype,
    inputShape: x.aval.shape,
    kernelShape: kernel.aval.shape,
    outputShape: node.outputs[0].aval.shape,
  });
}

function timed<T>(phase: string, onPhase: CompileOptions["onPhase"], body: () => T): T {
  if (!onPhase) return body();
  const started = performance.now();
  const result = body();
  onPhase(phase, performance.now() - started);
  return result;
}

export class WasmBackend implements Backend {
  readonly device: Device = "wasm";
  readonly #heap: WasmHeap;

  constructor(settings: WasmSettings = {}) {
    this.#heap = new WasmHeap(settings.memory, settings.threads);
  }

  configure({ memory, threads }: WasmSettings): void {
    if (memory !== undefined) this.#heap.cache.budget = memory;
    if (threads !== undefined && this.#heap.memory.shared) this.#heap.threads = threads;
  }

  compile(graph: Graph, options: CompileOptions): Executable {
    const { donated, inPlace, onPhase, optimised: general } = options;
    const onPass = onPhase && ((name: string, milliseconds: number) => onPhase(`pass ${name}`, milliseconds));
    const optimised = withOwnOutputs(
      optimise(graph, { onPass, exclude: options.exclude, isDirect: hasKernel, optimised: general }),
    );
    const program = timed(
      "schedule",
      onPhase,
      () => schedule(optimised, { limits: WASM_LIMITS, donated, inPlace }),
    );
    return timed("assemble", onPhase, () => new WasmExecutable(this.#heap, program, options));
  }

  upload(data: TypedArray, dtype: DType): Storage {
    const storage = new WasmStorage(this.#heap, dtype, data.length);
    storage.write(data);
    return storage;
  }

  transfer(storage: Storage): Storage {
    if (!(storage instanceof WasmStorage) || storage.heap !== this.#heap) {
      return this.upload(storage.read(), storage.dtype);
    }
    const taken = new WasmStorage(this.#heap, storage.dtype, storage.length);
    storage.moveTo(taken);
    return taken;
  }

  memory(): MemoryUse {
    return this.#heap.memory.use();
  }

  synchronize(): Promise<void> {
    return Promise.resolve();
  }
}
