/** At which dtype operands meet. */
import { assertEquals, assertThrows } from "@std/assert";
import { type DType, DTYPES, promote, setDefaultFloat } from "../../lib/trace/dtype.ts";
import { DTypeError } from "../../lib/trace/errors.ts";
import { promoteOperands, toTensor } from "../../lib/trace/ops/convert.ts";
import * as ops from "../../lib/trace/ops/mod.ts";
import { type NumberOrigin, Tensor } from "../../lib/trace/tensor.ts";
import { traceFunction } from "../../lib/trace/trace.ts";

/** Rows and columns: bool uint8 int8 int32 uint32 float16 float32 float64. */
const ORDER: readonly DType[] = ["bool", "uint8", "int8", "int32", "uint32", "float16", "float32", "float64"];
const TABLE = [
  "bool uint8 int8 int32 uint32 float16 float32 float64",
  "uint8 uint8 int32 int32 uint32 float16 float32 float64",
  "int8 int32 int8 int32 int32 float16 float32 float64",
  "int32 int32 int32 int32 int32 float16 float32 float64",
  "uint32 uint32 int32 int32 uint32 float16 float32 float64",
  "float16 float16 float16 float16 float16 float16 float32 float64",
  "float32 float32 float32 float32 float32 float32 float32 float64",
  "float64 float64 float64 float64 float64 float64 float64 float64",
].map((row) => row.split(" "));

/** The dtype of a result on traced operands of the given dtypes. */
function resultDType(dtypes: readonly DType[], fn: (...xs: Tensor[]) => Tensor): DType {
  const traced = traceFunction((xs) => [fn(...xs)], dtypes.map((dtype) => ({ shape: [2], dtype })));
  return traced.graph.outputs[0].aval.dtype;
}

Deno.test("two tensors meet as the table says", () => {
  assertEquals([...ORDER].sort(), [...DTYPES].sort());
  ORDER.forEach((a, i) =>
    ORDER.forEach((b, j) => {
      assertEquals(promote(a, b), TABLE[i][j], `${a} with ${b}`);
      assertEquals(resultDType([a, b], (x, y) => x.add(y)), TABLE[i][j], `${a} + ${b}`);
    })
  );
});

Deno.test("a plain number takes the dtype of its tensor, and a fraction makes integers float", () => {
  for (const dtype of ORDER) {
    const float = dtype.startsWith("float");
    assertEquals(resultDType([dtype], (x) => x.add(2)), dtype === "bool" ? "int32" : dtype, dtype);
    assertEquals(resultDType([dtype], (x) => ops.sub(2, x)), dtype === "bool" ? "int32" : dtype, dtype);
    assertEquals(resultDType([dtype], (x) => x.mul(0.5)), float ? dtype : "float32", dtype);
    assertEquals(resultDType([dtype], (x) => x.maximum(Infinity)), float ? dtype : "float32", dtype);
    assertEquals(resultDType([dtype], (x) => x.add(true)), dtype, dtype);
  }
});

Deno.test("true division, means and transcendental functions of integers are the default float", () => {
  for (const dtype of ["bool", "uint8", "int8", "int32", "uint32"] as const) {
    assertEquals(resultDType([dtype, dtype], (x, y) => x.div(y)), "float32");
    assertEquals(resultDType([dtype], (x) => x.mean()), "float32");
    assertEquals(resultDType([dtype], (x) => x.exp()), "float32");
    assertEquals(resultDType([dtype], (x) => x.atan2(1)), "float32");
    assertEquals(resultDType([dtype], (x) => x.floor()), dtype);
  }
  assertEquals(resultDType(["float16"], (x) => x.div(3)), "float16");
  setDefaultFloat("float64");
  try {
    assertEquals(resultDType(["int32"], (x) => x.exp()), "float64");
    assertEquals(resultDType(["int32"], (x) => x.mul(0.5)), "float64");
  } finally {
    setDefaultFloat("float32");
  }
});

Deno.test("a number keeps its precision until it meets its tensor", () => {
  const traced = traceFunction(([x]) => [x.mul(0.1)], [{ shape: [], dtype: "float64" }]);
  const constant = traced.graph.nodes.find((node) => node.primitive.name === "constant")!;
  assertEquals((constant.params as { value: number }).value, 0.1);
});

Deno.test("a number that an integer dtype cannot hold is refused", () => {
  const error = assertThrows(
    () => resultDType(["uint8"], (x) => x.add(-1)),
    DTypeError,
    "-1 does not fit uint8",
  );
  assertEquals(error.detail.operation, "add");
  assertThrows(() => resultDType(["int8"], (x) => x.mul(1000)), DTypeError, "-128 to 127");
  assertEquals(resultDType(["uint8"], (x) => x.add(0.5)), "float32");
});

class Origin implements NumberOrigin {
  observed = 0;
  constructor(readonly integral: boolean) {}
  observe(): void {
    this.observed++;
  }
}

/** The dtype of `fn` of a traced number beside an int32 tensor, and how often its integrality mattered. */
function withTracedNumber(integral: boolean, fn: (n: Tensor, x: Tensor) => Tensor): [DType, number] {
  const origin = new Origin(integral);
  const traced = traceFunction(([n, x]) => {
    n.origin = origin;
    return [fn(n, x)];
  }, [{ shape: [], dtype: "float64", weak: true }, { shape: [3], dtype: "int32" }]);
  return [traced.graph.outputs[0].aval.dtype, origin.observed];
}

Deno.test("a traced number says when a trace depends on its being integral", () => {
  assertEquals(withTracedNumber(true, (n, x) => x.add(n)), ["int32", 1]);
  assertEquals(withTracedNumber(false, (n, x) => x.add(n)), ["float32", 1]);
  assertEquals(withTracedNumber(true, (n, x) => x.cast("float32").add(n)), ["float32", 0]);
  assertEquals(withTracedNumber(true, (n, x) => x.mul(n.mul(3).add(n).neg())), ["int32", 1]);
  assertEquals(withTracedNumber(true, (n, x) => x.mul(n.mul(0.5))), ["float32", 1]);
  assertEquals(withTracedNumber(true, (n, x) => x.mul(n.exp())), ["float32", 0]);
});

Deno.test("plain numbers among themselves stay weak inside a trace", () => {
  traceFunction(([n, x]) => {
    const sum = n.add(1).mul(ops.add(2, 3)).exp();
    assertEquals(sum.aval.weak, true);
    assertEquals(sum.dtype, "float32");
    const result = x.mul(sum);
    assertEquals(result.aval.dtype, "float16");
    return [result];
  }, [{ shape: [], dtype: "float64", weak: true }, { shape: [2], dtype: "float16" }]);
});

Deno.test("a choice between plain numbers is made in the dtype it meets", () => {
  const { graph } = traceFunction(([x]) => [x.mul(ops.where(x.gt(0), 0.1, 0))], [{
    shape: [3],
    dtype: "float16",
  }]);
  const types = graph.nodes.filter((node) => node.primitive.name === "select").map((node) =>
    node.outputs[0].aval
  );
  assertEquals(types.at(-1), { shape: [3], dtype: "float16" });
  assertEquals(graph.nodes.some((node) => node.primitive.name === "cast"), false);
});

Deno.test("a long chain of traced numbers neither overflows nor slows down", () => {
  const [dtype] = withTracedNumber(true, (n, x) => {
    let sum = n;
    for (let i = 0; i < 20_000; i++) sum = sum.add(1);
    return x.add(sum);
  });
  assertEquals(dtype, "int32");
});

Deno.test("operands are cast once and left alone when they fit", () => {
  traceFunction(([x, y]) => {
    const [a, b] = promoteOperands("add", [x, x]);
    assertEquals([a === x, b === x], [true, true]);
    const [c, d] = promoteOperands("add", [x, y]);
    assertEquals([c.aval.dtype, d === y], ["float64", true]);
    return [c, d];
  }, [{ shape: [], dtype: "float32" }, { shape: [], dtype: "float64" }]);
  assertEquals(toTensor(3).aval.weak, true);
  assertEquals(toTensor(true).aval.dtype, "bool");
  assertEquals(toTensor(new Tensor({ shape: [], dtype: "int8" }, null)).aval.dtype, "int8");
});
