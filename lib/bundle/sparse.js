/* @ts-self-types="../trace/ops/sparse/mod.ts" */
import { sparse as namespace } from "./damo.js";
const { csr: csr_, fromDense: fromDense_, matmul: matmul_, matmulTransposed: matmulTransposed_, toDense: toDense_ } = namespace;
export { csr_ as csr, fromDense_ as fromDense, matmul_ as matmul, matmulTransposed_ as matmulTransposed, toDense_ as toDense };
