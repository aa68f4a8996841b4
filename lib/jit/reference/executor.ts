/** An executor that needs no compiler: every operation is evaluated at once in float64 on the host. */
import type { DType, TypedArray } from "../../trace/dtype.ts";
import type { Graph } from "../../trace/graph.ts";
import { interpretGraph } from "../../trace/interpret.ts";
import type { HostArray, Params, Primitive } from "../../trace/primitive.ts";
import type { Aval } from "../../trace/shape.ts";
import type { Device, Executor, Storage } from "../../trace/storage.ts";
import { Tensor } from "../../trace/tensor.ts";
import { HostStorage, hostValue, toTypedArray } from "./host_storage.ts";

function tensorOf(array: HostArray): Tensor {
  const { shape, dtype } = array;
  return new Tensor({ shape, dtype }, new HostStorage(toTypedArray(array), dtype));
}

export class ReferenceExecutor implements Executor {
  defaultDevice(): Device {
    return "wasm";
  }

  apply(
    primitive: Primitive,
    inputs: readonly Tensor[],
    params: Params,
    outputs: readonly Aval[],
  ): readonly Tensor[] {
    return primitive.evaluate(inputs.map(hostValue), params, outputs).map(tensorOf);
  }

  run(graph: Graph, inputs: readonly Tensor[]): readonly Tensor[] {
    return interpretGraph(graph, inputs.map(hostValue)).map(tensorOf);
  }

  upload(data: TypedArray, dtype: DType): Storage {
    return new HostStorage(data.slice(), dtype);
  }
}

/** The one instance, for `withExecutor(referenceExecutor, fn)`. */
export const referenceExecutor: ReferenceExecutor = new ReferenceExecutor();
