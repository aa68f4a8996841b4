/** The reference backend: graphs are interpreted in float64 on the host. The truth everything is compared with. */
import { castValue, type DType, type TypedArray } from "../../trace/dtype.ts";
import type { Graph } from "../../trace/graph.ts";
import { interpretGraph, type InterpretOptions } from "../../trace/interpret.ts";
import type { HostArray } from "../../trace/primitive.ts";
import type { Aval } from "../../trace/shape.ts";
import type { Device, Storage } from "../../trace/storage.ts";
import {
  type Backend,
  type CompileOptions,
  type Executable,
  type KernelInfo,
  type MemoryUse,
  type RunInput,
  TAKE,
} from "../backend.ts";
import { hostBytes, HostStorage, toHostArray, toTypedArray } from "./host_storage.ts";

function hostInput(input: RunInput, aval: Aval): HostArray {
  if (typeof input !== "number") return toHostArray(input, aval);
  return { shape: [], dtype: aval.dtype, data: Float64Array.of(castValue(input, "float64", aval.dtype)) };
}

class ReferenceExecutable implements Executable {
  readonly memory = { peak: 0, donated: 0 };
  readonly kernels: readonly KernelInfo[];
  readonly #graph: Graph;
  readonly #interpret: InterpretOptions;

  constructor(graph: Graph, interpret: InterpretOptions) {
    this.#graph = graph;
    this.#interpret = interpret;
    this.kernels = graph.nodes.map(({ primitive }) => ({
      name: primitive.name,
      operations: [primitive.name],
    }));
  }

  run(inputs: readonly RunInput[], reuse: Uint8Array | null): Storage[] {
    const arrays = this.#graph.inputs.map((variable, i) => hostInput(inputs[i], variable.aval));
    const results = interpretGraph(this.#graph, arrays, this.#interpret);
    if (reuse) {
      inputs.forEach((input, i) => {
        if (reuse[i] !== TAKE || typeof input === "number") return;
        if (input instanceof HostStorage) input.detach();
        else input.dispose();
      });
    }
    return results.map((array) => new HostStorage(toTypedArray(array), array.dtype));
  }

  text(): string {
    return this.#graph.toString();
  }

  dispose(): void {}
}

/** Interprets; `interpret` observes each node. It holds its tensors on the host and stands in for any device. */
export class ReferenceBackend implements Backend {
  readonly device: Device = "wasm";
  readonly #interpret: InterpretOptions;

  constructor(interpret: InterpretOptions = {}) {
    this.#interpret = interpret;
  }

  compile(graph: Graph, _options: CompileOptions): Executable {
    return new ReferenceExecutable(graph, this.#interpret);
  }

  upload(data: TypedArray, dtype: DType): Storage {
    return new HostStorage(data.slice(), dtype);
  }

  transfer(storage: Storage): Storage {
    return storage instanceof HostStorage
      ? new HostStorage(storage.detach(), storage.dtype)
      : new HostStorage(storage.read(), storage.dtype);
  }

  memory(): MemoryUse {
    return { live: hostBytes.live, pool: hostBytes.live, peak: hostBytes.peak };
  }

  synchronize(): Promise<void> {
    return Promise.resolve();
  }
}
