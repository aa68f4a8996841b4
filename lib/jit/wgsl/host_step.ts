/** Calls of the host in the middle of a program. */
import { byteSize, newTypedArray, viewTypedArray } from "../../trace/dtype.ts";
import type { HostArray } from "../../trace/primitive.ts";
import { sizeOf } from "../../trace/shape.ts";
import type { HostStep, Program } from "../kernel/program.ts";
import { writeBytes } from "./buffers.ts";
import type { GpuHeap } from "./heap.ts";
import type { Run } from "./run.ts";

/** Evaluates the node with the values of its inputs, and puts its results in their places. Nothing is in flight. */
export function runHostStep(run: Run, heap: GpuHeap, program: Program, step: HostStep): void {
  const { node } = step;
  const inputs = node.inputs.map(({ aval }, i): HostArray => {
    const binding = step.inputs[i];
    const size = sizeOf(aval.shape);
    // Weak numbers arrive as float32.
    const dtype = program.buffers[binding.buffer].dtype === "float64" ? "float32" : aval.dtype;
    const bytes = run.readBytes(binding, size);
    const data = Float64Array.from(viewTypedArray(dtype, bytes.buffer, 0, size) as Float32Array);
    return { shape: aval.shape, dtype: aval.dtype, data };
  });
  const outputs = node.primitive.evaluate(inputs, node.params, node.outputs.map(({ aval }) => aval));
  step.outputs.forEach((binding, i) => {
    run.touch(binding.buffer);
    const { aval } = node.outputs[i];
    const dtype = aval.dtype === "float64" ? "float32" : aval.dtype;
    const data = newTypedArray(dtype, sizeOf(aval.shape));
    data.set(outputs[i].data);
    const bytes = new Uint8Array(data.buffer);
    const start = run.offset(binding) * byteSize(dtype);
    const buffer = heap.buffers.buffer(run.address(binding.buffer));
    if (start % 4 === 0 && bytes.length % 4 === 0) {
      return writeBytes(heap.device.device.queue, buffer, bytes, start);
    }
    // Neighbours in the first and last word stay.
    const aligned = Math.floor(start / 4) * 4;
    const whole = new Uint8Array(Math.ceil((start - aligned + bytes.length) / 4) * 4);
    heap.readback.read(buffer, aligned, whole);
    whole.set(bytes, start - aligned);
    writeBytes(heap.device.device.queue, buffer, whole, aligned);
  });
}
