/** Starts a module with what generated kernels need: the memory, constants, helpers and scratch memory. */
import { ConstantPool, type FunctionBuilder, ModuleBuilder } from "../assembler/mod.ts";
import type { StructTiles } from "../contract/mod.ts";
import { importMathHelpers, mathImportModule, mathImports } from "../math/mod.ts";
import { constantsAddress, constantsBytes, type DeviceMemory } from "../memory/mod.ts";
import type { ModuleContext, Sharing } from "./value.ts";

/** A module under construction. */
export interface OpenModule extends ModuleContext {
  /** The most scratch memory that any function asked for, in bytes. */
  readonly scratchBytes: number;
  sharing: Sharing | null;
  structTiles: StructTiles | null;
}

/** The name under which a module exports the global with the address of its thread's scratch memory. */
export const SCRATCH_EXPORT = "scratch";
/** Where a module imports the memory from. */
export const MEMORY_IMPORT: { readonly module: string; readonly name: string } = {
  module: "device",
  name: "memory",
};

const pools = new WeakMap<DeviceMemory, ConstantPool>();

/** The constants that all programs of a memory share. */
function constantPool(memory: DeviceMemory): ConstantPool {
  let pool = pools.get(memory);
  if (pool === undefined) {
    pools.set(memory, pool = new ConstantPool(memory.u8, constantsAddress, constantsBytes));
  }
  return pool;
}

class Context implements OpenModule {
  readonly module: ModuleBuilder = new ModuleBuilder();
  readonly pool: ConstantPool;
  readonly helpers: ModuleContext["helpers"];
  readonly scratchGlobal: number;
  readonly threads: number;
  sharing: Sharing | null = null;
  scratchBytes = 0;
  structTiles: StructTiles | null = null;
  readonly #helpers: Map<string, FunctionBuilder> = new Map();

  constructor(memory: DeviceMemory, declareImports: (module: ModuleBuilder) => void, threads: number) {
    this.threads = threads;
    this.pool = constantPool(memory);
    this.module.importMemory(MEMORY_IMPORT, {
      minimum: memory.currentPages,
      maximum: memory.pages,
      shared: memory.shared,
    });
    this.helpers = importMathHelpers(this.module);
    declareImports(this.module);
    this.scratchGlobal = this.module.addGlobal("i32", 0, { exportName: SCRATCH_EXPORT });
  }

  needScratch(bytes: number): void {
    this.scratchBytes = Math.max(this.scratchBytes, bytes);
  }

  helper(name: string, make: () => FunctionBuilder): FunctionBuilder {
    let found = this.#helpers.get(name);
    if (found === undefined) this.#helpers.set(name, found = make());
    return found;
  }
}

/** Opens a module; further imports must be declared by `declareImports`, before any function. */
export function openModule(
  memory: DeviceMemory,
  declareImports: (module: ModuleBuilder) => void = () => {},
  threads = 1,
): OpenModule {
  return new Context(memory, declareImports, threads);
}

/** What to give an instance of such a module, besides the imports that the caller declared. */
export function moduleImports(memory: DeviceMemory): WebAssembly.Imports {
  return {
    [MEMORY_IMPORT.module]: { [MEMORY_IMPORT.name]: memory.memory },
    [mathImportModule]: mathImports,
  };
}
