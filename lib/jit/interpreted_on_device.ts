/** Modes that interpret programs, for tensors of a device other than the host. */
import type { Graph } from "../trace/graph.ts";
import type { Storage } from "../trace/storage.ts";
import type { Backend, CompileOptions, Executable, RunInput } from "./backend.ts";
import { WrappedBackend, WrappedExecutable } from "./wrapped_backend.ts";

/** `interpreter` for tensors that lie on `device`: it reads them there, and its results go there. */
export function interpretedOn(device: Backend, interpreter: Backend): Backend {
  return device.device === interpreter.device ? interpreter : new InterpretedBackend(device, interpreter);
}

class InterpretedBackend extends WrappedBackend {
  readonly #interpreter: Backend;

  constructor(target: Backend, interpreter: Backend) {
    super(target);
    this.#interpreter = interpreter;
  }

  compile(graph: Graph, options: CompileOptions): Executable {
    return new InterpretedExecutable(this.inner, this.#interpreter.compile(graph, options));
  }
}

class InterpretedExecutable extends WrappedExecutable {
  readonly #target: Backend;

  constructor(target: Backend, interpreted: Executable) {
    super(interpreted);
    this.#target = target;
  }

  run(inputs: readonly RunInput[], reuse: Uint8Array | null): Storage[] {
    return this.inner.run(inputs, reuse).map((result) => {
      const storage = this.#target.upload(result.read(), result.dtype);
      result.dispose();
      return storage;
    });
  }
}
