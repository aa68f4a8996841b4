/**
 * Ending the protection of WeakRef targets inside a long synchronous turn.
 *
 * An engine keeps every object that a WeakRef was made for, or that `deref` gave, until the current
 * job ends. V8 counts the end of any microtask queue as such, and a context of `node:vm` with
 * `microtaskMode: "afterEvaluate"` has a queue of its own, empty here, so that running an empty script
 * in it (4 µs) ends the protection and runs nothing of the user's.
 */

/** The three things of `node:vm` that are used here. */
interface VirtualMachineModule {
  createContext(globals: object, options: { microtaskMode: "afterEvaluate" }): object;
  Script: new (source: string) => { runInContext(context: object): unknown };
}

interface ProcessWithModules {
  getBuiltinModule(name: string): unknown;
}

/**
 * A function that ends the protection, or null where the runtime has no such thing. The function says
 * whether it could; its first call loads the module and takes tens of milliseconds.
 */
export function makeKeptObjectsCleaner(): (() => boolean) | null {
  // Reading `process` would load Node's modules, which takes longer than anything else before a first result.
  if (!("process" in globalThis)) return null;
  let run: (() => void) | undefined;
  return () => {
    try {
      run ??= emptyJob((globalThis as unknown as { process: ProcessWithModules }).process);
      run();
      return true;
    } catch {
      return false;
    }
  };
}

function emptyJob(process: ProcessWithModules): () => void {
  const machine = process.getBuiltinModule("node:vm") as VirtualMachineModule;
  const context = machine.createContext({}, { microtaskMode: "afterEvaluate" });
  const script = new machine.Script("0");
  return () => {
    script.runInContext(context);
  };
}
