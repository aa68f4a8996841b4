/** Errors of elementwise operations and reductions: class, message, place, data. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  arange,
  DamoError,
  DTypeError,
  jit,
  max,
  narrow,
  roll,
  ShapeError,
  type Tensor,
  tensor,
  TracedValueError,
  where,
  zeros,
} from "@damo/damo";

const here = "operation_errors_test.ts";

Deno.test("shapes that do not broadcast are named, with the user's line and a remedy", () => {
  const error = assertThrows(
    () => zeros([2, 3]).add(zeros([2])),
    ShapeError,
    "add: shapes do not broadcast: float32[2, 3] and float32[2].",
  );
  assert(error.message.includes(here), error.message);
  assert(error.message.endsWith("to line the axes up."), error.message);
  assertEquals(error.detail.operation, "add");
  assertEquals(error.detail.arguments?.map((x) => x.shape), [[2, 3], [2]]);
});

Deno.test("the same error is thrown while tracing, at the line of the operation", () => {
  const f = jit((x: Tensor, y: Tensor) => {
    const z = x.exp();
    return z.mul(y);
  });
  const error = assertThrows(() => f(zeros([3]), zeros([4])), ShapeError, "mul: shapes do not broadcast");
  assert(error.message.includes(`${here}:36`), error.message);
});

Deno.test("where wants a bool condition and fitting shapes", () => {
  assertThrows(() => where(tensor([1]), 1, 2), DTypeError, "where: the condition is float32[1], not bool.");
  assertThrows(
    () => where(tensor([true, false]), zeros([3]), 0),
    ShapeError,
    "where: shapes do not broadcast: bool[2], float32[3], float32[].",
  );
});

Deno.test("operations refuse dtypes they have no meaning for", () => {
  assertThrows(() => tensor([1.5]).and(1), DTypeError, "and takes bool or integers, got float32[1]");
  assertThrows(() => tensor([1.5]).not(), DTypeError, "not takes bool or integers");
  assertThrows(() => tensor([true]).neg(), DTypeError, "neg does not take bool");
  const error = assertThrows(
    () => tensor([2], { dtype: "int32" }).pow(-1),
    DTypeError,
    "to the negative power -1 is not an integer",
  );
  assert(error.message.includes('a.cast("float32")'));
});

Deno.test("reductions name what was wrong with axes and options", () => {
  assertThrows(
    () => zeros([2]).sum({ axis: 1 }),
    ShapeError,
    "sum: axis 1 is out of range for float32[2]",
  );
  assertThrows(() => tensor(1).max({ axis: 0 }), ShapeError, "a scalar has no axes");
  assertThrows(() => zeros([2]).mean({ axes: 0 } as object), DamoError, 'mean: unknown option "axes"');
  assertThrows(
    () => zeros([2]).sum(0 as unknown as object),
    DamoError,
    "sum: options must be an object, got 0",
  );
  assertThrows(() => zeros([2]).std({ ddof: -1 }), DamoError, "ddof is -1");
  assertThrows(() => zeros([2]).norm({ ord: NaN }), DamoError, "ord is NaN");
  assertThrows(() => max(zeros([0])), ShapeError, "max: axis 0 of float32[0] is empty and has no max");
  assertThrows(() => tensor(1).diff(), ShapeError, "diff: float32[] has no axis");
});

Deno.test("shifts, lengths and indices that are no integers are named", () => {
  const x = zeros([3, 4]);
  assertThrows(() => roll(x, 0.5, 0), ShapeError, "roll: shift is 0.5.");
  assertThrows(() => roll(x, [1, NaN], [0, 1]), ShapeError, "roll: shift is NaN.");
  assertThrows(() => roll(zeros([1]), 0.5), ShapeError, "roll: shift is 0.5.");
  const part = jit((x: Tensor, n: number) => narrow(x, 0, 0, n));
  assertThrows(() => part(x, 2), TracedValueError, "narrow: length is a traced number (n");
  assertThrows(() => (arange as () => Tensor)(), ShapeError, "arange: stop is undefined.");
  assertThrows(() => x.at(true as unknown as number), ShapeError, "at: a mask bool[] does not fit axis 0");
});
