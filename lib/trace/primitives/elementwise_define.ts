/** Builds elementwise primitives from what is special to each: its domain, formula, derivative and transpose. */
import { type DType, isFloat, wrapInteger } from "../dtype.ts";
import { DTypeError } from "../errors.ts";
import {
  type HostArray,
  type MaybeTensor,
  NOT_LINEAR,
  type NotDifferentiable,
  type Primitive,
  type TransposeArguments,
} from "../primitive.ts";
import type { BinaryOp, CompareOp, ScalarOp, TestOp, UnaryOp } from "../scalar_op.ts";
import { type Aval, broadcastAll, describe, sizeOf, stridesOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { alignBatch, apply, broadcastShape, type NoParams, unbroadcast } from "./elementwise_rules.ts";

/** Which dtypes an operation takes. */
export type Domain = "float" | "number" | "integral" | "any";

/** The tangent of the result for the tangent of one operand, given the operands and the result. */
export type PartialRule = (tangent: Tensor, operands: readonly Tensor[], result: Tensor) => MaybeTensor;

/** The cotangent of one operand for that of the result; the linear operands are null. */
export type PartialTranspose = (cotangent: Tensor, operands: readonly MaybeTensor[]) => Tensor;

export interface ElementwiseDefinition {
  readonly domain: Domain;
  /** The value in float64; integers are wrapped afterwards. */
  evaluate(a: number, b: number, c: number, dtype: DType): number;
  /** One rule per operand, or the reason why there is none. */
  readonly derivative: readonly (PartialRule | null)[] | NotDifferentiable;
  /** One rule per operand; null for operands in which it is not linear. */
  readonly transpose?: readonly (PartialTranspose | null)[];
}

function accepts(domain: Domain, dtype: DType): boolean {
  if (domain === "any") return true;
  if (domain === "float") return isFloat(dtype);
  return domain === "number" ? dtype !== "bool" : !isFloat(dtype);
}

const WANTED: { readonly [D in Domain]: string } = {
  float: "a float dtype",
  number: "an integer or float dtype",
  integral: "an integer dtype or bool",
  any: "any dtype",
};

function checkDTypes(operation: string, inputs: readonly Aval[], domain: Domain): void {
  const { dtype } = inputs[0];
  const equal = inputs.every((x) => x.dtype === dtype);
  if (equal && accepts(domain, dtype)) return;
  const names = ["a", "b", "c"];
  throw new DTypeError(
    equal
      ? `${operation} needs ${WANTED[domain]}, got ${inputs.map(describe).join(" and ")}.`
      : `${operation}: operands have different dtypes: ${inputs.map(describe).join(" and ")}.`,
    {
      operation,
      arguments: inputs.map((x, i) => ({ name: names[i], shape: x.shape, dtype: x.dtype })),
      remedy: "Use cast to give the operands a common dtype that the operation takes.",
    },
  );
}

/** The primitive of one scalar operation. `output` is the dtype of the result where it is not that of the inputs. */
function define(op: ScalarOp, definition: ElementwiseDefinition, output?: "bool"): Primitive<NoParams> {
  const { derivative, transpose, domain, evaluate } = definition;
  const conditional = op === "select";
  return {
    name: op,
    infer(inputs) {
      const operands = conditional ? inputs.slice(1) : inputs;
      checkDTypes(op, operands, domain);
      if (conditional) checkCondition(inputs[0]);
      const shape = broadcastAll(conditional ? "where" : op, inputs);
      if (output) return [{ shape, dtype: output }];
      const { dtype } = operands[0];
      return [operands.every((x) => x.weak) ? { shape, dtype, weak: true } : { shape, dtype }];
    },
    derivative: "kind" in derivative ? derivative : {
      kind: "derivative",
      jvp({ primals, tangents, outputs: [result] }) {
        let total: MaybeTensor = null;
        tangents.forEach((tangent, i) => {
          const part = tangent && derivative[i]?.(tangent, primals, result);
          if (part) total = total ? apply("add", total, part) : part;
        });
        return [total && broadcastShape(total, result.aval.shape)];
      },
    },
    linear: !transpose ? NOT_LINEAR : {
      kind: "linear",
      transpose({ cotangents: [cotangent], inputs, avals }: TransposeArguments<NoParams>) {
        return avals.map((aval, i) => {
          const rule = transpose[i];
          if (!cotangent || inputs[i] !== null || !rule) return null;
          return unbroadcast(rule(cotangent, inputs), aval);
        });
      },
    },
    batch({ inputs, batched }) {
      return [apply(op, ...alignBatch(inputs, batched))];
    },
    evaluate(inputs, _params, [out]) {
      return [evaluateElementwise(inputs, out, evaluate)];
    },
    lower() {
      return { kind: "map", op };
    },
    print() {
      return "";
    },
  };
}

function checkCondition(condition: Aval): void {
  if (condition.dtype === "bool") return;
  throw new DTypeError(`where: the condition is ${describe(condition)}, not bool.`, {
    operation: "where",
    arguments: [{ name: "condition", shape: condition.shape, dtype: condition.dtype }],
    remedy: "Compare it with something, for example condition.ne(0).",
  });
}

/** Applies a scalar function to broadcast operands. */
export function evaluateElementwise(
  inputs: readonly HostArray[],
  out: Aval,
  evaluate: (a: number, b: number, c: number, dtype: DType) => number,
): HostArray {
  const data = new Float64Array(sizeOf(out.shape));
  const dtype = inputs[inputs.length - 1].dtype;
  const wrap = !isFloat(out.dtype);
  const offsets = inputs.map((x) => broadcastOffsets(x, out.shape));
  const [a, b, c] = inputs;
  const [offsetA, offsetB, offsetC] = offsets;
  for (let i = 0; i < data.length; i++) {
    const value = evaluate(
      a.data[offsetA ? offsetA[i] : i],
      b ? b.data[offsetB ? offsetB[i] : i] : 0,
      c ? c.data[offsetC ? offsetC[i] : i] : 0,
      dtype,
    );
    data[i] = wrap ? wrapInteger(value, out.dtype) : value;
  }
  return { shape: out.shape, dtype: out.dtype, data };
}

/** For each element of `shape` the offset into `x`; null when they are the same. */
function broadcastOffsets(x: HostArray, shape: readonly number[]): Int32Array | null {
  const size = sizeOf(shape);
  if (x.data.length === size) return null;
  const offsets = new Int32Array(size);
  const strides = stridesOf(x.shape), outStrides = stridesOf(shape);
  const extra = shape.length - x.shape.length;
  for (let i = 0; i < size; i++) {
    let offset = 0;
    for (let d = 0; d < x.shape.length; d++) {
      if (x.shape[d] === 1) continue;
      offset += (Math.floor(i / outStrides[d + extra]) % shape[d + extra]) * strides[d];
    }
    offsets[i] = offset;
  }
  return offsets;
}

export function unary(op: UnaryOp, definition: ElementwiseDefinition): Primitive<NoParams> {
  return define(op, definition);
}

export function binary(op: BinaryOp, definition: ElementwiseDefinition): Primitive<NoParams> {
  return define(op, definition);
}

/** Two arguments to bool, locally constant. */
export function compare(
  op: CompareOp | TestOp,
  definition: Omit<ElementwiseDefinition, "transpose">,
): Primitive<NoParams> {
  return define(op, definition, "bool");
}

/** condition, a, b. */
export function selection(definition: ElementwiseDefinition): Primitive<NoParams> {
  return define("select", definition);
}
