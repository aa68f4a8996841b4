/** Modes that interpret programs, for tensors of a device other than the host. */
import type { DType, TypedArray } from "../trace/dtype.ts";
import type { Graph } from "../trace/graph.ts";
import type { Device, Storage } from "../trace/storage.ts";
import type {
  Backend,
  CompileOptions,
  Executable,
  KernelInfo,
  KernelTiming,
  MemoryUse,
  RunInput,
} from "./backend.ts";

/** `interpreter` for tensors that lie on `device`: it reads them there, and its results go there. */
export function interpretedOn(device: Backend, interpreter: Backend): Backend {
  return device.device === interpreter.device ? interpreter : new InterpretedBackend(device, interpreter);
}

class InterpretedBackend implements Backend {
  readonly device: Device;
  readonly #target: Backend;
  readonly #interpreter: Backend;

  constructor(target: Backend, interpreter: Backend) {
    this.device = target.device;
    this.#target = target;
    this.#interpreter = interpreter;
  }

  compile(graph: Graph, options: CompileOptions): Executable {
    return new InterpretedExecutable(this.#target, this.#interpreter.compile(graph, options));
  }

  upload(data: TypedArray, dtype: DType): Storage {
    return this.#target.upload(data, dtype);
  }

  transfer(storage: Storage): Storage {
    return this.#target.transfer(storage);
  }

  memory(): MemoryUse {
    return this.#target.memory();
  }

  synchronize(): Promise<void> {
    return this.#target.synchronize();
  }
}

class InterpretedExecutable implements Executable {
  readonly #target: Backend;
  readonly #inner: Executable;

  constructor(target: Backend, inner: Executable) {
    this.#target = target;
    this.#inner = inner;
  }

  run(inputs: readonly RunInput[], reuse: Uint8Array | null): Storage[] {
    return this.#inner.run(inputs, reuse).map((result) => {
      const storage = this.#target.upload(result.read(), result.dtype);
      result.dispose();
      return storage;
    });
  }

  get memory(): Executable["memory"] {
    return this.#inner.memory;
  }

  get kernels(): readonly KernelInfo[] {
    return this.#inner.kernels;
  }

  timings(): readonly KernelTiming[] | null {
    return this.#inner.timings();
  }

  text(): string {
    return this.#inner.text();
  }

  dispose(): void {
    this.#inner.dispose();
  }
}
