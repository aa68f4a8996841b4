/** concat: tensors one behind the other along an axis. */
import { ShapeError } from "../errors.ts";
import type { Primitive } from "../primitive.ts";
import { type Aval, describe, sizeOf } from "../shape.ts";
import { bindOne } from "../trace.ts";
import { slicePrimitive } from "./move_slice.ts";
import { batchAll, instantiate } from "./zeros.ts";

export interface ConcatParams {
  readonly axis: number;
}

function checkConcat(inputs: readonly Aval[], axis: number): void {
  const [first] = inputs;
  for (let i = 1; i < inputs.length; i++) {
    const x = inputs[i];
    const fits = x.shape.length === first.shape.length && x.dtype === first.dtype &&
      x.shape.every((size, a) => a === axis || size === first.shape[a]);
    if (!fits) {
      throw new ShapeError(
        `concat: xs[${i}] is ${describe(x)} and xs[0] is ${
          describe(first)
        }; they must agree but for axis ${axis}.`,
        {
          operation: "concat",
          arguments: inputs.map((y, k) => ({ name: `xs[${k}]`, shape: y.shape, dtype: y.dtype })),
          remedy: "Use reshape, transpose or pad to make the other sizes equal, or choose another axis.",
        },
      );
    }
  }
}

/** Linear in all inputs: each gets its own part of the cotangent. */
export const concatPrimitive: Primitive<ConcatParams> = {
  name: "concat",
  infer(inputs, { axis }) {
    checkConcat(inputs, axis);
    const shape = [...inputs[0].shape];
    shape[axis] = inputs.reduce((sum, x) => sum + x.shape[axis], 0);
    return [{ shape, dtype: inputs[0].dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ primals, tangents, params }) {
      if (tangents.every((t) => t === null)) return [null];
      return [bindOne(concatPrimitive, tangents.map((t, i) => instantiate(t, primals[i].aval)), params)];
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents: [cotangent], inputs, avals, params: { axis } }) {
      if (!cotangent) return avals.map(() => null);
      let offset = 0;
      return avals.map((x, i) => {
        const start = x.shape.map((_, a) => a === axis ? offset : 0);
        offset += x.shape[axis];
        if (inputs[i] !== null) return null;
        const stop = x.shape.map((size, a) => start[a] + size);
        return bindOne(slicePrimitive, [cotangent], { start, stop, step: start.map(() => 1) });
      });
    },
  },
  batch(args) {
    return [bindOne(concatPrimitive, batchAll(args), { axis: args.params.axis + 1 })];
  },
  evaluate(inputs, { axis }, [{ shape, dtype }]) {
    const data = new Float64Array(sizeOf(shape));
    const outer = sizeOf(shape.slice(0, axis)), inner = sizeOf(shape.slice(axis));
    let offset = 0;
    for (const x of inputs) {
      const block = sizeOf(x.shape.slice(axis));
      for (let row = 0; row < outer; row++) {
        data.set(x.data.subarray(row * block, (row + 1) * block), row * inner + offset);
      }
      offset += block;
    }
    return [{ shape, dtype, data }];
  },
  lower({ axis }) {
    return { kind: "concat", axis };
  },
  print({ axis }) {
    return `axis=${axis}`;
  },
};
