/** Primitive: one object with every rule of an operation. */
import type { DType } from "./dtype.ts";
import type { Graph } from "./graph.ts";
import type { Lowering } from "./lowering.ts";
import type { Aval, Shape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** Static parameters: numbers, strings, booleans, arrays and plain objects of them, graphs and functions. */
export type Params = object;

/** A tangent or cotangent that is zero everywhere is null and is never computed. */
export type MaybeTensor = Tensor | null;

/** An array of the reference interpreter: row-major float64 for every dtype; integers exact, bool 0 and 1. */
export interface HostArray {
  /** The sizes of the axes. */
  readonly shape: Shape;
  /** The element type it stands for. */
  readonly dtype: DType;
  /** The elements. */
  readonly data: Float64Array<ArrayBuffer>;
}

export interface JvpArguments<P extends Params> {
  readonly primals: readonly Tensor[];
  /** One per primal; null where the input is constant or of an integer dtype. */
  readonly tangents: readonly MaybeTensor[];
  readonly params: P;
  /** The already computed results, to be reused in the rule. */
  readonly outputs: readonly Tensor[];
}

/** The forward rule. What it builds on the tangents must be linear in them and have the type of the outputs. */
export interface Derivative<P extends Params> {
  readonly kind: "derivative";
  jvp(args: JvpArguments<P>): readonly MaybeTensor[];
  /** For primitives that compute outputs and tangents together (loops, conditions): used instead of `jvp` where possible. */
  forward?(args: Omit<JvpArguments<P>, "outputs">): {
    outputs: readonly Tensor[];
    tangents: readonly MaybeTensor[];
  };
  /**
   * For primitives whose split into a primal and a linear part is not the plain one (loops, calls): computes the
   * outputs again together with whatever the linear part needs, then returns the tangents by linear nodes only.
   */
  linearize?(args: Omit<JvpArguments<P>, "outputs">): {
    outputs: readonly Tensor[];
    tangents: readonly MaybeTensor[];
  };
}

/** Says why an operation has no derivative; the reason goes into the GradientError. */
export interface NotDifferentiable {
  readonly kind: "none";
  /** "zero": locally constant, so the tangent is exactly zero (floor, comparisons); "error": asking is a mistake. */
  readonly policy: "zero" | "error";
  readonly why: string;
}

export function notDifferentiable(why: string, policy: "zero" | "error" = "zero"): NotDifferentiable {
  return { kind: "none", policy, why };
}

export interface TransposeArguments<P extends Params> {
  /** One per output; null is zero. */
  readonly cotangents: readonly MaybeTensor[];
  /** The value of a non-linear input, null for a linear one. */
  readonly inputs: readonly MaybeTensor[];
  readonly avals: readonly Aval[];
  readonly params: P;
}

/** The transpose rule of a primitive that is linear in some of its inputs. */
export interface Linear<P extends Params> {
  readonly kind: "linear";
  /** One cotangent per input, of the input's type; null for non-linear inputs and zeros. */
  transpose(args: TransposeArguments<P>): readonly MaybeTensor[];
}

export interface NotLinear {
  readonly kind: "nonlinear";
}

export const NOT_LINEAR: NotLinear = { kind: "nonlinear" };

export interface BatchArguments<P extends Params> {
  /** Batched inputs carry the batch axis at position 0. */
  readonly inputs: readonly Tensor[];
  readonly batched: readonly boolean[];
  readonly params: P;
  readonly size: number;
}

/**
 * An operation of the intermediate representation. Every rule is here and nowhere else; rules that build new
 * operations run inside a trace and call the functions of lib/trace/ops or `bind`.
 */
export interface Primitive<P extends Params = Params> {
  readonly name: string;
  /** The types of the outputs; validates every input and throws typed errors that name the user's operation. */
  infer(inputs: readonly Aval[], params: P): readonly Aval[];
  readonly derivative: Derivative<P> | NotDifferentiable;
  readonly linear: Linear<P> | NotLinear;
  /** The same operation over a leading batch axis; every output is returned with the batch axis at 0. */
  batch(args: BatchArguments<P>): readonly Tensor[];
  /** The truth: plain float64 evaluation. */
  evaluate(inputs: readonly HostArray[], params: P, outputs: readonly Aval[]): readonly HostArray[];
  /** How it is compiled, as data. */
  lower(params: P, inputs: readonly Aval[], outputs: readonly Aval[]): Lowering;
  /** Parameters as the graph printer shows them, for example `axes=[0]`; empty when there are none. */
  print(params: P): string;
  /** True when it must run, once and in order, even if nothing uses its result (print, check, host callbacks). */
  readonly effect?: boolean;
  /** For an effect that may fail: the same, which fails only where `applies`, a bool scalar, is true. */
  masked?(inputs: readonly Tensor[], params: P, applies: Tensor): readonly Tensor[];
  /**
   * For each input whether one of the wanted outputs depends on it, not counting what passes through stopGradient. All
   * inputs count for every output where this is absent.
   */
  influences?(params: P, wanted: readonly boolean[]): readonly boolean[];
  /** The sub-graphs among its parameters, with the name the printer gives each. */
  graphs?(params: P): readonly { readonly name: string; readonly graph: Graph }[];
}
