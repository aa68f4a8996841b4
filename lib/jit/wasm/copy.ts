/** Copies of contiguous elements. */
import { byteSize } from "../../trace/dtype.ts";
import type { Copy } from "../kernel/kernel.ts";
import type { KernelFunction, ModuleContext } from "./nest/mod.ts";

export function emitCopy(context: ModuleContext, kernel: Copy): KernelFunction {
  const f = context.module.addFunction({ params: ["i32", "i32", "i32", "i32"], results: [] });
  const bytes = byteSize(kernel.dtype);
  const at = (pointer: number): void => {
    f.localGet(pointer).localGet(2).i32Const(bytes).i32Mul().i32Add();
  };
  at(1);
  at(0);
  f.localGet(3).localGet(2).i32Sub().i32Const(bytes).i32Mul().memoryCopy();
  return { index: f.index, units: kernel.length, unitCost: 0.25, splittable: true };
}
