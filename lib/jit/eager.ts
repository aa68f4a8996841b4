/** Operations outside traces: one-node graphs, compiled once per signature and found again in a few microseconds. */
import type { DType, TypedArray } from "../trace/dtype.ts";
import { DeviceError } from "../trace/errors.ts";
import { deviceOfStaying, follow, followedTo, follows, severalDevices } from "../trace/following.ts";
import { Graph, identityOf, Node, paramsKey, Variable } from "../trace/graph.ts";
import type { Params, Primitive } from "../trace/primitive.ts";
import { type Aval, describe, sameShape } from "../trace/shape.ts";
import type { Device, Executor, Storage } from "../trace/storage.ts";
import { Tensor } from "../trace/tensor.ts";
import type { WholeArgument, WholeBody, WholeResult } from "../trace/whole.ts";
import type { Backend, Executable, RunInput } from "./backend.ts";
import { backendFor, defaultDevice, uploadTo } from "./devices.ts";
import { type ClosedGraph, closeGraph } from "./closed_graph.ts";
import { LruCache } from "./lru_cache.ts";
import { WholePrograms } from "./eager_whole.ts";
import { hostValue, toTypedArray } from "./reference/host_storage.ts";
import { trackStorage } from "./scope.ts";

/** Compiled one-node programs kept, and compiled graphs kept. */
const MAX_OPERATIONS = 256;
const MAX_GRAPHS = 64;
/** Signatures of one primitive that are compared directly before a key is made. */
const RECENT = 4;

class Operation {
  disposed = false;
  constructor(
    readonly params: Params,
    readonly avals: readonly Aval[],
    /** Which inputs are numbers. */
    readonly literals: readonly boolean[],
    readonly device: Device,
    readonly outputs: readonly Aval[],
    readonly executable: Executable,
  ) {}
}

/** Shallow equality of parameters, with arrays of numbers compared by element; false may be wrong, true is right. */
function sameParams(a: Params, b: Params): boolean {
  if (a === b) return true;
  const left = a as Record<string, unknown>, right = b as Record<string, unknown>;
  for (const key in left) if (!sameValue(left[key], right[key])) return false;
  for (const key in right) if (!(key in left)) return false;
  return true;
}

function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

function matches(
  operation: Operation,
  device: Device,
  inputs: readonly Tensor[],
  params: Params,
): boolean {
  const { avals, literals } = operation;
  if (operation.disposed || operation.device !== device || avals.length !== inputs.length) return false;
  for (let i = 0; i < avals.length; i++) {
    const input = inputs[i], aval = input.aval, expected = avals[i];
    if ((input.literal !== null) !== literals[i]) return false;
    if (aval !== expected && (aval.dtype !== expected.dtype || !sameShape(aval.shape, expected.shape))) {
      return false;
    }
  }
  return sameParams(operation.params, params);
}

/** The device of the operands: that of their buffers, or the default device when all are numbers; null for several. */
function commonDevice(inputs: readonly Tensor[]): Device | null {
  let device: Device | null = null;
  for (const input of inputs) {
    const storage = input.rawStorage();
    if (storage === null || storage.device === device) continue;
    if (device !== null) return null;
    device = storage.device;
  }
  return device ?? defaultDevice();
}

/** The operands on one device, where those on others are such as follow. */
function together(operation: string, inputs: readonly Tensor[]): { device: Device; inputs: Tensor[] } {
  const staying = deviceOfStaying(inputs);
  if (staying === undefined) throw twoDevices(operation, inputs);
  const device = staying ?? defaultDevice();
  return {
    device,
    inputs: inputs.map((input) =>
      input.rawStorage() === null || input.device === device ? input : followedTo(device, input)
    ),
  };
}

/** What is made of nothing but numbers and of tensors that follow, follows. */
function followInputs(inputs: readonly Tensor[], results: readonly Tensor[]): void {
  for (const input of inputs) {
    const storage = input.rawStorage();
    if (storage !== null && !follows(storage)) return;
  }
  for (const result of results) follow(result);
}

/** What users wrote where the operation has a name of its own. */
const WRITTEN: { readonly [primitive: string]: string } = {
  select: "where",
  contract: "matmul",
  convolve: "convolution",
  gather: "at or take",
  dynamicSlice: "narrow or at",
  dynamicUpdate: "with",
  scatter: "with or withAdded",
  switch: "cond or switchCase",
  luSolve: "linalg.solve",
  triangularSolve: "linalg.solveTriangular",
};

/** The error for operands on two devices. */
function twoDevices(name: string, inputs: readonly Tensor[]): DeviceError {
  const operation = WRITTEN[name] ?? name;
  const shown = inputs.filter((input) => input.rawStorage() !== null)
    .map((input) => `${describe(input.aval)} on ${input.device}`).join(" and ");
  return new DeviceError(`${operation}: the operands are on two devices: ${shown}.`, {
    operation,
    arguments: inputs.map((x, i) => ({ name: `argument ${i}`, shape: x.shape, dtype: x.dtype })),
    remedy: "Move one of them with .to(device).",
  });
}

function wrap(avals: readonly Aval[], storages: readonly Storage[]): Tensor[] {
  const tensors = new Array<Tensor>(storages.length);
  for (let i = 0; i < storages.length; i++) {
    trackStorage(storages[i]);
    tensors[i] = new Tensor(avals[i], storages[i]);
  }
  return tensors;
}

/** Runs operations on the backends of lib/jit/devices, compiling each signature once. */
export class EagerExecutor implements Executor {
  readonly #recent: Map<Primitive, Operation[]> = new Map();
  readonly #operations: LruCache<Operation>;
  readonly #graphs: LruCache<ClosedGraph>;
  readonly #wholes: WholePrograms = new WholePrograms();

  constructor() {
    this.#operations = new LruCache(MAX_OPERATIONS, (operation) => {
      operation.disposed = true;
      operation.executable.dispose();
    });
    this.#graphs = new LruCache(MAX_GRAPHS, (graph) => graph.dispose());
  }

  defaultDevice(): Device {
    return defaultDevice();
  }

  upload(data: TypedArray, dtype: DType, device: Device): Storage {
    const storage = uploadTo(device, data, dtype);
    trackStorage(storage);
    return storage;
  }

  apply(
    primitive: Primitive,
    operands: readonly Tensor[],
    params: Params,
    outputs: readonly Aval[],
  ): readonly Tensor[] {
    let device = commonDevice(operands), inputs = operands;
    if (device === null) ({ device, inputs } = together(primitive.name, operands));
    if (primitive.effect) return applyOnHost(device, primitive, inputs, params, outputs);
    const operation = this.#find(primitive, device, inputs, params, outputs);
    const values = new Array<RunInput>(inputs.length);
    for (let i = 0; i < inputs.length; i++) {
      const input = inputs[i];
      values[i] = input.literal ?? input.storage();
    }
    const results = wrap(operation.outputs, operation.executable.run(values, null));
    if (severalDevices()) followInputs(inputs, results);
    return results;
  }

  #find(
    primitive: Primitive,
    device: Device,
    inputs: readonly Tensor[],
    params: Params,
    outputs: readonly Aval[],
  ): Operation {
    let recent = this.#recent.get(primitive);
    if (recent) {
      for (let i = 0; i < recent.length; i++) {
        if (matches(recent[i], device, inputs, params)) return recent[i];
      }
    } else this.#recent.set(primitive, recent = []);
    let key = `${device} ${identityOf(primitive)} ${paramsKey(params)}`;
    for (const { aval, literal } of inputs) {
      key += `|${aval.dtype}${literal === null ? aval.shape.join() : "#"}`;
    }
    let operation = this.#operations.get(key);
    if (!operation) {
      operation = compileOperation(backendFor(device), primitive, inputs, params, outputs);
      this.#operations.set(key, operation);
    }
    recent.unshift(operation);
    if (recent.length > RECENT) recent.pop();
    return operation;
  }

  whole(operation: string, body: WholeBody, args: readonly WholeArgument[]): WholeResult | null {
    const results = this.#wholes.run(operation, body, args);
    if (results !== null && severalDevices()) {
      followInputs(
        args.filter((argument) => argument instanceof Tensor),
        results instanceof Tensor ? [results] : results,
      );
    }
    return results;
  }

  run(graph: Graph, operands: readonly Tensor[]): readonly Tensor[] {
    let device = commonDevice(operands), inputs = operands;
    if (device === null) ({ device, inputs } = together(graph.name || "graph", operands));
    let key = `${device} `;
    for (const input of inputs) key += input.literal === null ? "t" : "#";
    key += graph.key;
    let closed = this.#graphs.get(key);
    if (!closed) {
      const scalars = inputs.flatMap((input, i) => input.literal === null ? [] : [i]);
      this.#graphs.set(key, closed = closeGraph(graph, backendFor(device), { scalars }));
    }
    const storages = closed.run(inputs.map((input) => input.literal ?? input.storage()));
    const results = wrap(closed.avals, storages);
    if (severalDevices()) followInputs(inputs, results);
    return results;
  }
}

/** Prints, checks and host callbacks are no programs: they run here. */
function applyOnHost(
  device: Device,
  primitive: Primitive,
  inputs: readonly Tensor[],
  params: Params,
  outputs: readonly Aval[],
): Tensor[] {
  const results = primitive.evaluate(inputs.map(hostValue), params, outputs);
  return wrap(outputs, results.map((array) => uploadTo(device, toTypedArray(array), array.dtype)));
}

function compileOperation(
  backend: Backend,
  primitive: Primitive,
  inputs: readonly Tensor[],
  params: Params,
  outputs: readonly Aval[],
): Operation {
  const avals = inputs.map(({ aval: { shape, dtype } }): Aval => ({ shape, dtype }));
  const variables = avals.map((aval) => new Variable(aval));
  const node = new Node(primitive, variables, params, outputs, null);
  const graph = new Graph(variables, node.outputs, [node], primitive.name);
  const literals = inputs.map((input) => input.literal !== null);
  const scalars = literals.flatMap((literal, i) => literal ? [i] : []);
  const executable = backend.compile(graph, { name: primitive.name, scalars, donated: [], inPlace: [] });
  return new Operation(params, avals, literals, backend.device, outputs, executable);
}
