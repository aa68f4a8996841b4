/** `deno task bench linalg`: decompositions on the default device. */
import { eye, linalg, matmul, type Tensor, tensor } from "../mod.ts";
import { uniform } from "./noise.ts";

function noise(shape: readonly number[], dtype: "float32" | "float64"): Tensor {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return tensor(Float64Array.from(uniform(size)), { shape: [...shape], dtype });
}

for (const dtype of ["float32", "float64"] as const) {
  const a = noise([512, 512], dtype);
  const positive = matmul(a, a.transpose()).add(eye(512, { dtype }));
  const b = noise([512], dtype), small = noise([256, 256], dtype), symmetric = small.add(small.transpose());
  const bench = (name: string, fn: () => void): void =>
    Deno.bench(`${name}, ${dtype}`, { group: "linalg" }, fn);
  bench("linalg.cholesky 512", () => linalg.cholesky(positive).dispose());
  bench("linalg.solve 512", () => linalg.solve(a, b).dispose());
  bench("linalg.inv 512", () => linalg.inv(a).dispose());
  bench("linalg.qr 256", () => void linalg.qr(small));
  bench("linalg.svd 256", () => void linalg.svd(small));
  bench("linalg.eigh 256", () => void linalg.eigh(symmetric));
}
