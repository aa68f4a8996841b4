/** definePrimitive: operations of the user's own, with whatever rules they bring. */
import { checkDefinition } from "./definition.ts";
import { type DType, isDType } from "../trace/dtype.ts";
import { DTypeError, GradientError, ShapeError } from "../trace/errors.ts";
import type { Lowering } from "../trace/lowering.ts";
import { stack } from "../trace/ops/shape_join.ts";
import { type TensorLike, toTensor } from "../trace/ops/convert.ts";
import { type HostArray, NOT_LINEAR, notDifferentiable, type Primitive } from "../trace/primitive.ts";
import { batchAll } from "../trace/primitives/zeros.ts";
import { type Aval, checkShape, type Shape, sizeOf } from "../trace/shape.ts";
import { Tensor } from "../trace/tensor.ts";
import { bind } from "../trace/trace.ts";
import { customJvp } from "./custom_jvp.ts";
import { customVjp } from "./custom_vjp.ts";

/** The derivative of a defined operation: one of the two, or neither. */
export interface DerivativeRules {
  /** The name in graphs, profiles and errors. */
  readonly name: string;
  /** Tangents of the results for one tangent per input; linear in the tangents. */
  readonly jvp?: (primals: readonly Tensor[], tangents: readonly Tensor[], results: readonly Tensor[]) =>
    | Tensor
    | readonly Tensor[];
  /** One gradient per input (null for zero) for one cotangent per result. */
  readonly vjp?: (
    primals: readonly Tensor[],
    results: readonly Tensor[],
    cotangents: readonly Tensor[],
  ) => readonly (Tensor | null)[];
}

/** An operation composed of Damo's own: compiled and batched like them. */
export interface TensorDefinition extends DerivativeRules {
  /** The results for the inputs, by tensor operations. */
  readonly compute: (...inputs: Tensor[]) => Tensor | readonly Tensor[];
}

/** An operation computed by plain TypeScript on the host, on row-major float64 arrays of every dtype. */
export interface HostDefinition extends DerivativeRules {
  /** The types of the results for those of the inputs. */
  readonly infer: (...inputs: { shape: Shape; dtype: DType }[]) =>
    | { shape: Shape; dtype: DType }
    | readonly { shape: Shape; dtype: DType }[];
  /** The elements of the results, row-major; an array of arrays when there are several results. */
  readonly evaluate: (...inputs: HostArray[]) => ArrayLike<number> | readonly ArrayLike<number>[];
}

/** What {@link definePrimitive} takes. */
export type PrimitiveDefinition = TensorDefinition | HostDefinition;

/** The function that a definition makes: one tensor, or an array when the definition gives several. */
export type DefinedFunction<R> = (
  ...inputs: TensorLike[]
) => R extends readonly unknown[] ? Tensor[] : Tensor;

/**
 * An operation of one's own, as a function of tensors. With `compute` it is composed of tensor operations; with
 * `evaluate` and `infer` it runs on the host, example by example under vmap. `jvp` or `vjp` gives its derivative;
 * without them a composed operation is differentiated as it is written and one on the host has no derivative.
 *
 * @throws {GradientError} when both rules are given, or a rule returns the wrong shapes.
 * @example
 * ```ts
 * import { definePrimitive, grad, tensor } from "@damo/damo";
 * const cubeRoot = definePrimitive({
 *   name: "cubeRoot",
 *   infer: (x) => x,
 *   evaluate: (x) => x.data.map(Math.cbrt),
 *   jvp: ([x], [t], [y]) => t.mul(y).div(x.mul(3)),
 * });
 * console.assert(cubeRoot(tensor([8, 27])).shape[0] === 2);
 * console.assert(Math.abs(Number(grad(cubeRoot)(tensor(8))) - 1 / 12) < 1e-6);
 * ```
 */
export function definePrimitive<R extends Tensor | readonly Tensor[]>(
  definition: DerivativeRules & { readonly compute: (...inputs: Tensor[]) => R },
): DefinedFunction<R>;
/** An operation that is computed on the host. */
export function definePrimitive(definition: HostDefinition): DefinedFunction<Tensor>;
export function definePrimitive(
  definition: PrimitiveDefinition,
): DefinedFunction<Tensor | readonly Tensor[]> {
  checkDefinition("definePrimitive", definition, {
    required: typeof definition === "object" && definition && "compute" in definition
      ? ["compute"]
      : ["infer", "evaluate"],
    optional: ["jvp", "vjp"],
  });
  const { name, jvp, vjp } = definition;
  if (jvp && vjp) {
    throw new GradientError(`definePrimitive: ${name} has both a jvp and a vjp rule.`, {
      operation: "definePrimitive",
      remedy: "Give one of them: the other mode follows from it.",
    });
  }
  const base = "compute" in definition ? definition.compute : hostFunction(definition);
  const listed = { [name]: (...inputs: Tensor[]): Tensor[] => asList(base(...inputs)) }[name];
  // The rules call the operation with its rules, so that derivatives of derivatives find them too.
  const ruled: (...inputs: Tensor[]) => Tensor[] = jvp
    ? customJvp(listed, (primals, tangents) => {
      const results = ruled(...primals);
      return [results, asList(jvp(primals, tangents, results))];
    })
    : vjp
    ? customVjp(listed, (...primals) => {
      const results = ruled(...primals);
      return [results, { primals, results }];
    }, ({ primals, results }, cotangents) => vjp(primals, results, cotangents))
    : listed;
  const defined = (...inputs: TensorLike[]) => {
    const tensors = inputs.map((input) => {
      const tensor = toTensor(input, { operation: name });
      return tensor.aval.weak ? tensor.convertWeak(tensor.dtype) : tensor;
    });
    const results = ruled(...tensors);
    return results.length === 1 ? results[0] : results;
  };
  Object.defineProperty(defined, "name", { value: name });
  return defined as DefinedFunction<Tensor | readonly Tensor[]>;
}

function asList(result: Tensor | readonly Tensor[]): Tensor[] {
  return result instanceof Tensor ? [result] : [...result];
}

interface HostParams {
  /** How many batch axes lie in front of the operation's own. */
  readonly batchAxes: number;
}

/** An operation on the host that some devices have a shader for. */
export interface ShaderDefinition extends HostDefinition {
  /** The shader for inputs and results of these types. */
  readonly shader: (inputs: readonly Aval[], outputs: readonly Aval[]) => Lowering;
}

function hostFunction(definition: HostDefinition): (...inputs: Tensor[]) => readonly Tensor[] {
  const primitive = hostPrimitive(definition);
  return (...inputs) => bind(primitive, inputs, { batchAxes: 0 });
}

function hostPrimitive(definition: HostDefinition): Primitive<HostParams> {
  const { shader } = definition as Partial<ShaderDefinition>;
  const primitive: Primitive<HostParams> = {
    name: definition.name,
    infer(inputs, { batchAxes }) {
      const batch = inputs[0]?.shape.slice(0, batchAxes) ?? [];
      const own = inputs.map(({ shape, dtype }) => ({ shape: shape.slice(batchAxes), dtype }));
      const result = definition.infer(...own);
      const avals: readonly Aval[] = Array.isArray(result) ? result : [result as Aval];
      return avals.map(({ shape, dtype }) => {
        checkShape(definition.name, shape, "the shape that infer gives");
        if (!isDType(dtype)) {
          throw new DTypeError(`${definition.name}: infer gives the dtype ${JSON.stringify(dtype)}.`, {
            operation: definition.name,
            remedy: "Return { shape, dtype } for each result.",
          });
        }
        return { shape: [...batch, ...shape], dtype };
      });
    },
    derivative: notDifferentiable(
      "It is computed on the host and was defined without a derivative.",
      "error",
    ),
    linear: NOT_LINEAR,
    batch(args) {
      const batched = batchAll(args);
      if (shader === undefined) return bind(primitive, batched, { batchAxes: args.params.batchAxes + 1 });
      // A shader knows one example only.
      const examples = Array.from(
        { length: args.size },
        (_, i) => bind(primitive, batched.map((x) => x.at(i)), args.params),
      );
      return examples[0].map((_, k) => stack(examples.map((results) => results[k])));
    },
    evaluate(inputs, { batchAxes }, outputs) {
      const examples = sizeOf(outputs[0].shape.slice(0, batchAxes));
      const results = outputs.map(({ shape }) => new Float64Array(sizeOf(shape)));
      for (let example = 0; example < examples; example++) {
        const own = inputs.map(({ shape, dtype, data }): HostArray => {
          const size = data.length / examples;
          return {
            shape: shape.slice(batchAxes),
            dtype,
            data: data.slice(example * size, (example + 1) * size),
          };
        });
        const given = definition.evaluate(...own);
        const lists = outputs.length === 1 && typeof given[0] !== "object" ? [given] : given;
        results.forEach((result, i) => {
          const list = lists[i] as ArrayLike<number>;
          const size = result.length / examples;
          if (list.length !== size) {
            throw wrongLength(definition.name, list.length, outputs[i].shape.slice(batchAxes));
          }
          result.set(list, example * size);
        });
      }
      return outputs.map(({ shape, dtype }, i) => ({ shape, dtype, data: results[i] }));
    },
    lower(_, inputs, outputs) {
      return shader === undefined ? { kind: "host" } : shader(inputs, outputs);
    },
    print() {
      return "";
    },
  };
  return primitive;
}

function wrongLength(operation: string, length: number, shape: Shape): ShapeError {
  return new ShapeError(
    `${operation}: evaluate gave ${length} elements for a result of shape [${shape.join(", ")}].`,
    {
      operation,
      remedy: "Return the elements row-major, as many as infer says.",
    },
  );
}
