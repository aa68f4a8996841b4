/** Buffers and steps while a program is being scheduled. */
import { byteSize, type DType } from "../../trace/dtype.ts";
import type { Variable } from "../../trace/graph.ts";
import { sizeOf } from "../../trace/shape.ts";
import type { Binding, BufferPlan } from "../kernel/program.ts";

/** A buffer plan under construction. */
export interface BufferDraft extends BufferPlan {
  kind: BufferPlan["kind"];
  position: number;
  offset: number;
  reuses: number;
  bytes: number;
}

/** Blocks are aligned to a cache line, which no two kernels on two threads then share. */
export const ALIGNMENT = 64;

export function alignBytes(bytes: number): number {
  return Math.ceil(Math.max(bytes, 1) / ALIGNMENT) * ALIGNMENT;
}

/** All buffers of a program, also those inside loops. */
export class BufferTable {
  readonly buffers: BufferDraft[] = [];

  add(kind: BufferPlan["kind"], dtype: DType, length: number, position = -1): BufferDraft {
    const buffer: BufferDraft = {
      id: this.buffers.length,
      dtype,
      length,
      bytes: length * byteSize(dtype),
      kind,
      position,
      offset: 0,
      reuses: -1,
    };
    this.buffers.push(buffer);
    return buffer;
  }

  forVariable(kind: BufferPlan["kind"], variable: Variable, position = -1): BufferDraft {
    return this.add(kind, variable.aval.dtype, sizeOf(variable.aval.shape), position);
  }
}

export function bind(buffer: BufferPlan): Binding {
  return { buffer: buffer.id, offset: 0, steps: [] };
}
