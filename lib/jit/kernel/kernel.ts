/**
 * The kernel language: what a fused region of a graph becomes, and what both code generators print from.
 *
 * A kernel reads and writes operands (flat buffers of one dtype) by affine or gathered indices. Scalar work is a
 * list of typed statements in single assignment. Element types are as stored: float16 values are computed in
 * float32 and rounded when they are stored or cast; bool is true or false in registers and 0 or 1 in memory.
 */
import type { DType } from "../../trace/dtype.ts";
import type { Combiner, ScalarOp } from "../../trace/scalar_op.ts";

/** A flat buffer as a kernel sees it; which buffer it is, the step that runs the kernel says. */
export interface Operand {
  readonly dtype: DType;
  readonly access: "read" | "write" | "readwrite";
}

/** Position in an operand, in elements: offset + sum over domain axes of stride * coordinate + dynamic terms. */
export interface Index {
  readonly offset: number;
  /** One per axis of the domain. */
  readonly strides: readonly number[];
  /** Positions computed by statements (int32, already clamped into range): gathers and run-time starts. */
  readonly dynamic: readonly { readonly statement: number; readonly stride: number }[];
}

/** One scalar value per point of the domain (or per row, when it depends on no column axis). */
export type Statement =
  | { readonly kind: "constant"; readonly dtype: DType; readonly value: number }
  /** The coordinate along an axis of the domain, int32. */
  | { readonly kind: "coordinate"; readonly dtype: "int32"; readonly axis: number }
  /** Reads an element. Where `mask` (a bool statement) is false nothing is read and the value is `fill`. */
  | {
    readonly kind: "load";
    readonly dtype: DType;
    readonly operand: number;
    readonly index: Index;
    readonly mask?: number;
    readonly fill?: number;
  }
  /**
   * A scalar operation. All arguments have one dtype, but for select, whose condition is bool. `dtype` is the
   * result's; `from` that of the arguments where the two differ (comparisons and tests).
   */
  | {
    readonly kind: "op";
    readonly op: ScalarOp;
    readonly dtype: DType;
    readonly from?: DType;
    readonly args: readonly number[];
  }
  | { readonly kind: "cast"; readonly dtype: DType; readonly from: DType; readonly arg: number }
  | { readonly kind: "bitcast"; readonly dtype: DType; readonly from: DType; readonly arg: number }
  /** Threefry-2x32 with 20 rounds of (key0, key1, counter0, counter1): a pair of uint32, taken apart by `part`. */
  | {
    readonly kind: "threefry";
    readonly dtype: "uint32";
    readonly args: readonly [number, number, number, number];
  }
  | { readonly kind: "part"; readonly dtype: "uint32"; readonly of: number; readonly index: 0 | 1 }
  /** The finished value of a reduction: a row value, usable from the next pass on. */
  | { readonly kind: "reduced"; readonly dtype: DType; readonly reduction: number };

/** Combines a column value over all columns of a row. */
export interface Reduction {
  readonly combiner: Combiner;
  /** The statement that is combined. */
  readonly value: number;
  /** Of the values; argmax and argmin give int32. Sums of float32 are kept accurate at any length by the device. */
  readonly dtype: DType;
  /** For argmax and argmin: the int32 statement whose value at the best column is the result (first one wins). */
  readonly position?: number;
  /** The pass that computes it. */
  readonly pass: number;
}

/** Writes an element per point (or per row, when it depends on no column axis and `perRow` is set). */
export interface Store {
  readonly operand: number;
  readonly index: Index;
  readonly value: number;
  /** Nothing is written where this bool statement is false (a scatter outside its target). */
  readonly mask?: number;
  /** "add" accumulates; several points may hit one place, and do so in the order of the domain on one thread. */
  readonly mode: "set" | "add";
  /** The elements of the operand, of a scatter that adds. */
  readonly extent?: number;
  readonly perRow: boolean;
  /** The pass it happens in; row stores happen after that pass. */
  readonly pass: number;
}

/**
 * A nest: for each row (in parallel), one or more sweeps ("passes") over the columns. A pass computes column
 * values, stores some and reduces others; values of finished reductions are row values in later passes. An
 * elementwise kernel is a nest of one pass without reductions; a reduction has one pass and a row store;
 * softmax has three passes. Statements that depend on no column axis are computed once per row.
 */
export interface Nest {
  readonly kind: "nest";
  /** Extents: row axes first, then column axes. */
  readonly domain: readonly number[];
  readonly rowRank: number;
  readonly operands: readonly Operand[];
  readonly statements: readonly Statement[];
  readonly reductions: readonly Reduction[];
  readonly stores: readonly Store[];
  readonly passes: number;
}

/** How a contraction reads an operand: element strides per batch axis, and along its own and the summed index. */
export interface ContractOperand {
  readonly operand: number;
  readonly offset: number;
  readonly batchStrides: readonly number[];
  /** Along m (for a) or n (for b). */
  readonly freeStride: number;
  /** Along k. */
  readonly sumStride: number;
  readonly dynamic: readonly { readonly statement: number; readonly stride: number }[];
  /** Cheap scalar work on each element as it is read: statements whose statement 0 is the loaded element. */
  readonly prologue: readonly Statement[];
}

/** Elementwise work on sums while they are at hand: statement 0 is the sum, a "reduced" statement. */
export interface Epilogue {
  readonly statements: readonly Statement[];
  readonly stores: readonly Store[];
}

/**
 * c[batch, m, n] = sum over k of a[batch, m, k] * b[batch, k, n], then the epilogue at each point of the domain
 * [...batch, m, n], whose stores write the results.
 */
export interface Contraction {
  readonly kind: "contraction";
  readonly dtype: DType;
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly operands: readonly Operand[];
  readonly a: ContractOperand;
  readonly b: ContractOperand;
  /** Domain [...batch, m, n]. */
  readonly epilogue: Epilogue;
}

/** Running combination along the middle axis of a contiguous [outer, length, inner] operand: 0 into 1. */
export interface Cumulative {
  readonly kind: "cumulative";
  readonly combiner: "sum" | "prod" | "max" | "min";
  readonly dtype: DType;
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  readonly reverse: boolean;
  readonly operands: readonly Operand[];
}

/** Sorts rows of contiguous [rows, length] operands: inputs first (keys, then payloads), then outputs. */
export interface Sort {
  readonly kind: "sort";
  readonly rows: number;
  readonly length: number;
  readonly descending: boolean;
  readonly operands: readonly Operand[];
}

/** The largest elements of rows, largest first: x [rows, length], then values and positions (int32) [rows, count]. */
export interface Topk {
  readonly kind: "topk";
  readonly rows: number;
  readonly length: number;
  readonly count: number;
  readonly operands: readonly Operand[];
}

/**
 * N-dimensional convolution of contiguous operands, input [n, c, ...] and filters [o, c / groups, ...], then the epilogue
 * at each point of the domain [n, o, places of the output], the places counted as one index: as of contractions.
 */
export interface Convolution {
  readonly kind: "convolution";
  /** The operands that are the images and the filters. */
  readonly input: number;
  readonly filters: number;
  readonly dtype: DType;
  readonly inputShape: readonly number[];
  readonly kernelShape: readonly number[];
  readonly outputShape: readonly number[];
  readonly strides: readonly number[];
  readonly padding: readonly (readonly [number, number])[];
  readonly inputDilation: readonly number[];
  readonly kernelDilation: readonly number[];
  readonly groups: number;
  readonly batchGroups: number;
  readonly operands: readonly Operand[];
  readonly epilogue: Epilogue;
}

/** Copies `length` contiguous elements from operand 0 to operand 1. */
export interface Copy {
  readonly kind: "copy";
  readonly dtype: DType;
  readonly length: number;
  readonly operands: readonly Operand[];
}

/** An irregular algorithm on contiguous operands (inputs, then outputs) that each device implements by name. */
export interface Routine {
  readonly kind: "routine";
  readonly routine: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly shapes: readonly (readonly number[])[];
  readonly operands: readonly Operand[];
}

/** The user's own WGSL; only for devices that run it. */
export interface UserShader {
  readonly kind: "shader";
  readonly code: string;
  readonly entryPoint: string;
  readonly workgroups: readonly [x: number, y: number, z: number];
  /** Elements of each operand. */
  readonly lengths: readonly number[];
  readonly operands: readonly Operand[];
}

export type Kernel =
  | Nest
  | Contraction
  | Cumulative
  | Sort
  | Topk
  | Convolution
  | Copy
  | Routine
  | UserShader;
