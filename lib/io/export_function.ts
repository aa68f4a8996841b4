/** exportFunction: a compiled function as bytes. */
import type { AnyArguments } from "../autodiff/types.ts";
import { type CustomCallParams, customCallPrimitive } from "../autodiff/custom_call.ts";
import { inlineCalls } from "../autodiff/inline_calls.ts";
import { Cell } from "../jit/dependencies.ts";
import type { Entry } from "../jit/entry.ts";
import { compiledFunctionOf, jit } from "../jit/jit.ts";
import { type GuardedLeaf, guardedSpec } from "../jit/signature.ts";
import { DamoError } from "../trace/errors.ts";
import { Graph } from "../trace/graph.ts";
import { parameterName } from "../trace/parameter_names.ts";
import type { Shared } from "../trace/shared.ts";
import type { Tensor } from "../trace/tensor.ts";
import { type FileArray, refuse } from "./file_array.ts";
import { writeFunctionFile } from "./function_file.ts";
import { type FunctionDescription, type FunctionLeaf, writeHeader } from "./function_header.ts";

/**
 * A compiled function as bytes: its program for arguments like these, the tensors it captured, and a copy of its shared
 * state. {@link importFunction} runs it in a program that has none of its source. Nothing is run; of the arguments only
 * structure, shapes and dtypes count, and the values of texts, booleans and `static` arguments.
 *
 * Functions that call back into JavaScript (`hostCallback`, operations defined by `definePrimitive`) or read a
 * `computed` cannot be exported.
 *
 * @param f A jitted function, or a plain one, which is then compiled with jit's defaults.
 * @param args Arguments as a call would take them.
 * @returns The bytes of a file; the format is described in lib/io/function_file.ts.
 * @throws {FormatError} if the function holds something that no file can.
 * @example
 * ```ts
 * import { exportFunction, importFunction, jit, shared, type Tensor, tensor } from "@damo/damo";
 * const total = shared(0, { name: "total" });
 * const add = jit((x: Tensor) => total.value = total.value.add(x.sum()));
 * add(tensor([1, 2, 3]));
 * const copy = importFunction(exportFunction(add, tensor([0, 0, 0])));
 * console.assert(copy(tensor([4, 5, 6])).itemSync() === 21);
 * console.assert(total.value.itemSync() === 6);
 * ```
 */
export function exportFunction<A extends AnyArguments, R>(
  f: (...args: A) => R,
  ...args: A
): Uint8Array<ArrayBuffer> {
  if (typeof f !== "function") {
    throw new DamoError(`exportFunction takes a function, got ${String(f)}.`, {
      operation: "exportFunction",
      remedy: "Write exportFunction(f, ...arguments).",
    });
  }
  const compiled = compiledFunctionOf(f) ?? compiledFunctionOf(jit(f))!;
  const names = args.map((_, i) => parameterName(compiled.fn, i));
  return exportEntry(compiled.entryFor(args), names);
}

function exportEntry({ call }: Entry, names: readonly string[]): Uint8Array<ArrayBuffer> {
  const { traced, updates } = call;
  const writes = updates ? traced.writes : [];
  const state = [...new Set([...traced.reads, ...writes])];
  for (const shared of state) checkState(call.name, shared);
  const inlined = inlineCalls(traced.graph);
  const outputs = inlined.outputs.slice(0, traced.outputCount + writes.length);
  const graph = new Graph(inlined.inputs, outputs, inlined.nodes, inlined.name);
  const leaves: GuardedLeaf[] = [];
  const specs = call.guards.map((guard) => guardedSpec(guard, leaves));
  const arrays = new Map<string, FileArray>();
  traced.captured.forEach((tensor, i) => arrays.set(`captured.${i}`, read(tensor)));
  state.forEach((shared, i) => arrays.set(`state.${i}`, read(shared.current())));
  const description: FunctionDescription = {
    name: call.name,
    arguments: specs.map((spec, i) => ({ name: names[i], spec })),
    leaves: leaves.map((leaf): FunctionLeaf =>
      leaf.aval ? { kind: "tensor", aval: leaf.aval } : { kind: "number", integral: leaf.integral }
    ),
    result: call.result,
    captured: traced.captured.length,
    state: state.map(({ name }) => name),
    reads: traced.reads.map((shared) => state.indexOf(shared)),
    writes: writes.map((shared) => state.indexOf(shared)),
    donated: call.donated,
    ownRules: hasOwnRules(traced.graph),
    graph,
  };
  return writeFunctionFile(writeHeader(description), arrays);
}

function checkState(name: string, shared: Shared): void {
  if (!(shared instanceof Cell)) return;
  refuse(
    `exportFunction: ${name} reads the computed value ${shared.name}, which follows variables outside the function.`,
    "Compute it inside the function, or pass it as an argument.",
  );
}

function read(tensor: Tensor): FileArray {
  return { dtype: tensor.dtype, shape: tensor.shape, data: tensor.dataSync() };
}

/** Whether there are operations whose derivative is not that of their graph. */
function hasOwnRules(graph: Graph): boolean {
  const pending: Graph[] = [graph];
  for (let graph = pending.pop(); graph; graph = pending.pop()) {
    for (const node of graph.nodes) {
      const { primitive, params } = node;
      if ((primitive as unknown) === customCallPrimitive && (params as CustomCallParams).rule.replaces) {
        return true;
      }
      for (const inner of node.primitive.graphs?.(node.params) ?? []) pending.push(inner.graph);
    }
  }
  return false;
}
