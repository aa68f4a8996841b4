/**
 * The words through which threads talk, in the control page of the shared memory (indices of 32-bit words).
 *
 * The main thread describes a job while no worker is active, sets `open`, and adds 1 to `epoch`. A worker that
 * notices adds 1 to `active`, and only then looks whether the job is still open: since both sides write their own
 * word before they read the other's, either the worker sees that the job was closed, or the main thread sees the
 * worker and waits for it. So the description never changes under a worker, and nobody waits for one that sleeps.
 */

/** Word indices. Those that different threads write often lie in different cache lines. */
export interface ControlWords {
  /** Counts jobs; workers sleep on it. */
  readonly epoch: number;
  /** How many workers sleep. */
  readonly sleepers: number;
  /** Whether chunks may be claimed. */
  readonly open: number;
  /** Workers inside the job; the main thread sleeps on it. */
  readonly active: number;
  /** Whether the main thread sleeps. */
  readonly mainSleeps: number;
  /**
   * How many chunks are claimed, and how many of them by workers. The main thread takes the first ones first and workers the
   * last ones: so both read memory in long runs, and find in their caches what they computed in the job before.
   */
  readonly claimed: number;
  readonly claimedByWorkers: number;
  /** The job: module, function of its table, argument, number of chunks. */
  readonly module: number;
  readonly functionIndex: number;
  readonly argument: number;
  readonly chunks: number;
  /** Where the bytes of the module lie. */
  readonly bytesAddress: number;
  readonly bytesLength: number;
  /** Where the module of tiles lies that others import; 0 when none does. */
  readonly tilesAddress: number;
  readonly tilesLength: number;
  /** How many workers have started. */
  readonly started: number;
  /** Chunks that a worker failed to compute. */
  readonly failures: number;
}

/** The words, counted from the start of the control page. */
export const words: ControlWords = {
  epoch: 0,
  sleepers: 1,
  open: 16,
  active: 32,
  mainSleeps: 33,
  claimed: 48,
  claimedByWorkers: 49,
  module: 64,
  functionIndex: 65,
  argument: 66,
  chunks: 67,
  bytesAddress: 68,
  bytesLength: 69,
  tilesAddress: 70,
  tilesLength: 71,
  started: 80,
  failures: 81,
};

/** How often a thread looks before it sleeps: about 50 µs. */
export const spinRounds = 20000;
