/** How primitives are compiled, as data: lib/jit/schedule reads it, and nothing here knows of a device. */
import type { Graph } from "./graph.ts";
import type { Combiner, ScalarOp } from "./scalar_op.ts";

/**
 * Where an output element of an index map comes from. Output axis d with coordinate i_d contributes to input axis
 * `axis[d]` (or to none, when -1) the amount `step[d] * i_d`; input axis a starts at `start[a]`.
 * Several output axes may feed one input axis (sliding windows: position * stride + offset * dilation).
 * Coordinates outside the input read `fill` (padding); with `every[a] = k > 1` only coordinates divisible by k are
 * inside, and are divided by k (interior padding: the transpose of a strided slice).
 */
export interface IndexMap {
  readonly axis: readonly number[];
  readonly step: readonly number[];
  readonly start: readonly number[];
  /** Set when some coordinate can be outside the input. */
  readonly fill?: number;
  readonly every?: readonly number[];
}

export type Lowering =
  /** out[i] = op(inputs[i]...), inputs broadcast as in NumPy. */
  | { readonly kind: "map"; readonly op: ScalarOp }
  | { readonly kind: "cast" }
  /** The same bits as another dtype of the same width. */
  | { readonly kind: "bitcast" }
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "iota"; readonly axis: number }
  /** Threefry-2x32 of (key0, key1, counter0, counter1), elementwise: two outputs. */
  | { readonly kind: "threefry" }
  | { readonly kind: "index"; readonly map: IndexMap }
  | { readonly kind: "reshape" }
  /** The first input, without a copy, but not before the others are computed; never merged with an equal node. */
  | { readonly kind: "barrier" }
  | { readonly kind: "concat"; readonly axis: number }
  /** Reductions drop the axes; argmax and argmin reduce one axis and give int32. */
  | { readonly kind: "reduce"; readonly combiner: Combiner; readonly axes: readonly number[] }
  | {
    readonly kind: "cumulative";
    readonly combiner: "sum" | "prod" | "max" | "min";
    readonly axis: number;
    readonly reverse: boolean;
  }
  /** out[batch, freeA, freeB] = sum over the contracted axes; axes listed pairwise for a and b. */
  | {
    readonly kind: "contract";
    readonly batchA: readonly number[];
    readonly batchB: readonly number[];
    readonly contractA: readonly number[];
    readonly contractB: readonly number[];
  }
  | {
    readonly kind: "convolve";
    readonly strides: readonly number[];
    readonly padding: readonly (readonly [number, number])[];
    readonly inputDilation: readonly number[];
    readonly kernelDilation: readonly number[];
    readonly groups: number;
    readonly batchGroups: number;
  }
  /**
   * inputs: x, then one int32 index tensor per axis of `axes` (all of one shape, the batch of places). out[places,
   * rest] = x[.. indices at `axes` .., rest], the indexed axes removed and the places in front; indices are clamped.
   */
  | { readonly kind: "gather"; readonly axes: readonly number[] }
  /** inputs: base, updates [places, rest], indices as for gather. Out-of-range places are dropped. */
  | { readonly kind: "scatter"; readonly axes: readonly number[]; readonly combiner: "set" | "add" }
  /** inputs: x, then one int32 scalar start per axis of x, clamped so that the slice fits. */
  | { readonly kind: "dynamicSlice"; readonly sizes: readonly number[] }
  /** inputs: x, update, then one int32 scalar start per axis of x, clamped likewise. */
  | { readonly kind: "dynamicUpdate" }
  /** inputs: keys, then payloads of the same shape; sorted together along the last axis, stable, NaN last. */
  | { readonly kind: "sort"; readonly descending: boolean }
  /** The first `count` of the last axis sorted in descending order, and their positions (int32). */
  | { readonly kind: "topk"; readonly count: number }
  /** An irregular algorithm over the last axes that each device brings a routine for (factorisations, FFT). */
  | {
    readonly kind: "routine";
    readonly routine: string;
    readonly options: Readonly<Record<string, unknown>>;
  }
  /** The user's own WGSL on whole buffers, inputs and then outputs; the host evaluates it elsewhere. */
  | {
    readonly kind: "shader";
    readonly code: string;
    readonly entryPoint: string;
    readonly workgroups: readonly [x: number, y: number, z: number];
  }
  /** Inlined when lowered. */
  | { readonly kind: "call"; readonly graph: Graph }
  /** Structured control: lib/jit/schedule reads the primitive's own parameters (see lib/loop). */
  | { readonly kind: "loop" }
  | { readonly kind: "switch" }
  /** Runs on the host with the values of its inputs. */
  | { readonly kind: "host" };
