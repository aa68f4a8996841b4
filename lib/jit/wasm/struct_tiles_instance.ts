/** The main thread's instance of the tile whose left operand lies in structs; programs import it. */
import {
  INIT_EXPORT,
  STRUCT_SCRATCH_EXPORT,
  STRUCT_WARM_UP_EXPORT,
  structTilesModule,
} from "./contract/mod.ts";
import type { DeviceMemory } from "./memory/mod.ts";
import { MEMORY_IMPORT } from "./nest/mod.ts";
import { IDLE_BYTES } from "./warm_up.ts";

/** An instance, and the bytes from which other threads make theirs. */
export interface StructTilesInstance {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly exports: WebAssembly.Exports;
}

const instances = new WeakMap<DeviceMemory, StructTilesInstance | null>();

/** The instance of a memory, made at its first use; null where the engine knows no structs. */
export function structTilesOf(memory: DeviceMemory): StructTilesInstance | null {
  let found = instances.get(memory);
  if (found === undefined) instances.set(memory, found = instantiate(memory));
  return found;
}

function instantiate(memory: DeviceMemory): StructTilesInstance | null {
  const { currentPages: minimum, pages: maximum, shared } = memory;
  const bytes = structTilesModule({ minimum, maximum, shared }, MEMORY_IMPORT);
  if (!WebAssembly.validate(bytes)) return null;
  const scratch = memory.allocate(IDLE_BYTES);
  if (scratch === 0) return null;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
    [MEMORY_IMPORT.module]: { [MEMORY_IMPORT.name]: memory.memory },
  });
  (exports[INIT_EXPORT] as () => void)();
  (exports[STRUCT_SCRATCH_EXPORT] as WebAssembly.Global).value = scratch;
  (exports[STRUCT_WARM_UP_EXPORT] as () => void)();
  return { bytes, exports };
}
