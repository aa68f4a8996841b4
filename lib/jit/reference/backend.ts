/** The reference backend: graphs are interpreted in float64 on the host. The truth everything is compared with. */
import { castValue, type DType, type TypedArray } from "../../trace/dtype.ts";
import type { Graph, Node } from "../../trace/graph.ts";
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
  type KernelTiming,
  type MemoryUse,
  type RunInput,
  TAKE,
} from "../backend.ts";
import { hostBytes, HostStorage, toHostArray, toTypedArray } from "./host_storage.ts";

/** An input of a run as the interpreter wants it. */
export function hostInput(input: RunInput, aval: Aval): HostArray {
  if (typeof input !== "number") return toHostArray(input, aval);
  return { shape: [], dtype: aval.dtype, data: Float64Array.of(castValue(input, "float64", aval.dtype)) };
}

function describeNode(node: Node): KernelInfo {
  const { primitive, params, location } = node;
  const lowering = primitive.lower(params, node.inputs.map((v) => v.aval), node.outputs.map((v) => v.aval));
  const line = location?.short();
  return {
    name: primitive.name,
    kind: lowering.kind,
    operations: [primitive.name],
    locations: line ? [line] : [],
  };
}

class ReferenceExecutable implements Executable {
  readonly memory = { peak: 0, donated: 0 };
  readonly #graph: Graph;
  readonly #interpret: InterpretOptions;

  readonly #inPlace: CompileOptions["inPlace"];
  #timings: { calls: number; milliseconds: number }[] | null = null;
  readonly #positions: Map<Node, number> = new Map();

  constructor(graph: Graph, options: CompileOptions, interpret: InterpretOptions) {
    this.#graph = graph;
    this.#interpret = interpret;
    this.#inPlace = options.inPlace;
    if (options.profile) {
      this.#timings = graph.nodes.map(() => ({ calls: 0, milliseconds: 0 }));
      graph.nodes.forEach((node, i) => this.#positions.set(node, i));
    }
  }

  run(inputs: readonly RunInput[], reuse: Uint8Array | null): Storage[] {
    const arrays = this.#graph.inputs.map((variable, i) => hostInput(inputs[i], variable.aval));
    const results = interpretGraph(this.#graph, arrays, this.#timings ? this.#timed() : this.#interpret);
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

  /** Charges the time since the previous node to each node of the outermost graph. */
  #timed(): InterpretOptions {
    let last = performance.now();
    return {
      onNode: (node, inputs, outputs) => {
        this.#interpret.onNode?.(node, inputs, outputs);
        const position = this.#positions.get(node);
        if (position === undefined) return;
        const timing = this.#timings![position], now = performance.now();
        timing.calls++;
        timing.milliseconds += now - last;
        last = now;
      },
    };
  }

  get kernels(): readonly KernelInfo[] {
    return this.#graph.nodes.map(describeNode);
  }

  timings(): readonly KernelTiming[] | null {
    return this.#timings;
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
