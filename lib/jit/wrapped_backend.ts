/** Devices and programs that stand in for others and do all but one thing as these do. */
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
import type { Program } from "./kernel/program.ts";

/** A device like `inner` that compiles in another way. */
export abstract class WrappedBackend implements Backend {
  readonly device: Device;
  protected readonly inner: Backend;

  constructor(inner: Backend) {
    this.device = inner.device;
    this.inner = inner;
  }

  abstract compile(graph: Graph, options: CompileOptions): Executable;

  upload(data: TypedArray, dtype: DType): Storage {
    return this.inner.upload(data, dtype);
  }

  transfer(storage: Storage): Storage {
    return this.inner.transfer(storage);
  }

  memory(): MemoryUse {
    return this.inner.memory();
  }

  synchronize(): Promise<void> {
    return this.inner.synchronize();
  }
}

/** A program like `inner` that runs in another way. */
export abstract class WrappedExecutable implements Executable {
  protected readonly inner: Executable;

  constructor(inner: Executable) {
    this.inner = inner;
  }

  abstract run(inputs: readonly RunInput[], reuse: Uint8Array | null): Storage[];

  get memory(): Executable["memory"] {
    return this.inner.memory;
  }

  get kernels(): readonly KernelInfo[] {
    return this.inner.kernels;
  }

  get program(): Program | undefined {
    return this.inner.program;
  }

  timings(): readonly KernelTiming[] | null {
    return this.inner.timings();
  }

  text(): string {
    return this.inner.text();
  }

  dispose(): void {
    this.inner.dispose();
  }
}
