/**
 * Whether a device's own float16 can be used: where shaders have it, its conversions are tried, because WGSL leaves
 * open how they round and what becomes of subnormal numbers.
 */
import type { GpuDevice } from "./device.ts";
import type { Readback } from "./readback.ts";

/** Values whose nearest float16 tells how a device rounds, in words of float32. */
function values(): Float32Array<ArrayBuffer> {
  const result = [
    NaN,
    Infinity,
    -Infinity,
    0,
    -0,
    65504,
    65519.99,
    65520,
    1e30,
    -70000,
    2 ** -25,
    3e-8,
    6e-5,
  ];
  for (const exponent of [-24, -20, -15, -14, -3, 0, 6, 15]) {
    // Halves between neighbours, even below and odd below, and what is next to such a half.
    const gap = 2 ** Math.max(exponent - 10, -24);
    for (const base of [2 ** exponent, 2 ** exponent + gap, -(2 ** exponent) - 3 * gap]) {
      for (const part of [0, 0.5, 0.499, 0.501]) result.push(base + part * gap);
    }
  }
  while (result.length % 4 !== 0) result.push(1);
  return Float32Array.from(result);
}

const CODE = `
enable f16;
@group(0) @binding(0) var<storage, read> given: array<f32>;
@group(0) @binding(1) var<storage, read_write> halves: array<f16>;
@group(0) @binding(2) var<storage, read_write> wide: array<f32>;
@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  halves[thread.x] = f16(given[thread.x]);
  wide[thread.x] = f32(halves[thread.x]);
}`;

export class Halves {
  readonly #device: GpuDevice;
  readonly #readback: Readback;
  #areNative: boolean | null = null;

  constructor(device: GpuDevice, readback: Readback) {
    this.#device = device;
    this.#readback = readback;
  }

  /** Found out when it is asked for the first time. */
  get areNative(): boolean {
    return this.#areNative ??= this.#find();
  }

  #find(): boolean {
    const { device, canReadAtOnce, tuning } = this.#device;
    return tuning.halves && canReadAtOnce && device.features.has("shader-f16") && this.#areExact();
  }

  #areExact(): boolean {
    const { device } = this.#device;
    const given = values();
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffers = [4, 2, 4].map((bytes) => device.createBuffer({ size: bytes * given.length, usage }));
    device.queue.writeBuffer(buffers[0], 0, given);
    device.pushErrorScope("validation");
    const pipeline = device.createComputePipeline({
      layout: "auto",
      compute: { module: device.createShaderModule({ label: "float16", code: CODE }), entryPoint: "main" },
    });
    const group = device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(given.length / 4);
    pass.end();
    device.queue.submit([encoder.finish()]);
    // A shader that was refused leaves zeros behind.
    device.popErrorScope().catch(() => {});
    const halves = new Float16Array(given.length), wide = new Float32Array(given.length);
    this.#readback.read(buffers[1], 0, new Uint8Array(halves.buffer));
    this.#readback.read(buffers[2], 0, new Uint8Array(wide.buffer));
    for (const buffer of buffers) buffer.destroy();
    return given.every((value, i) => {
      const right = Math.f16round(value);
      return Object.is(halves[i], right) && Object.is(wide[i], right);
    });
  }
}
