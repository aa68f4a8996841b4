export * from "./allocator.ts";
export * from "./device_memory.ts";
export * from "./memory_device.ts";
export * from "./write_scalar.ts";
