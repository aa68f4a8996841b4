/** Numbers that users pass as arguments, as one element in the memory. */
import { byteSize, castValue, type DType } from "../../../trace/dtype.ts";
import type { DeviceMemory } from "./device_memory.ts";

/** Writes a number as an element of `dtype`. */
export function writeScalar(memory: DeviceMemory, address: number, value: number, dtype: DType): void {
  switch (dtype) {
    case "float64":
      memory.f64[address >>> 3] = value;
      return;
    case "float32":
      memory.f32[address >>> 2] = value;
      return;
    case "float16":
      new Float16Array(memory.memory.buffer, address, 1)[0] = value;
      return;
    default: {
      const cast = castValue(value, "float64", dtype);
      if (byteSize(dtype) === 1) memory.u8[address] = cast;
      else memory.u32[address >>> 2] = cast;
    }
  }
}
