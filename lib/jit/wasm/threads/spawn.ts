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
  addEventListener(type: "error", listener: (event: { preventDefault(): void }) => void): void;
}

type WebWorkerClass = new (url: string, options: { type: "module" }) => WebWorker;

interface Runtime {
  process?: { getBuiltinModule?(name: string): unknown };
  Worker?: WebWorkerClass;
  Deno?: unknown;
}

const runtime = globalThis as Runtime;

/**
 * The method by which Deno lets a worker not keep the process alive, under a symbol without a name; null where there
 * is none that certainly does so.
 */
function findUnref(worker: WebWorkerClass | undefined): symbol | null {
  if (runtime.Deno === undefined || worker === undefined) return null;
  const { prototype } = worker;
  return Object.getOwnPropertySymbols(prototype).find((symbol) => {
    const { value } = Object.getOwnPropertyDescriptor(prototype, symbol) ?? {};
    return typeof value === "function" && value.length === 1 &&
      Function.prototype.toString.call(value).includes("unrefOpPromise");
  }) ?? null;
}

function startNodeWorker(data: WorkerData, threads: WorkerThreadsModule): void {
  const worker = new threads.Worker(data.source, { eval: true, workerData: data });
  worker.on("error", () => {});
  worker.unref();
}

/** A worker of Deno itself takes 20 ms to start, one of `node:worker_threads` more than 100. */
function startWebWorker(data: WorkerData, unref: symbol | null): void {
  const url = URL.createObjectURL(new Blob([data.source], { type: "text/javascript" }));
  const worker = new runtime.Worker!(url, { type: "module" });
  worker.addEventListener("error", (event) => event.preventDefault());
  worker.postMessage(data);
  if (unref !== null) (worker as unknown as Record<symbol, (ref: boolean) => void>)[unref](false);
}

/**
 * Starts a worker that does not keep the process alive, and does not wait for it. False where there are no workers.
 * Without them the main thread does all the work: a failure to start is no failure.
 */
export function startWorker(data: WorkerData): boolean {
  try {
    const unref = findUnref(runtime.Worker);
    const threads = unref === null
      ? runtime.process?.getBuiltinModule?.("node:worker_threads") as WorkerThreadsModule | undefined
      : undefined;
    if (threads !== undefined) startNodeWorker(data, threads);
    else if (runtime.Worker !== undefined) startWebWorker(data, unref);
    else return false;
    return true;
  } catch {
    return false;
  }
}
