import { assertAlmostEquals, assertEquals } from "@std/assert";
import { jit, type Tensor, tensor } from "@damo/damo";
import { simplifyNest } from "../../../lib/jit/wasm/nest/simplify.ts";
import { rowSums } from "./row_sums.ts";

const points = (rows: number, columns: number) =>
  Float64Array.from({ length: rows * columns }, (_, i) => Math.sin(1 + 3 * i));

const reductions: { readonly [name: string]: (x: Tensor) => Tensor } = {
  "length of each row": (x) => x.square().sum({ axis: -1 }).sqrt(),
  "product": (x) => x.prod({ axis: -1 }),
  "spread": (x) => x.max({ axis: -1 }).sub(x.min({ axis: -1 })),
  "mean square about the mean": (x) =>
    x.sub(x.mean({ axis: -1, keepDims: true })).square().mean({ axis: -1 }),
  "any and all": (x) =>
    x.gt(0.5).any({ axis: -1 }).cast("int32").add(x.gt(-0.5).all({ axis: -1 }).cast("int32")),
  "place of the largest": (x) => x.argmax({ axis: -1 }),
  "over the first axis": (x) => x.sum({ axis: 0 }),
};

/** Long sums may be added in any order: to a unit of the sum of magnitudes. */
const magnitudes: { readonly [name: string]: (x: Tensor) => Tensor } = {
  "over the first axis": (x) => x.abs().sum({ axis: 0 }),
};

for (const [name, fn] of Object.entries(reductions)) {
  Deno.test(`rows of one to five columns: ${name}`, () => {
    const fast = jit(fn), slow = jit(fn, { mode: "reference" });
    for (const dtype of ["float64", "float32"] as const) {
      for (
        const shape of [[1, 3], [7, 1], [5, 2], [1023, 3], [17, 4], [9, 5], [3, 17, 2], [2, 1023], [3, 5]]
      ) {
        const x = tensor(points(shape.slice(0, -1).reduce((a, b) => a * b), shape.at(-1)!), { shape }).cast(
          dtype,
        );
        const actual = fast(x).dataSync(), expected = slow(x).dataSync();
        assertEquals(actual.length, expected.length);
        const unit = dtype === "float64" ? 2 ** -52 : 2 ** -23;
        const sizes = magnitudes[name]?.(x).dataSync();
        expected.forEach((value, i) =>
          assertAlmostEquals(
            actual[i],
            value,
            sizes ? unit * sizes[i] : dtype === "float64" ? 1e-15 : 1e-6,
            `${dtype} ${shape} at ${i}`,
          )
        );
      }
    }
  });
}

Deno.test("NaN and infinities keep their meaning in short rows", () => {
  const x = tensor([[NaN, 1, 2], [Infinity, 1, 2], [Infinity, -Infinity, 0], [-0, 0, -1]], {
    dtype: "float64",
  });
  assertEquals(jit((x: Tensor) => x.max({ axis: 1 }))(x).arraySync(), [NaN, Infinity, Infinity, 0]);
  assertEquals(jit((x: Tensor) => x.sum({ axis: 1 }))(x).arraySync(), [NaN, Infinity, NaN, -1]);
  assertEquals(jit((x: Tensor) => x.min({ axis: 1 }))(x).arraySync(), [NaN, 1, -Infinity, -1]);
});

Deno.test("rows of three are an elementwise kernel of three loads; rows of five stay a reduction", () => {
  const short = simplifyNest(rowSums(100, 3, "float64"));
  assertEquals([short.domain, short.reductions.length], [[100], 0]);
  assertEquals(short.statements.map((s) => s.kind), ["load", "load", "load", "op", "op"]);
  assertEquals(simplifyNest(rowSums(100, 5, "float64")).reductions.length, 1);
});
