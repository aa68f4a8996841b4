export * from "./allocator.ts";
export * from "./block_cache.ts";
export * from "./device_memory.ts";
export * from "./memory_device.ts";
