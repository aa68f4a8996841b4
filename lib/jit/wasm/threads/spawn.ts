/** Starting a worker in each runtime. */

/** What a worker is told. */
export interface WorkerData {
  readonly memory: WebAssembly.Memory;
  /** Address of the control page. */
  readonly control: number;
  /** Its number, from 1. */
  readonly thread: number;
  /** Threads in all, the main one included. */
  readonly threads: number;
  readonly source: string;
}

interface NodeWorker {
  unref(): void;
  on(event: "error", handler: (error: unknown) => void): void;
}

interface WorkerThreadsModule {
  Worker: new (source: string, options: { eval: true; workerData: WorkerData }) => NodeWorker;
}

interface WebWorker {
  postMessage(data: WorkerData): void;
}

interface Runtime {
  process?: { getBuiltinModule?(name: string): unknown };
  Worker?: new (url: string) => WebWorker;
}

/**
 * Starts a worker that does not keep the process alive, and does not wait for it. In Deno and Node it is one of
 * `node:worker_threads`: a web Worker would keep the process from ending. False where there are no workers.
 */
export function startWorker(data: WorkerData): boolean {
  const runtime = globalThis as Runtime;
  const threads = runtime.process?.getBuiltinModule?.("node:worker_threads") as
    | WorkerThreadsModule
    | undefined;
  if (threads !== undefined) {
    const worker = new threads.Worker(data.source, { eval: true, workerData: data });
    // Without the worker the main thread does all the work: a failure to start is no failure.
    worker.on("error", () => {});
    worker.unref();
    return true;
  }
  if (runtime.Worker === undefined) return false;
  const url = URL.createObjectURL(new Blob([data.source], { type: "text/javascript" }));
  new runtime.Worker(url).postMessage(data);
  return true;
}
