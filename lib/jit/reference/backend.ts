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
  IN_PLACE,
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

  readonly #inPlace: CompileOptions["inPlace"];

  constructor(graph: Graph, options: CompileOptions, interpret: InterpretOptions) {
    this.#graph = graph;
    this.#interpret = interpret;
    this.#inPlace = options.inPlace;
    this.kernels = graph.nodes.map(({ primitive }) => ({
      name: primitive.name,
      operations: [primitive.name],
    }));
  }

  run(inputs: readonly RunInput[], reuse: Uint8Array | null): Storage[] {
    const arrays = this.#graph.inputs.map((variable, i) => hostInput(inputs[i], variable.aval));
    const results = interpretGraph(this.#graph, arrays, this.#interpret);
    const storages = results.map((array): Storage => new HostStorage(toTypedArray(array), array.dtype));
    if (reuse) this.#reuse(inputs, reuse, storages);
    return storages;
  }

  /** Does with the blocks what a device would do, so that mistakes about who holds what show here too. */
  #reuse(inputs: readonly RunInput[], reuse: Uint8Array, storages: Storage[]): void {
    for (const [i, k] of this.#inPlace) {
      const input = inputs[i], output = storages[k];
      if (reuse[i] !== IN_PLACE || !(input instanceof HostStorage) || !(output instanceof HostStorage)) {
        continue;
      }
      input.view().set(output.detach());
      storages[k] = input;
    }
    inputs.forEach((input, i) => {
      if (reuse[i] !== TAKE || typeof input === "number") return;
      if (input instanceof HostStorage) input.detach().fill(0);
      else input.dispose();
    });
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

  compile(graph: Graph, options: CompileOptions): Executable {
    return new ReferenceExecutable(graph, options, this.#interpret);
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
