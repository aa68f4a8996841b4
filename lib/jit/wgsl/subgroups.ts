/** What the threads of a subgroup can be relied on to do: WGSL does not say which threads of a workgroup they are. */

/** What was found out about the subgroups of a device. */
export interface Subgroups {
  /** Whether the eight threads of a row of a workgroup are a subgroup. */
  readonly rowsOfEight: boolean;
  /** So many neighbouring threads, a power of two, hand each other values; 1 for none. */
  readonly lanes: number;
}

const NONE: Subgroups = { rowsOfEight: false, lanes: 1 };

/** Threads of the workgroup that tries it. */
const THREADS = 128;

/** Tries what kernels would do with subgroups, of `wanted` no more: drivers have been seen to fail at some of it. */
export async function findSubgroups(device: GPUDevice, wanted: Subgroups): Promise<Subgroups> {
  if (!device.features.has("subgroups" as GPUFeatureName)) return NONE;
  const { lanes } = wanted;
  const hasLanes = lanes > 1 && lanes <= THREADS && Number.isInteger(Math.log2(lanes));
  return {
    rowsOfEight: wanted.rowsOfEight && await hasRowsOfEight(device),
    lanes: hasLanes && await handOver(device, lanes) ? lanes : 1,
  };
}

async function hasRowsOfEight(device: GPUDevice): Promise<boolean> {
  const words = await tryShader(
    device,
    64,
    `
@group(0) @binding(0) var<storage, read_write> result: array<u32>;
@compute @workgroup_size(8, 2)
fn main(@builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) thread: u32) {
  let own = 100u * local.y + local.x + 1u;
  result[thread] = subgroupBroadcast(own, 7u) * 1000u + subgroupBroadcast(own, 2u);
}`,
  );
  return words !== null && words.every((word, i) => {
    const row = 100 * Math.floor(i / 8);
    return word === (row + 8) * 1000 + row + 3;
  });
}

/** Whether the first of so many neighbours gets the sum of all of them. */
async function handOver(device: GPUDevice, lanes: number): Promise<boolean> {
  const steps = Array.from(
    { length: Math.log2(lanes) },
    (_, i) => `  sum += subgroupShuffleDown(sum, ${2 ** i}u);`,
  );
  const words = await tryShader(
    device,
    4 * THREADS,
    `
@group(0) @binding(0) var<storage, read_write> result: array<u32>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) thread: u32) {
  var sum = thread * thread + 1u;
${steps.join("\n")}
  result[thread] = select(sum, subgroupBroadcastFirst(sum), thread < ${lanes}u);
}`,
  );
  return words !== null && words.every((word, i) => {
    const start = i < lanes ? 0 : i;
    if (start % lanes !== 0) return true;
    let sum = 0;
    for (let t = start; t < start + lanes; t++) sum += t * t + 1;
    return word === sum;
  });
}

/** Runs one workgroup of a shader with one buffer, and gives its words; null when it is refused. */
async function tryShader(
  device: GPUDevice,
  size: number,
  code: string,
): Promise<Uint32Array<ArrayBuffer> | null> {
  device.pushErrorScope("validation");
  const result = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
  const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }), entryPoint: "main" },
  });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer: result } }],
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(result, 0, staging, 0, size);
  device.queue.submit([encoder.finish()]);
  if (await device.popErrorScope()) return null;
  await staging.mapAsync(GPUMapMode.READ);
  const words = new Uint32Array(staging.getMappedRange().slice(0));
  result.destroy();
  staging.destroy();
  return words;
}
