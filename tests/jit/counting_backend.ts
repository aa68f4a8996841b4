import type { CompileOptions, Executable } from "../../lib/jit/backend.ts";
import { installBackend } from "../../lib/jit/devices.ts";
import { EagerExecutor } from "../../lib/jit/eager.ts";
import { ReferenceBackend } from "../../lib/jit/reference/backend.ts";
import type { Graph } from "../../lib/trace/graph.ts";
import { withExecutor } from "../../lib/trace/storage.ts";

/** Keeps the names of what is compiled, and counts what is given back. */
export class CountingBackend extends ReferenceBackend {
  readonly compiled: string[] = [];
  disposed = 0;

  override compile(graph: Graph, options: CompileOptions): Executable {
    this.compiled.push(graph.name);
    const executable = super.compile(graph, options);
    executable.dispose = () => {
      this.disposed++;
    };
    return executable;
  }
}

/** Runs `body` with such a backend below operations outside traces. */
export function counting(body: (backend: CountingBackend) => void): void {
  const backend = new CountingBackend();
  const restore = installBackend("wasm", () => backend);
  try {
    withExecutor(new EagerExecutor(), () => body(backend));
  } finally {
    restore();
  }
}
