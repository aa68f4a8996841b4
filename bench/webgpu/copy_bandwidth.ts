/** What copies between buffers reach on the adapter: the bound of everything that only moves memory. */

export interface Bandwidth {
  readonly megabytes: number;
  readonly gigabytesPerSecond: number;
}

/** Copies so many bytes between two buffers a few times; counts bytes read and written. */
export async function copyBandwidth(wanted: number): Promise<Bandwidth> {
  const adapter = await navigator.gpu.requestAdapter();
  if (adapter === null) throw new Error("There is no WebGPU adapter.");
  const { maxBufferSize } = adapter.limits;
  const bytes = Math.min(wanted, maxBufferSize);
  const device = await adapter.requestDevice({ requiredLimits: { maxBufferSize } });
  const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const from = device.createBuffer({ size: bytes, usage }), to = device.createBuffer({ size: bytes, usage });
  const copies = 4;
  let least = Infinity;
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    const encoder = device.createCommandEncoder();
    for (let k = 0; k < copies; k++) encoder.copyBufferToBuffer(from, 0, to, 0, bytes);
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    least = Math.min(least, performance.now() - start);
  }
  device.destroy();
  return { megabytes: bytes / 2 ** 20, gigabytesPerSecond: 2 * copies * bytes / least / 1e6 };
}
