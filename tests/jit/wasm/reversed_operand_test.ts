/** Products of operands in reversed order, which have negative strides. */
import { assert } from "@std/assert";
import { flip, jit, random, type Tensor } from "@damo/damo";

Deno.test("products of flipped and transposed operands agree with the reference", () => {
  const flips = [[0, null], [1, null], [null, 0], [null, 1], [0, 1], [1, 0]] as const;
  for (const dtype of ["float32", "float64"] as const) {
    for (
      const [m, k, n] of [[1, 5, 7], [3, 4, 5], [5, 9, 3], [7, 1, 7], [9, 33, 17], [1, 64, 9], [17, 64, 1]]
    ) {
      const a = random.normal(random.key(1), [m, k], { dtype });
      const b = random.normal(random.key(2), [k, n], { dtype });
      for (const [flipA, flipB] of flips) {
        for (const transposed of [false, true]) {
          const product = (x: Tensor, y: Tensor): Tensor => {
            const left = flipA === null ? x : flip(x, flipA), right = flipB === null ? y : flip(y, flipB);
            return transposed ? left.matmul(right) : right.transpose().matmul(left.transpose()).transpose();
          };
          const found = jit(product)(a, b).dataSync();
          const expected = jit(product, { mode: "reference" })(a, b).dataSync();
          const tolerance = dtype === "float32" ? 1e-4 : 1e-12;
          found.forEach((value, i) =>
            assert(
              Math.abs(value - expected[i]) <= tolerance,
              `${dtype} [${m}, ${k}] x [${k}, ${n}], flipped ${flipA} and ${flipB}: ${value} for ${
                expected[i]
              }`,
            )
          );
        }
      }
    }
  }
});
