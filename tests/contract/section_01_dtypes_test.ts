/** API.md, section 1: dtypes, promotion and the arithmetic of each. */
import { assert, assertEquals } from "@std/assert";
import {
  add,
  cumsum,
  type DType,
  DTypeError,
  jit,
  LoopError,
  mean,
  ones,
  scan,
  scatterAdd,
  setDefaultFloat,
  shared,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "@damo/damo";
import { DTYPES, list, message } from "./support.ts";

const of = (value: number | number[], dtype: DType): Tensor => tensor(value, { dtype });

Deno.test("setDefaultFloat", () => {
  try {
    setDefaultFloat("float64");
    assertEquals([tensor(1).dtype, tensor([1]).dtype, zeros([1]).dtype], ["float64", "float64", "float64"]);
    assertEquals(of([1, 2], "int32").mean().dtype, "float64");
    assertEquals(of([1, 2], "int32").exp().dtype, "float64");
    assertEquals(of([1, 2], "int32").div(2).dtype, "float64");
    assertEquals(of([1, 2], "int32").add(0.5).dtype, "float64");
    assertEquals(of([1, 2], "float32").add(0.5).dtype, "float32");
  } finally {
    setDefaultFloat("float32");
  }
  assertEquals(tensor(1).dtype, "float32");
  message(() => setDefaultFloat("int32" as never), DTypeError, "int32");
});

/** bool < uint8, int8 < int32, uint32 < float16 < float32 < float64. */
function promoted(a: DType, b: DType): DType {
  if (a === b) return a;
  const rank: Record<DType, number> = {
    bool: 0,
    uint8: 1,
    int8: 1,
    int32: 2,
    uint32: 2,
    float16: 3,
    float32: 4,
    float64: 5,
  };
  const signed = (d: DType) => d === "int8" || d === "int32", unsigned = (d: DType) => d.startsWith("uint");
  if (signed(a) && unsigned(b) || signed(b) && unsigned(a)) return "int32";
  return rank[a] > rank[b] ? a : b;
}

Deno.test("promotion: every pair of dtypes, outside and inside jit, scalars and vectors alike", () => {
  for (const a of DTYPES) {
    for (const b of DTYPES) {
      // uint8 is a narrower type of int32, and uint8 with int32 is signed with unsigned: int32 both ways.
      const wanted = promoted(a, b);
      for (const [x, y] of [[of([1], a), of([1], b)], [of(1, a), of([1], b)], [of([1], a), of(1, b)]]) {
        const got = x.mul(y).dtype;
        assertEquals(got, wanted, `${a} with ${b}`);
        assertEquals(x.maximum(y).dtype, wanted);
      }
      assertEquals(jit((x: Tensor, y: Tensor) => x.mul(y))(of([1], a), of([1], b)).dtype, wanted);
      assertEquals(of([1], a).eq(of([1], b)).dtype, "bool");
    }
  }
});

Deno.test("a JS number is weak: it takes the dtype of the tensor it meets", () => {
  for (const dtype of DTYPES) {
    const x = of([1], dtype);
    const integer = dtype === "bool" ? "int32" : dtype;
    const fractional = dtype.startsWith("float") ? dtype : "float32";
    for (
      const f of [
        (y: number) => x.add(y),
        (y: number) => add(y, x),
        (y: number) => jit((z: Tensor) => z.add(y))(x),
      ]
    ) {
      assertEquals(f(2).dtype, integer, `${dtype} + 2`);
      assertEquals(f(0.5).dtype, fractional, `${dtype} + 0.5`);
      assertEquals(f(Infinity).dtype, fractional, `${dtype} + Infinity`);
      assertEquals(f(NaN).dtype, fractional, `${dtype} + NaN`);
    }
    const traced = jit((z: Tensor, k: number) => z.mul(k));
    assertEquals(traced(x, 2).dtype, integer, `${dtype} * traced 2`);
    assertEquals(traced(x, 0.5).dtype, fractional, `${dtype} * traced 0.5`);
  }
  assertEquals(list(of([1, 2], "int32").add(0.5)), [1.5, 2.5]);
});

Deno.test("integers wrap; integer division and remainder by 0 give 0", () => {
  assertEquals(list(of([127], "int8").add(of([1], "int8"))), [-128]);
  assertEquals(list(of([255], "uint8").add(1)), [0]);
  assertEquals(list(of([0], "uint8").sub(1)), [255]);
  assertEquals(list(of([2147483647], "int32").add(1)), [-2147483648]);
  assertEquals(list(of([4294967295], "uint32").add(1)), [0]);
  assertEquals(list(of([65536], "int32").mul(65536)), [0]);
  assertEquals(list(of([123456789], "int32").mul(987654321)), [Math.imul(123456789, 987654321)]);
  assertEquals(list(of([-128], "int8").neg()), [-128]);
  assertEquals(list(of([-128], "int8").abs()), [-128]);
  assertEquals(list(of([3], "int32").pow(40)), [Number(BigInt.asIntN(32, 3n ** 40n))]);
  for (const dtype of ["uint8", "int8", "int32", "uint32"] as const) {
    for (const run of [(f: (a: Tensor, b: Tensor) => Tensor) => f, jit] as const) {
      const a = of([7, 0], dtype), b = of([0, 0], dtype);
      assertEquals(list(run((x: Tensor, y: Tensor) => x.floorDiv(y))(a, b)), [0, 0], dtype);
      assertEquals(list(run((x: Tensor, y: Tensor) => x.mod(y))(a, b)), [0, 0], dtype);
    }
    assertEquals(list(of([7], dtype).floorDiv(0)), [0]);
    assertEquals(list(of([7], dtype).mod(0)), [0]);
  }
  assertEquals(list(of([-7, 7, -7], "int32").floorDiv(of([2, -2, -2], "int32"))), [-4, -4, 3]);
  assertEquals(list(of([-7, 7, -7], "int32").mod(of([2, -2, -2], "int32"))), [1, -1, -1]);
  assertEquals(list(of([-2147483648], "int32").floorDiv(-1)), [-2147483648]);
  assertEquals(list(of([-2147483648], "int32").mod(-1)), [0]);
});

Deno.test("a float cast to an integer saturates, NaN to 0", () => {
  const values = [NaN, Infinity, -Infinity, 1e20, -1e20, 3.9, -3.9, 300, -300];
  const wanted: Partial<Record<DType, number[]>> = {
    int32: [0, 2147483647, -2147483648, 2147483647, -2147483648, 3, -3, 300, -300],
    uint32: [0, 4294967295, 0, 4294967295, 0, 3, 0, 300, 0],
    int8: [0, 127, -128, 127, -128, 3, -3, 127, -128],
    uint8: [0, 255, 0, 255, 0, 3, 0, 255, 0],
  };
  for (const source of ["float32", "float64", "float16"] as const) {
    for (const [dtype, expected] of Object.entries(wanted)) {
      const x = tensor(values, { dtype: source });
      assertEquals(list(x.cast(dtype as DType)), expected, `${source} to ${dtype}`);
      assertEquals(list(jit((t: Tensor) => t.cast(dtype as DType))(x)), expected);
    }
    assertEquals(list(tensor([NaN, 0, -0, 0.1], { dtype: source }).cast("bool")), [true, false, false, true]);
  }
  assertEquals(list(of([300, -1], "int32").cast("uint8")), [44, 255]);
  assertEquals(list(of([300, -1], "int32").cast("int8")), [44, -1]);
  assertEquals(list(of([-1], "int32").cast("uint32")), [4294967295]);
});

Deno.test("true division, means, transcendental functions and sums of integers", () => {
  for (const dtype of ["bool", "uint8", "int8", "int32", "uint32"] as const) {
    const x = of([1, 1], dtype);
    assertEquals(x.div(x).dtype, "float32", dtype);
    assertEquals(x.div(2).dtype, "float32");
    for (
      const f of [
        "exp",
        "log",
        "sin",
        "sqrt",
        "tanh",
        "sigmoid",
        "erf",
        "lgamma",
        "rsqrt",
        "reciprocal",
      ] as const
    ) {
      assertEquals(x[f]().dtype, "float32", `${f} ${dtype}`);
    }
    for (const f of ["mean", "variance", "std", "logsumexp", "norm"] as const) {
      assertEquals(x[f]().dtype, "float32", `${f} ${dtype}`);
    }
    const summed = dtype === "int32" || dtype === "uint32" ? dtype : "int32";
    assertEquals([sum(x).dtype, x.prod().dtype, cumsum(x).dtype], [summed, summed, summed], dtype);
    assertEquals(mean(x).itemSync(), 1);
  }
  assertEquals(ones([300], { dtype: "uint8" }).mul(2).sum().itemSync(), 600);
  assertEquals(ones([300], { dtype: "bool" }).sum().itemSync(), 300);
  assertEquals(of([1, 2], "int32").div(of(0, "int32")).arraySync(), [Infinity, Infinity]);
  assertEquals(of([1], "float16").exp().dtype, "float16");
});

Deno.test("float64 data never becomes float32 silently", () => {
  const d = new Float64Array([0.1, 0.2]);
  assertEquals(tensor(d).dtype, "float64");
  assertEquals(add(tensor([1, 2]), d).dtype, "float64");
  assertEquals(tensor(d, { dtype: "float32" }).dtype, "float32");
  const w = shared(tensor([1, 2]));
  const error = message(
    () => w.value = tensor(d),
    DTypeError,
    "float32",
    "float64",
    "cast",
    "setDefaultFloat",
  );
  assert(error.split("\n").length >= 2);
  assertEquals(w.dtype, "float32");
  assertEquals(tensor([d] as never).dtype, "float64");
  const remedies = ["cast", "setDefaultFloat"];
  const wide = tensor(0.1, { dtype: "float64" });
  message(() => zeros([2]).with([0], wide), DTypeError, "with", ...remedies);
  message(() => zeros([2]).withAdded([0], wide), DTypeError, "withAdded", ...remedies);
  message(() => scatterAdd(zeros([2]), [0], tensor(d).at([0])), DTypeError, "scatterAdd", ...remedies);
  message(() => tensor([1]).pad(1, { value: wide }), DTypeError, "pad", ...remedies);
  message(
    () => scan((c: Tensor) => [c.add(wide) as never, c], zeros([]), undefined, { length: 2 }),
    LoopError,
    ...remedies,
  );
  assertEquals(list(tensor([1]).pad(1, { value: tensor(2) })), [2, 1, 2]);
});
