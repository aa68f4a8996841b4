/** Pipelines by the text of their shader, and the layouts they share. */
import { LruCache } from "../lru_cache.ts";
import type { GpuDevice } from "./device.ts";
import type { Dispatch } from "./plan.ts";

/** Pipelines kept. */
const MAX_PIPELINES = 2048;

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

export class Pipelines {
  readonly #device: GpuDevice;
  readonly #pipelines: LruCache<Pipeline> = new LruCache(MAX_PIPELINES);
  /** By access of each binding, as a string of r and w, and t for textures. */
  readonly #layouts: Map<string, GPUBindGroupLayout> = new Map();
  readonly #pipelineLayouts: Map<string, GPUPipelineLayout> = new Map();
  /** What was compiled since somebody asked: the kernels in words, with the beginning of their text. */
  #unproven: (() => string)[] = [];
  /** The layout of the block of parameters. */
  readonly parameterLayout: GPUBindGroupLayout;

  constructor(device: GpuDevice) {
    this.#device = device;
    this.parameterLayout = device.device.createBindGroupLayout({
      entries: [{
        binding: 0,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: "uniform", hasDynamicOffset: true },
      }],
    });
  }

  /** Kernels compiled since the last call: whether they were refused is known once they have run. */
  takeUnproven(): readonly (() => string)[] {
    return this.#unproven.splice(0);
  }

  #layout(key: string): GPUBindGroupLayout {
    let layout = this.#layouts.get(key);
    if (layout === undefined) {
      layout = this.#device.device.createBindGroupLayout({
        entries: [...key].map((access, binding) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          ...(access === "t"
            ? { texture: { sampleType: "uint" as const } }
            : { buffer: { type: access === "w" ? "storage" as const : "read-only-storage" as const } }),
        })),
      });
      this.#layouts.set(key, layout);
    }
    return layout;
  }

  #pipelineLayout(key: string, parameters: boolean): GPUPipelineLayout {
    const name = parameters ? `${key}p` : key;
    let layout = this.#pipelineLayouts.get(name);
    if (layout === undefined) {
      const bindGroupLayouts = [this.#layout(key)];
      if (parameters) bindGroupLayouts.push(this.parameterLayout);
      layout = this.#device.device.createPipelineLayout({ bindGroupLayouts });
      this.#pipelineLayouts.set(name, layout);
    }
    return layout;
  }

  /**
   * The pipeline of a dispatch. `describe` names the kernel, its nodes and lines, should the compiler refuse it;
   * `onCompile` is called before it is compiled.
   */
  get(dispatch: Dispatch, describe: () => string, onCompile?: () => void): Pipeline {
    const { code, entryPoint } = dispatch;
    const access = dispatch.bindings.map(({ write, texels }) => texels ? "t" : write ? "w" : "r").join("");
    // Shaders of the user's may have several entry points, and be bound in several ways.
    const key = entryPoint === undefined ? code : `${entryPoint} ${access}\n${code}`;
    const known = this.#pipelines.get(key);
    if (known) return known;
    onCompile?.();
    const { device } = this.#device;
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ label: dispatch.label, code: dispatch.code });
    const pipeline = device.createComputePipeline({
      label: dispatch.label,
      layout: this.#pipelineLayout(access, dispatch.offsets.length + dispatch.constants.length > 0),
      compute: { module, entryPoint: dispatch.entryPoint ?? "main" },
    });
    device.popErrorScope().then((error) => {
      if (error) this.#device.report(`${describe()}\n${excerpt(error.message, dispatch.code)}`);
    }, () => {});
    // Words are made when they are needed: finding the lines of nodes takes as long as compiling a small shader.
    this.#unproven.push(() => `${describe()}\n${code.trim().split("\n").slice(0, 12).join("\n")}`);
    const made: Pipeline = { pipeline, layout: this.#layout(access) };
    this.#pipelines.set(key, made);
    return made;
  }
}

/** The message, and the lines of the shader around the place it names. */
function excerpt(message: string, code: string): string {
  const lines = code.split("\n");
  const place = /:(\d+):\d+/.exec(message);
  const line = place ? Number(place[1]) : 1;
  const from = Math.max(0, line - 4);
  const shown = lines.slice(from, line + 3).map((text, i) => `${String(from + i + 1).padStart(5)} ${text}`);
  return `${message.trim()}\n${shown.join("\n")}`;
}
