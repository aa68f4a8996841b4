/** One signature of a jitted function: its graph, its compiled program, and the way of a call through it. */
import { DeviceError, DisposedError, DonatedError } from "../trace/errors.ts";
import type { Graph } from "../trace/graph.ts";
import { type Aval, describe } from "../trace/shape.ts";
import type { Shared } from "../trace/shared.ts";
import type { Device, Storage } from "../trace/storage.ts";
import { Tensor } from "../trace/tensor.ts";
import type { TracedFunction } from "../trace/trace.ts";
import { type TreeSpec, unflatten } from "../trace/tree.ts";
import { type Backend, type Executable, IN_PLACE, KEEP, type RunInput } from "./backend.ts";
import type { OutputSource } from "./closed_graph.ts";
import { closeBatch, isTracking, openBatch, trackReads } from "./dependencies.ts";
import { donate } from "./donation.ts";
import { type CallPlan, planCall } from "./call_plan.ts";
import { trackStorage } from "./scope.ts";
import { defaultDevice } from "./devices.ts";
import type { Profile } from "./profile.ts";
import { watchReads } from "./profile_transfers.ts";
import { describeSignature, fill, type Guard, type Limits, type SignaturePart } from "./signature.ts";

/** What a trace of a jitted function gave. */
export interface TracedCall {
  readonly name: string;
  readonly traced: TracedFunction;
  /** The structure of the result. */
  readonly result: TreeSpec;
  readonly guards: readonly Guard[];
  readonly parts: readonly SignaturePart[];
  /** Whether each number argument had to be integral, null where it does not matter. */
  readonly integral: readonly (boolean | null)[];
  /** Between what each number argument had to be, null where it does not matter. */
  readonly limits: readonly (Limits | null)[];
  /** Plain values besides the arguments that the trace depends on, and what they were. */
  readonly conditions: ReadonlyMap<() => unknown, unknown>;
  /** Which explicit inputs are numbers, and which are donated. */
  readonly scalars: readonly number[];
  readonly donated: readonly number[];
  /** What the explicit inputs are called in messages. */
  readonly inputNames: readonly string[];
  /** False when updates of shared variables are left out. */
  readonly updates: boolean;
  /** The device was chosen in the options of jit. */
  readonly deviceFixed: boolean;
  readonly profile: Profile | null;
  /** Whether the graph is rewritten before it is compiled; "verify": only to check every pass. */
  readonly passes: "all" | "verify" | "none";
  /** Names of passes left out. */
  readonly exclude: readonly string[];
}

export class Entry {
  readonly call: TracedCall;
  readonly backend: Backend;
  /** Its trace in the log, which the time of compiling is added to. */
  record: { milliseconds: number } | null = null;
  readonly #device: Device;
  readonly #guards: readonly Guard[];
  readonly #captured: readonly Tensor[];
  readonly #plan: CallPlan;
  readonly #plain: boolean;
  #executable: Executable | null = null;

  constructor(call: TracedCall, backend: Backend) {
    this.call = call;
    this.backend = backend;
    this.#device = backend.device;
    this.#guards = call.guards;
    this.#captured = call.traced.captured;
    this.#plan = planCall(call);
    this.#plain = this.#plan.plain;
    this.#checkDevices();
  }

  get graph(): Graph {
    return this.call.traced.graph;
  }

  /** The shared variables it reads. */
  get reads(): readonly Shared[] {
    return this.#plan.reads;
  }

  #checkDevices(): void {
    for (const tensor of this.#captured) {
      if (tensor.device !== this.#device) throw this.#otherDevice("a tensor", tensor);
    }
    for (const shared of this.#plan.reads) this.#checkShared(shared);
  }

  #checkShared(shared: Shared): void {
    const tensor = shared.current();
    if (tensor.device === this.#device) return;
    throw this.#otherDevice(`the shared variable "${shared.name}"`, tensor);
  }

  #otherDevice(what: string, tensor: Tensor): DeviceError {
    const { name } = this.call;
    return new DeviceError(
      `${name} runs on ${this.#device} and uses ${what} ${describe(tensor.aval)} on ${tensor.device}.`,
      {
        operation: name,
        arguments: [{ name: what, shape: tensor.shape, dtype: tensor.dtype }],
        remedy: `Move it with .to("${this.#device}"), or choose { device } for the function.`,
      },
    );
  }

  /** The compiled program, compiled at first use. */
  executable(): Executable {
    if (this.#executable !== null) return this.#executable;
    const started = performance.now();
    this.#executable = this.compileFor(this.backend);
    const milliseconds = performance.now() - started;
    if (this.record) this.record.milliseconds += milliseconds;
    this.call.profile?.addCompilation(this.call.name, milliseconds);
    return this.#executable;
  }

  compileFor(backend: Backend): Executable {
    const { name, profile } = this.call;
    return backend.compile(this.#plan.program, {
      name,
      scalars: this.call.scalars,
      donated: this.#plan.taken,
      exclude: this.call.exclude,
      inPlace: this.#plan.inPlace.map(({ input, output }) => [input, output] as const),
      optimised: this.call.passes === "all",
      profile: profile !== null,
      onKernel: profile?.kernelListener(),
      onPhase: profile ? (phase, milliseconds) => profile.addPhase(name, phase, milliseconds) : undefined,
    });
  }

  dispose(): void {
    this.#executable?.dispose();
    this.#executable = null;
  }

  /** Whether what the trace decided by, besides its arguments, is as it was. */
  holds(): boolean {
    const { conditions } = this.call;
    if (conditions.size > 0) {
      for (const [read, value] of conditions) if (!Object.is(read(), value)) return false;
    }
    if (this.#plan.decidedBy === "state") {
      for (const shared of this.#plan.reads) if (shared.current().device !== this.#device) return false;
    }
    return true;
  }

  /** The inputs made of the arguments; null when the arguments do not fit or need a closer look. */
  match(args: readonly unknown[]): RunInput[] | null {
    const guards = this.#guards;
    if (args.length !== guards.length) return null;
    const inputs: RunInput[] = [];
    let at = 0;
    for (let i = 0; i < guards.length; i++) {
      at = fill(guards[i], args[i], this.#device, inputs, at);
      if (at < 0) return null;
    }
    if (!this.holds()) return null;
    // Without tensors among the arguments and in its state the default device decides.
    if (this.#plan.decidedBy === "default" && defaultDevice() !== this.#device) return null;
    return inputs;
  }

  /** `run`, measured. */
  runProfiled(inputs: RunInput[], profile: Profile): unknown {
    const executable = this.executable();
    const { name, parts } = this.call;
    const started = performance.now();
    let result: unknown;
    try {
      result = this.run(inputs);
    } finally {
      profile.addCall(name, executable, describeSignature(parts), performance.now() - started, this.#device);
    }
    watchReads(result, name, profile);
    return result;
  }

  /** Runs with the inputs that `match` gave. */
  run(inputs: RunInput[]): unknown {
    const executable = this.#executable ?? this.executable();
    if (this.#captured.length > 0) this.#addCaptured(inputs);
    if (this.#plain) return this.#build(executable.run(inputs, null), inputs);
    return this.#runFully(executable, inputs);
  }

  #addCaptured(inputs: RunInput[]): void {
    for (const tensor of this.#captured) {
      const storage = tensor.rawStorage()!;
      if (storage.disposed || storage.donation !== null) throw this.#lostCapture(tensor, storage);
      inputs.push(storage);
    }
  }

  #lostCapture(tensor: Tensor, storage: Storage): DisposedError | DonatedError {
    const { graph, inputCount } = this.call.traced;
    const variable = graph.inputs[inputCount + this.#captured.indexOf(tensor)];
    const place = graph.nodes.find((node) => node.inputs.includes(variable))?.location?.describe();
    const kind = storage.disposed ? DisposedError : DonatedError;
    const donation = storage.donation;
    const fate = storage.disposed
      ? "disposed"
      : `donated to ${donation!.functionName} as ${donation!.argument}`;
    return new kind(
      `${this.call.name}: the captured tensor ${describe(tensor.aval)}${
        place ? ` (used at ${place})` : ""
      } has been ${fate}.`,
      {
        operation: this.call.name,
        arguments: [{ name: "captured tensor", shape: tensor.shape, dtype: tensor.dtype }],
        remedy: "Keep captured tensors as long as the function is called, or pass them as arguments.",
      },
    );
  }

  #addReads(inputs: RunInput[]): void {
    const { reads, cells } = this.#plan;
    for (const cell of cells) cell.refresh();
    if (isTracking()) trackReads(reads);
    for (const shared of reads) {
      const tensor = shared.current();
      const storage = tensor.rawStorage();
      if (storage?.device !== this.#device) this.#checkShared(shared);
      const usable = storage !== null && storage.donation === null && !storage.disposed;
      inputs.push(usable ? storage : tensor.storage());
    }
  }

  #runFully(executable: Executable, inputs: RunInput[]): unknown {
    const plan = this.#plan, { reuse } = plan;
    this.#addReads(inputs);
    if (plan.donation) {
      donate(plan.donation, inputs);
      for (const i of plan.through) inputs[i] = this.backend.transfer(inputs[i] as Storage);
    }
    for (const { input, shared } of plan.inPlace) reuse![input] = shared.escaped ? KEEP : IN_PLACE;
    openBatch();
    try {
      const storages = executable.run(inputs, reuse);
      const result = this.#build(storages, inputs);
      for (const shared of plan.returned) shared.escaped = true;
      if (plan.writes.length > 0) this.#commit(storages, inputs);
      return result;
    } finally {
      closeBatch();
    }
  }

  #build(storages: readonly Storage[], inputs: readonly RunInput[]): unknown {
    const { results, resultAvals } = this.#plan;
    const spec = this.call.result;
    if (spec.kind === "leaf") return this.#tensor(results[0], resultAvals[0], storages, inputs);
    const tensors = new Array<Tensor>(results.length);
    for (let i = 0; i < results.length; i++) {
      tensors[i] = this.#tensor(results[i], resultAvals[i], storages, inputs);
    }
    return unflatten(spec, tensors);
  }

  #tensor(
    { from, index }: OutputSource,
    aval: Aval,
    storages: readonly Storage[],
    inputs: readonly RunInput[],
  ): Tensor {
    const storage = from === "program" ? storages[index] : inputs[index] as Storage;
    if (from === "program") trackStorage(storage);
    return new Tensor(aval, storage);
  }

  /** Assigns all updated variables; effects see none of them before all are done. */
  #commit(storages: readonly Storage[], inputs: readonly RunInput[]): void {
    for (const { shared, source, aval, escapes, reclaim } of this.#plan.writes) {
      const storage = source.from === "program" ? storages[source.index] : inputs[source.index] as Storage;
      const old = shared.current();
      const oldStorage = old.rawStorage();
      if (storage === oldStorage) {
        shared.replace(old);
        continue;
      }
      const dead = reclaim && !shared.escaped && oldStorage !== null;
      shared.escaped = escapes;
      shared.replace(new Tensor(aval, storage));
      if (dead && oldStorage.holders === 0) oldStorage.dispose();
    }
  }
}
