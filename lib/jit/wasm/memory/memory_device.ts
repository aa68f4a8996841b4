/** The WebAssembly memory as the device of a block cache. */

import type { BlockDevice } from "../../memory/mod.ts";
import type { DeviceMemory } from "./device_memory.ts";

/** Blocks of a WebAssembly memory. */
export class MemoryDevice implements BlockDevice {
  constructor(readonly memory: DeviceMemory) {}

  allocate(bytes: number): number {
    return this.memory.allocate(bytes);
  }

  free(address: number): void {
    this.memory.free(address);
  }

  read(address: number, bytes: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.memory.u8.subarray(address, address + bytes));
  }

  write(address: number, bytes: Uint8Array): void {
    this.memory.u8.set(bytes, address);
  }

  expectMuch(): void {
    this.memory.grow();
  }
}
