/** Looking at every operation of mode "reference", as Theano's MonitorMode does. */
import type { DType } from "../trace/dtype.ts";
import type { HostArray } from "../trace/primitive.ts";
import { ReferenceBackend } from "./reference/backend.ts";

/** A value that an operation read or gave. */
export interface NodeValue {
  /** Its sizes. */
  readonly shape: readonly number[];
  /** Its element type. */
  readonly dtype: DType;
  /** A copy of its elements, as float64. */
  readonly data: Float64Array;
}

/** One operation, after it was interpreted. */
export interface NodeEvent {
  /** The name of the operation. */
  readonly operation: string;
  /** Where the user wrote it, as `file.ts:line`; empty where that is not known. */
  readonly location: string;
  /** What it read. */
  readonly inputs: readonly NodeValue[];
  /** What it gave. */
  readonly outputs: readonly NodeValue[];
}

function valueOf({ shape, dtype, data }: HostArray): NodeValue {
  return { shape, dtype, data: data.slice() };
}

/** The backend of mode "reference" that calls `onNode`, inside loops and branches too. */
export function watchedBackend(onNode: (event: NodeEvent) => void): ReferenceBackend {
  return new ReferenceBackend({
    onNode(node, inputs, outputs) {
      onNode({
        operation: node.primitive.name,
        location: node.location?.short() ?? "",
        inputs: inputs.map(valueOf),
        outputs: outputs.map(valueOf),
      });
    },
  });
}
