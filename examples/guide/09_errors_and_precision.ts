/**
 * Errors and precision: messages that help, and floats that stay what they are.
 *
 * Theano reports a mismatch when the compiled function runs, and names a fused node; float64 slips in with int32. Here the
 * error comes while one writes, with both shapes and the line, and float64 never becomes float32 without being told.
 */
import {
  grad,
  jit,
  ones,
  setDefaultFloat,
  ShapeError,
  shared,
  type Tensor,
  tensor,
  TracedValueError,
} from "@damo/damo";
import { expect, expectError } from "../expect.ts";

// The addition that does not fit: the operation, the shapes, the line, the remedy.
const sum = jit((a: Tensor, b: Tensor) => a.add(b));
const message = expectError(() => sum(ones([2, 3]), ones([4])), "float32[2, 3]", "float32[4]", "09_errors");
console.log(message);
try {
  sum(ones([2]), ones([3]));
} catch (error) {
  if (!(error instanceof ShapeError)) throw error;
  expect(error.detail.operation === "add", true);
}

// Deciding by a value that does not exist yet.
try {
  jit((x: Tensor) => Number(x) > 0 ? x : x.neg())(tensor(1));
  throw new Error("no error");
} catch (error) {
  if (!(error instanceof TracedValueError)) throw error;
  console.log(`\n${error.message}`);
}

// A gradient that cannot be.
expectError(() => grad((x: Tensor) => x.square())(tensor([1, 2])), "scalar");
expectError(() => grad((x: Tensor) => x.sum())(tensor([1, 2], { dtype: "int32" })), "int32");

// Numbers take the dtype of the tensor they meet; integers never widen a float.
const half = tensor([1, 2], { dtype: "float16" });
expect(
  [half.mul(0.5).dtype, half.add(tensor([1, 2], { dtype: "int32" })).dtype].join() === "float16,float16",
  true,
);

// Float64 data into a float32 variable is refused, with both remedies.
const w = shared([0, 0], { name: "w" });
const double = new Float64Array([0.1, 0.2]);
console.log(`\n${
  expectError(
    () => {
      w.value = double;
    },
    "float64",
    "cast",
  )
}`);
w.value = tensor(double).cast("float32");
expect(w, [0.1, 0.2]);

// The other default: everything made from now on is float64.
setDefaultFloat("float64");
expect(tensor(0.1).dtype === "float64", true);
expect(jit((x: Tensor) => x.exp())(tensor(1)), Math.E, 1e-15);
setDefaultFloat("float32");
