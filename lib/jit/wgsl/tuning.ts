/** What is fast on which kind of adapter. Correctness never depends on these numbers. */

/** Software adapters want no workgroup memory and no barriers; real ones want both. */
export type AdapterKind = "software" | "gpu";

export interface Tuning {
  readonly kind: AdapterKind;
  /** Threads of a workgroup of an elementwise kernel. */
  readonly mapThreads: number;
  /** Threads of a workgroup where each thread loops over a row of its own. */
  readonly rowThreads: number;
  /** Threads that share one row, through workgroup memory; 1 for a thread per row. */
  readonly threadsPerRow: number;
  /** Below this many columns a thread per row is used even where threads could share rows. */
  readonly sharedRowColumns: number;
  /** With fewer threads than this at work, long rows are cut into chunks of their own dispatch. */
  readonly wantedThreads: number;
  /** Columns that one thread goes through before a row is cut. */
  readonly chunkColumns: number;
  /** The chunks of all rows together keep so many threads busy, but each thread gets so many columns at least. */
  readonly chunkThreads: number;
  readonly chunkLeast: number;
  /** Neighbouring threads of a workgroup that hand each other values, 1 for none; fewer where the device has fewer. */
  readonly rowLanes: number;
  /** Threads of the workgroup that works on a matrix; a power of two. */
  readonly matrixThreads: number;
  /** Transposes of at least so many elements go by blocks of four by four. */
  readonly blockElements: number;
  /** Loop iterations of one invocation, all loops taken together. */
  readonly maxIterations: number;
  /** Threads of the workgroup that goes through a loop by itself. */
  readonly loopThreads: number;
  /** Elements that the kernels of such a loop compute in a step, on average, at most. */
  readonly loopWork: number;
  /**
   * Dispatches of a step of a loop, or of all branches of a condition, up to which the device decides by itself whether
   * they happen; 0 for never. With more of them, waiting for a flag is cheaper than predicating each.
   */
  readonly predicatedDispatches: number;
  /** Steps of such a loop before the host looks for the first time whether it has ended, and how many times more then. */
  readonly firstSteps: number;
  readonly stepsGrowth: number;
  /** Rows and vectors of four columns of a product that a thread computes in registers. */
  readonly tileRows: number;
  readonly tileVectors: number;
  /** Steps of the summed index that are written out: 4 reads vectors of the left operand, 1 compiles faster. */
  readonly tileSteps: 1 | 4;
  /** Steps of the summed index that a workgroup brings into its memory at once; 0 for none: threads read by themselves. */
  readonly tileDepth: number;
  /** Whether the threads of a row of eight of a workgroup are a subgroup; found out when the device is made. */
  readonly subgroups: boolean;
  /** Buffers of at least so many bytes that a kernel only reads are read as textures. */
  readonly textureBytes: number;
  /** Whether float16 is stored as the shader's own type where the device has it and rounds rightly. */
  readonly halves: boolean;
  /** What is computed again in each pass over a row rather than kept in memory; an exponential is 12. */
  readonly recomputeCost: number;
  /** Bytes of the largest buffer, where the device would allow more. */
  readonly bindingBytes: number;
  /** Threads of a workgroup along the columns and the rows of a product. */
  readonly tileThreadsX: number;
  readonly tileThreadsY: number;
}

/**
 * Measured on Mesa's llvmpipe. It reads storage buffers lane by lane through memory, ten times slower than textures
 * where the processor lacks AVX-512, so that a copy into a texture pays for a single reading. It silently ends all loops of an invocation after 65,535 iterations, where leaving an
 * inner loop counts as one more.
 */
export const SOFTWARE: Tuning = {
  kind: "software",
  mapThreads: 128,
  blockElements: 4096,
  rowThreads: 8,
  threadsPerRow: 1,
  sharedRowColumns: Infinity,
  wantedThreads: 32,
  chunkColumns: 4096,
  chunkThreads: 32,
  chunkLeast: 1024,
  rowLanes: 1,
  matrixThreads: 32,
  maxIterations: 60_000,
  loopThreads: 8,
  loopWork: 1024,
  predicatedDispatches: 4,
  firstSteps: 4,
  stepsGrowth: 2,
  tileRows: 16,
  tileVectors: 1,
  tileSteps: 4,
  tileDepth: 0,
  subgroups: false,
  textureBytes: 32768,
  halves: true,
  recomputeCost: 64,
  bindingBytes: Infinity,
  tileThreadsX: 8,
  tileThreadsY: 4,
};

/** Usual values for discrete GPUs. */
export const GPU: Tuning = {
  kind: "gpu",
  mapThreads: 256,
  blockElements: 1 << 18,
  rowThreads: 64,
  threadsPerRow: 256,
  sharedRowColumns: 128,
  wantedThreads: 16384,
  chunkColumns: 64,
  chunkThreads: 1 << 18,
  chunkLeast: 16,
  rowLanes: 32,
  matrixThreads: 256,
  maxIterations: 1 << 24,
  loopThreads: 256,
  loopWork: 1 << 14,
  predicatedDispatches: 256,
  firstSteps: 4,
  stepsGrowth: 4,
  tileRows: 8,
  tileVectors: 1,
  tileSteps: 4,
  tileDepth: 16,
  subgroups: false,
  textureBytes: Infinity,
  halves: true,
  recomputeCost: 64,
  bindingBytes: Infinity,
  tileThreadsX: 16,
  tileThreadsY: 8,
};

/** Workgroups along one dimension of a dispatch. */
export const MAX_WORKGROUPS = 65_535;
