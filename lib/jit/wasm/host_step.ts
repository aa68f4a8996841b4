/** Calls of the host from a running program. */
import { byteSize, type DType, viewTypedArray } from "../../trace/dtype.ts";
import type { HostArray } from "../../trace/primitive.ts";
import type { Aval } from "../../trace/shape.ts";
import type { Binding, HostStep, Program } from "../kernel/program.ts";
import type { DeviceMemory } from "./memory/mod.ts";
import { ARENA_WORD, LOOP_POSITION, type TableLayout } from "./program/mod.ts";

/** The address of a binding at this moment of a run. */
function addressOf(
  memory: DeviceMemory,
  program: Program,
  layout: TableLayout,
  binding: Binding,
  table: number,
): number {
  const words = memory.u32;
  const base = table >>> 2;
  const buffer = program.buffers[binding.buffer];
  const bytes = byteSize(buffer.dtype);
  let address = buffer.kind === "temporary"
    ? words[base + ARENA_WORD] + buffer.offset
    : words[base + layout.buffers[buffer.id]];
  address += binding.offset * bytes;
  for (const { loop, stride } of binding.steps) {
    address += words[base + layout.loops[loop] + LOOP_POSITION] * stride * bytes;
  }
  return address;
}

function view(memory: DeviceMemory, address: number, dtype: DType, length: number): Float32Array {
  return viewTypedArray(dtype, memory.memory.buffer, address, length) as Float32Array;
}

function sizeOf(aval: Aval): number {
  return aval.shape.reduce((size, extent) => size * extent, 1);
}

/** Evaluates the node of a host step with the values of its inputs, and puts its results in their places. */
export function runHostStep(
  memory: DeviceMemory,
  program: Program,
  layout: TableLayout,
  step: HostStep,
  table: number,
): void {
  const { node } = step;
  const inputs = node.inputs.map(({ aval }, i): HostArray => {
    const address = addressOf(memory, program, layout, step.inputs[i], table);
    const data = Float64Array.from(view(memory, address, aval.dtype, sizeOf(aval)));
    return { shape: aval.shape, dtype: aval.dtype, data };
  });
  const outputs = node.primitive.evaluate(inputs, node.params, node.outputs.map(({ aval }) => aval));
  step.outputs.forEach((binding, i) => {
    const { aval } = node.outputs[i];
    // The call may have run programs of its own, but the blocks of this one are pinned.
    const address = addressOf(memory, program, layout, binding, table);
    view(memory, address, aval.dtype, sizeOf(aval)).set(outputs[i].data);
  });
}
