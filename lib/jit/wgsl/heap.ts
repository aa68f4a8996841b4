/** The memory of a WebGPU backend and what goes with it. */
import { BlockCache } from "../memory/mod.ts";
import { GpuBuffers } from "./buffers.ts";
import type { GpuDevice } from "./device.ts";
import { Halves } from "./halves.ts";
import { ParameterBlock } from "./parameters.ts";
import { Pipelines } from "./pipelines.ts";
import { SubmissionProof } from "./proof.ts";
import { Predicates } from "./predicates.ts";
import { Readback } from "./readback.ts";
import { TexturePool } from "./textures.ts";
import { Timestamps } from "./timestamps.ts";

/** Bytes that tensors may take before the least recently used are spilled. */
const DEFAULT_BUDGET = { software: 1 << 30, gpu: 4 * 2 ** 30 };

export class GpuHeap {
  readonly device: GpuDevice;
  readonly readback: Readback;
  readonly buffers: GpuBuffers;
  readonly cache: BlockCache;
  readonly pipelines: Pipelines;
  readonly parameters: ParameterBlock;
  readonly textures: TexturePool;
  readonly proof: SubmissionProof;
  readonly timestamps: Timestamps | null;
  readonly halves: Halves;
  #predicates: Predicates | null = null;

  constructor(device: GpuDevice, budget?: number) {
    this.device = device;
    this.readback = new Readback(device);
    this.readback.verify();
    this.textures = new TexturePool(device);
    this.buffers = new GpuBuffers(device, this.readback, this.textures);
    this.cache = new BlockCache(this.buffers, {
      budget: budget ?? (device.isSoftware ? DEFAULT_BUDGET.software : DEFAULT_BUDGET.gpu),
    });
    this.pipelines = new Pipelines(device);
    this.timestamps = Timestamps.of(device, this.readback);
    this.proof = new SubmissionProof(device, this.readback);
    this.halves = new Halves(device, this.readback);
    this.parameters = new ParameterBlock(device, this.pipelines.parameterLayout);
  }

  /** Made at the first use: most programs have no loops that the host drives. */
  get predicates(): Predicates {
    return this.#predicates ??= new Predicates(this.device, this.buffers);
  }

  /** Sends the parameters and predicates of what is going to be submitted. */
  send(): void {
    this.parameters.send();
    this.#predicates?.send();
  }
}
